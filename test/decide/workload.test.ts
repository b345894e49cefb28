import { assert, describe, it } from "@effect/vitest"

import type { AgenticTask, TaskStatus } from "../../schema/AgenticTask.ts"
import type { WorkloadSpec } from "../../schema/Workload.ts"
import { setCondition } from "../../src/decide/status.ts"
import { rollup } from "../../src/decide/rollup.ts"
import { planOf } from "../../src/decide/workload.ts"
import { agent, epoch, task, workload } from "../builders.ts"

const agents = [
  agent("coder"),
  agent("reviewer", { spec: { role: "reviewer" } }),
  agent("cloud", { spec: { role: "reviewer", provider: "cloud-proxy" } })
]
const plan = (spec: Partial<WorkloadSpec>, allowCloudProviders = true) =>
  planOf({
    workload: workload("w", { spec }),
    agent: (name) => agents.find(({ metadata }) => metadata.name === name),
    allowCloudProviders
  })

/** Tasks with what they wait for, and conditions with their reason; or the reason of a refusal. */
const seen = (spec: Partial<WorkloadSpec>, allowCloudProviders = true) => {
  const decided = plan(spec, allowCloudProviders)
  if (decided._tag === "Refused") return decided.condition.reason
  if (decided._tag === "AgentMissing") return `no Agent ${decided.name}`
  return {
    tasks: decided.tasks.map(({ metadata, spec }) => [metadata.name, ...(spec.dependsOn ?? [])].join(" < ")),
    conditions: decided.conditions.map(({ type, reason, message }) => `${type}/${reason}: ${message}`)
  }
}

const batch = {
  repo: "o/r",
  issues: [7, 8, 7],
  coderAgentRef: { name: "coder" },
  verifierAgentRef: { name: "gate" },
  reviewerAgentRefs: [{ name: "reviewer" }, { name: "cloud" }]
}
const step = (name: string, ...dependsOn: ReadonlyArray<string>) => ({
  name,
  kind: "freeform" as const,
  agentRef: { name: "coder" },
  payload: { branchStrategy: "reset" as const },
  dependsOn
})

describe("what a Workload becomes", () => {
  it("each issue is coded, verified, and reviewed by every reviewer; an issue that is listed twice is done once", () => {
    assert.deepStrictEqual(seen(batch), {
      tasks: [7, 8].flatMap((n) => [
        `w-code-${n}`,
        `w-verify-${n} < w-code-${n}`,
        `w-review-${n}-0 < w-verify-${n}`,
        `w-review-${n}-1 < w-verify-${n}`
      ]),
      conditions: []
    })
  })
  it("without a verifier the review follows the code", () => {
    const { verifierAgentRef: _, ...rest } = batch
    assert.deepStrictEqual(seen({ ...rest, issues: [7], reviewerAgentRefs: [{ name: "reviewer" }] }), {
      tasks: ["w-code-7", "w-review-7-0 < w-code-7"],
      conditions: []
    })
  })
  it("9a8371c4 d949e3f0 intent, repository, branch and gate profile reach the tasks", () => {
    const decided = plan({ ...batch, issues: [7], gateProfile: { language: "node" } })
    assert(decided._tag === "Tasks")
    const [code, verify, review] = decided.tasks
    assert.deepStrictEqual(code?.spec, {
      kind: "issue-fix",
      agentRef: { name: "coder" },
      gateProfile: { language: "node" },
      payload: {
        repo: "o/r",
        issue: 7,
        branch: "foreman/w/issue-7",
        branchStrategy: "reset",
        promptPrefix: "make it so"
      }
    })
    assert.deepStrictEqual(verify?.spec.payload, {
      repo: "o/r",
      issue: 7,
      branch: "foreman/w/issue-7",
      branchStrategy: "reset"
    })
    assert.strictEqual(review?.spec.payload.openPullRequest, true)
  })
  it("9.1.10 maxTasks cuts whole issues", () => {
    assert.deepStrictEqual(seen({ ...batch, maxTasks: 7 }), {
      tasks: ["w-code-7", "w-verify-7 < w-code-7", "w-review-7-0 < w-verify-7", "w-review-7-1 < w-verify-7"],
      conditions: ["Truncated/MaxTasksCap: spec.maxTasks 7 keeps 4 of 8 tasks"]
    })
    assert.strictEqual(seen({ ...batch, maxTasks: 3 }), "MaxTasksCap")
  })
  it("a pipeline is cut at its end, and what would wait for a step that was cut goes too", () => {
    const prefixed = [step("a"), step("b", "w-a"), step("c")]
    assert.deepStrictEqual(seen({ pipeline: prefixed, maxTasks: 2 }), {
      tasks: ["w-a", "w-b < w-a"],
      conditions: ["Truncated/MaxTasksCap: spec.maxTasks 2 keeps 2 of 3 tasks"]
    })
    assert.deepStrictEqual(seen({ pipeline: prefixed, allowCloudReviewers: false }), {
      tasks: ["w-a", "w-b < w-a", "w-c"],
      conditions: []
    })
    assert.deepStrictEqual(seen({ pipeline: [step("a", "c"), step("b"), step("c")], maxTasks: 2 }), {
      tasks: ["w-b"],
      conditions: ["Truncated/MaxTasksCap: spec.maxTasks 2 keeps 1 of 3 tasks"]
    })
  })
  it("either switch leaves out reviewers that are not local", () => {
    const expected = {
      tasks: ["w-code-7", "w-verify-7 < w-code-7", "w-review-7-0 < w-verify-7"],
      conditions: [
        "CloudReviewersSuppressed/SovereigntyGate: left out, for their Agents are not local: review-7-1"
      ]
    }
    assert.deepStrictEqual(seen({ ...batch, issues: [7] }, false), expected)
    assert.deepStrictEqual(seen({ ...batch, issues: [7], allowCloudReviewers: false }), expected)
  })
  it.each<[string, Partial<WorkloadSpec>, string]>([
    ["an intent alone", {}, "NoPlannerOrPipeline"],
    ["issues without a coder", { issues: [1] }, "NoPlannerOrPipeline"],
    ["a step that waits for no step", { pipeline: [step("a", "z")] }, "InvalidPipeline"],
    ["two steps that make one task", { pipeline: [step("a"), step("w-a")] }, "InvalidPipeline"],
    [
      "a reviewer that is not there, when it matters",
      { ...batch, reviewerAgentRefs: [{ name: "x" }], allowCloudReviewers: false },
      "no Agent x"
    ]
  ])("refuses %s", (_, spec, reason) => {
    assert.strictEqual(seen(spec), reason)
  })
})

describe("what its tasks come to", () => {
  const child = (phase?: TaskStatus["phase"], verdict?: TaskStatus["verdict"], outcome = ""): AgenticTask =>
    task(`${phase}-${verdict}-${outcome}`, {
      status: {
        ...(phase === undefined ? {} : { phase }),
        ...(verdict === undefined ? {} : { verdict }),
        result: { extra: { outcome } }
      }
    })
  const go = child("Succeeded", "GO")
  const come = (children: ReadonlyArray<AgenticTask>) => {
    const fields = rollup(workload("w"), children, [], epoch)
    const { phase, succeededTasks, failedTasks, incompleteTasks, conditions } = fields ?? {}
    return [phase, succeededTasks, failedTasks, incompleteTasks, conditions?.[0]?.reason]
  }
  it.each<[string, ReadonlyArray<AgenticTask>, ReadonlyArray<unknown>]>([
    ["all on target", [go, child("Succeeded", "GATE-PASS")], ["Completed", 2, 0, 0, "AllChildrenSucceeded"]],
    [
      "one in flight, one failed",
      [child("Running"), child("Failed", "INCOMPLETE")],
      ["Dispatched", 0, 1, 0, "ChildrenInFlight"]
    ],
    ["one failed", [go, child("Failed", "INCOMPLETE")], ["Failed", 1, 1, 0, "ChildrenFailed"]],
    [
      "#575 a reviewer said NO-GO",
      [go, child("Succeeded", "NO-GO")],
      ["Failed", 1, 0, 1, "ChildrenIncomplete"]
    ],
    [
      "#541 INCOMPLETE is counted apart",
      [child("Succeeded", "INCOMPLETE")],
      ["Failed", 0, 0, 1, "ChildrenIncomplete"]
    ],
    [
      "all resolved already",
      [child("Succeeded", "NO-GO", "ALREADY-RESOLVED"), child("Succeeded", "Skipped")],
      ["Completed", 0, 0, 0, "AllAlreadyResolved"]
    ],
    [
      "one stopped, and what waited for it failed: a person is asked for",
      [
        go,
        child("Succeeded", "INCOMPLETE", "STOPPED"),
        task("gate", {
          status: {
            phase: "Failed",
            verdict: "INCOMPLETE",
            conditions: setCondition(
              [],
              { type: "Failed", status: "True", reason: "UpstreamFailed", message: "" },
              epoch
            )
          }
        })
      ],
      ["Failed", 1, 1, 1, "NeedsPerson"]
    ],
    [
      "one stopped and another failed by itself",
      [child("Succeeded", "INCOMPLETE", "STOPPED"), child("Failed", "INCOMPLETE")],
      ["Failed", 0, 1, 1, "ChildrenFailed"]
    ]
  ])("%s", (_, children, expected) => {
    assert.deepStrictEqual(come(children), expected)
  })
  it("9.1.11 says nothing when all is said", () => {
    const status = rollup(workload("w"), [go], [], epoch)
    assert.isDefined(status)
    const said = workload("w", {
      status: {
        phase: "Completed",
        succeededTasks: 1,
        failedTasks: 0,
        incompleteTasks: 0,
        conditions: status.conditions ?? []
      }
    })
    assert.strictEqual(rollup(said, [go], [], epoch + 60_000), undefined)
  })
})
