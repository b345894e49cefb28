import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { bounded, cutMiddle } from "../../src/decide/bounded.ts"

describe("a result within its share of the context", () => {
  it("is untouched while it fits", () => {
    const output = { text: "short", list: ["a"] }
    assert.strictEqual(bounded(output, 100), output)
  })

  it("keeps the beginning and the end of its texts, and says how much is left out", () => {
    const { code, text } = bounded({ code: 1, text: `start${"x".repeat(9000)}end` }, 500)
    assert.strictEqual(code, 1)
    assert.match(String(text), /^start[^]*\[… \d+ characters left out …\][^]*end$/u)
  })

  it("keeps both ends of its lists when its texts are short", () => {
    const { list } = bounded({ list: Array.from({ length: 3000 }, (_, index) => `line ${index}`) }, 2000)
    assert.isTrue(Array.isArray(list))
    const items = Array.isArray(list) ? list : []
    assert.deepStrictEqual([items[0], items.at(-1)], ["line 0", "line 2999"])
    assert.isTrue(items.some((item) => /more left out/u.test(String(item))))
  })

  it("is cut between characters", () => {
    assert.isTrue(cutMiddle("😀".repeat(100), 31).isWellFormed())
  })

  it.prop(
    "holds to any bound, for any JSON",
    {
      output: Schema.Record(Schema.String, Schema.Json),
      maxChars: Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 3000 }))
    },
    ({ maxChars, output }) => {
      // A text of control characters is six times as long as JSON.
      assert.isAtMost(JSON.stringify(bounded(output, maxChars)).length, maxChars * 6)
    }
  )
})
