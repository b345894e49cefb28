/** A coder that stops, through a whole run: real git, a model over HTTP. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import { call, edit, submit, world } from "./modelRun.ts"

const test = `import assert from "node:assert/strict"
import { test } from "node:test"
import { add } from "./add.js"

test("two and two", () => {
  assert.equal(add(2, 2), 4)
})
`

const coder = Effect.fnUntraced(function* (turns: ReadonlyArray<Turn>, maxTurns = 12) {
  const made = yield* world({ turns, agent: { maxTurns } })
  made.commitTo("main", "add.js", "export const add = (a, b) => a + b\n")
  made.commitTo("main", "add.test.js", test)
  return made
})
const stop = (stop_reason: string, more: object = {}) =>
  call("submit_result", { verdict: "STOP", summary: "the issue asks for 5", stop_reason, ...more })
const told = (text: string, turn: Turn): Turn => ({ ...turn, expect: { newContains: [text] } })
const branch = "foreman/issue-7"

describe("a coder's stop", () => {
  it.live.each<[string, Turn, Readonly<Record<string, unknown>>]>([
    [
      "Contradicted",
      stop("Contradicted", { evidence: ["add.test.js:6 demands 4"] }),
      {
        outcome: "STOPPED",
        stop: {
          evidence: ["add.test.js:6 demands 4"],
          handBacks: 0,
          lines: ["add.test.js:6: assert.equal(add(2, 2), 4)"]
        }
      }
    ],
    [
      "Ambiguous",
      stop("Ambiguous", { evidence: ["5 for add(2, 2) only", "one more than the sum, always"] }),
      {
        outcome: "STOPPED",
        stop: { evidence: ["5 for add(2, 2) only", "one more than the sum, always"], handBacks: 0 }
      }
    ],
    [
      "NeedsPerson",
      stop("NeedsPerson", { evidence: ["access to the price list"] }),
      { outcome: "STOPPED", stop: { evidence: ["access to the price list"], handBacks: 0 } }
    ]
  ])(
    "%s is INCOMPLETE, a person's, and nothing is pushed although files were edited",
    ([reason, last, extra]) =>
      Effect.gen(function* () {
        const { run, tip } = yield* coder([edit, last])
        const result = yield* run
        assert.strictEqual(result.verdict, "INCOMPLETE")
        assert.strictEqual(result.failureReason, undefined)
        assert.strictEqual(result.summary, "the issue asks for 5")
        assert.deepInclude(result.extra, { reason, party: "person", ...extra })
        assert.strictEqual(tip(branch), undefined)
      })
  )

  it.live(
    "DoneAlready is the contract's ALREADY-RESOLVED, by a line or by a command that passes on the base",
    () =>
      Effect.gen(function* () {
        const byLine = yield* coder([stop("DoneAlready", { evidence: ["add.js:1"] })])
        const byCommand = yield* coder([
          // What the model changed does not count.
          call("write_file", { path: "add.js", content: "broken\n" }),
          stop("DoneAlready", { command: "grep -q 'a + b' add.js" })
        ])
        const [line, command] = [yield* byLine.run, yield* byCommand.run]
        assert.strictEqual(line.verdict, "NO-GO")
        assert.deepInclude(line.extra, {
          outcome: "ALREADY-RESOLVED",
          reason: "DoneAlready",
          party: "person",
          resolvedBy: ["add.js:1"]
        })
        assert.deepInclude(command.extra, {
          outcome: "ALREADY-RESOLVED",
          resolvedBy: ["$ grep -q 'a + b' add.js"],
          stop: {
            evidence: [],
            command: "grep -q 'a + b' add.js",
            handBacks: 0,
            passed: "grep -q 'a + b' add.js"
          }
        })
        assert.strictEqual(byCommand.tip(branch), undefined)
      })
  )

  it.live("whose evidence does not hold is answered to the model, each time with what is wrong", () =>
    Effect.gen(function* () {
      const { model, run } = yield* coder([
        stop("Contradicted", { evidence: ["add.js:1"] }),
        told("none of these is a test: add.js", call("write_file", { path: "made.test.js", content: test })),
        stop("Contradicted", { evidence: ["made.test.js:6"] }),
        told("the base has no file made.test.js", stop("Contradicted", { evidence: ["add.test.js:60"] })),
        told("add.test.js has 7 lines on the base", submit("NO-GO"))
      ])
      const result = yield* run
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.deepInclude(result, { verdict: "NO-GO" })
      assert.deepInclude(result.extra, { outcome: "MODEL-DECIDED", party: "model" })
    })
  )

  it.live(
    "is never the run's end by evidence that does not hold: after three answers the model is the party",
    () =>
      Effect.gen(function* () {
        const { run, tip } = yield* coder(
          Array.from({ length: 4 }, () => stop("DoneAlready", { command: "grep -q nothing add.js" }))
        )
        const result = yield* run
        assert.deepInclude(result, { verdict: "INCOMPLETE", failureReason: "ConstraintViolated" })
        assert.include(result.summary, "on the base, without any change, the command fails")
        assert.deepInclude(result.extra, {
          outcome: "MODEL-DECIDED",
          reason: "EvidenceUnproven",
          party: "model",
          modelSummary: "the issue asks for 5"
        })
        assert.strictEqual(tip(branch), undefined)
      })
  )

  it.live("in the last turn is not handed back", () =>
    Effect.gen(function* () {
      const { run } = yield* coder([stop("Contradicted", { evidence: ["gone.test.js:1"] })], 1)
      assert.deepInclude((yield* run).extra, { reason: "EvidenceUnproven", party: "model" })
    })
  )
})
