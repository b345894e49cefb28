import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"

import { label } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { Forbidden, KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { epoch, lease } from "../builders.ts"
import { cutWatches } from "../fakes/cutWatches.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, capability, me, scriptedExecutor, settle, startDaemon } from "./running.ts"

const node = Effect.flatMap(KubeClient, (kube) => kube.get(fleetNodes, { name: me }))
const nodeWrites = Effect.flatMap(FakeCluster, (cluster) =>
  Effect.map(cluster.writes, (all) => all.filter(({ resource }) => resource.startsWith("fleetnodes")))
)

describe("a node's signs of life", () => {
  it.effect(
    "the first beat says all, the next only the time, and what the operator took back is said again",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const cluster = yield* FakeCluster
        const kube = yield* KubeClient
        yield* startDaemon(scriptedExecutor())
        const { spec, status } = yield* node
        assert.deepStrictEqual(spec, { nodeName: me, roles: ["worker"] })
        assert.deepStrictEqual(status, {
          phase: "Ready",
          lastHeartbeatTime: formatTime(epoch),
          capability,
          agentKind: "foreman-agent",
          agentVersion: "1.2.3",
          os: "linux",
          arch: "amd64"
        })
        yield* cluster.forgetRequests
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(
          (yield* nodeWrites).map(({ body }) => body),
          [{ status: { lastHeartbeatTime: formatTime(epoch + 30_000) } }]
        )
        yield* kube.patch(
          fleetNodes,
          { name: me },
          { type: "merge", body: { status: { phase: "NotReady" } } },
          { subresource: "status" }
        )
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* node).status?.phase, "Ready")
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("watches that are cut while nothing happens end no daemon", () =>
    Effect.gen(function* () {
      const daemon = yield* startDaemon(scriptedExecutor()).pipe(
        Effect.provideServiceEffect(KubeClient, cutWatches("20 seconds"))
      )
      for (let seconds = 0; seconds < 300; seconds += 10) yield* TestClock.adjust("10 seconds")
      assert.isUndefined(daemon.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a renewal that hangs in a dead connection is given up in time for another", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      let hanging = 0
      const flaky = KubeClient.of({
        ...kube,
        patch: (resource, ...rest) =>
          resource.kind === leases.kind && hanging-- > 0 ? Effect.never : kube.patch(resource, ...rest)
      })
      yield* startDaemon(scriptedExecutor()).pipe(Effect.provideService(KubeClient, flaky))
      const renewed = Effect.map(
        kube.get(leases, { name: `foreman-node-${me}`, namespace: "foreman-system" }),
        ({ spec }) => spec?.renewTime
      )
      yield* TestClock.adjust("5 seconds")
      const before = yield* renewed
      hanging = 1
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* renewed, before)
      yield* TestClock.adjust("8 seconds")
      assert.notStrictEqual(yield* renewed, before)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a server that is slow has ever more time for a renewal", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      let renewals = 0
      const slow = KubeClient.of({
        ...kube,
        patch: (resource, ...rest) =>
          resource.kind === leases.kind
            ? kube.patch(resource, ...rest).pipe(
                Effect.delay("15 seconds"),
                Effect.tap(() => Effect.sync(() => void renewals++))
              )
            : kube.patch(resource, ...rest)
      })
      yield* startDaemon(scriptedExecutor()).pipe(Effect.provideService(KubeClient, slow))
      // 10 s, then 5 and 10 s in vain with pauses of 1 and 2 s, then within 20 s.
      yield* TestClock.adjust("42 seconds")
      assert.strictEqual(renewals, 0)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(renewals, 1)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a renewal is one write, also of a Lease on which somebody else wrote since", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const kube = yield* KubeClient
      // Nothing that others write is seen.
      const blind = KubeClient.of({ ...kube, watch: () => Stream.never })
      yield* startDaemon(scriptedExecutor()).pipe(Effect.provideService(KubeClient, blind))
      const ref = { name: `foreman-node-${me}`, namespace: "foreman-system" }
      const body = { metadata: { annotations: { theirs: "yes" } } }
      yield* kube.patch(leases, ref, { type: "merge", body })
      yield* cluster.forgetRequests
      yield* TestClock.adjust("11 seconds")
      const ofLease = (yield* cluster.requests).filter(({ resource }) => resource.startsWith("leases"))
      assert.deepStrictEqual(
        ofLease.map(({ verb }) => verb),
        ["patch"]
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a FleetNode that somebody deleted is registered again at the next beat", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      yield* startDaemon(scriptedExecutor())
      yield* kube.delete(fleetNodes, { name: me })
      yield* TestClock.adjust("31 seconds")
      assert.deepStrictEqual((yield* node).status?.capability, capability)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a missed beat is tried again at the next tick", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const cluster = yield* FakeCluster
      const daemon = yield* startDaemon(scriptedExecutor())
      yield* cluster.failNext(new Unavailable({ message: "refused" }), {
        when: ({ resource }) => resource.startsWith("fleetnodes")
      })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* node).status?.lastHeartbeatTime, formatTime(epoch))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* node).status?.lastHeartbeatTime, formatTime(epoch + 60_000))
      assert.isUndefined(daemon.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("an equal FleetNode keeps its version; a changed one keeps the labels of others", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      yield* cluster.seed(fleetNodes, {
        metadata: { name: me, labels: { theirs: "yes", [label.taskNamespace]: "default" } },
        spec: { nodeName: me, roles: ["worker"] }
      })
      yield* startDaemon(scriptedExecutor())
      assert.deepStrictEqual(
        (yield* nodeWrites).map(({ subresource }) => subresource),
        ["status"]
      )
      yield* startDaemon(scriptedExecutor(), {
        processToken: "p1",
        identity: {
          nodeName: me,
          tailscaleAddr: undefined,
          roles: ["worker"],
          labels: { rack: "1" } as never,
          taskNamespace: undefined
        }
      })
      // Now it looks everywhere, and what it said before is taken back.
      assert.deepStrictEqual((yield* node).metadata.labels, { theirs: "yes", rack: "1" })
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a second daemon of the same name refuses to start while the first one renews", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* startDaemon(scriptedExecutor())
      const second = yield* startDaemon(scriptedExecutor(), { processToken: "p2" })
      yield* TestClock.adjust("20 seconds")
      yield* settle
      const exit = yield* Fiber.await(second)
      assert.isTrue(Exit.isFailure(exit) && String(exit.cause).includes("NodeNameTaken"), String(exit))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("the Lease of a dead process is waited out, then taken", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const cluster = yield* FakeCluster
      const kube = yield* KubeClient
      yield* cluster.seed(leases, lease(me, { holderIdentity: `${me}_dead`, leaseTransitions: 2 }))
      yield* startDaemon(scriptedExecutor())
      yield* TestClock.adjust("30 seconds")
      assert.isUndefined(yield* cluster.raw(fleetNodes, { name: me }))
      yield* TestClock.adjust("15 seconds")
      yield* settle
      const taken = yield* kube.get(leases, { name: `foreman-node-${me}`, namespace: "foreman-system" })
      assert.deepStrictEqual([taken.spec?.holderIdentity, taken.spec?.leaseTransitions], [`${me}_p1`, 3])
      assert.strictEqual((yield* node).status?.phase, "Ready")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("without the right to write Leases the daemon goes on with heartbeats", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      yield* cluster.failNext(new Forbidden({ message: "no" }), {
        when: ({ resource }) => resource.startsWith("leases"),
        times: 1_000
      })
      const daemon = yield* startDaemon(scriptedExecutor())
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(daemon.pollUnsafe())
      assert.strictEqual((yield* node).status?.phase, "Ready")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a daemon whose Lease another took ends", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      const daemon = yield* startDaemon(scriptedExecutor())
      yield* kube.patch(
        leases,
        { name: `foreman-node-${me}`, namespace: "foreman-system" },
        { type: "merge", body: { spec: { holderIdentity: `${me}_other` } } }
      )
      yield* TestClock.adjust("11 seconds")
      yield* settle
      const exit = daemon.pollUnsafe()
      assert.isTrue(exit !== undefined && Exit.isFailure(exit) && String(exit.cause).includes("LeaseLost"))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
