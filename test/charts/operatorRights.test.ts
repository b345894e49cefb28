/** What the operator asks of the API server is what its roles in the chart let it ask: no less, or a lost node's task stays for ever. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agents } from "../../schema/Agent.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { workloads } from "../../schema/Workload.ts"
import { agent, epoch, node, task } from "../builders.ts"
import { FakeCluster, layer, type Request } from "../fakes/FakeCluster.ts"
import { atEpoch, startOperator } from "../reconcile/running.ts"
import { found, render, type Rule } from "./helm.ts"

const isLet = (rules: ReadonlyArray<Rule>, { resource, subresource, verb }: Request): boolean => {
  const [plural = "", ...group] = resource.split(".")
  const name = subresource === undefined ? plural : `${plural}/${subresource}`
  return rules.some(
    ({ apiGroups, resources, verbs }) =>
      apiGroups.includes(group.join(".")) && resources.includes(name) && verbs.includes(verb)
  )
}

describe.skipIf("missing" in found)("the operator's rights", () => {
  it.effect(
    "cover every request of scheduling, a lost node, an Agent, a Workload and the leader's Lease",
    () =>
      Effect.gen(function* () {
        const rules = render()
          .filter(({ kind, metadata }) => kind.endsWith("Role") && metadata.name === "foreman-operator")
          .flatMap((role) => role.rules ?? [])
        yield* atEpoch
        const { requests, seed } = yield* FakeCluster
        const claimedAt = formatTime(epoch)
        const claim = { id: "c", node: "n1", claimedAt }
        const status = { phase: "Running", assignedNode: "n1", claimedAt, claim } as const
        const pipeline = [{ name: "a", kind: "freeform", agentRef: { name: "a" }, payload: {} }]
        yield* seed(fleetNodes, node("n1"))
        yield* seed(agents, agent("a"))
        yield* seed(agenticTasks, task("lost", { status }), task("waits"))
        yield* seed(workloads, {
          metadata: { namespace: "default", name: "w" },
          spec: { intent: "x", repo: "https://example.com/r.git", pipeline }
        })
        yield* startOperator({ leaderIdentity: "o1" })
        yield* TestClock.adjust("100 seconds")
        const asked = yield* requests
        assert.deepStrictEqual(
          asked.filter((request) => !isLet(rules, request)),
          []
        )
        const wrote = (wanted: string) =>
          asked.some(
            ({ resource, subresource, verb }) => `${verb} ${resource} ${subresource ?? ""}`.trim() === wanted
          )
        assert.isTrue(wrote("patch agentictasks.foreman.llmkube.dev"))
        assert.isTrue(wrote("create agentictasks.foreman.llmkube.dev"))
        assert.isTrue(wrote("patch leases.coordination.k8s.io") || wrote("create leases.coordination.k8s.io"))
      }).pipe(Effect.provide(layer))
  )
})
