/** Tasks of nodes that fall silent, and nodes that only seem to. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatMicroTime, formatTime } from "../../schema/Time.ts"
import { Forbidden, KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { epoch, lease, node, task } from "../builders.ts"
import { cutWatches } from "../fakes/cutWatches.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { settableClock } from "../fakes/settableClock.ts"
import { atEpoch, nodeNamed, settle, startOperator, taskNamed } from "./running.ts"

const running = (name: string, changes: object = {}) =>
  task(name, {
    ...changes,
    status: {
      phase: "Running",
      assignedNode: "n1",
      claimedAt: formatTime(epoch),
      startedAt: formatTime(epoch),
      claim: { id: "c1", node: "n1", claimedAt: formatTime(epoch) }
    }
  })

/** One node with a Lease, both heard of just now, and a task that runs there. */
const oneRuns = Effect.gen(function* () {
  yield* atEpoch
  const { seed } = yield* FakeCluster
  yield* seed(fleetNodes, node("n1"))
  yield* seed(leases, lease("n1"))
  yield* seed(agenticTasks, running("t"))
})

const phaseOfTask = Effect.map(taskNamed("t"), ({ status }) => status?.phase)

/** `seconds` after the epoch, by the clock of whoever renews. */
const renewAt = (seconds: number) =>
  Effect.flatMap(KubeClient, (kube) =>
    kube.patch(
      leases,
      { name: "foreman-node-n1", namespace: "foreman-system" },
      { type: "merge", body: { spec: { renewTime: formatMicroTime(epoch + seconds * 1000) } } }
    )
  )

describe("claim expiry", () => {
  it.effect("8af7ac65 a silent node's task goes back to Pending, its claim cleared, and is counted", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator()
      yield* TestClock.adjust("89 seconds")
      assert.strictEqual(yield* phaseOfTask, "Running")
      yield* TestClock.adjust("5 seconds")
      const { metadata, status } = yield* taskNamed("t")
      assert.strictEqual(metadata.annotations?.["foreman.llmkube.dev/claim-expiries"], "1")
      assert.deepStrictEqual(
        [status?.phase, status?.assignedNode, status?.claimedAt, status?.startedAt, status?.claim],
        ["Pending", undefined, undefined, undefined, undefined]
      )
      assert.strictEqual(status?.conditions?.[0]?.type, "ClaimExpired")
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "a node with a Lease is judged by the Lease: 40 s of silence, however fresh its heartbeat once was",
    () =>
      Effect.gen(function* () {
        yield* oneRuns
        yield* startOperator()
        yield* TestClock.adjust("39 seconds")
        assert.strictEqual(yield* phaseOfTask, "Running")
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* phaseOfTask, "Pending")
      }).pipe(Effect.provide(layer))
  )

  it.effect("without the right to read Leases a silent node's task is taken back by its heartbeat", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* seed(agenticTasks, running("t"))
      yield* failNext(new Forbidden({ message: "no" }), {
        times: 1000,
        when: ({ resource }) => resource.startsWith("leases")
      })
      yield* startOperator()
      yield* TestClock.adjust("94 seconds")
      assert.strictEqual(yield* phaseOfTask, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("the third loss ends the task, and says why", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(
        agenticTasks,
        running("t", { metadata: { annotations: { "foreman.llmkube.dev/claim-expiries": "2" } } })
      )
      yield* startOperator()
      yield* settle
      const { status } = yield* taskNamed("t")
      assert.deepStrictEqual(
        [status?.phase, status?.verdict, status?.failureReason, status?.conditions?.[0]?.reason],
        ["Failed", "INCOMPLETE", "InfrastructureError", "ClaimExpiryLimitReached"]
      )
      assert.strictEqual(status?.conditions?.[0]?.message, "FleetNode n1 is gone")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a renewed Lease counts from the list that shows it, 5 s later at worst", () =>
    Effect.gen(function* () {
      yield* oneRuns
      yield* startOperator()
      yield* TestClock.adjust("31 seconds")
      yield* renewAt(31)
      yield* TestClock.adjust("39 seconds")
      assert.strictEqual(yield* phaseOfTask, "Running")
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(yield* phaseOfTask, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("trouble with the API server is no proof that a node is silent", () =>
    Effect.gen(function* () {
      const { disconnectWatches, failNext } = yield* FakeCluster
      yield* oneRuns
      yield* startOperator()
      yield* TestClock.adjust("35 seconds")
      yield* failNext(new Unavailable({ message: "down" }), { times: 20, when: ({ verb }) => verb !== "get" })
      yield* disconnectWatches
      yield* TestClock.adjust("10 seconds")
      yield* renewAt(45).pipe(Effect.retry({ times: 30 }))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* phaseOfTask, "Running")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a node whose clock is behind keeps its tasks when the operator is restarted", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1", { status: { lastHeartbeatTime: formatTime(epoch - 60_000) } }))
      yield* seed(leases, lease("n1", { renewTime: formatMicroTime(epoch - 60_000) }))
      yield* seed(agenticTasks, running("t"))
      yield* startOperator()
      for (let seconds = 5; seconds < 120; seconds += 10) {
        yield* TestClock.adjust("10 seconds")
        yield* renewAt(seconds - 60)
        assert.strictEqual(yield* phaseOfTask, "Running")
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("a clock that is set says nothing of a node", () =>
    Effect.gen(function* () {
      yield* oneRuns
      const { clock, set } = yield* settableClock
      yield* startOperator().pipe(Effect.provideService(Clock.Clock, clock))
      yield* TestClock.adjust("22 seconds")
      set(120_000)
      const { seed } = yield* FakeCluster
      // Whatever happens has every node looked at.
      yield* seed(fleetNodes, node("n2", { status: { lastHeartbeatTime: formatTime(epoch + 142_000) } }))
      yield* settle
      assert.strictEqual(yield* phaseOfTask, "Running")
      assert.notStrictEqual((yield* nodeNamed("n1")).status?.phase, "NotReady")
      // Its own silence is as long as ever, and then the other one has the task.
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* taskNamed("t")).status?.assignedNode, "n2")
    }).pipe(Effect.provide(layer))
  )

  it.effect("watches that are cut again and again hide no dead node", () =>
    Effect.gen(function* () {
      yield* oneRuns
      yield* startOperator().pipe(Effect.provideServiceEffect(KubeClient, cutWatches("35 seconds")))
      for (let seconds = 0; seconds < 180; seconds += 30) yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* phaseOfTask, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a FleetNode that is deleted before its Lease ran out gives its tasks back when that has", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      yield* oneRuns
      yield* startOperator()
      yield* TestClock.adjust("20 seconds")
      yield* kube.delete(fleetNodes, { name: "n1" })
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual(yield* phaseOfTask, "Running")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* phaseOfTask, "Pending")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a Lease that no list has shown renewed is read before a task is taken back", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      yield* oneRuns
      let lists = 0
      const deaf = KubeClient.of({
        ...kube,
        list: (resource, options) =>
          resource.kind === leases.kind && lists++ > 0 ? Effect.never : kube.list(resource, options)
      })
      yield* startOperator().pipe(Effect.provideService(KubeClient, deaf))
      yield* TestClock.adjust("30 seconds")
      yield* renewAt(30)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* phaseOfTask, "Running")
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(yield* phaseOfTask, "Pending")
    }).pipe(Effect.provide(layer))
  )
})
