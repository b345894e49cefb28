import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { boundedSummary, commitMessageOf } from "../../src/decide/submission.ts"

describe("a submission", () => {
  it.prop("its summary fits and is whole characters, for any text", { text: Schema.String }, ({ text }) => {
    const bounded = boundedSummary(text.repeat(40))
    assert.isAtMost(Array.from(bounded).length, 280)
    assert.strictEqual(bounded, bounded.toWellFormed())
  })

  it("a long summary is cut after a sentence, else after a word", () => {
    assert.strictEqual(boundedSummary(`${"a".repeat(200)}. ${"b".repeat(200)}`), `${"a".repeat(200)}.`)
    assert.strictEqual(boundedSummary(`${"word ".repeat(100)}`, 12), "word word…")
  })

  it("without a commit message the summary is one", () => {
    assert.strictEqual(commitMessageOf("  ", "Greets politely."), "Greets politely\n\nGreets politely.")
    assert.strictEqual(commitMessageOf("fix: it", "s"), "fix: it")
  })
})
