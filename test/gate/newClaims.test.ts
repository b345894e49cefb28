import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as syntax from "../../layers/gate/syntax.ts"
import type { ChangedFile } from "../../src/gate/change.ts"
import { claimsNothingNew } from "../../src/gate/knownClaims.ts"
import { isRestructuring } from "../../src/gate/restructuring.ts"
import { SyntaxParser } from "../../src/services/SyntaxParser.ts"

const parser = Effect.gen(function* () {
  const { open } = yield* SyntaxParser
  return yield* open(new Set(["python", "javascript", "typescript", "go", "rust"]))
}).pipe(Effect.provide(syntax.layer))

const changed = (path: string, before: string, after: string): ChangedFile => ({
  path,
  status: "modified",
  addedLines: [1],
  removedLines: before.split("\n").some((line) => !after.includes(line)) ? [1] : [],
  before,
  after
})

const test = (name: string, ...claims: ReadonlyArray<string>) =>
  `def test_${name}():\n${claims.map((claim) => `    assert ${claim}\n`).join("")}\n`
const upper = "label('ab') == 'AB'"
const trimmed = "label(' cd') == 'CD'"

describe("tests ask nothing new where each claim is one of the base's, no more often than there", () => {
  it.effect.each<[what: string, before: string, after: string, isKnown: boolean]>([
    ["two tests become one", test("a", upper) + test("b", trimmed), test("both", upper, trimmed), true],
    ["one test becomes two", test("both", upper, trimmed), test("a", upper) + test("b", trimmed), true],
    [
      "tests become a table",
      test("a", upper) + test("b", trimmed),
      `@pytest.mark.parametrize('given, said', [('ab', 'AB'), (' cd', 'CD')])\n${test("all", "label(given) == said")}`,
      true
    ],
    ["what is known is said once more", test("a", upper), test("a", upper) + test("again", upper), false],
    [
      "known texts are put together anew",
      test("a", upper) + test("b", trimmed),
      test("a", upper) + test("b", trimmed) + test("c", "label('ab') == 'CD'"),
      false
    ]
  ])("%s", ([, before, after, isKnown]) =>
    Effect.gen(function* () {
      const known = claimsNothingNew([changed("test_a.py", before, after)], yield* parser)
      assert.strictEqual(known("test_a.py"), isKnown)
    })
  )

  it.effect("a test that moves to another file asks nothing new there", () =>
    Effect.gen(function* () {
      const files = [
        changed("test_a.py", test("a", upper) + test("b", trimmed), test("a", upper)),
        {
          path: "test_b.py",
          status: "added",
          addedLines: [1],
          removedLines: [],
          after: test("b", trimmed)
        } as const
      ]
      assert.isTrue(claimsNothingNew(files, yield* parser)("test_b.py"))
    })
  )
})

const loop =
  "def total(items):\n    s = 0\n    for price, _ in items:\n        s += price\n    return s\n\n\ndef label(name):\n    return name.strip().title()\n"

describe("a product is restructured where it does nothing new and nothing less", () => {
  it.effect.each<[what: string, path: string, before: string, after: string, isSo: boolean]>([
    [
      "a loop becomes a sum",
      "a.py",
      loop,
      "def total(items):\n    return sum(price for price, _ in items)\n\n\ndef label(name):\n    return name.strip().title()\n",
      true
    ],
    [
      "a function is taken out of another",
      "a.py",
      loop,
      loop.replace("return name.strip().title()", "return titled(name)") +
        "\n\ndef titled(name):\n    return name.strip().title()\n",
      true
    ],
    [
      "names change",
      "a.js",
      "export const a = (x) => x + 1\n",
      "export const a = (given) => given + 1\n",
      true
    ],
    ["an operator more", "a.py", loop, loop.replace("s += price", "s += price * 2"), false],
    ["another bound", "a.js", "export const a = (x) => x > 1\n", "export const a = (x) => x >= 1\n", false],
    [
      "another literal",
      "a.go",
      "package a\n\nfunc A() int { return 1 }\n",
      "package a\n\nfunc A() int { return 2 }\n",
      false
    ],
    ["a call less", "a.py", loop, loop.replace(".strip()", ""), false],
    [
      "a branch more",
      "a.py",
      loop,
      loop.replace("    s = 0\n", "    if not items:\n        return 0\n    s = 0\n"),
      false
    ],
    ["a function more", "a.py", loop, `${loop}\n\ndef same(x):\n    return x\n`, false],
    ["no code", "a.json", "{}\n", "[]\n", false]
  ])("%s: %s", ([, path, before, after, isSo]) =>
    Effect.gen(function* () {
      assert.strictEqual(isRestructuring([changed(path, before, after)], yield* parser), isSo)
    })
  )
})
