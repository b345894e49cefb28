import { assert, describe, it } from "@effect/vitest"

import type { TaskStatus } from "../../schema/AgenticTask.ts"
import {
  claimFields,
  continues,
  earlierNode,
  holds,
  releaseFields,
  standing
} from "../../src/decide/claim.ts"
import { task } from "../builders.ts"

const at = "2027-01-15T08:00:00Z"
const ours = { id: "c1", node: "n1", claimedAt: at }
const running: TaskStatus = { phase: "Running", assignedNode: "n1", claimedAt: at, claim: ours }
const of = (status: TaskStatus, metadata: object = {}) => task("t", { status, metadata })
const { claim: _, ...unfenced } = running

describe("what a node may do with a task", () => {
  it.each<[string, TaskStatus, object, ReturnType<typeof standing>]>([
    ["one that is assigned to it", { phase: "Scheduled", assignedNode: "n1" }, {}, "Claimable"],
    ["one that the process before it ran", running, {}, "Orphaned"],
    ["another node's", { phase: "Scheduled", assignedNode: "n2" }, {}, "NotOurs"],
    ["another node's that runs", { ...running, assignedNode: "n2" }, {}, "NotOurs"],
    ["one that waits for a node again", { phase: "Pending" }, {}, "NotOurs"],
    ["one that ended", { ...running, phase: "Succeeded" }, {}, "NotOurs"],
    [
      "one that is being deleted",
      { phase: "Scheduled", assignedNode: "n1" },
      { deletionTimestamp: at },
      "NotOurs"
    ]
  ])("%s", (_, status, metadata, expected) => {
    assert.strictEqual(standing(of(status, metadata), "n1"), expected)
  })
})

describe("a claim", () => {
  const fenced = { ...ours, isFenced: true }
  it.each<[string, TaskStatus, boolean]>([
    ["holds as it was written", running, true],
    [
      "is lost to another of the same node in the same second",
      { ...running, claim: { ...ours, id: "c2" } },
      false
    ],
    ["is lost when it is gone", unfenced, false],
    ["counts no longer beside another time", { ...running, claimedAt: "2027-01-15T08:00:01Z" }, false],
    ["counts no longer beside another node", { ...running, assignedNode: "n2" }, false],
    ["is over when the task waits again", { ...running, phase: "Pending" }, false],
    ["is over when the task ended", { ...running, phase: "Failed" }, false]
  ])("%s", (_, status, expected) => {
    assert.strictEqual(holds(of(status), fenced), expected)
  })

  it("holds by node and time where the cluster keeps no claim", () => {
    const claim = { ...ours, isFenced: false }
    assert.deepStrictEqual(
      [unfenced, { ...unfenced, claimedAt: "2027-01-15T08:00:01Z" }].map((status) =>
        holds(of(status), claim)
      ),
      [true, false]
    )
  })

  it.each<[string, TaskStatus, boolean]>([
    ["under its own claim", running, true],
    ["by node and time, where there is no claim", unfenced, true],
    ["under a later claim", { ...running, claim: { ...ours, id: "c2" } }, false],
    ["at a later time", { ...unfenced, claimedAt: "2027-01-15T09:00:00Z" }, false],
    ["that was given to it anew", { phase: "Scheduled", assignedNode: "n1" }, false]
  ])("a recorded end belongs to a run %s", (_, status, expected) => {
    assert.strictEqual(continues(of(status), ours), expected)
  })
})

describe("the node that had a task before", () => {
  const claim = { id: "c", node: "one", claimedAt: "2026-12-01T00:00:00Z" }
  const withConditions = (conditions: TaskStatus["conditions"], phase: TaskStatus["phase"] = "Scheduled") =>
    task("t", { status: { phase, assignedNode: "two", ...(conditions !== undefined && { conditions }) } })

  it("is told by the condition that its claim wrote, or that it wrote when it gave the task back", () => {
    const claimed = claimFields(task("t"), claim, 0).conditions ?? undefined
    assert.strictEqual(earlierNode(withConditions(claimed)), "one")
    const why = {
      reason: "NodeDraining",
      message: "node one is shutting down; the task waits for a node again"
    }
    const released = releaseFields(withConditions(claimed), why, 0).conditions ?? undefined
    assert.strictEqual(earlierNode(withConditions(released)), "one")
  })

  it("is the node itself for a run that its process left behind, and nobody for a fresh task", () => {
    assert.strictEqual(earlierNode(withConditions(undefined, "Running")), "two")
    assert.isUndefined(earlierNode(withConditions(undefined)))
    assert.isUndefined(earlierNode(task("t")))
  })
})
