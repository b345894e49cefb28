import { assert, describe, it } from "@effect/vitest"

import { replaceText } from "../../src/decide/replaceText.ts"

describe("a replacement", () => {
  const file = "if (a) {\n  one()  \n  two()\n}\n"
  it.each([
    ["as it stands", "two()", "three()", 1, "if (a) {\n  one()  \n  three()\n}\n", "exact"],
    [
      "but for spaces at line ends",
      "  one()\n  two()",
      "  1\n  2",
      1,
      "if (a) {\n  1\n  2\n}\n",
      "trailing-ws"
    ],
    [
      "but for the indentation, which it takes over",
      "one()\ntwo()",
      "1\nif\n  2",
      1,
      "if (a) {\n  1\n  if\n    2\n}\n",
      "indent"
    ]
  ] as const)("is found %s", (_, oldText, newText, expected, text, via) => {
    assert.deepStrictEqual(replaceText(file, oldText, newText, expected), {
      _tag: "Replaced",
      text,
      count: expected,
      via
    })
  })

  it.each([
    ["the same text", "two()", "two()", 1, /same/u],
    ["nothing to look for", "", "x", 1, /empty/u],
    ["another count than expected", "o", "x", 1, /occurs 2 times, expected 1/u],
    ["what is not there", "four()", "x", 1, /does not occur/u]
  ] as const)("is refused for %s", (_, oldText, newText, expected, message) => {
    const outcome = replaceText(file, oldText, newText, expected)
    assert.match(outcome._tag === "Refused" ? outcome.message : "", message)
  })

  it("puts a $ in as it is", () => {
    const outcome = replaceText("price", "price", "$& $1 $$", 1)
    assert.strictEqual(outcome._tag === "Replaced" ? outcome.text : "", "$& $1 $$")
  })
})
