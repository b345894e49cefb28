import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks, claimExpiriesAnnotation } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { refKey } from "../../schema/Meta.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { asking, bellAnnotation, bellOf } from "../../src/decide/bell.ts"
import { leaseRef } from "../../src/decide/liveness.ts"
import { Forbidden, KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { epoch, lease, node, task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, read, settle, setTask, startOperator, taskNamed } from "./running.ts"

const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)

/** Nodes that listen: the first is the only one that fits a task. */
const fleet = Effect.fnUntraced(function* (count: number, text = asking) {
  const { seed } = yield* FakeCluster
  yield* seed(leases, ...names(count).map((name) => lease(name, {}, text)))
  yield* seed(
    fleetNodes,
    ...names(count).map((name) => node(name, { spec: { roles: name === "n0" ? ["worker"] : ["other"] } }))
  )
})

/** What a node was told last; `undefined` when nobody told it anything. */
const told = (name: string) =>
  Effect.map(read(leases, leaseRef(name, "foreman-system").name, "foreman-system"), (lease) => {
    const bell = bellOf(lease)
    return bell._tag === "Told" ? bell.rung.map(({ ref, version }) => `${refKey(ref)}@${version}`) : undefined
  })

const leaseWrites = Effect.flatMap(FakeCluster, (cluster) =>
  Effect.map(cluster.writes, (all) => all.filter(({ resource }) => resource.startsWith("leases")))
)

const texts = Effect.map(leaseWrites, (all) =>
  all.map(({ body }): string => (body as any).metadata.annotations[bellAnnotation])
)

const give = Effect.fnUntraced(function* (name: string) {
  const { seed } = yield* FakeCluster
  yield* seed(
    agenticTasks,
    task(name, { spec: { requiredCapability: { accelerator: "any", roles: ["worker"] } } })
  )
  yield* settle
  const given = yield* taskNamed(name)
  assert.strictEqual(given.status?.assignedNode, "n0")
  return `default/${name}@${given.metadata.resourceVersion}`
})

describe("an operator tells nodes on their Leases which tasks to look at", () => {
  it.effect("not in a small fleet, where each node has a watch", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(49)
      yield* startOperator()
      yield* give("a")
      assert.deepStrictEqual(yield* leaseWrites, [])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect(
    "once the fleet is large: each node that listens is answered, and then told of what it is given",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        yield* fleet(50)
        yield* startOperator()
        for (const name of names(50)) assert.deepStrictEqual(yield* told(name), [])
        const given = yield* give("a")
        assert.deepStrictEqual(yield* told("n0"), [given])
        assert.deepStrictEqual(yield* told("n1"), [])
        assert.lengthOf(yield* leaseWrites, 51)
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("of what is taken away, too", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(1, "7")
      const kube = yield* KubeClient
      yield* startOperator()
      yield* give("a")
      yield* setTask("a", { phase: "Running" })
      yield* settle
      yield* kube.delete(agenticTasks, { name: "a", namespace: "default" })
      yield* settle
      assert.deepStrictEqual(yield* told("n0"), ["default/a@deleted"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("of what it gave up after the third loss", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(1, "7")
      const { seed } = yield* FakeCluster
      yield* seed(
        agenticTasks,
        task("a", {
          metadata: { annotations: { [claimExpiriesAnnotation]: "2" } },
          status: { phase: "Running", assignedNode: "n0", claimedAt: formatTime(epoch) }
        })
      )
      yield* startOperator()
      yield* TestClock.adjust("3 minutes")
      const { metadata, status } = yield* taskNamed("a")
      assert.strictEqual(status?.phase, "Failed")
      assert.deepStrictEqual(yield* told("n0"), [`default/a@${metadata.resourceVersion}`])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("also where somebody else was it who answered, and the fleet is small", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(1)
      const kube = yield* KubeClient
      yield* startOperator()
      const given = yield* give("a")
      assert.isUndefined(yield* told("n0"))
      const body = { metadata: { annotations: { [bellAnnotation]: "1" } } }
      yield* kube.patch(leases, leaseRef("n0", "foreman-system"), { type: "merge", body })
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* told("n0"), [given])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("but not again and again what the server refuses for good", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(1, "7")
      const { failNext } = yield* FakeCluster
      yield* startOperator()
      const kube = yield* KubeClient
      yield* give("a")
      yield* setTask("a", { phase: "Running" })
      yield* settle
      yield* failNext(new Forbidden({ message: "no" }), {
        when: ({ resource, verb }) => verb === "patch" && resource.startsWith("leases")
      })
      yield* kube.delete(agenticTasks, { name: "a", namespace: "default" })
      yield* settle
      const before = yield* told("n0")
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* told("n0"), before)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("again, when the telling failed", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(1, "7")
      const { failNext } = yield* FakeCluster
      yield* startOperator()
      yield* failNext(new Unavailable({ message: "refused" }), {
        times: 2,
        when: ({ resource, verb }) => verb === "patch" && resource.startsWith("leases")
      })
      const given = yield* give("a")
      assert.deepStrictEqual(yield* told("n0"), [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* told("n0"), [given])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("for good: what an operator gave and did not tell any more, the next one tells", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(1, "7")
      const { seed } = yield* FakeCluster
      yield* seed(agenticTasks, task("a", { status: { phase: "Scheduled", assignedNode: "n0" } }))
      yield* startOperator()
      const { metadata } = yield* taskNamed("a")
      assert.deepStrictEqual(yield* told("n0"), [`default/a@${metadata.resourceVersion}`])
      const [text] = yield* texts
      // One is left out, in case that the operator before died over it: the node looks at all that it runs.
      assert.strictEqual(text?.split(" ")[0], "9")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("in as many writes as it takes: annotations have no room for thousands", () =>
    Effect.gen(function* () {
      yield* atEpoch
      yield* fleet(1, "7")
      const { seed } = yield* FakeCluster
      const given = Array.from({ length: 1_200 }, (_, index) =>
        task(`t${index}`, { status: { phase: "Scheduled", assignedNode: "n0" } })
      )
      yield* seed(agenticTasks, ...given)
      yield* startOperator()
      yield* settle
      const words = (yield* texts).map((text) => text.split(" ").slice(1))
      assert.isAtMost(Math.max(...words.map(({ length }) => length)), 532)
      assert.strictEqual(new Set(words.flat()).size, 1_200)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
