import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"

import * as Observability from "../../layers/Observability.ts"

const logged = (effect: Effect.Effect<unknown>, options: Partial<Observability.Options> = {}) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    yield* TestClock.setTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))
    yield* effect.pipe(
      Effect.provide(
        Observability.layer({
          name: "foreman-agent",
          format: "json",
          env: {},
          write: (line) => void lines.push(line),
          ...options
        })
      )
    )
    return lines
  })

const core = { level: "info", ts: "2026-01-02T03:04:05.006Z", logger: "foreman-agent" }

describe("Observability", () => {
  it.effect("a line is one JSON object with zap's keys", () =>
    Effect.gen(function* () {
      const lines = yield* logged(
        Effect.logInfo("task claimed").pipe(
          Effect.annotateLogs({
            task: "default/t1",
            secret: Redacted.make("hunter2"),
            level: "high",
            size: 3n
          })
        )
      )
      assert.deepStrictEqual(lines, [
        `${JSON.stringify({ ...core, msg: "task claimed", task: "default/t1", secret: "<redacted>", level_: "high", size: "3" })}\n`
      ])
    })
  )

  it.effect("an error is its sentence, only a bug has a stack", () =>
    Effect.gen(function* () {
      const lines = yield* logged(
        Effect.gen(function* () {
          yield* Effect.logWarning("heartbeat missed", new Error("connection refused"))
          yield* Effect.logError("ends", Cause.fail(new Error("no cluster")))
          yield* Effect.logError("ends", Cause.die(new Error("a bug")))
        })
      )
      const [missed, expected, bug] = lines.map((line) => JSON.parse(line))
      assert.deepStrictEqual(missed, {
        ...core,
        level: "warn",
        msg: "heartbeat missed",
        error: "connection refused"
      })
      assert.deepStrictEqual(expected, { ...core, level: "error", msg: "ends", error: "no cluster" })
      assert.deepStrictEqual([bug.error, typeof bug.stacktrace], ["a bug", "string"])
    })
  )

  it.effect("levels below the least are left out, long texts are cut, circles do no harm", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = {}
      circle["self"] = circle
      const lines = yield* logged(
        Effect.gen(function* () {
          yield* Effect.logInfo("not me")
          yield* Effect.logError("x".repeat(100_000))
          yield* Effect.logError("round").pipe(Effect.annotateLogs({ circle }))
        }),
        { level: "Error" }
      )
      assert.strictEqual(lines.length, 2)
      assert.isBelow(lines[0]?.length ?? 0, 17_000)
      assert.deepStrictEqual(JSON.parse(lines[1] ?? ""), {
        ...core,
        level: "error",
        msg: "round",
        circle: { self: "<circular>" }
      })
    })
  )

  it.effect("people get a line that they can read", () =>
    Effect.gen(function* () {
      const lines = yield* logged(
        Effect.logInfo("task claimed").pipe(
          Effect.annotateLogs({ logger: "watcher", task: "default/t1", turns: 3 })
        ),
        { format: "console" }
      )
      assert.deepStrictEqual(lines, ["03:04:05 INFO  watcher: task claimed  task=default/t1  turns=3\n"])
    })
  )
})
