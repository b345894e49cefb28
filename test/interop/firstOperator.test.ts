/** Our daemon under the first implementation's operator, alone and beside a daemon of its own kind. Design §3.11. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { Unavailable } from "../../src/services/KubeClient.ts"
import { task } from "../builders.ts"
import { FakeCluster, layer, layerWith } from "../fakes/FakeCluster.ts"
import { daemonOptions, me, result, scriptedExecutor, startDaemon, terminate } from "../node/running.ts"
import { atEpoch, nodeNamed, setTask, taskNamed } from "../reconcile/running.ts"
import * as FirstDaemon from "./FirstDaemon.ts"
import { firstCrds } from "./firstCrds.ts"
import * as FirstOperator from "./FirstOperator.ts"
import { done, ends, pass, statuses } from "./watching.ts"

const identityOf = (nodeName: string) => ({ ...daemonOptions.identity, nodeName })

describe.each([
  { crds: "our CRDs", cluster: layer, hasClaims: true },
  { crds: "the first implementation's CRDs", cluster: layerWith(firstCrds), hasClaims: false }
])("our daemon under the first operator, on $crds", ({ cluster, hasClaims }) => {
  it.effect("runs what it is assigned, leaves the reservation alone, and is free for the next", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const script = scriptedExecutor()
      yield* Effect.forkScoped(FirstOperator.run())
      yield* startDaemon(script, { slots: 4 })
      yield* seed(agenticTasks, task("a"), task("b", { spec: { dependsOn: ["a"] } }), task("c"))
      for (const name of ["a", "b", "c"]) {
        // Longer than a heartbeat: that must not free the node.
        yield* pass(40)
        assert.strictEqual(script.began.at(-1), name)
        const { status } = yield* taskNamed(name)
        assert.deepStrictEqual(
          [status?.phase, status?.assignedNode, status?.claim !== undefined, status?.claimedAt !== undefined],
          ["Running", me, hasClaims, true]
        )
        assert.strictEqual((yield* nodeNamed(me)).status?.currentTask, `default/${name}`)
        yield* script.end(name, result())
      }
      yield* pass(5)
      assert.deepStrictEqual(script.began, ["a", "b", "c"])
      assert.isUndefined((yield* nodeNamed(me)).status?.currentTask)
      assert.deepStrictEqual(yield* ends, { "default/a": 1, "default/b": 1, "default/c": 1 })
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("ends its run when the task is taken away, and writes nothing over the next node's", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      const [one, two] = [scriptedExecutor(), scriptedExecutor()]
      yield* Effect.forkScoped(FirstOperator.run())
      yield* startDaemon(one)
      yield* seed(agenticTasks, task("a"))
      yield* pass(10)
      assert.deepStrictEqual(one.began, ["a"])
      // Its heartbeats do not arrive; its watches go on.
      yield* failNext(new Unavailable({ message: "refused" }), {
        when: ({ body, key, resource, verb }) =>
          verb === "patch" &&
          resource.startsWith("fleetnodes") &&
          key === me &&
          JSON.stringify(body).includes("lastHeartbeatTime"),
        times: 100
      })
      yield* startDaemon(two, { identity: identityOf("spare"), processToken: "p2" })
      yield* pass(100)
      assert.deepStrictEqual([one.interrupted, two.began], [["a"], ["a"]])
      yield* one.end("a", result({ summary: "too late" }))
      yield* two.end("a", result({ summary: "in time" }))
      const { status } = yield* taskNamed("a")
      assert.deepInclude(status, { phase: "Succeeded", assignedNode: "spare" })
      assert.strictEqual(status?.result?.["summary"], "in time")
      assert.deepStrictEqual(yield* ends, { "default/a": 1 })
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("does not report a run for a later claim of the same node", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { disconnectWatches, failNext, seed } = yield* FakeCluster
      const script = scriptedExecutor()
      yield* Effect.forkScoped(FirstOperator.run())
      yield* startDaemon(script)
      yield* seed(agenticTasks, task("a"))
      yield* pass(10)
      // The daemon sees nothing while the task is taken away and given to it again.
      yield* failNext(new Unavailable({ message: "refused" }), {
        when: ({ resource, verb }) => verb === "watch" && resource.startsWith("agentictasks"),
        times: 2
      })
      yield* disconnectWatches
      const { claimedAt } = (yield* taskNamed("a")).status ?? {}
      yield* setTask("a", { phase: "Pending", assignedNode: null, claimedAt: null, startedAt: null })
      yield* pass(2)
      assert.strictEqual((yield* taskNamed("a")).status?.phase, "Scheduled")
      // What the server answers to the last write is news: the task is claimed again. The script ends that run at once.
      yield* script.end("a", result({ summary: "of the first claim" }))
      yield* pass(30)
      const { status } = yield* taskNamed("a")
      assert.deepStrictEqual([status?.phase, script.began], ["Succeeded", ["a", "a"]])
      assert.isAbove(Date.parse(status?.claimedAt ?? ""), Date.parse(claimedAt ?? ""))
      assert.strictEqual(status?.finishedAt, status?.claimedAt)
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("hands its task back when it drains, and the operator gives it to another", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const [one, two] = [scriptedExecutor(), scriptedExecutor()]
      yield* Effect.forkScoped(FirstOperator.run())
      const daemon = yield* startDaemon(one)
      yield* seed(agenticTasks, task("a"))
      yield* pass(10)
      yield* terminate(daemon)
      yield* pass(25)
      assert.strictEqual((yield* nodeNamed(me)).status?.phase, "Draining")
      assert.strictEqual((yield* taskNamed("a")).status?.phase, "Pending")
      yield* startDaemon(two, { identity: identityOf("spare"), processToken: "p2" })
      yield* pass(5)
      assert.deepStrictEqual([one.interrupted, two.began], [["a"], ["a"]])
      yield* two.end("a", result())
      assert.deepStrictEqual(yield* ends, { "default/a": 1 })
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("that is killed is missed by its heartbeat; its next life starts the task anew", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      const script = scriptedExecutor()
      yield* Effect.forkScoped(FirstOperator.run())
      const daemon = yield* startDaemon(script)
      yield* seed(agenticTasks, task("a"))
      yield* pass(10)
      // Nothing that a dying process writes arrives.
      yield* failNext(new Unavailable({ message: "refused" }), {
        when: ({ verb, body }) => verb === "patch" && JSON.stringify(body).includes("Draining"),
        times: 1_000
      })
      yield* terminate(daemon)
      yield* pass(110)
      const expired = yield* taskNamed("a")
      assert.deepStrictEqual(
        [expired.status?.phase, expired.metadata.annotations],
        ["Pending", { "foreman.llmkube.dev/claim-expiries": "1" }]
      )
      const next = scriptedExecutor()
      yield* startDaemon(next, { identity: identityOf("m5-next"), processToken: "p2" })
      yield* pass(5)
      assert.deepStrictEqual(next.began, ["a"])
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )

  it.effect("shares the work with a first daemon", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const script = scriptedExecutor()
      const old: Array<string> = []
      yield* Effect.forkScoped(FirstOperator.run())
      yield* startDaemon(script)
      yield* FirstDaemon.start({
        nodeName: "old",
        run: ({ metadata }) =>
          Effect.suspend(() => {
            old.push(metadata.name)
            return Effect.as(Effect.sleep("3 seconds"), done)
          })
      })
      const names = ["a", "b", "c", "d", "e"]
      yield* seed(agenticTasks, ...names.map((name) => task(name)))
      for (let round = 0; round < 6; round += 1) {
        yield* pass(12)
        for (const name of script.began) yield* script.end(name, result())
      }
      assert.deepStrictEqual([...old, ...script.began].toSorted(), names)
      assert.isNotEmpty(old)
      assert.isNotEmpty(script.began)
      assert.deepStrictEqual(yield* ends, Object.fromEntries(names.map((name) => [`default/${name}`, 1])))
      const all = yield* statuses
      for (const name of names) assert.strictEqual(all[name].phase, "Succeeded")
      const { rawList } = yield* FakeCluster
      for (const node of yield* rawList(fleetNodes)) {
        assert.isUndefined((node["status"] as { readonly currentTask?: string }).currentTask)
      }
    }).pipe(Effect.scoped, Effect.provide(cluster))
  )
})
