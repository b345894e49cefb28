/** What a task costs the API server, operator and daemon together. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { startOperator } from "../reconcile/running.ts"
import { atEpoch, phaseOf, result, scriptedExecutor, settle, startDaemon } from "./running.ts"

/** Phases as they were written, by task; a write without one by its fields. */
const written = Effect.gen(function* () {
  const { writes } = yield* FakeCluster
  const all: Record<string, Array<string>> = {}
  for (const { body, key, resource } of yield* writes) {
    if (!resource.startsWith("agentictasks")) continue
    const status = (body as any).status ?? {}
    ;(all[key] ??= []).push(status.phase ?? Object.keys(status).join())
  }
  return all
})

describe("a task's whole life", () => {
  it.effect("is three writes, and four when it must wait, however long it waits and runs", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const script = scriptedExecutor()
      yield* startOperator()
      yield* startDaemon(script)
      yield* seed(agenticTasks, task("a"))
      yield* settle
      yield* seed(agenticTasks, task("b"), task("c", { spec: { dependsOn: ["a"] } }))
      for (const name of ["a", "b", "c"]) {
        for (let minute = 0; minute < 5; minute += 1) yield* TestClock.adjust("1 minute")
        assert.strictEqual(script.began.at(-1), name)
        yield* script.end(name, result())
      }
      assert.strictEqual(yield* phaseOf("c"), "Succeeded")
      const { "default/a": a, "default/b": b, "default/c": c } = yield* written
      assert.deepStrictEqual(a, ["Scheduled", "Running", "Succeeded"])
      assert.deepStrictEqual(b, ["Pending", "Scheduled", "Running", "Succeeded"])
      assert.deepStrictEqual(c?.slice(-3), ["Scheduled", "Running", "Succeeded"])
      // It waited for `a`, then for the node: two reasons, each said once.
      assert.deepStrictEqual(new Set(c?.slice(0, -3)), new Set(["Pending"]))
      assert.isAtMost(c?.length ?? 0, 5)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
