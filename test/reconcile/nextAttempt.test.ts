import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { node, task } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, setTask, settle, startOperator, taskNamed } from "./running.ts"

const commit = "a".repeat(40)
const approval = { rule: "weakened", path: "a", commit, reason: "it is right", by: "grace" }
const asked = {
  phase: "Succeeded",
  verdict: "GATE-FAIL",
  commitSHA: commit,
  result: { extra: { modelExtra: { reason: "NeedsApproval", message: "weakened: a: b" } } }
}
const approve = (name: string, approvals: ReadonlyArray<object>) =>
  Effect.flatMap(KubeClient, (kube) =>
    kube.patch(agenticTasks, { name, namespace: "default" }, { type: "merge", body: { spec: { approvals } } })
  )
const stateOf = (name: string) =>
  Effect.map(taskNamed(name), ({ status }) => [
    status?.phase,
    status?.verdict,
    status?.conditions?.find(({ type }) => type === "Scheduled")?.reason
  ])

describe("the operator after an approval", () => {
  it.effect("gives the gate a node again; what depends on it waits until then and runs after a pass", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* startOperator()
      yield* seed(agenticTasks, task("gate", { spec: { kind: "verify" } }))
      yield* seed(agenticTasks, task("review", { spec: { dependsOn: ["gate"] } }))
      yield* settle
      yield* setTask("gate", asked)
      yield* settle
      assert.deepStrictEqual(yield* stateOf("gate"), ["Succeeded", "GATE-FAIL", "FleetNodeAssigned"])
      assert.deepStrictEqual(yield* stateOf("review"), ["Pending", undefined, "NeedsApproval"])

      yield* approve("gate", [{ ...approval, commit: "b".repeat(40) }])
      yield* settle
      assert.deepStrictEqual(yield* stateOf("gate"), ["Succeeded", "GATE-FAIL", "FleetNodeAssigned"])

      yield* approve("gate", [approval])
      yield* settle
      const again = yield* taskNamed("gate")
      assert.deepStrictEqual(
        [again.status?.phase, again.status?.verdict, again.status?.result, again.status?.attempts?.length],
        ["Scheduled", undefined, undefined, 1]
      )
      assert.deepStrictEqual(yield* stateOf("review"), ["Pending", undefined, "WaitingForDependency"])

      yield* setTask("gate", { phase: "Succeeded", verdict: "GATE-PASS" })
      yield* settle
      assert.deepStrictEqual(yield* stateOf("review"), ["Scheduled", undefined, "FleetNodeAssigned"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("acts on one that was written while no operator ran", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(fleetNodes, node("n1"))
      yield* seed(agenticTasks, task("gate", { spec: { kind: "verify", approvals: [approval] } }))
      yield* setTask("gate", asked)
      yield* startOperator()
      yield* settle
      assert.deepStrictEqual(yield* stateOf("gate"), ["Scheduled", undefined, "FleetNodeAssigned"])
    }).pipe(Effect.provide(layer))
  )
})
