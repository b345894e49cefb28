import { assert, describe, it } from "@effect/vitest"

import type { AgenticTask, TaskStatus } from "../../schema/AgenticTask.ts"
import type { Approval } from "../../schema/Approval.ts"
import { formatTime } from "../../schema/Time.ts"
import { awaitsApproval, fingerprintOf, nextAttempt } from "../../src/decide/approval.ts"
import { Upstream, upstreamOf } from "../../src/decide/dependencies.ts"
import { rollup } from "../../src/decide/rollup.ts"
import { epoch, task, workload } from "../builders.ts"

const commit = "a".repeat(40)
const approval = (changes: Partial<Approval> = {}): Approval => ({
  rule: "weakened",
  path: "test/a.test.ts",
  commit,
  reason: "the function was removed",
  by: "grace",
  ...changes
})

/** A gate's task as its daemon leaves it. */
const gate = (changes: {
  readonly approvals?: ReadonlyArray<Approval>
  readonly reason?: string
  readonly read?: string | undefined
  readonly status?: Partial<TaskStatus>
}): AgenticTask =>
  task("gate", {
    metadata: { generation: 2, resourceVersion: "7" },
    spec: { kind: "verify", ...(changes.approvals !== undefined && { approvals: changes.approvals }) },
    status: {
      phase: "Succeeded",
      verdict: "GATE-FAIL",
      failureReason: "GateFailed",
      commitSHA: commit,
      jobName: "foreman-gate-gate-1",
      finishedAt: formatTime(epoch),
      assignedNode: "n1",
      result: {
        extra: {
          modelExtra: { reason: changes.reason ?? "NeedsApproval", message: "weakened: a: b" },
          ...(changes.read !== undefined && { approvalsRead: changes.read })
        }
      },
      ...changes.status
    }
  })

describe("a gate that needs approval", () => {
  it.each<[string, AgenticTask, boolean]>([
    ["is one whose verdict says so", gate({}), true],
    ["is none that failed for another reason", gate({ reason: "CheckFailed" }), false],
    ["is none that passed", gate({ status: { verdict: "GATE-PASS" } }), false],
    ["is none that runs again", gate({ status: { phase: "Pending" } }), false],
    ["is none without a result", task("t", { status: { phase: "Succeeded", verdict: "GATE-FAIL" } }), false]
  ])("%s", (_, of, awaits) => {
    assert.strictEqual(awaitsApproval(of), awaits)
  })
})

describe("the next attempt", () => {
  const both = [approval(), approval({ path: "x" })]
  it.each<[string, AgenticTask, boolean]>([
    ["comes with an approval of the judged commit", gate({ approvals: [approval()] }), true],
    ["does not come without one", gate({}), false],
    ["does not come for another commit", gate({ approvals: [approval({ commit: "b".repeat(40) })] }), false],
    ["does not come for those that were read", gate({ approvals: both, read: fingerprintOf(both) }), false],
    ["comes with one more", gate({ approvals: both, read: fingerprintOf([approval()]) }), true],
    ["does not come for a check that said no", gate({ approvals: both, reason: "CheckFailed" }), false],
    [
      "does not come for ever where no judge reads them",
      gate({
        approvals: both,
        status: { attempts: [1, 2, 3].map(() => ({ approvals: fingerprintOf(both) ?? "" })) }
      }),
      false
    ]
  ])("%s", (_, of, comes) => {
    assert.strictEqual(nextAttempt(of, epoch) !== undefined, comes)
  })

  it("waits for a node again, keeps how the last one ended, and says who approved", () => {
    const of = gate({ approvals: [approval()] })
    const fields = nextAttempt(of, epoch)
    const { attempts, conditions, ...rest } = fields ?? {}
    assert.deepStrictEqual(attempts, [
      {
        verdict: "GATE-FAIL",
        reason: "NeedsApproval",
        commitSHA: commit,
        jobName: "foreman-gate-gate-1",
        finishedAt: formatTime(epoch),
        approvals: fingerprintOf([approval()]) ?? ""
      }
    ])
    assert.deepStrictEqual(
      conditions?.map(({ message, reason, status, type }) => [type, status, reason, message]),
      [
        [
          "Completed",
          "Unknown",
          "Approved",
          `grace allowed what the gate asked about ${commit}: it is judged again`
        ]
      ]
    )
    const { phase, ...cleared } = rest
    assert.strictEqual(phase, "Pending")
    assert.deepStrictEqual(
      Object.entries(cleared).filter(([, value]) => value !== null),
      []
    )
    for (const field of ["verdict", "result", "assignedNode", "claim", "claimedAt", "finishedAt"]) {
      assert.property(cleared, field)
    }
  })
})

describe("what waits for a gate that needs approval", () => {
  const wait = { reason: "NeedsApproval", message: "upstream gate needs approval: weakened: a: b" }
  const others = new Map<string, AgenticTask>([
    ["gate", gate({})],
    ["failed", task("failed", { status: { phase: "Succeeded", verdict: "NO-GO" } })],
    ["running", task("running", { status: { phase: "Running" } })]
  ])
  const upstream = (...dependsOn: ReadonlyArray<string>) =>
    upstreamOf(task("t", { spec: { dependsOn } }), (_, name) => others.get(name))

  it("waits, with the gate's question, also beside a task that is not done", () => {
    assert.deepStrictEqual(upstream("gate"), Upstream.Wait(wait))
    assert.deepStrictEqual(upstream("running", "gate"), Upstream.Wait(wait))
  })
  it("fails all the same for another upstream that failed", () => {
    assert.strictEqual(upstream("gate", "failed")._tag, "Failed")
  })
  it("is a Workload that goes on and says what is asked", () => {
    const fields = rollup(workload("w"), [gate({}), task("review")], [], epoch)
    assert.deepStrictEqual(
      [
        fields?.phase,
        fields?.incompleteTasks,
        fields?.conditions?.[0]?.reason,
        fields?.conditions?.[0]?.message
      ],
      ["Dispatched", 0, "ChildrenInFlight", `2 tasks were made; ${wait.message}`]
    )
    assert.strictEqual(rollup(workload("w"), [gate({})], [], epoch)?.phase, "Dispatched")
  })
})
