import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agents } from "../../schema/Agent.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { workloads } from "../../schema/Workload.ts"
import { Invalid, KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { agent, task, workload } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { atEpoch, setTask, settle, startOperator, taskNamed, workloadNamed } from "./running.ts"

const step = (name: string, ...dependsOn: ReadonlyArray<string>) => ({
  name,
  kind: "freeform" as const,
  agentRef: { name: "a" },
  payload: { branchStrategy: "reset" as const },
  ...(dependsOn.length === 0 ? {} : { dependsOn })
})

const childNames = Effect.flatMap(KubeClient, (kube) =>
  Effect.map(kube.list(agenticTasks), ({ items }) => items.map(({ metadata }) => metadata.name).sort())
)

describe("Workloads under the operator", () => {
  it.effect("a pipeline becomes tasks that it owns, with absolute dependencies, and ends Completed", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* startOperator()
      yield* seed(workloads, workload("w", { spec: { repo: "o/r", pipeline: [step("a"), step("b", "a")] } }))
      yield* settle
      const b = yield* taskNamed("w-b")
      const { metadata } = yield* workloadNamed("w")
      assert.deepStrictEqual(b.spec.dependsOn, ["w-a"])
      assert.strictEqual(b.spec.payload.repo, "o/r")
      assert.deepStrictEqual(b.metadata.labels, {
        "foreman.llmkube.dev/workload": "w",
        "foreman.llmkube.dev/step": "b"
      })
      assert.deepStrictEqual(b.metadata.ownerReferences, [
        {
          apiVersion: "foreman.llmkube.dev/v1alpha1",
          kind: "Workload",
          name: "w",
          uid: metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true
        }
      ])
      assert.strictEqual((yield* workloadNamed("w")).status?.phase, "Dispatched")
      yield* setTask("w-a", { phase: "Succeeded", verdict: "GO" })
      yield* setTask("w-b", { phase: "Succeeded", verdict: "GATE-PASS" })
      yield* settle
      const { status } = yield* workloadNamed("w")
      assert.deepStrictEqual(
        [status?.phase, status?.succeededTasks, status?.failedTasks, status?.incompleteTasks],
        ["Completed", 2, 0, 0]
      )
      assert.deepStrictEqual(
        status?.tasks?.map(({ name }) => name),
        ["w-a", "w-b"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("a field that nothing reads is named in Accepted, and the Workload runs all the same", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* startOperator()
      yield* seed(workloads, workload("w", { spec: { pipeline: [step("a")], escalateOnFailure: true } }))
      yield* settle
      yield* setTask("w-a", { phase: "Succeeded", verdict: "GO" })
      yield* settle
      const { status } = yield* workloadNamed("w")
      assert.strictEqual(status?.phase, "Completed")
      const accepted = status?.conditions?.find(({ type }) => type === "Accepted")
      assert.deepStrictEqual([accepted?.status, accepted?.reason], ["False", "NotImplemented"])
      assert.include(accepted?.message ?? "", "spec.escalateOnFailure")
    }).pipe(Effect.provide(layer))
  )

  it.effect("9.1.9 a rendering that broke off is taken up again, and nothing is made twice", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed, writes } = yield* FakeCluster
      yield* startOperator()
      let isDown = true
      yield* failNext(new Unavailable({ message: "down" }), {
        times: 1_000,
        when: ({ verb, key }) => isDown && verb === "create" && key === "default/w-b"
      })
      yield* seed(workloads, workload("w", { spec: { pipeline: [step("a"), step("b"), step("c")] } }))
      yield* settle
      assert.deepStrictEqual(yield* childNames, ["w-a", "w-c"])
      const half = (yield* workloadNamed("w")).status
      assert.deepStrictEqual([half?.phase, half?.conditions?.[0]?.reason], ["Planning", "RenderError"])
      yield* setTask("w-a", { phase: "Succeeded", verdict: "GO" })
      yield* setTask("w-c", { phase: "Succeeded", verdict: "GO" })
      isDown = false
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* childNames, ["w-a", "w-b", "w-c"])
      assert.strictEqual((yield* workloadNamed("w")).status?.phase, "Dispatched")
      const creates = (yield* writes)
        .filter(({ resource, verb }) => verb === "create" && resource !== "events")
        .map(({ key }) => key)
      assert.deepStrictEqual(creates.filter((key) => key !== "default/w-b").toSorted(), [
        "default/w-a",
        "default/w-c"
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a task of somebody else's that has a step's name is not taken for the step, and is named", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      yield* seed(agenticTasks, task("w-a", { status: { phase: "Succeeded", verdict: "GO" } }))
      yield* startOperator()
      yield* seed(workloads, workload("w", { spec: { pipeline: [step("a")] } }))
      yield* settle
      const { status } = yield* workloadNamed("w")
      assert.deepStrictEqual(
        [status?.phase, status?.tasks, status?.conditions?.[0]?.reason],
        ["Planning", [], "RenderError"]
      )
      assert.include(status?.conditions?.[0]?.message, "default/w-a")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a task that someone deleted is not made again, and counts as incomplete", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      yield* startOperator()
      yield* seed(workloads, workload("w", { spec: { pipeline: [step("a"), step("b")] } }))
      yield* settle
      yield* setTask("w-a", { phase: "Succeeded", verdict: "GO" })
      yield* kube.delete(agenticTasks, { name: "w-b", namespace: "default" })
      yield* settle
      assert.deepStrictEqual(yield* childNames, ["w-a"])
      const { status } = yield* workloadNamed("w")
      assert.deepStrictEqual([status?.phase, status?.incompleteTasks], ["Failed", 1])
      yield* kube.delete(agenticTasks, { name: "w-a", namespace: "default" })
      yield* settle
      assert.deepStrictEqual((yield* workloadNamed("w")).status, status)
    }).pipe(Effect.provide(layer))
  )

  it.effect("f90cc49c a Workload that is being deleted makes nothing", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { seed } = yield* FakeCluster
      const kube = yield* KubeClient
      yield* seed(
        workloads,
        workload("w", { metadata: { finalizers: ["example.org/hold"] }, spec: { pipeline: [step("a")] } })
      )
      yield* kube.delete(workloads, { name: "w", namespace: "default" })
      yield* startOperator()
      yield* settle
      assert.deepStrictEqual(yield* childNames, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("9.1.11 nothing is written when nothing changed", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { forgetRequests, seed, writes } = yield* FakeCluster
      yield* seed(workloads, workload("w", { spec: { pipeline: [step("a"), step("b")] } }))
      yield* startOperator()
      // Words to the waiting tasks are written too; then it is quiet.
      yield* TestClock.adjust("40 seconds")
      yield* forgetRequests
      yield* TestClock.adjust("1 hour")
      const later = (yield* writes).filter(({ resource }) => resource.startsWith("workloads"))
      assert.deepStrictEqual(later, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a refusal by the server is final, and a transient one is not", () =>
    Effect.gen(function* () {
      yield* atEpoch
      const { failNext, seed } = yield* FakeCluster
      yield* startOperator()
      yield* failNext(new Invalid({ message: "no such agent" }), { when: ({ verb }) => verb === "create" })
      yield* seed(workloads, workload("w", { spec: { pipeline: [step("a")] } }))
      yield* TestClock.adjust("1 minute")
      const { status } = yield* workloadNamed("w")
      assert.deepStrictEqual(
        [status?.phase, status?.conditions?.[0]?.reason],
        ["Failed", "AgentResolveFailed"]
      )
      assert.deepStrictEqual(yield* childNames, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "cloud reviewers are left out by the operator's switch; an Agent that is not there is waited for",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const { seed } = yield* FakeCluster
        yield* startOperator({ allowCloudProviders: false })
        yield* seed(agents, agent("local"))
        yield* seed(
          workloads,
          workload("w", {
            spec: {
              issues: [7],
              coderAgentRef: { name: "local" },
              reviewerAgentRefs: [{ name: "local" }, { name: "cloud" }]
            }
          })
        )
        yield* settle
        assert.deepStrictEqual(yield* childNames, [])
        yield* seed(
          agents,
          agent("cloud", {
            spec: {
              provider: "cloud-proxy",
              providerConfig: { baseURL: "https://example.org/v1", model: "m" }
            }
          })
        )
        yield* TestClock.adjust("31 seconds")
        assert.deepStrictEqual(yield* childNames, ["w-code-7", "w-review-7-0"])
      }).pipe(Effect.provide(layer))
  )
})
