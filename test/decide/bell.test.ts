import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { Bell, bellOf, bellText, nextText, nodesToTell, rungOf } from "../../src/decide/bell.ts"
import { lease, task } from "../builders.ts"

const Word = Schema.String.check(Schema.isPattern(/^[a-z0-9.-]{1,9}$/u))
const Rungs = Schema.Array(
  Schema.Struct({
    ref: Schema.Struct({ namespace: Word, name: Word }),
    version: Schema.String.check(Schema.isPattern(/^(?:[0-9]{1,9}|deleted)$/u))
  })
).check(Schema.isMaxLength(5))

describe("bellOf", () => {
  it.prop("reads what bellText wrote", { all: Rungs }, ({ all }) => {
    assert.deepStrictEqual(bellOf(lease("n", {}, bellText(7, all))), Bell.Told({ count: 7, rung: all }))
  })

  for (const [what, of, tag] of [
    ["no Lease", undefined, "Absent"],
    ["a daemon that does not listen", lease("n"), "Absent"],
    ["a Lease that was given back", lease("n", { holderIdentity: "" }, "1"), "Absent"],
    ["a daemon that asks", lease("n", {}, ""), "Asked"],
    ["text of somebody else", lease("n", {}, "yes please"), "Asked"],
    ["a list that is cut", lease("n", {}, "1 default/a@1 default/"), "Asked"],
    ["an operator with nothing to tell", lease("n", {}, "1"), "Told"]
  ] as const) {
    it(`${what}: ${tag}`, () => assert.strictEqual(bellOf(of)._tag, tag))
  }
})

describe("nextText", () => {
  const rung = (name: string, resourceVersion: string) =>
    rungOf(task(name, { metadata: { resourceVersion } }))
  const a = rung("a", "1")
  const told = Bell.Told({ count: 7, rung: [a] })
  const nothing = { scheduled: [], news: [], mayHaveMissed: false }

  for (const [what, bell, telling, text] of [
    ["one that asks is answered", Bell.Asked(), {}, "1"],
    ["one that was told is not told the same again", told, { scheduled: [a] }, undefined],
    ["what no longer waits is no news", told, {}, undefined],
    ["news are told", told, { news: [rung("b", "2")] }, "8 default/b@2"],
    [
      "what waits is told along",
      told,
      { scheduled: [a], news: [rung("b", "2")] },
      "8 default/a@1 default/b@2"
    ],
    ["what waits and was not told is told", told, { scheduled: [rung("a", "3")] }, "8 default/a@3"],
    ["news of what waits replace it", told, { scheduled: [a], news: [rung("a", "4")] }, "8 default/a@4"],
    ["one that may have missed something finds a number left out", told, { mayHaveMissed: true }, "9"]
  ] as const) {
    it(what, () => assert.strictEqual(nextText(bell, { ...nothing, ...telling }), text))
  }
})

describe("nodesToTell", () => {
  const pending = task("t", { metadata: { uid: "1" } })
  const on = (assignedNode: string, phase: "Scheduled" | "Running" | "Succeeded" | "Pending") =>
    task("t", { metadata: { uid: "1" }, status: { phase, assignedNode } })
  const ending = task("t", {
    metadata: { uid: "1", deletionTimestamp: "2026-01-01T00:00:00Z" },
    status: { phase: "Running", assignedNode: "a" }
  })
  const givenUp = task("t", {
    metadata: { uid: "1" },
    status: {
      phase: "Failed",
      assignedNode: "a",
      conditions: [
        {
          type: "Failed",
          status: "True",
          reason: "ClaimExpiryLimitReached",
          message: "",
          lastTransitionTime: "2026-01-01T00:00:00Z"
        }
      ]
    }
  })
  const anew = task("t", { metadata: { uid: "2" } })

  for (const [what, before, after, nodes] of [
    ["made", undefined, pending, []],
    ["given to a node", pending, on("a", "Scheduled"), ["a"]],
    ["claimed by it", on("a", "Scheduled"), on("a", "Running"), []],
    ["ended by it", on("a", "Running"), on("a", "Succeeded"), []],
    ["taken back", on("a", "Running"), pending, ["a"]],
    ["given to another at once", on("a", "Running"), on("b", "Scheduled"), ["b", "a"]],
    ["deleted while it runs", on("a", "Running"), undefined, ["a"]],
    ["deleted, but for a finalizer", on("a", "Running"), ending, ["a"]],
    ["gone at last", ending, undefined, ["a"]],
    ["made anew under its name", on("a", "Running"), anew, ["a"]],
    ["given up by the operator", on("a", "Running"), givenUp, ["a"]],
    ["deleted after its end", on("a", "Succeeded"), undefined, []],
    ["seen for the first time, as it waits for its node", undefined, on("a", "Scheduled"), ["a"]]
  ] as const) {
    it(`${what}: ${nodes.join(" and ") || "nobody"}`, () =>
      assert.deepStrictEqual(nodesToTell(before, after), nodes))
  }
})
