/** Daemons of the first implementation under our operator, alone and beside ours. Design §3.11. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { lease, task } from "../builders.ts"
import { FakeCluster, layer, layerWith } from "../fakes/FakeCluster.ts"
import { me, result, scriptedExecutor, startDaemon } from "../node/running.ts"
import { atEpoch, nodeNamed, setTask, startOperator, taskNamed } from "../reconcile/running.ts"
import * as FirstDaemon from "./FirstDaemon.ts"
import { firstCrds } from "./firstCrds.ts"
import { done, ends, pass, statuses } from "./watching.ts"

/** Runs take `seconds`, and are noted as they begin. */
const runsOf = (seconds: number) => {
  const began: Array<string> = []
  const run = (task: AgenticTask) =>
    Effect.suspend(() => {
      began.push(task.metadata.name)
      return Effect.as(Effect.sleep(`${seconds} seconds`), done)
    })
  return { began, run }
}
const conditionOf = (name: string, type: string) =>
  Effect.map(taskNamed(name), ({ status }) => {
    const found = status?.conditions?.find((one) => one.type === type)
    return found === undefined ? undefined : `${found.status}/${found.reason}`
  })

describe.each([
  { crds: "our CRDs", cluster: layer },
  { crds: "the first implementation's CRDs", cluster: layerWith(firstCrds) }
])("a first daemon under our operator, on $crds", ({ cluster }) => {
  it.effect("gets tasks one at a time, and what it reports is taken", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const { began, run } = runsOf(3)
      yield* startOperator()
      yield* FirstDaemon.start({ nodeName: "old", run })
      yield* seed(agenticTasks, task("a"), task("b"), task("c", { spec: { dependsOn: ["b"] } }))
      yield* pass(40)
      assert.deepStrictEqual(began, ["a", "b", "c"])
      const all = yield* statuses
      for (const name of began) {
        assert.deepInclude(all[name], {
          phase: "Succeeded",
          verdict: "GO",
          assignedNode: "old",
          result: done
        })
        assert.deepStrictEqual(
          all[name].conditions.map((one: any) => `${one.type}=${one.status}/${one.reason}`).toSorted(),
          ["Completed=True/ExecutorSucceeded", "Running=True/Claimed", "Scheduled=True/FleetNodeAssigned"]
        )
      }
      assert.deepStrictEqual(yield* ends, { "default/a": 1, "default/b": 1, "default/c": 1 })
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("that dies loses its task to another by its heartbeat alone", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const old = runsOf(10_000)
      const next = runsOf(1)
      yield* startOperator()
      const first = yield* FirstDaemon.start({ nodeName: "old", run: old.run })
      yield* seed(agenticTasks, task("a"))
      yield* pass(20)
      assert.deepStrictEqual(old.began, ["a"])
      yield* first.kill
      yield* FirstDaemon.start({ nodeName: "spare", run: next.run })
      // The last beat was at the start: 90 s from then.
      yield* pass(65)
      assert.strictEqual((yield* taskNamed("a")).status?.assignedNode, "old")
      yield* pass(40)
      const { metadata, status } = yield* taskNamed("a")
      assert.deepStrictEqual([status?.phase, status?.assignedNode, next.began], ["Succeeded", "spare", ["a"]])
      assert.deepInclude(metadata.annotations, { "foreman.llmkube.dev/claim-expiries": "1" })
      assert.strictEqual(yield* conditionOf("a", "ClaimExpired"), "True/ClaimExpired")
      assert.strictEqual((yield* nodeNamed("old")).status?.phase, "NotReady")
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("whose task is lost a third time ends it", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const { began, run } = runsOf(10_000)
      yield* startOperator()
      yield* seed(agenticTasks, task("a"))
      for (let life = 0; life < 3; life += 1) {
        const daemon = yield* FirstDaemon.start({ nodeName: `old-${life}`, run })
        yield* pass(10)
        yield* daemon.kill
        yield* pass(100)
      }
      assert.deepStrictEqual(began, ["a", "a", "a"])
      const { status } = yield* taskNamed("a")
      assert.deepInclude(status, {
        phase: "Failed",
        verdict: "INCOMPLETE",
        failureReason: "InfrastructureError"
      })
      assert.strictEqual(yield* conditionOf("a", "Failed"), "True/ClaimExpiryLimitReached")
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("that was frozen writes nothing over the run of the node that has its task now", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const next = runsOf(60)
      yield* startOperator()
      // 150 s of work, and no beat after the first one: as if it were stopped and continued.
      yield* FirstDaemon.start({ nodeName: "old", run: runsOf(150).run, heartbeat: "10 minutes" })
      yield* seed(agenticTasks, task("a"))
      yield* pass(20)
      yield* FirstDaemon.start({ nodeName: "spare", run: next.run })
      yield* pass(100)
      assert.deepStrictEqual(next.began, ["a"])
      yield* pass(90)
      assert.deepInclude((yield* taskNamed("a")).status, { phase: "Succeeded", assignedNode: "spare" })
      assert.deepStrictEqual(yield* ends, { "default/a": 1 })
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("that is started again puts its task back itself, and that is no loss", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* startOperator()
      const first = yield* FirstDaemon.start({ nodeName: "old", run: runsOf(10_000).run })
      yield* seed(agenticTasks, task("a"))
      yield* pass(10)
      yield* first.terminate
      const again = runsOf(1)
      yield* FirstDaemon.start({ nodeName: "old", run: again.run })
      yield* pass(15)
      const { metadata, status } = yield* taskNamed("a")
      assert.deepStrictEqual(
        [status?.phase, again.began, metadata.annotations],
        ["Succeeded", ["a"], undefined]
      )
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("shares the work with a daemon of ours, and each task is run and ended once", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const old = runsOf(2)
      const ours = scriptedExecutor()
      yield* startOperator()
      yield* FirstDaemon.start({ nodeName: "old", run: old.run })
      yield* startDaemon(ours)
      const names = ["a", "b", "c", "d", "e", "f"]
      yield* seed(agenticTasks, ...names.map((name) => task(name)))
      for (let round = 0; round < 6; round += 1) {
        yield* pass(10)
        for (const name of ours.began) yield* ours.end(name, result())
      }
      assert.deepStrictEqual([...old.began, ...ours.began].toSorted(), names)
      assert.isNotEmpty(old.began)
      assert.isNotEmpty(ours.began)
      const all = yield* statuses
      assert.deepStrictEqual(
        names.map((name) => [all[name].phase, all[name].assignedNode]),
        names.map((name) => ["Succeeded", old.began.includes(name) ? "old" : me])
      )
      assert.deepStrictEqual(yield* ends, Object.fromEntries(names.map((name) => [`default/${name}`, 1])))
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )
})

describe("a node that changes its daemon", () => {
  it.effect("from ours to the first one is judged by its heartbeat, though our Lease is still there", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const { began, run } = runsOf(200)
      yield* seed(leases, lease("n1"))
      yield* startOperator()
      yield* TestClock.adjust("2 minutes")
      yield* FirstDaemon.start({ nodeName: "n1", run })
      yield* seed(agenticTasks, task("a"))
      yield* pass(250)
      assert.deepStrictEqual(began, ["a"])
      const { metadata, status } = yield* taskNamed("a")
      assert.deepStrictEqual([status?.phase, metadata.annotations], ["Succeeded", undefined])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("from the first one to ours takes up the task that was left Running", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const ours = scriptedExecutor()
      yield* startOperator()
      const first = yield* FirstDaemon.start({ nodeName: me, run: runsOf(10_000).run })
      yield* seed(agenticTasks, task("a"))
      yield* pass(10)
      yield* first.kill
      yield* startDaemon(ours)
      yield* pass(5)
      assert.deepStrictEqual(ours.began, ["a"])
      assert.strictEqual((yield* taskNamed("a")).status?.claim?.node, me)
      yield* ours.end("a", result())
      assert.deepStrictEqual(yield* ends, { "default/a": 1 })
      assert.strictEqual((yield* nodeNamed(me)).status?.agentVersion, "1.2.3")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("a claim id that a first daemon left behind fences nobody", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { raw, seed } = yield* FakeCluster
      const ours = scriptedExecutor()
      yield* startOperator()
      const daemon = yield* startDaemon(ours)
      yield* seed(agenticTasks, task("a"))
      yield* pass(2)
      const claim = (yield* taskNamed("a")).status?.claim
      assert.isDefined(claim)
      // As a first daemon resets what it finds Running: it does not know the claim.
      yield* setTask("a", { phase: "Pending", assignedNode: null, claimedAt: null, startedAt: null })
      yield* pass(2)
      assert.deepStrictEqual(ours.interrupted, ["a"])
      assert.deepStrictEqual(ours.began, ["a", "a"])
      yield* ours.end("a", result())
      assert.strictEqual((yield* taskNamed("a")).status?.phase, "Succeeded")
      assert.isUndefined(daemon.pollUnsafe())
      assert.isDefined(yield* raw(fleetNodes, { name: me }))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
