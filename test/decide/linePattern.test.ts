import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

import { linePattern } from "../../src/decide/linePattern.ts"

const matches = (pattern: string, line: string): boolean | string =>
  Result.match(linePattern(pattern), { onSuccess: (test) => test(line), onFailure: (message) => message })

describe("a pattern in Go's syntax", () => {
  it.each([
    ["a(b|c)+d$", "xxabcbd", true],
    ["^a(b|c)+d$", "xabd", false],
    ["(?i)FOO", "a foo", true],
    ["(?i:F)oo", "fOO", false],
    ["\\bfoo\\b", "a food", false],
    ["[[:alpha:]]{3}", "12abc", true],
    ["(?P<name>x)y", "xy", true],
    ["\\d{2,3}-", "12-", true],
    ["[]a]", "]", true],
    ["func \\(r \\*Foo\\)", "func (r *Foo) Bar()", true],
    ["\\p{Greek}", "aα", true],
    ["[\\w.-]+@", "a.b-c@d", true],
    ["\\Qa.b\\E", "axb", false],
    ["x{,2}", "x{,2}", true],
    ["🙂+$", "a🙂🙂", true],
    ["", "anything", true]
  ] as const)("%s on %s is %s", (pattern, line, expected) => {
    assert.strictEqual(matches(pattern, line), expected)
  })

  it.each(["(a", "a)", "*a", "[a", "a{3,2}", "(?=a)", "(a)\\1", "\\", "a{2000}"])(
    "%s is refused",
    (pattern) => {
      assert.isString(matches(pattern, ""))
    }
  )

  it("takes time in proportion to the line where a backtracking engine would never end", () => {
    assert.isFalse(matches("(a+)+(a|a)*$", `${"a".repeat(4000)}b`))
  })

  const alphabet = Schema.Array(
    Schema.Literals(["a", "b", "(", ")", "|", "*", "?", "+", ".", "^", "$", "[ab]"])
  )
  it.prop(
    "agrees with JavaScript's engine where both know the syntax",
    { parts: alphabet, line: Schema.Array(Schema.Literals(["a", "b", "c"])) },
    ({ line, parts }) => {
      const pattern = parts.slice(0, 7).join("")
      const known = Result.try(() => new RegExp(pattern, "u"))
      // Go repeats a repetition, JavaScript refuses to; both refuse what is not closed.
      if (Result.isFailure(known)) return
      const found = matches(pattern, line.join(""))
      if (typeof found === "boolean") assert.strictEqual(found, known.success.test(line.join("")), pattern)
    }
  )
})
