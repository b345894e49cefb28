/** A run that goes on is shown in its task's status: seldom, and at no cost for it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { RunEvents } from "../../src/executors/Executor.ts"
import { KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { FakeCluster, layer, type Request } from "../fakes/FakeCluster.ts"
import { atEpoch, result, scheduled, scriptedExecutor, startDaemon, statusOf } from "./running.ts"

const request = {
  inputTokens: 100,
  outputTokens: 20,
  cachedTokens: 0,
  reasoningTokens: 0,
  modelSeconds: 2
}

/** Takes a turn every two seconds, then does what the test says. */
const takesTurns = (count: number) => {
  const script = scriptedExecutor()
  const execute = (run: { readonly task: AgenticTask }) =>
    Effect.gen(function* () {
      const publish = yield* RunEvents
      const task = { name: run.task.metadata.name }
      for (let turn = 1; turn <= count; turn++) {
        yield* Effect.sleep("2 seconds")
        yield* publish({ type: "Spent", task, spend: request })
        const ended = { tools: ["bash"], action: `bash turn ${turn}`, seconds: 2 }
        yield* publish({ type: "TurnEnded", task, turn, maxTurns: 80, ...ended })
      }
      return yield* script.executor.execute(run)
    })
  return { ...script, executor: { ...script.executor, execute } }
}

const isProgress = ({ body }: Request) => JSON.stringify(body ?? {}).includes(`"progress"`)
const written = Effect.flatMap(FakeCluster, ({ writes }) =>
  Effect.map(writes, (all) => all.filter(isProgress).length)
)

const begin = Effect.fnUntraced(function* (turns: number) {
  yield* atEpoch
  const script = takesTurns(turns)
  yield* (yield* FakeCluster).seed(agenticTasks, scheduled("t"))
  yield* startDaemon(script)
  return script
})

describe("a run that goes on", () => {
  it.effect("is shown four times a minute, as it was after its last turn", () =>
    Effect.gen(function* () {
      const script = yield* begin(25)
      yield* TestClock.adjust("16 seconds")
      const { at, ...shown } = { ...(yield* statusOf("t"))?.progress }
      assert.isDefined(at)
      assert.deepStrictEqual(shown, {
        turn: 7,
        maxTurns: 80,
        inputTokens: 700,
        outputTokens: 140,
        lastAction: "bash turn 7"
      })
      yield* TestClock.adjust("10 minutes")
      // Nothing happened after the turns, so nothing was written either.
      assert.strictEqual(yield* written, 4)
      yield* script.end("t", result())
      const status = yield* statusOf("t")
      assert.deepStrictEqual([status?.phase, status?.progress?.turn], ["Succeeded", 25])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is not shown where it is short", () =>
    Effect.gen(function* () {
      const script = yield* begin(3)
      yield* TestClock.adjust("10 seconds")
      yield* script.end("t", result())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* written, 0)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is shown, and ends as ever, also where another client wrote to the task meanwhile", () =>
    Effect.gen(function* () {
      const script = yield* begin(25)
      const kube = yield* KubeClient
      const touch = kube.patch(
        agenticTasks,
        { name: "t", namespace: "default" },
        { type: "merge", body: { metadata: { annotations: { touched: "yes" } } } }
      )
      yield* TestClock.adjust("10 seconds")
      yield* touch
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* statusOf("t"))?.progress?.turn, 7)
      yield* touch
      yield* TestClock.adjust("1 minute")
      yield* touch
      yield* script.end("t", result())
      const status = yield* statusOf("t")
      assert.deepStrictEqual([status?.phase, status?.progress?.turn], ["Succeeded", 25])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("ends as ever while the API server takes no progress", () =>
    Effect.gen(function* () {
      const script = yield* begin(25)
      const { failNext } = yield* FakeCluster
      yield* failNext(new Unavailable({ message: "away" }), { times: 1_000, when: isProgress })
      yield* TestClock.adjust("2 minutes")
      yield* script.end("t", result())
      const status = yield* statusOf("t")
      assert.deepStrictEqual([status?.phase, status?.progress], ["Succeeded", undefined])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
