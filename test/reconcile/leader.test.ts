import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatMicroTime } from "../../schema/Time.ts"
import { KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { leaseName } from "../../src/reconcile/leader.ts"
import { epoch, node, task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { settableClock } from "../fakes/settableClock.ts"
import { atEpoch, read, settle, startOperator, taskNamed } from "./running.ts"

const theLease = read(leases, leaseName, "foreman-system")

describe("leadership", () => {
  it.effect("is not taken because a clock was set", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const dead = { holderIdentity: "dead", leaseDurationSeconds: 15, renewTime: formatMicroTime(epoch) }
      yield* seed(leases, { metadata: { name: leaseName, namespace: "foreman-system" }, spec: dead })
      const { clock, set } = yield* settableClock
      yield* startOperator({ leaderIdentity: "one" }).pipe(Effect.provideService(Clock.Clock, clock))
      set(60_000)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* theLease).spec?.holderIdentity, "dead")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* theLease).spec?.holderIdentity, "one")
    }).pipe(Effect.provide(layer))
  )

  it.effect("is not lost by one request into a dead connection", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const kube = yield* KubeClient
      let hanging = 0
      const flaky = KubeClient.of({
        ...kube,
        get: (resource, ref) =>
          resource.kind === leases.kind && hanging-- > 0 ? Effect.never : kube.get(resource, ref)
      })
      const operator = yield* startOperator({ leaderIdentity: "one" }).pipe(
        Effect.provideService(KubeClient, flaky)
      )
      hanging = 1
      yield* TestClock.adjust("20 seconds")
      assert.isUndefined(operator.pollUnsafe())
      assert.strictEqual((yield* theLease).spec?.holderIdentity, "one")
    }).pipe(Effect.provide(layer))
  )

  it.effect("of two operators one leads, and the other takes over when it is told to stop", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed, writes } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1", { status: { capability: { slots: 2, availableRAMGB: 1 } } }))
      const first = yield* startOperator({ leaderIdentity: "one" })
      yield* startOperator({ leaderIdentity: "two" })
      yield* seed(agenticTasks, task("a"))
      yield* settle
      assert.strictEqual((yield* taskNamed("a")).status?.phase, "Scheduled")
      const toTasks = (yield* writes).filter(({ resource }) => resource.startsWith("agentictasks"))
      assert.strictEqual(toTasks.length, 1)
      assert.deepStrictEqual((yield* theLease).spec, {
        holderIdentity: "one",
        leaseDurationSeconds: 15,
        acquireTime: formatMicroTime(epoch),
        renewTime: formatMicroTime(epoch),
        leaseTransitions: 0
      })
      yield* Fiber.interrupt(first)
      assert.strictEqual((yield* theLease).spec?.holderIdentity, "")
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(
        [(yield* theLease).spec?.holderIdentity, (yield* theLease).spec?.leaseTransitions],
        ["two", 1]
      )
      yield* seed(agenticTasks, task("b"))
      yield* settle
      assert.strictEqual((yield* taskNamed("b")).status?.phase, "Scheduled")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a leader that died is waited out by our own clock", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(leases, {
        metadata: { name: leaseName, namespace: "foreman-system" },
        // Its clock was an hour ahead.
        spec: {
          holderIdentity: "dead",
          leaseDurationSeconds: 15,
          renewTime: formatMicroTime(epoch + 3_600_000)
        }
      })
      yield* startOperator({ leaderIdentity: "one" })
      yield* TestClock.adjust("13 seconds")
      assert.strictEqual((yield* theLease).spec?.holderIdentity, "dead")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* theLease).spec?.holderIdentity, "one")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a Lease that cannot be renewed for ten seconds ends the operator", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext } = yield* FakeCluster
      const operator = yield* startOperator({ leaderIdentity: "one" })
      yield* failNext(new Unavailable({ message: "down" }), { times: 1000 })
      yield* TestClock.adjust("11 seconds")
      assert.strictEqual(operator.pollUnsafe(), undefined)
      yield* TestClock.adjust("3 seconds")
      const error = yield* Effect.flip(Fiber.join(operator))
      assert.strictEqual(error._tag, "LeadershipLost")
    }).pipe(Effect.provide(layer))
  )
})
