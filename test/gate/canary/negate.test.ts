import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as syntax from "../../../layers/gate/syntax.ts"
import { canariesOf, marked } from "../../../src/gate/canary/canary.ts"
import { reactionTo } from "../../../src/gate/canary/judgeCanary.ts"
import { SyntaxParser } from "../../../src/services/SyntaxParser.ts"

const parser = Effect.gen(function* () {
  const { open } = yield* SyntaxParser
  return yield* open(new Set(["python", "javascript", "typescript", "tsx", "go", "rust"]))
}).pipe(Effect.provide(syntax.layer))

const goTest = (body: string, imports = '"testing"') =>
  `package a\n\nimport (\n\t${imports}\n)\n\nfunc TestA(t *testing.T) {\n${body}\n}\n`
const rustTest = (body: string, attribute = "#[test]") =>
  `#[cfg(test)]\nmod tests {\n    ${attribute}\n    fn adds() {\n        ${body}\n    }\n}\n`
const jsTest = (body: string) => `test("adds", () => {\n  ${body}\n})\n`

describe("an assertion is turned into its opposite, and nothing else differs", () => {
  it.effect.each<[path: string, text: string, from: string, to: string]>([
    [
      "test_a.py",
      "def test_a():\n    assert add(1, 2) == 3, 'no'\n",
      "add(1, 2) == 3",
      "not (add(1, 2) == 3)"
    ],
    [
      "test_a.py",
      "class TestA:\n    def test_a(self):\n        assert f()\n",
      "assert f()",
      "assert not (f())"
    ],
    ["test_a.py", "def test_a(self):\n    self.assertEqual(a, 1)\n", "assertEqual", "assertNotEqual"],
    ["test_a.py", "def test_a(self):\n    self.assertIsNone(a)\n", "assertIsNone", "assertIsNotNone"],
    [
      "test_a.py",
      "def test_a():\n    with pytest.raises(ValueError, match='x'):\n        f()\n",
      "raises(ValueError",
      'raises(type("Canary", (Exception,), {})'
    ],
    ["a.test.js", jsTest("assert.equal(add(1, 2), 3)"), ", 3)", ', Symbol("canary"))'],
    ["a.test.ts", jsTest("assert.deepStrictEqual(f(), [1])"), "[1]", '(Symbol("canary") as never)'],
    ["a.test.js", jsTest("assert(f())"), "assert(f())", "assert(!(f()))"],
    ["a.test.js", jsTest("t.true(f())"), "t.true(f())", "t.true(!(f()))"],
    ["a.test.js", jsTest("await assert.rejects(f())"), "f()", "(async () => {})"],
    ["a.test.js", jsTest("assert.throws(() => f(), /no/)"), "() => f()", "(() => {})"],
    ["a.test.ts", jsTest("expect(add(1)).toBe(3)"), "expect(add(1))", "expect(add(1)).not"],
    ["a.test.ts", jsTest("expect(a).not.toBe(3)"), ".not", ""],
    ["a.test.ts", jsTest("await expect(f()).resolves.toBe(3)"), ".resolves", ".resolves.not"],
    ["a.test.js", jsTest("expect(a).to.be.true"), "expect(a)", "expect(a).not"],
    ["a.test.js", jsTest("add(1).should.equal(3)"), ".should", ".should.not"],
    ["a.test.js", 'test("adds", () => assert.ok(f()))\n', "ok(f())", "ok(!(f()))"],
    ["a_test.go", goTest('\tif got := f(); got != 1 {\n\t\tt.Error("no")\n\t}'), "got != 1 ", "!(got != 1) "],
    [
      "a_test.go",
      goTest("\trequire.Equal(t, 1, f())", '"testing"\n\t"github.com/stretchr/testify/require"'),
      "Equal",
      "NotEqual"
    ],
    ["src/a.rs", rustTest("assert_eq!(add(1, 2), 3);"), "assert_eq!", "assert_ne!"],
    ["src/a.rs", rustTest('assert!(is(1), "no");'), "is(1)", "!(is(1))"]
  ])("of %s: %s", ([path, text, from, to]) =>
    Effect.gen(function* () {
      const [first] = canariesOf({ path, text }, [], yield* parser)
      assert.strictEqual(first?.text, text.replace(from, to))
      assert.isTrue(first?.isSure)
    })
  )

  it.effect("what comes after a statement that may end the test is not sure, and stands behind what is", () =>
    Effect.gen(function* () {
      const text =
        "def test_a():\n    if not f():\n        return\n    assert a\n\n\ndef test_b():\n    assert b\n"
      const made = canariesOf({ path: "test_a.py", text }, ["test_a"], yield* parser)
      assert.deepStrictEqual(
        made.map(({ isSure, test }) => [test, isSure]),
        [
          ["test_b", true],
          ["test_a", false],
          ["test_a", false],
          ["test_b", false]
        ]
      )
    })
  )

  it.effect("tests that are left out, fail on purpose or must panic are none", () =>
    Effect.gen(function* () {
      const parse = yield* parser
      const none = (path: string, text: string) => assert.lengthOf(canariesOf({ path, text }, [], parse), 0)
      const one = "def test_a():\n    assert f() == 1\n\n\n"
      none("test_a.py", `${one}${one}`)
      // A file without a test is a script: what it asserts at its top is asked.
      const text = 'test.skip("adds", () => assert(f()))\ntest("b", { skip: true }, () => assert(f()))\n'
      assert.deepStrictEqual(
        canariesOf({ path: "a.test.js", text }, [], parse).map(({ test }) => test),
        [""]
      )
      none("src/a.rs", rustTest("assert!(f());", "#[test]\n    #[should_panic]"))
      none("src/a.rs", rustTest("assert!(f());", "#[test]\n    #[ignore]"))
      none("A.rb", "assert_equal 1, f")
    })
  )
})

describe("a test without an assertion of its own is made to fail in its first statement", () => {
  it.effect.each<[path: string, text: string, from: string, to: string]>([
    [
      "test_a.py",
      "def test_a():\n    check(1)\n",
      "    check",
      '    raise AssertionError("canary")\n    check'
    ],
    ["test_a.py", "def test_a(): check(1)\n", "check", 'raise AssertionError("canary"); check'],
    ["a.test.js", jsTest("check(1)"), "{\n", '{ if ("canary".length > 0) throw new Error("canary");\n'],
    ["a_test.go", goTest("\tcheck(t, 1)"), "testing.T) {", 'testing.T) { t.Fatal("canary");'],
    ["src/a.rs", rustTest("check(1);"), "adds() {", 'adds() { if true { panic!("canary") }'],
    ["tests/a.sh", "#!/bin/sh\n[ 1 = 1 ]\n", "[ 1", "exit 1\n[ 1"],
    [
      "ATest.java",
      "class ATest {\n  @Test\n  void adds() {\n    check(1);\n  }\n}\n",
      "adds() {",
      'adds() { if ("canary".length() > 0) throw new AssertionError("canary");'
    ]
  ])("of %s: %s", ([path, text, from, to]) =>
    Effect.gen(function* () {
      const [first] = canariesOf({ path, text }, [], yield* parser)
      assert.strictEqual(first?.text, text.replace(from, to))
      assert.strictEqual(first?.failing, first?.text)
    })
  )
})

it("control and canary differ from the commit by a comment, too", () => {
  assert.strictEqual(marked("a.py", "x = 1", "k7"), "x = 1\n# k7\n")
  assert.strictEqual(marked("a.go", "package a\n", "k7"), "package a\n// k7\n")
})

describe("what a run says of a canary", () => {
  const [passed, failed, skipped] = (["passed", "failed", "skipped"] as const).map((outcome) => ({
    name: "test_a",
    outcome
  }))
  const other = { name: "test_b", outcome: "passed" as const }
  it.each([
    ["the test failed", 1, [failed, other], true, "failed"],
    ["it failed and the exit is 0", 0, [failed], true, "unnoticed"],
    ["it passed, another file made the exit", 1, [passed], false, "unnoticed"],
    ["nothing is told and the exit is 0", 0, undefined, true, "unnoticed"],
    ["no test is told and the exit is 0", 0, [], true, "unnoticed"],
    ["it is skipped", 0, [skipped, other], true, "skipped"],
    ["it is not among those that ran", 0, [other], true, "skipped"],
    ["the run of one file failed, and tells nothing", 1, undefined, true, "failed"],
    ["the run of several failed, and tells nothing", 1, undefined, false, "unclear"]
  ] as const)("%s", (_, exitCode, outcomes, isAlone, reaction) => {
    const told = outcomes?.flatMap((one) => one ?? [])
    assert.strictEqual(reactionTo({ path: "test_a.py", test: "test_a" }, exitCode, told, isAlone), reaction)
  })
})
