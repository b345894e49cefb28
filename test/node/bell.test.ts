import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { formatTime } from "../../schema/Time.ts"
import { asking, bellAnnotation, bellText, deleted, type Rung, rungOf } from "../../src/decide/bell.ts"
import { Forbidden, KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { epoch, lease, task } from "../builders.ts"
import { FakeCluster, layer, type Request } from "../fakes/FakeCluster.ts"
import { startOperator } from "../reconcile/running.ts"
import { atEpoch, me, phaseOf, result, scheduled, scriptedExecutor, settle, startDaemon } from "./running.ts"

const mine = { name: `foreman-node-${me}`, namespace: "foreman-system" }

const bell = Effect.flatMap(KubeClient, (kube) =>
  Effect.map(kube.get(leases, mine), ({ metadata }) => metadata.annotations?.[bellAnnotation])
)

let told = 0

/** What an operator writes. */
const write = (rung: ReadonlyArray<Rung>) =>
  Effect.flatMap(KubeClient, (kube) =>
    kube.patch(leases, mine, {
      type: "merge",
      body: { metadata: { annotations: { [bellAnnotation]: bellText(++told, rung) } } }
    })
  )
const ring = (...rung: ReadonlyArray<Rung>) => Effect.andThen(write(rung), settle)

/** Without a request that could be taken for the daemon's. */
const rungFor = (name: string) =>
  Effect.flatMap(FakeCluster, (cluster) =>
    Effect.map(cluster.raw(agenticTasks, { name, namespace: "default" }), (raw) =>
      rungOf(raw as unknown as AgenticTask)
    )
  )
const ringFor = (...names: ReadonlyArray<string>) =>
  Effect.flatMap(Effect.forEach(names, rungFor), (all) => ring(...all))

const ofTasks = ({ resource, verb }: Request) =>
  resource.startsWith("agentictasks") && ["list", "watch", "get"].includes(verb)
const looks = Effect.flatMap(FakeCluster, (cluster) =>
  Effect.map(cluster.requests, (all) => all.filter(ofTasks).map(({ key, verb }) => `${verb} ${key}`))
)

describe("a daemon that is told of its tasks on its Lease", () => {
  it.effect("asks for it, and watches its tasks until somebody answers", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      const script = scriptedExecutor()
      yield* startDaemon(script)
      assert.strictEqual(yield* bell, asking)
      yield* seed(agenticTasks, scheduled("a"))
      yield* settle
      assert.deepStrictEqual(script.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("lists once, and from then on reads what it is told of and nothing else", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* startDaemon(script)
      yield* cluster.forgetRequests
      yield* ring()
      assert.deepStrictEqual(yield* looks, ["list default"])
      yield* cluster.seed(agenticTasks, scheduled("a"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(script.began, [])
      yield* ringFor("a")
      assert.deepStrictEqual(script.began, ["a"])
      yield* script.end("a", result())
      assert.strictEqual(yield* phaseOf("a"), "Succeeded")
      assert.deepStrictEqual(yield* looks, ["list default", "get default/a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("takes what was given while nobody told yet and the watch was over", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const kube = yield* KubeClient
      const script = scriptedExecutor()
      // Its events never come.
      const silent = KubeClient.of({
        ...kube,
        watch: (resource, options) =>
          kube.watch(resource, {
            ...options,
            ...(resource.kind === "AgenticTask" ? { namespace: "elsewhere" } : {})
          })
      })
      yield* startDaemon(script).pipe(Effect.provideService(KubeClient, silent))
      yield* cluster.seed(agenticTasks, scheduled("a"))
      yield* settle
      assert.deepStrictEqual(script.began, [])
      yield* ring()
      assert.deepStrictEqual(script.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("does not ask twice for what it has seen", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* startDaemon(script)
      yield* ring()
      yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"))
      yield* cluster.forgetRequests
      yield* ringFor("a")
      yield* ringFor("a", "b")
      assert.deepStrictEqual(yield* looks, ["get default/a", "get default/b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("stops a run whose task was deleted", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      const script = scriptedExecutor()
      yield* startDaemon(script)
      yield* ring()
      yield* seed(agenticTasks, scheduled("a"))
      yield* ringFor("a")
      const ref = { name: "a", namespace: "default" }
      yield* kube.delete(agenticTasks, ref)
      yield* ring({ ref, version: deleted })
      assert.deepStrictEqual(script.interrupted, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("stops all runs that it lost, also when a later text has replaced what told of one", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      const script = scriptedExecutor()
      yield* startDaemon(script, { slots: 3 })
      yield* ring()
      yield* seed(agenticTasks, scheduled("a"), scheduled("b"), scheduled("c"))
      yield* ringFor("a", "b", "c")
      assert.sameMembers(script.began, ["a", "b", "c"])
      for (const name of ["a", "b"]) yield* kube.delete(agenticTasks, { name, namespace: "default" })
      // What told of a was never seen here.
      told += 1
      yield* ring({ ref: { name: "b", namespace: "default" }, version: deleted })
      assert.sameMembers(script.interrupted, ["a", "b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("hears each of two texts that come at once", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = scriptedExecutor()
      yield* startDaemon(script, { slots: 2 })
      yield* ring()
      yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"))
      yield* write([yield* rungFor("a")])
      yield* write([yield* rungFor("b")])
      yield* settle
      assert.sameMembers(script.began, ["a", "b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect(
    "asks once at a time for a task, however often it is told of it and however long that fails",
    () =>
      Effect.gen(function* () {
        const cluster = yield* FakeCluster
        const script = scriptedExecutor()
        yield* startDaemon(script)
        yield* ring()
        yield* cluster.seed(agenticTasks, scheduled("a"))
        yield* cluster.failNext(new Unavailable({ message: "busy" }), {
          times: 3,
          when: ({ key, verb }) => verb === "get" && key === "default/a"
        })
        yield* cluster.forgetRequests
        for (let texts = 0; texts < 20; texts += 1) yield* ringFor("a")
        assert.deepStrictEqual(yield* looks, ["get default/a"])
        yield* TestClock.adjust("15 seconds")
        assert.deepStrictEqual(script.began, ["a"])
        assert.lengthOf(yield* looks, 4)
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("finds by itself what an operator gave and did not tell, and watches again", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const script = scriptedExecutor()
      yield* startDaemon(script)
      yield* ring()
      const given = (name: string) =>
        scheduled(name, {
          status: {
            conditions: [
              {
                type: "Scheduled",
                status: "True",
                reason: "FleetNodeAssigned",
                message: "",
                lastTransitionTime: formatTime(epoch)
              }
            ]
          }
        })
      yield* seed(agenticTasks, given("a"))
      for (let minute = 0; minute < 13; minute += 1) yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(script.began, ["a"])
      assert.strictEqual(yield* bell, asking)
      yield* script.end("a", result())
      yield* seed(agenticTasks, given("b"))
      yield* settle
      assert.deepStrictEqual(script.began, ["a", "b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("goes on watching its tasks without the right to watch its Lease", () =>
    Effect.gen(function* () {
      const { failNext, seed } = yield* FakeCluster
      yield* failNext(new Forbidden({ message: "leases is forbidden" }), {
        times: 1_000,
        when: ({ resource, verb }) => resource.startsWith("leases") && ["list", "watch"].includes(verb)
      })
      const script = scriptedExecutor()
      yield* startDaemon(script)
      yield* ring()
      yield* TestClock.adjust("1 minute")
      yield* seed(agenticTasks, scheduled("a"))
      yield* settle
      assert.deepStrictEqual(script.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("asks anew after a restart: whoever told the one before told that one", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      const { metadata, spec } = lease(me, { holderIdentity: "" })
      yield* seed(leases, { metadata: { ...metadata, annotations: { [bellAnnotation]: "1" } }, spec })
      const script = scriptedExecutor()
      yield* startDaemon(script)
      assert.strictEqual(yield* bell, asking)
      yield* seed(agenticTasks, scheduled("a"))
      yield* settle
      assert.deepStrictEqual(script.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect(
    "runs a task for six requests of all parties, in a large fleet, from its creation to its end",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const cluster = yield* FakeCluster
        yield* cluster.seed(
          leases,
          ...Array.from({ length: 49 }, (_, index) => {
            const { metadata, spec } = lease(`other-${index}`)
            return { metadata: { ...metadata, annotations: { [bellAnnotation]: asking } }, spec }
          })
        )
        const script = scriptedExecutor()
        yield* startDaemon(script)
        yield* startOperator()
        yield* TestClock.adjust("5 seconds")
        yield* cluster.forgetRequests
        yield* cluster.seed(agenticTasks, task("a"))
        yield* settle
        yield* script.end("a", result())
        assert.strictEqual(yield* phaseOf("a"), "Succeeded")
        const requests = (yield* cluster.requests).map(
          ({ resource, verb }) => `${verb} ${resource.split(".")[0]}`
        )
        assert.deepStrictEqual(requests, [
          "patch agentictasks",
          "patch leases",
          "get agentictasks",
          "patch agentictasks",
          "patch agentictasks"
        ])
      }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
