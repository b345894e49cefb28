/** Rules `stored`, `suppressed` and `unparsable`, and which paths are tests. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { layer as parser } from "../../layers/gate/syntax.ts"
import { SyntaxParser } from "../../src/services/SyntaxParser.ts"
import { isTestPath } from "../../src/gate/files.ts"
import { storedChanges } from "../../src/gate/stored.ts"
import { suppressed } from "../../src/gate/suppressed.ts"
import { unparsable } from "../../src/gate/unparsable.ts"
import { changeOf } from "./weakened/pair.ts"

const pair = (path: string, before: string | undefined, after: string | undefined) =>
  changeOf({
    base: before === undefined ? {} : { [path]: before },
    head: after === undefined ? {} : { [path]: after }
  })

describe("paths of tests", () => {
  it.each([
    "test.js",
    "packages/a/test.mjs",
    "shop/tests.py",
    "specs/a.js",
    "types/index.test-d.ts",
    "a_spec.rb",
    "src/a/tests.rs",
    "a.spec.ts",
    "app.e2e-spec.ts",
    "cart.cy.ts",
    "test-cart.mjs",
    "cart-test.js",
    "cart_test.ts",
    "src/test/java/A.java",
    "ATest.kt",
    "b_test.go",
    "tests/util.py",
    "e2e/a.ts",
    "a_test.cc"
  ])("%s", (path) => assert.isTrue(isTestPath(path)))

  it.each([
    "lib/commands/test.js",
    "src/test.ts",
    "latest.js",
    "contest.py",
    "src/attest.go",
    "src/testing.rs",
    "specification.md",
    "src/protest.ts",
    "manifest.test.json"
  ])("%s is none", (path) => assert.isFalse(isTestPath(path)))
})

describe("stored expectations", () => {
  it.each([
    ["tests/data/label.txt", "A B", "a b", true],
    ["src/__snapshots__/a.snap", "a\n", "b\n", true],
    ["pkg/testdata/out.golden", "a\n", undefined, true],
    ["ui/a.stderr", "a\n", "b\n", true],
    ["tests/data/new.txt", undefined, "a", false],
    ["tests/data/more.txt", "a\n", "a\nb\n", false],
    ["tests/README.md", "a", "b", false],
    ["tests/tsconfig.json", "a", "b", false],
    ["tests/test_a.py", "a", "b", false],
    ["src/data.txt", "a", "b", false]
  ])("%s: %j → %j", (path, before, after, is) => {
    assert.strictEqual(storedChanges(pair(path, before, after)).length > 0, is)
  })
})

describe("comments that silence checks", () => {
  it.each([
    ["a.py", "import os\n", "import os  # noqa\n", true],
    ["a.py", "x = f()\n", "x = f()  # type: ignore[attr]\n", true],
    ["a.py", "x = f()\n", "# pylint: disable=all\nx = f()\n", true],
    ["a.ts", "const a = 1\n", "// @ts-nocheck\nconst a = 1\n", true],
    ["a.ts", "f()\n", "// eslint-disable-next-line no-x\nf()\n", true],
    ["a.js", "f()\n", "/* lint-disable */\nf()\n", true],
    ["a.js", "f()\n", "/* istanbul ignore next */\nf()\n", true],
    ["a.go", "func f() {}\n", "func f() {} //nolint\n", true],
    ["a.rs", "fn f() {}\n", "#[allow(dead_code)]\nfn f() {}\n", true],
    ["A.java", "void f() {}\n", '@SuppressWarnings("all")\nvoid f() {}\n', true],
    ["a.py", "x = 1  # noqa\ny = 1\n", "y = 1\nx = 1  # noqa\n", false],
    ["a.py", "x = 1\n", "x = 2  # about noise\n", false],
    ["a.test-d.ts", "f()\n", "// @ts-expect-error\nf(1)\n", false],
    ["a.md", "a\n", "`# noqa`\n", false]
  ])("%s: %j → %j", (path, before, after, is) => {
    assert.strictEqual(suppressed(pair(path, before, after)).length > 0, is)
  })
})

describe("source that does not parse", () => {
  const cases: ReadonlyArray<readonly [string, string | undefined, string, string]> = [
    ["a.py", "def f():\n    return 1\n", "def f(:\n    return 1\n", "fail"],
    ["a.ts", "f(1)\n", "f(1\n", "fail"],
    ["a.go", "package a\n\nfunc f() {}\n", "package a\n\nfunc f() {\n", "fail"],
    ["a.rs", "fn f() {}\n", "fn f() {\n", "fail"],
    ["a.js", "f()\n", "<<<<<<< HEAD\nf()\n=======\ng()\n>>>>>>> x\n", "fail"],
    ["a.py", "x = 1\n", "x = = 1\n", "ask"],
    ["a.js", undefined, "f(\n", "ask"],
    ["a.js", "f(\n", "g(\n", "pass"],
    ["tests/fixtures/bad.py", "x = 1\n", "x = (\n", "pass"],
    ["a.py", "x = 1\n", "x = '('\n", "pass"],
    ["a.ts", "const a = 1\n", "const a = 1 satisfies number\n", "pass"]
  ]
  it.effect.each(cases)("%s: %j → %j", ([path, before, after, is]) =>
    Effect.gen(function* () {
      const parse = yield* Effect.flatMap(SyntaxParser, ({ open }) =>
        open(new Set(["python", "javascript", "typescript", "go", "rust"] as const))
      ).pipe(Effect.provide(parser))
      const [found] = unparsable(pair(path, before, after), parse)
      const said = found === undefined ? "pass" : found.asks === true ? "ask" : "fail"
      assert.strictEqual(said, is)
    })
  )
})
