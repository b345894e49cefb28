import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { formatTime } from "../../schema/Time.ts"
import { Journal, layerNone } from "../../src/services/Journal.ts"
import { epoch, task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import {
  atEpoch,
  me,
  memoryRecords,
  result,
  scriptedExecutor,
  settle,
  startDaemon,
  terminate
} from "./running.ts"

const kindOf = (line: string): string => {
  const { reason, type } = JSON.parse(line)
  return reason === undefined ? type : `${type} ${reason}`
}

/** A daemon that has claimed one task, and what it adds to the task's journal. */
const running = Effect.gen(function* () {
  yield* atEpoch
  const notes: Array<string> = []
  const journal = Layer.effect(
    Journal,
    Effect.map(Journal, (none) =>
      Journal.of({
        ...none,
        note: (_uid, line) => Effect.sync(() => void notes.push(kindOf(line)))
      })
    )
  ).pipe(Layer.provide(layerNone))
  const script = scriptedExecutor()
  const { seed } = yield* FakeCluster
  yield* seed(agenticTasks, task("t", { status: { phase: "Scheduled", assignedNode: me } }))
  const daemon = yield* startDaemon(script, {}, memoryRecords(), journal)
  assert.deepStrictEqual([script.began, notes], [["t"], []])
  return { daemon, notes, script }
})

describe("the journal of a run", () => {
  it.effect("has its end once the result was told", () =>
    Effect.gen(function* () {
      const { notes, script } = yield* running
      yield* script.end("t", result())
      assert.deepStrictEqual(notes, ["end"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("says that the run may go on when the node drains", () =>
    Effect.gen(function* () {
      const { daemon, notes } = yield* running
      yield* terminate(daemon)
      yield* TestClock.adjust("2 minutes")
      yield* settle
      assert.deepStrictEqual(notes, ["hold Draining"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("says that the run may go on when it is parked", () =>
    Effect.gen(function* () {
      const { notes, script } = yield* running
      const extra = { reason: "EndpointHeld", heldUntil: formatTime(epoch + 600_000), party: "quota" }
      yield* script.end("t", result({ verdict: "INCOMPLETE", extra }))
      assert.deepStrictEqual(notes, ["hold EndpointHeld"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
