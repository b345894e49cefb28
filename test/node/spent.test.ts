/** What a run used reaches the task, however the run ends, and is counted once. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { ExecutorError, RunEvents } from "../../src/executors/Executor.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import {
  atEpoch,
  result,
  scheduled,
  scriptedExecutor,
  settle,
  startDaemon,
  statusOf,
  terminate
} from "./running.ts"

const request = {
  inputTokens: 100,
  outputTokens: 20,
  cachedTokens: 0,
  reasoningTokens: 0,
  modelSeconds: 2,
  cost: { EUR: "0.5" }
}
const twice = { ...request, inputTokens: 200, outputTokens: 40, modelSeconds: 4, cost: { EUR: "1" } }

/** Two requests, each of which took two seconds, then whatever the test says. */
const asksTwice = () => {
  const script = scriptedExecutor()
  const execute = (run: { readonly task: AgenticTask }) =>
    Effect.gen(function* () {
      const publish = yield* RunEvents
      for (let count = 0; count < 2; count++) {
        yield* Effect.sleep("2 seconds")
        yield* publish({ type: "Spent", task: { name: run.task.metadata.name }, spend: request })
      }
      return yield* script.executor.execute(run)
    })
  return { ...script, executor: { ...script.executor, execute } }
}

const begin = Effect.fnUntraced(function* (spec: Partial<AgenticTask["spec"]> = {}) {
  yield* atEpoch
  const script = asksTwice()
  yield* (yield* FakeCluster).seed(agenticTasks, scheduled("t", { spec }))
  const daemon = yield* startDaemon(script)
  yield* TestClock.adjust("10 seconds")
  return { script, daemon }
})
const usageOf = Effect.map(statusOf("t"), (status) => {
  const { wallSeconds, ...usage } = { ...status?.usage }
  return { phase: status?.phase, usage, isTimed: (wallSeconds ?? 0) >= 4 }
})

describe("what a run used", () => {
  it.effect("stands in the task's status, as its result says it", () =>
    Effect.gen(function* () {
      const { script } = yield* begin()
      yield* script.end("t", result({ extra: { usage: { ...twice, wallSeconds: 9 } } }))
      assert.deepStrictEqual(yield* usageOf, { phase: "Succeeded", usage: twice, isTimed: true })
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is there also when the executor fails", () =>
    Effect.gen(function* () {
      const { script } = yield* begin()
      yield* script.end("t", new ExecutorError({ message: "no" }))
      assert.deepStrictEqual(yield* usageOf, { phase: "Failed", usage: twice, isTimed: true })
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is there also when the task's time is over, in its result too", () =>
    Effect.gen(function* () {
      yield* begin({ timeoutSeconds: 5 })
      assert.deepStrictEqual(yield* usageOf, { phase: "Succeeded", usage: twice, isTimed: true })
      const { result } = (yield* statusOf("t")) ?? {}
      assert.deepInclude(result?.["extra"], { reason: "Timeout", usage: { ...twice, wallSeconds: 5 } })
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("of a run that was parked or drained is added to that of the next", () =>
    Effect.gen(function* () {
      const { daemon, script } = yield* begin()
      const heldUntil = new Date((yield* Clock.currentTimeMillis) + 3_600_000).toISOString()
      yield* script.end(
        "t",
        result({ verdict: "INCOMPLETE", extra: { reason: "EndpointHeld", heldUntil, usage: twice } })
      )
      assert.deepInclude(yield* usageOf, { phase: "Pending", usage: twice })
      yield* terminate(daemon)
      yield* TestClock.adjust("1 minute")
      const next = asksTwice()
      const again = yield* startDaemon(next)
      const { status } = scheduled("t")
      const kube = yield* KubeClient
      yield* kube.patch(
        agenticTasks,
        { name: "t", namespace: "default" },
        { type: "merge", body: { status } },
        { subresource: "status" }
      )
      yield* TestClock.adjust("10 seconds")
      yield* terminate(again)
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepInclude(yield* usageOf, {
        phase: "Pending",
        usage: { ...twice, inputTokens: 400, outputTokens: 80, modelSeconds: 8, cost: { EUR: "2" } }
      })
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
