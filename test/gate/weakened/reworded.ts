/** The same claims said otherwise, and beside each the weakening of the same shape. */
import type { Case } from "./pair.ts"

type Files = Case["base"]

const both = (
  name: string,
  base: Files | string,
  head: Files | string,
  is: Case["is"],
  more: Pick<Case, "weighs"> & { readonly path?: string } = {}
): Case => {
  const { path = "test/shop.test.js", ...rest } = more
  const files = (one: Files | string): Files => (typeof one === "string" ? { [path]: one } : one)
  return { name, base: files(base), head: files(head), is, ...rest }
}

const py = "tests/test_shop.py"
const go = "shop_test.go"
const rs = "tests/shop.rs"
const asserts = 'const { strictEqual, ok } = require("assert")\n'
const ava = 'import test from "ava"\nimport { label } from "../src/shop.js"\n'
const jsHead = `import assert from "node:assert/strict"\nimport { test } from "node:test"\nimport { label } from "../src/shop.js"\n`
const goHead = 'package shop\n\nimport (\n\t"os"\n\t"testing"\n)\n\n'
const goTest = (body: string) => `${goHead}func TestLoad(t *testing.T) {\n${body}}\n`
const picks = `${jsHead}test("all", () => {\n  assert.deepEqual(pick(["a", "b"], "a"), ["a"])\n  assert.deepEqual(pick("c", "x"), [])\n})\n`
const single = (b: string) =>
  `${jsHead}test("all", () => {\n  assert.ok(isPicked("a", "a"))\n  assert.ok(${b}isPicked("b", "a"))\n  assert.ok(!isPicked("c", "x"))\n})\n`
const chai = `const { expect } = require("chai")\nit("label", () => {\n  expect(label("a")).to.equal("A")\n  expect(label("b")).to.equal("B")\n})\n`
const inMacro = (rows: string) =>
  `${ava}const check = (t, input, expected) => {\n  t.is(label(input), expected)\n}\n${rows}`
const tests = `${ava}test("a", t => {\n  t.is(label("a"), "A")\n})\ntest("b", t => {\n  t.is(label("b"), "B")\n})\n`
const rows = '  ["a", "A"],\n  ["b", "B"],\n'
const loop = (from: string) =>
  `${jsHead}${from}test("label", () => {\n  rows.forEach(([input, wanted]) => {\n    assert.equal(label(input), wanted)\n  })\n})\n`
const inFile = (text: string) => ({
  "test/shop.test.js": loop('const rows = require("./fixtures/rows.js")\n'),
  "test/fixtures/rows.js": `module.exports = [\n${text}]\n`
})
const old = (condition: string) =>
  `import sys\n\n@pytest.mark.skipif(sys.version_info ${condition}, reason="old")\ndef test_old():\n    assert parse("a") == ["a"]\n`
const kept = 'import sys\n\ndef test_kept():\n    assert parse("b") == ["b"]\n'

export const reworded: ReadonlyArray<Case> = [
  // Elements of a list.
  both("js: of each element by itself, as before", picks, single("!"), "note"),
  both("js: of each element by itself, one turned over", picks, single(""), "finding", { weighs: "ask" }),
  both(
    "js: of some elements by themselves",
    picks,
    single("!").replace('  assert.ok(isPicked("a", "a"))\n', ""),
    "finding"
  ),
  // Libraries of assertions.
  both(
    "js: expect became functions taken out of assert",
    chai,
    `${asserts}it("label", () => {\n  strictEqual(label("a"), "A")\n  strictEqual(label("b"), "B")\n})\n`,
    "pass"
  ),
  both(
    "js: functions taken out of assert that claim less",
    chai,
    `${asserts}it("label", () => {\n  strictEqual(label("a"), "A")\n  ok(label("b"))\n})\n`,
    "finding"
  ),
  both(
    "js: functions imported from assert",
    chai,
    'import { strictEqual as same } from "node:assert"\nit("label", () => {\n  same(label("a"), "A")\n  same(label("b"), "B")\n})\n',
    "pass"
  ),
  both(
    "js: throws became throwsAsync",
    `${ava}test("a", async t => {\n  await t.throws(label(1), /text/)\n  await t.notThrows(label("a"))\n})\n`,
    `${ava}test("a", async t => {\n  await t.throwsAsync(label(1), /text/)\n  await t.notThrowsAsync(label("a"))\n})\n`,
    "pass"
  ),
  both(
    "js: throws became notThrowsAsync",
    `${ava}test("a", async t => {\n  await t.throws(label(1), /text/)\n})\n`,
    `${ava}test("a", async t => {\n  await t.notThrowsAsync(label(1))\n})\n`,
    "finding"
  ),
  both(
    "js: a claim in doesNotThrow is a claim",
    `${ava}test("a", t => {\n  t.equal(label("a"), "A")\n})\n`,
    `${ava}test("a", t => {\n  t.doesNotThrow(() => {\n    t.equal(label("a"), "A")\n  })\n})\n`,
    "pass"
  ),
  both(
    "js: only that it does not throw",
    `${ava}test("a", t => {\n  t.equal(label("a"), "A")\n})\n`,
    `${ava}test("a", t => {\n  t.doesNotThrow(() => {\n    label("a")\n  })\n})\n`,
    "finding"
  ),
  // Macros of AVA.
  both(
    "js: tests became rows of a macro",
    tests,
    inMacro('test("a", check, "a", "A")\ntest("b", check, "b", "B")\n'),
    "pass"
  ),
  both("js: a test less in the macro", tests, inMacro('test("a", check, "a", "A")\n'), "finding"),
  both(
    "js: another expectation in the macro",
    tests,
    inMacro('test("a", check, "a", "A")\ntest("b", check, "b", "A")\n'),
    "finding"
  ),
  // Tables that moved.
  both("js: rows moved into a file", loop(`const rows = [\n${rows}]\n`), inFile(rows), "pass"),
  both(
    "js: rows moved into a file, one of them not",
    loop(`const rows = [\n${rows}]\n`),
    inFile('  ["a", "A"],\n'),
    "finding"
  ),
  // Texts.
  both(
    "py: format became an f-string",
    'def test_a():\n    name = "foo.{}".format(kind)\n    assert parse(name) == ["{0} {x!r}".format(one, x=two)]\n',
    'def test_a():\n    name = f"foo.{kind}"\n    assert parse(name) == [f"{one} {two!r}"]\n',
    "pass",
    { path: py }
  ),
  both(
    "py: an f-string of something else",
    'def test_a():\n    assert parse(1) == "foo {}".format(one)\n    assert parse(2) == 3\n',
    'def test_a():\n    assert parse(1) in f"foo {two}"\n    assert parse(2) == 3\n',
    "finding",
    { path: py }
  ),
  both(
    "py: one more side in a chain",
    'def test_a():\n    assert parse("a") == "A"\n',
    'def test_a():\n    assert parse("a") == other("a") == "A"\n',
    "pass",
    { path: py }
  ),
  both(
    "py: a chain of comparisons that says less",
    'def test_a():\n    assert parse("a") == 2\n',
    'def test_a():\n    assert 0 < parse("a") < 3\n',
    "finding",
    { path: py }
  ),
  both(
    "go: one text in place of its parts",
    goTest(
      '\tif !strings.Contains(Load("a"), "x") || !strings.Contains(Load("a"), "y") {\n\t\tt.Error("no")\n\t}\n'
    ),
    goTest('\tif !strings.Contains(Load("a"), "x y") {\n\t\tt.Error("no")\n\t}\n'),
    "pass",
    { path: go }
  ),
  both(
    "go: one part in place of the text",
    goTest('\tif !strings.Contains(Load("a"), "x y") {\n\t\tt.Error("no")\n\t}\n'),
    goTest('\tif !strings.Contains(Load("a"), "x") {\n\t\tt.Error("no")\n\t}\n'),
    "finding",
    { path: go }
  ),
  both(
    "go: interface{} became any",
    goTest('\tassert.Equal(t, map[string]interface{}{"a": 1}, Load("a"))\n'),
    goTest('\tassert.Equal(t, map[string]any{"a": 1}, Load("a"))\n'),
    "pass",
    { path: go }
  ),
  both(
    "go: files of the test's own made otherwise",
    goTest(
      '\ttemp, err := os.CreateTemp("", "a")\n\trequire.NoError(t, err)\n\tassert.Equal(t, "A", Load(temp.Name()))\n'
    ),
    goTest('\tassert.Equal(t, "A", Load(filepath.Join(t.TempDir(), "a")))\n'),
    "note",
    { path: go }
  ),
  both(
    "go: that loading does not fail is no longer claimed",
    goTest('\t_, err := Load("a")\n\trequire.NoError(t, err)\n\tassert.Equal(t, 3, Count())\n'),
    goTest("\tassert.Equal(t, 3, Count())\n"),
    "finding",
    { path: go }
  ),
  both(
    "go: which error it is, in place of its text",
    goTest('\tif err := Load("a"); err.Error() != "no a" {\n\t\tt.Error("no")\n\t}\n'),
    goTest('\tif err := Load("b"); !errors.Is(err, os.ErrNotExist) {\n\t\tt.Error("no")\n\t}\n'),
    "pass",
    { path: go }
  ),
  both(
    "go: that there is an error, in place of its text",
    goTest('\tif err := Load("a"); err.Error() != "no a" {\n\t\tt.Error("no")\n\t}\n'),
    goTest('\tif err := Load("b"); err == nil {\n\t\tt.Error("no")\n\t}\n'),
    "finding",
    { path: go }
  ),
  // Loops.
  both(
    "rs: a loop became all",
    "#[test]\nfn a() {\n    for x in label() {\n        assert!(x > 0);\n    }\n}\n",
    "#[test]\nfn a() {\n    assert!(label().iter().all(|x| x > 0));\n}\n",
    "pass",
    { path: rs }
  ),
  both(
    "rs: a loop became any",
    "#[test]\nfn a() {\n    for x in label() {\n        assert!(x > 0);\n    }\n}\n",
    "#[test]\nfn a() {\n    assert!(label().iter().any(|x| x > 0));\n}\n",
    "finding",
    { path: rs }
  ),
  both(
    "rs: field by field became the whole",
    "#[test]\nfn a() {\n    assert_eq!(one.x, other.x);\n    assert_eq!(one.y, other.y);\n}\n",
    "#[test]\nfn a() {\n    assert_eq!(one, other);\n}\n",
    "pass",
    { path: rs }
  ),
  both(
    "rs: one field of the two",
    "#[test]\nfn a() {\n    assert_eq!(one.x, other.x);\n    assert_eq!(one.y, other.y);\n}\n",
    "#[test]\nfn a() {\n    assert_eq!(one.x, other.x);\n}\n",
    "finding",
    { path: rs }
  ),
  // Versions of a language.
  both("py: a test of old versions went", { [py]: `${old(">= (3, 9)")}\n\n${kept}` }, { [py]: kept }, "note"),
  both(
    "py: a test of new versions went",
    { [py]: `${old("< (3, 9)")}\n\n${kept}` },
    { [py]: kept },
    "finding"
  )
]
