/** Operator and daemon together, over an endpoint that goes away and comes back. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"

import { agents } from "../../schema/Agent.ts"
import { type AgenticTask, agenticTasks, claimExpiriesAnnotation } from "../../schema/AgenticTask.ts"
import type { ChatReply } from "../../schema/Chat.ts"
import { formatTime } from "../../schema/Time.ts"
import { RunEvents } from "../../src/executors/Executor.ts"
import { askInOrder } from "../../src/loop/ask.ts"
import { EndpointHolds, make as makeHolds } from "../../src/loop/EndpointHolds.ts"
import * as Daemon from "../../src/node/daemon.ts"
import { FleetProbe } from "../../src/services/FleetProbe.ts"
import { EndpointUnreachable, InferenceClient, InferenceError } from "../../src/services/InferenceClient.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import * as Journal from "../../src/services/Journal.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { agent, epoch, task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { startOperator, taskNamed } from "../reconcile/running.ts"
import { atEpoch, capability, daemonOptions, memoryRecords, result, settle } from "./running.ts"

const minutes = (count: number) => count * 60_000

/** An endpoint that takes half a second to refuse a connection until then, who asked it when, and how many at the same time. */
const endpointBackAt = (millis: number) => {
  const asked: Array<number> = []
  const together: Array<{ readonly at: number; readonly requests: number }> = []
  let open = 0
  const service = InferenceClient.of({
    complete: ({ endpoint }) =>
      Effect.gen(function* () {
        const at = (yield* Clock.currentTimeMillis) - epoch
        asked.push(at)
        if (at >= millis || endpoint.model !== "away") return {} as ChatReply
        together.push({ at, requests: ++open })
        yield* Effect.ensuring(
          Effect.sleep("500 millis"),
          Effect.sync(() => open--)
        )
        return yield* new InferenceError({
          endpoint: endpoint.baseURL,
          reason: new EndpointUnreachable({ message: "connection refused", party: "network" })
        })
      })
  })
  return { asked, together, service }
}

/** One turn of a model, as the loop asks and as a native run reports. */
const executorOver = (inference: InferenceClient["Service"]) => {
  const holds = makeHolds()
  return {
    kind: "native-agent-loop",
    execute: (run: { readonly task: AgenticTask }) =>
      Effect.gen(function* () {
        const publish = yield* RunEvents
        const name = run.task.spec.agentRef?.name ?? ""
        const agentRef = { name, namespace: "default" }
        const answer = yield* Effect.result(
          askInOrder(
            [{ baseURL: "e", model: name }],
            { messages: [], tools: [], turnTimeout: Duration.seconds(1) },
            {
              maxRetries: 3,
              giveUpMillis: (yield* Clock.currentTimeMillis) + minutes(2),
              onHeld: ({ party, untilMillis, words }) =>
                publish({ type: "EndpointHeld", agent: agentRef, untilMillis, party, message: words })
            }
          )
        )
        if (Result.isSuccess(answer)) {
          yield* publish({ type: "EndpointAnswered", agent: agentRef, isShown: false })
          yield* Effect.sleep("1 second")
          return result()
        }
        const { reason } = answer.failure
        return result({
          verdict: "INCOMPLETE",
          summary: reason.message,
          extra: {
            reason: reason._tag,
            party: reason.party,
            ...(reason._tag === "EndpointHeld" && { heldUntil: new Date(reason.untilMillis).toISOString() })
          }
        })
      }).pipe(Effect.provideService(InferenceClient, inference), Effect.provideService(EndpointHolds, holds))
  }
}

const startDaemon = (inference: InferenceClient["Service"], slots: number) =>
  Daemon.run({ ...daemonOptions, slots, executor: executorOver(inference) }).pipe(
    Effect.provideService(RunRecord, memoryRecords().service),
    Effect.provide(Journal.layerNone),
    Effect.provideService(FleetProbe, FleetProbe.of({ capability: Effect.succeed(capability) })),
    Effect.forkScoped,
    Effect.tap((fiber) =>
      Effect.addFinalizer(() =>
        Effect.gen(function* () {
          const ended = yield* Effect.forkChild(Fiber.interrupt(fiber))
          yield* TestClock.adjust("10 minutes")
          yield* Fiber.await(ended)
        })
      )
    )
  )

const pass = (duration: Duration.Input) =>
  Effect.repeat(TestClock.adjust("10 seconds"), { times: Duration.toSeconds(duration) / 10 - 1 })
const names = Array.from({ length: 20 }, (_, index) => `t${String(index + 10)}`)
const of = (name: string, agentName: string) => task(name, { spec: { agentRef: { name: agentName } } })
const endpointOf = (name: string) =>
  Effect.flatMap(KubeClient, (kube) =>
    Effect.map(kube.get(agents, { name, namespace: "default" }), ({ status }) => status?.endpoint)
  )
const waitOf = (it: AgenticTask) => it.status?.conditions?.find(({ type }) => type === "Scheduled")?.reason

describe("an endpoint that is away for ten minutes", () => {
  it.effect("costs none of twenty queued tasks, whoever is restarted meanwhile, and keeps no slot", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { forgetRequests, seed, writes } = yield* FakeCluster
      const model = endpointBackAt(minutes(10))
      yield* seed(
        agents,
        agent("away", { spec: { model: "away" } }),
        agent("near", { spec: { model: "near" } })
      )
      yield* seed(agenticTasks, ...names.map((name) => of(name, "away")))
      let operator = yield* startOperator()
      yield* startDaemon(model.service, 2)
      yield* settle
      yield* pass("90 seconds")
      const held = yield* endpointOf("away")
      assert.isAbove(Date.parse(held?.heldUntil ?? ""), epoch + 90_000)
      assert.strictEqual(held?.reason, "network")
      assert.include(held?.message ?? "", "connection refused")
      const waiting = yield* Effect.forEach(names, taskNamed)
      assert.deepStrictEqual([...new Set(waiting.map(waitOf))], ["EndpointHeld"])
      const parked = waiting.filter(({ status }) => status?.parkedUntil !== undefined)
      assert.isAbove(parked.length, 0, "a long wait gives its slot back")
      for (const { status } of parked) {
        assert.deepStrictEqual(
          [status?.phase, status?.claim, status?.assignedNode],
          ["Pending", undefined, undefined]
        )
      }

      yield* Fiber.interrupt(operator)
      operator = yield* startOperator()
      yield* seed(agenticTasks, of("other", "near"))
      yield* pass("10 seconds")
      assert.strictEqual((yield* taskNamed("other")).status?.phase, "Succeeded", "there is a slot for others")

      yield* forgetRequests
      yield* pass("8 minutes")
      const said = (yield* writes).filter(({ resource }) => /^agent(?:ictask)?s\./u.test(resource))
      assert.isBelow(said.length, 60, "a hold costs few writes")
      yield* pass("3 minutes")
      for (const name of names) {
        const { metadata, status } = yield* taskNamed(name)
        assert.deepStrictEqual([name, status?.phase, status?.verdict], [name, "Succeeded", "GO"])
        assert.isUndefined(metadata.annotations?.[claimExpiriesAnnotation])
        assert.isUndefined(status?.attempts)
      }
      assert.isUndefined(yield* endpointOf("away"), "an answer clears the hold")
      assert.isBelow(model.asked.filter((at) => at < minutes(10)).length, 40, "few ask before their time")
      // The first two began before anybody knew.
      const later = model.together.filter(({ at }) => at > 5_000)
      assert.isAbove(later.length, 5)
      assert.deepStrictEqual([...new Set(later.map(({ requests }) => requests))], [1], "one asks at a time")
      yield* Fiber.interrupt(operator)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("holds nobody for longer when the daemon that said so has died", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const status = { endpoint: { heldUntil: formatTime(epoch + minutes(5)), reason: "quota" } }
      yield* seed(agents, agent("away", { spec: { model: "away" }, status }))
      yield* seed(agenticTasks, of("a", "away"), of("b", "away"), of("c", "away"))
      yield* startOperator()
      yield* startDaemon(endpointBackAt(0).service, 3)
      yield* settle
      yield* pass("290 seconds")
      assert.strictEqual(waitOf(yield* taskNamed("a")), "EndpointHeld")
      yield* pass("80 seconds")
      for (const name of ["a", "b", "c"]) {
        assert.strictEqual((yield* taskNamed(name)).status?.phase, "Succeeded", name)
      }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
