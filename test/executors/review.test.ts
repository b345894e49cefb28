/** A reviewer's word against what it read and found, through a whole run: real git, a model over HTTP. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import { call, submit, world } from "./modelRun.ts"

const review = (turns: ReadonlyArray<Turn>, maxTurns = 12, contextWindowTokens = 200_000) =>
  world({
    turns,
    agent: { role: "reviewer", maxTurns, contextWindowTokens },
    task: { kind: "review", payload: { repo: "acme/demo", branch: "work", branchStrategy: "reset" } }
  })

const finding = { severity: "blocker", area: "correctness", file: "OTHER.md", message: "it is wrong" }
/** More than a prompt shows: 4,000 lines of some 25 characters. */
const long = Array.from({ length: 4_000 }, (_, index) => `line ${index + 1} of this text\n`).join("")
const told = (text: string, turn: Turn): Turn => ({ ...turn, expect: { newContains: [text] } })

describe("a review", () => {
  it.live("is no GO while a hunk is unread, and is once all of it was shown", () =>
    Effect.gen(function* () {
      const { commitTo, model, run } = yield* review([
        { ...submit("GO"), expect: { contains: ["call read_diff from line"], toolsOffered: ["read_diff"] } },
        told("OTHER.md:1-4000", call("read_diff", { from: 2_400 })),
        told('"next"', call("read_diff", { from: 3_000 })),
        told('"next"', call("read_diff", { from: 3_600 })),
        submit("GO")
      ])
      commitTo("work", "OTHER.md", long)
      const result = yield* run
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.strictEqual(result.verdict, "GO")
      assert.deepInclude(result.extra?.["review"], { hunks: 1, unread: [], handBacks: 1 })
    })
  )

  it.live("shows of the diff what the window allows, in the prompt and in each page", () =>
    Effect.gen(function* () {
      const { commitTo, model, run } = yield* review(
        [
          {
            ...call("read_diff", { from: 100 }),
            expect: { contains: ["line 70 of"], lacks: ["line 100 of this"] }
          },
          {
            ...submit("NO-GO"),
            expect: { newContains: ["line 130 of", "next"], lacks: ["line 200 of this"] }
          }
        ],
        12,
        8_192
      )
      commitTo("work", "OTHER.md", long)
      yield* run
      assert.deepStrictEqual(yield* model.mismatches, [])
    })
  )

  it.live("counts a file's lines as read where nothing was taken away", () =>
    Effect.gen(function* () {
      const { commitTo, run } = yield* review([
        ...[2_300, 2_900, 3_500].map((offset) =>
          call("read_file", { path: "./OTHER.md", offset, limit: 700 })
        ),
        submit("GO")
      ])
      commitTo("work", "OTHER.md", long)
      const result = yield* run
      assert.deepStrictEqual(result.extra?.["review"], {
        hunks: 1,
        unread: [],
        findings: [],
        handBacks: 0,
        said: "GO"
      })
      assert.strictEqual(result.verdict, "GO")
    })
  )

  it.live("that never reads ends INCOMPLETE with DiffNotRead, whatever it says", () =>
    Effect.gen(function* () {
      const { commitTo, run } = yield* review([1, 2, 3, 4].map(() => submit("GO")))
      commitTo("work", "OTHER.md", long)
      const result = yield* run
      assert.deepInclude(result, { verdict: "INCOMPLETE", failureReason: "ConstraintViolated" })
      assert.deepInclude(result.extra, { reason: "DiffNotRead", modelSummary: "the greeting is polite" })
      assert.deepInclude(result.extra?.["review"], { unread: ["OTHER.md:1-4000"], said: "GO", handBacks: 3 })
    })
  )

  it.live("in its last turn is judged as it is: what it found is not lost", () =>
    Effect.gen(function* () {
      const beside = { ...finding, file: "README.md" }
      const { commitTo, run } = yield* review([submit("NO-GO", { findings: [beside, finding] })], 1)
      commitTo("work", "OTHER.md", "a\n")
      const result = yield* run
      assert.strictEqual(result.verdict, "NO-GO")
      assert.deepInclude(result.extra?.["review"], { findings: [finding], ungrounded: [beside] })
    })
  )

  it.live("hands back findings that point beside the change", () =>
    Effect.gen(function* () {
      const { commitTo, model, run } = yield* review([
        submit("NO-GO", { findings: [{ ...finding, file: "README.md", line: 1 }] }),
        told("README.md:1", submit("NO-GO", { findings: [{ ...finding, line: 1 }] }))
      ])
      commitTo("work", "OTHER.md")
      const result = yield* run
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.strictEqual(result.verdict, "NO-GO")
      assert.deepInclude(result.extra?.["review"], { findings: [{ ...finding, line: 1 }], handBacks: 1 })
    })
  )

  it.live("that finds a blocker is no GO, whatever it says", () =>
    Effect.gen(function* () {
      const { commitTo, run } = yield* review([submit("GO", { findings: [{ ...finding, line: 1 }] })])
      commitTo("work", "OTHER.md")
      const result = yield* run
      assert.strictEqual(result.verdict, "NO-GO")
      assert.deepInclude(result.extra, { reason: "BlockingFindings" })
    })
  )

  it.live("of a branch that moved meanwhile is about a commit that the branch no longer holds", () =>
    Effect.gen(function* () {
      const move = "git --git-dir=../../../demo.git update-ref refs/heads/work refs/heads/main"
      const { commitTo, run } = yield* review([call("bash", { command: move }), submit("GO")])
      commitTo("work", "OTHER.md")
      const result = yield* run
      assert.strictEqual(result.verdict, "INCOMPLETE")
      assert.deepInclude(result.extra, { reason: "BranchMoved" })
    })
  )

  it.live("does not show what the author says of the change", () =>
    Effect.gen(function* () {
      const look =
        "git log --all --format=%B; git reflog; git show -s; git for-each-ref; git fsck --lost-found"
      const { commitTo, model, run } = yield* review([
        call("bash", { command: look }),
        { ...submit("NO-GO"), expect: { newContains: ["under review", "first"], lacks: ["another's work"] } }
      ])
      commitTo("work", "OTHER.md")
      const result = yield* run
      assert.deepStrictEqual(yield* model.mismatches, [])
      // A reviewer of the first implementation names no findings: its NO-GO stands.
      assert.strictEqual(result.verdict, "NO-GO")
    })
  )
})
