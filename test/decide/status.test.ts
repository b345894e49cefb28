import { assert, describe, it } from "@effect/vitest"

import { labelValue } from "../../src/decide/labels.ts"
import { setCondition, statusPatch } from "../../src/decide/status.ts"

const update = {
  type: "Scheduled",
  status: "False",
  reason: "Unschedulable",
  message: "0/0 nodes fit"
} as const
const at = (seconds: number) => 1_800_000_000_000 + seconds * 1000

describe("setCondition", () => {
  const first = setCondition(undefined, update, at(0), 3)

  it("adds a condition with the time of its transition", () => {
    assert.deepStrictEqual(first, [
      { ...update, observedGeneration: 3, lastTransitionTime: "2027-01-15T08:00:00Z" }
    ])
  })
  it("returns the same array when nothing changed", () => {
    assert.strictEqual(setCondition(first, update, at(60), 3), first)
  })
  it("keeps the time of the transition when only the reason or the message changes", () => {
    assert.deepStrictEqual(setCondition(first, { ...update, message: "other" }, at(60), 3), [
      { ...update, message: "other", observedGeneration: 3, lastTransitionTime: "2027-01-15T08:00:00Z" }
    ])
  })
  it("moves the time when the status changes, and leaves other conditions alone", () => {
    const other = { ...update, type: "Other", lastTransitionTime: "2027-01-01T00:00:00Z" }
    assert.deepStrictEqual(
      setCondition([other, ...first], { ...update, status: "True", reason: "FleetNodeAssigned" }, at(60)),
      [
        other,
        { ...update, status: "True", reason: "FleetNodeAssigned", lastTransitionTime: "2027-01-15T08:01:00Z" }
      ]
    )
  })
})

describe("statusPatch", () => {
  it("is fenced by the version that was read, and clears with null", () => {
    const task = { metadata: { name: "t", resourceVersion: "7" }, status: { phase: "Running", node: "n" } }
    assert.deepStrictEqual(statusPatch(task, { phase: "Pending", node: null }), {
      metadata: { resourceVersion: "7" },
      status: { phase: "Pending", node: null }
    })
  })
})

describe("labelValue", () => {
  it("leaves a name of 63 characters alone", () => {
    assert.strictEqual(labelValue("a".repeat(63)), "a".repeat(63))
  })
  it("keeps two long names with one beginning apart, and both legal", () => {
    const [one, two] = [labelValue(`${"a".repeat(70)}-1`), labelValue(`${"a".repeat(70)}-2`)]
    assert.notStrictEqual(one, two)
    assert.match(one, /^a{52}-[0-9a-f]{10}$/u)
    assert.strictEqual(one.length, 63)
  })
})
