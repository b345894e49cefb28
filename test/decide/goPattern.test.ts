import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

import { goPattern } from "../../src/decide/goPattern.ts"

const matches = (pattern: string, line: string): boolean | string =>
  Result.match(goPattern(pattern), {
    onSuccess: ({ isMatch }) => isMatch(line),
    onFailure: (message) => message
  })

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

  it("is refused where it would take too long for a line, and says so", () => {
    const many = Array.from({ length: 40 }, (_, index) => `.{${900 + index}}`).join("|")
    assert.match(String(matches(many, "")), /too large/u)
  })

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

  it.prop(
    "is never ruled out by the whole text where one of its lines matches",
    {
      parts: Schema.Array(
        Schema.Literals([
          "a",
          "b",
          "\\b",
          "(",
          ")",
          "|",
          "*",
          ".",
          "^",
          "$",
          "\\A",
          "\\z",
          "[^a]",
          "(?s)",
          "(?-m)",
          "(?i)",
          "(?:"
        ])
      ),
      lines: Schema.Array(Schema.Array(Schema.Literals(["a", "B", " "])))
    },
    ({ lines, parts }) => {
      const pattern = goPattern(parts.slice(0, 8).join(""))
      if (Result.isFailure(pattern)) return
      const texts = lines.map((line) => line.join(""))
      if (texts.some((line) => pattern.success.isMatch(line))) {
        assert.isTrue(pattern.success.mayMatch(texts.join("\n")))
      }
    }
  )
})
