import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { type Lease, leases } from "../../schema/Core.ts"
import type { ObjectRef } from "../../schema/Meta.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"
import { formatTime } from "../../schema/Time.ts"
import {
  asking,
  Bell,
  bellAnnotation,
  bellOf,
  bellText,
  deleted,
  type Rung,
  rungOf
} from "../../src/decide/bell.ts"
import { Forbidden, KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { epoch, lease, task } from "../builders.ts"
import { FakeCluster, layer, type Request } from "../fakes/FakeCluster.ts"
import { startOperator } from "../reconcile/running.ts"
import {
  atEpoch,
  daemonOptions,
  me,
  phaseOf,
  result,
  scheduled,
  scriptedExecutor,
  settle,
  startDaemon
} from "./running.ts"

const mine = { name: `foreman-node-${me}`, namespace: "foreman-system" }

/** Without a request that could be taken for the daemon's. */
const raw = (resource: Resource<KubeObject>, ref: ObjectRef) =>
  Effect.flatMap(FakeCluster, (cluster) => cluster.raw(resource, ref)) as Effect.Effect<
    unknown,
    never,
    FakeCluster
  >
const bell = Effect.map(raw(leases, mine), (lease) => bellOf(lease as Lease))

/** What an operator writes; `leftOut` are texts that nobody here has seen. */
const write = Effect.fnUntraced(function* (rung: ReadonlyArray<Rung>, leftOut = 0) {
  const kube = yield* KubeClient
  const last = yield* bell
  const text = bellText((last._tag === "Told" ? last.count : 0) + 1 + leftOut, rung)
  const body = { metadata: { annotations: { [bellAnnotation]: text } } }
  yield* kube.patch(leases, mine, { type: "merge", body })
})
const ring = (...rung: ReadonlyArray<Rung>) => Effect.andThen(write(rung), settle)

const inDefault = (name: string) => ({ name, namespace: "default" })
const rungFor = (name: string) =>
  Effect.map(raw(agenticTasks, inDefault(name)), (task) => rungOf(task as AgenticTask))
const ringFor = (...names: ReadonlyArray<string>) =>
  Effect.flatMap(Effect.forEach(names, rungFor), (all) => ring(...all))
const ringDeleted = (name: string) => ring({ ref: inDefault(name), version: deleted })

/** A daemon that watches its tasks no more. */
const toldDaemon = Effect.fnUntraced(function* (options: Partial<typeof daemonOptions> = {}) {
  const script = scriptedExecutor()
  yield* startDaemon(script, options)
  yield* ring()
  return script
})

const give = (...names: ReadonlyArray<string>) =>
  Effect.flatMap(FakeCluster, ({ seed }) => seed(agenticTasks, ...names.map((name) => scheduled(name))))

const ofTasks = ({ resource, verb }: Request) =>
  resource.startsWith("agentictasks") && ["list", "watch", "get"].includes(verb)
const looks = Effect.flatMap(FakeCluster, (cluster) =>
  Effect.map(cluster.requests, (all) => all.filter(ofTasks).map(({ key, verb }) => `${verb} ${key}`))
)

describe("a daemon that is told of its tasks on its Lease", () => {
  it.effect("asks for it, and watches its tasks until somebody answers", () =>
    Effect.gen(function* () {
      const script = scriptedExecutor()
      yield* startDaemon(script)
      assert.deepStrictEqual(yield* bell, Bell.Asked())
      yield* give("a")
      yield* settle
      assert.deepStrictEqual(script.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("lists once, and from then on reads what it is told of and nothing else", () =>
    Effect.gen(function* () {
      const { forgetRequests } = yield* FakeCluster
      const script = scriptedExecutor()
      yield* startDaemon(script)
      yield* forgetRequests
      yield* ring()
      assert.deepStrictEqual(yield* looks, ["list default"])
      yield* give("a")
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
      yield* give("a")
      yield* settle
      assert.deepStrictEqual(script.began, [])
      yield* ring()
      assert.deepStrictEqual(script.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("does not ask twice for what it has seen", () =>
    Effect.gen(function* () {
      const { forgetRequests } = yield* FakeCluster
      yield* toldDaemon()
      yield* give("a", "b")
      yield* forgetRequests
      yield* ringFor("a")
      yield* ringFor("a", "b")
      assert.deepStrictEqual(yield* looks, ["get default/a", "get default/b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("stops a run whose task was deleted", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      const script = yield* toldDaemon()
      yield* give("a")
      yield* ringFor("a")
      yield* kube.delete(agenticTasks, inDefault("a"))
      yield* ringDeleted("a")
      assert.deepStrictEqual(script.interrupted, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("stops all runs that it lost, also when a later text has replaced what told of one", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      const script = yield* toldDaemon({ slots: 3 })
      yield* give("a", "b", "c")
      yield* ringFor("a", "b", "c")
      assert.sameMembers(script.began, ["a", "b", "c"])
      for (const name of ["a", "b"]) yield* kube.delete(agenticTasks, inDefault(name))
      // What told of a was never seen here.
      yield* write([{ ref: inDefault("b"), version: deleted }], 1)
      yield* settle
      assert.sameMembers(script.interrupted, ["a", "b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("hears each of two texts that come at once", () =>
    Effect.gen(function* () {
      const script = yield* toldDaemon({ slots: 2 })
      yield* give("a", "b")
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
        const script = yield* toldDaemon()
        yield* give("a")
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
      const script = yield* toldDaemon()
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
      assert.deepStrictEqual(yield* bell, Bell.Asked())
      yield* script.end("a", result())
      yield* seed(agenticTasks, given("b"))
      yield* settle
      assert.deepStrictEqual(script.began, ["a", "b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("goes on watching its tasks without the right to watch its Lease", () =>
    Effect.gen(function* () {
      const { failNext } = yield* FakeCluster
      yield* failNext(new Forbidden({ message: "leases is forbidden" }), {
        times: 1_000,
        when: ({ resource, verb }) => resource.startsWith("leases") && ["list", "watch"].includes(verb)
      })
      const script = yield* toldDaemon()
      yield* TestClock.adjust("1 minute")
      yield* give("a")
      yield* settle
      assert.deepStrictEqual(script.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("watches its tasks while its Lease cannot be watched, and is told again afterwards", () =>
    Effect.gen(function* () {
      const { disconnectWatches, failNext, forgetRequests } = yield* FakeCluster
      const script = yield* toldDaemon()
      yield* failNext(new Unavailable({ message: "cut" }), {
        times: 10,
        when: ({ resource, verb }) => resource.startsWith("leases") && ["list", "watch"].includes(verb)
      })
      yield* disconnectWatches
      for (let seconds = 0; seconds < 75; seconds += 1) yield* TestClock.adjust("1 second")
      yield* give("a")
      yield* settle
      assert.deepStrictEqual(script.began, ["a"])
      yield* TestClock.adjust("1 minute")
      yield* forgetRequests
      yield* script.end("a", result())
      yield* give("b")
      yield* ringFor("b")
      assert.deepStrictEqual(yield* looks, ["get default/b"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("asks what became of a task that somebody else was faster to take", () =>
    Effect.gen(function* () {
      const { forgetRequests } = yield* FakeCluster
      const kube = yield* KubeClient
      const script = yield* toldDaemon()
      yield* give("a", "b")
      // It waits for the slot, and is given to another of whom nobody tells us.
      yield* ringFor("a", "b")
      const patch = { type: "merge", body: { status: { assignedNode: "other" } } } as const
      yield* kube.patch(agenticTasks, inDefault("b"), patch, { subresource: "status" })
      yield* script.end("a", result())
      yield* forgetRequests
      // What wakes the daemon again must not have it try that one again.
      yield* give("c")
      yield* ringFor("c")
      yield* script.end("c", result())
      assert.deepStrictEqual(script.began, ["a", "c"])
      assert.deepStrictEqual(yield* looks, ["get default/c"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("asks for eight tasks at a time, however many it is told of", () =>
    Effect.gen(function* () {
      const kube = yield* KubeClient
      const asked: Array<string> = []
      const hanging = KubeClient.of({
        ...kube,
        get: (resource, ref) =>
          resource.kind === "AgenticTask"
            ? Effect.andThen(
                Effect.sync(() => void asked.push(ref.name)),
                Effect.never
              )
            : kube.get(resource, ref)
      })
      yield* toldDaemon().pipe(Effect.provideService(KubeClient, hanging))
      const names = Array.from({ length: 20 }, (_, index) => `t${index}`)
      yield* give(...names)
      yield* ringFor(...names)
      assert.deepStrictEqual(asked, names.slice(0, 8))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("looks at no task of a namespace that it does not serve", () =>
    Effect.gen(function* () {
      const { forgetRequests } = yield* FakeCluster
      yield* toldDaemon()
      yield* forgetRequests
      yield* ring({ ref: { name: "a", namespace: "elsewhere" }, version: "1" })
      assert.deepStrictEqual(yield* looks, [])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("asks anew after a restart: whoever told the one before told that one", () =>
    Effect.gen(function* () {
      const { seed } = yield* FakeCluster
      yield* seed(leases, lease(me, { holderIdentity: "" }, "1"))
      const script = scriptedExecutor()
      yield* startDaemon(script)
      assert.deepStrictEqual(yield* bell, Bell.Asked())
      yield* give("a")
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
          ...Array.from({ length: 49 }, (_, index) => lease(`other-${index}`, {}, asking))
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
