import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agents } from "../../schema/Agent.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { refOf } from "../../schema/Meta.ts"
import { formatMicroTime, formatTime } from "../../schema/Time.ts"
import { Forbidden, KubeClient } from "../../src/services/KubeClient.ts"
import { agent, epoch, lease, node } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, nodeNamed, read, setStatus, settle, startOperator } from "./running.ts"

const phaseOf = (name: string) => Effect.map(nodeNamed(name), ({ status }) => status?.phase)

describe("nodes under the operator", () => {
  it.effect(
    "515bdfee a node that falls silent is NotReady after 90 s, and Ready again with its next beat",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const { seed } = yield* FakeCluster
        yield* seed(fleetNodes, node("n1"))
        yield* startOperator()
        yield* TestClock.adjust("89 seconds")
        assert.strictEqual(yield* phaseOf("n1"), "Ready")
        yield* TestClock.adjust("1 second")
        const silent = (yield* nodeNamed("n1")).status
        assert.strictEqual(silent?.phase, "NotReady")
        assert.deepStrictEqual(silent?.conditions, [
          {
            type: "Ready",
            status: "False",
            reason: "HeartbeatStale",
            message: `the node daemon was last heard of at ${formatTime(epoch)}`,
            lastTransitionTime: formatTime(epoch + 90_000)
          }
        ])
        yield* setStatus(fleetNodes, "n1", { lastHeartbeatTime: formatTime(epoch + 90_000) })
        yield* settle
        assert.strictEqual(yield* phaseOf("n1"), "Ready")
      }).pipe(Effect.provide(layer))
  )

  it.effect(
    "241ac4a0 a node that drained and is silent for ten minutes is removed; one that still beats stays",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const { rawList, seed } = yield* FakeCluster
        yield* seed(
          fleetNodes,
          node("gone", { status: { phase: "Draining", lastHeartbeatTime: formatTime(epoch) } }),
          node("here", { status: { phase: "Draining", lastHeartbeatTime: formatTime(epoch) } })
        )
        yield* startOperator()
        yield* TestClock.adjust("9 minutes")
        yield* setStatus(fleetNodes, "here", { lastHeartbeatTime: formatTime(epoch + 540_000) })
        yield* TestClock.adjust("61 seconds")
        const names = (yield* rawList(fleetNodes)).map(({ metadata }) => metadata)
        assert.strictEqual(names.length, 1)
        assert.strictEqual(yield* phaseOf("here"), "Draining")
      }).pipe(Effect.provide(layer))
  )

  it.effect("without the right to list Leases nodes are judged by their heartbeats", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* failNext(new Forbidden({ message: "no" }), {
        times: 1000,
        when: ({ resource }) => resource.startsWith("leases")
      })
      // At once: a right that is not there does not come by waiting.
      yield* startOperator()
      assert.strictEqual((yield* nodeNamed("n1")).status?.conditions?.[0]?.reason, "HeartbeatFresh")
      yield* TestClock.adjust("91 seconds")
      assert.strictEqual(yield* phaseOf("n1"), "NotReady")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a daemon that takes over at once is Ready at once, though no list has shown its Lease", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const setLease = (spec: object) =>
        Effect.flatMap(KubeClient, (kube) =>
          kube.patch(leases, refOf(lease("n1")), { type: "merge", body: { spec } })
        )
      const leaseAt = (seconds: number) => ({
        holderIdentity: `n1_${seconds}`,
        leaseDurationSeconds: 40,
        renewTime: formatMicroTime(epoch + seconds * 1000)
      })
      yield* seed(fleetNodes, node("n1"))
      yield* seed(leases, lease("n1", leaseAt(0)))
      yield* startOperator()
      // The next list, at 15 s, shows it renewed and given back.
      yield* TestClock.adjust("14 seconds")
      yield* setLease(leaseAt(14))
      yield* setStatus(fleetNodes, "n1", { phase: "Draining" })
      yield* setLease({ holderIdentity: "", leaseDurationSeconds: 1 })
      yield* TestClock.adjust("1500 millis")
      yield* setLease(leaseAt(15.5))
      yield* setStatus(fleetNodes, "n1", {
        phase: "Ready",
        lastHeartbeatTime: formatTime(epoch + 15_500)
      })
      for (let seconds = 0; seconds < 10; seconds++) {
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* phaseOf("n1"), "Ready")
      }
      // And its silence counts from what it held, not from the heartbeat that stood in for it.
      yield* TestClock.adjust("35 seconds")
      assert.strictEqual(yield* phaseOf("n1"), "NotReady")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a node that beats on time is written to once", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed, writes } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      for (let beat = 1; beat <= 6; beat++) {
        yield* TestClock.adjust("30 seconds")
        yield* setStatus(fleetNodes, "n1", { lastHeartbeatTime: formatTime(epoch + beat * 30_000) })
      }
      yield* settle
      // Six are the beats; one is the condition.
      assert.strictEqual((yield* writes).length, 7)
    }).pipe(Effect.provide(layer))
  )
})

describe("Agents under the operator", () => {
  it.effect("each is validated once for each generation", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed, writes } = yield* FakeCluster
      yield* startOperator()
      yield* seed(agents, agent("good"), agent("mute", { spec: { systemPrompt: " " } }))
      yield* settle
      const [good, mute] = [yield* read(agents, "good", "default"), yield* read(agents, "mute", "default")]
      assert.deepStrictEqual(
        [good.status?.observedGeneration, good.status?.conditions?.[0]?.reason],
        [1, "ConfigComplete"]
      )
      assert.strictEqual(mute.status?.conditions?.[0]?.reason, "NoSystemPrompt")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* writes).length, 2)
    }).pipe(Effect.provide(layer))
  )
})
