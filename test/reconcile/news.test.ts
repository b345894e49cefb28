import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { events } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { node, task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, nodeNamed, setTask, settle, startOperator } from "./running.ts"

const told = Effect.gen(function* () {
  const kube = yield* KubeClient
  const { items } = yield* kube.list(events, { namespace: "default" })
  return items.map(({ involvedObject, type, reason }) => `${involvedObject.name} ${type} ${reason}`)
})

describe("what people are told", () => {
  it.effect("a wait and a failure are one Event each, and numbers that move are none", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* startOperator()
      yield* seed(agenticTasks, task("waits", { spec: { dependsOn: ["first"] } }), task("first"))
      yield* TestClock.adjust("10 seconds")
      yield* settle
      yield* setTask("first", { phase: "Failed", verdict: "INCOMPLETE" })
      yield* TestClock.adjust("2 minutes")
      yield* settle
      assert.deepStrictEqual((yield* told).toSorted(), [
        "first Warning Unschedulable",
        "waits Normal WaitingForDependency",
        "waits Warning UpstreamFailed"
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a node shows a task that runs on it for a while, and none when it is over", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { forgetRequests, seed, writes } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      const current = Effect.map(nodeNamed("n1"), ({ status }) => status?.currentTask)

      yield* seed(agenticTasks, task("short"))
      yield* settle
      yield* setTask("short", { phase: "Running" })
      yield* settle
      yield* setTask("short", { phase: "Succeeded", verdict: "GO" })
      yield* forgetRequests
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(yield* writes, [])

      // Running while somebody looks, and over soon after: an operator under load meets thousands of these.
      yield* seed(agenticTasks, task("brief"))
      yield* TestClock.adjust("4 seconds")
      yield* setTask("brief", { phase: "Running" })
      yield* TestClock.adjust("2 seconds")
      yield* setTask("brief", { phase: "Succeeded", verdict: "GO" })
      yield* TestClock.adjust("10 seconds")
      assert.notInclude(JSON.stringify(yield* writes), "fleetnodes")

      yield* seed(agenticTasks, task("long"))
      yield* settle
      yield* setTask("long", { phase: "Running" })
      yield* TestClock.adjust("11 seconds")
      assert.strictEqual(yield* current, "default/long")
      yield* setTask("long", { phase: "Succeeded", verdict: "GO" })
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(yield* current)
    }).pipe(Effect.provide(layer))
  )
})
