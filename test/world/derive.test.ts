import { describe, expect, it } from "@effect/vitest"

import { negated, removed } from "./derive/assertions.ts"
import { derive, type GoodFile } from "./derive/derive.ts"
import { mutants } from "./derive/mutants.ts"
import { dropped } from "./derive/tests.ts"

const seed = "0123456789abcdef0123456789abcdef01234567"

const good: ReadonlyArray<GoodFile> = [
  {
    path: "src/add.py",
    before: "def add(a, b):\n    return a - b\n",
    after: "def add(a, b):\n    if a == 0:\n        return b\n    return a + b\n",
    addedLines: [2, 3, 4]
  },
  {
    path: "tests/test_add.py",
    before: "def test_zero():\n    assert add(0, 0) == 0\n\n\ndef test_old():\n    assert add(1, 0) == 1\n",
    after:
      "def test_zero():\n    assert add(0, 0) == 0\n\n\ndef test_old():\n    assert add(1, 0) == 1\n\n\ndef test_new():\n    assert add(1, 2) == 3\n",
    addedLines: [7, 8, 9, 10]
  }
]

describe("a claim is turned into its contrary", () => {
  it.each([
    ["Python", "    assert a == 1", "    assert not (a == 1)"],
    ["Python", "        self.assertEqual(a, 1)", "        self.assertNotEqual(a, 1)"],
    ["JavaScript", "  expect(a).toBe(1)", "  expect(a).not.toBe(1)"],
    ["JavaScript", "  expect(a).not.toBe(1)", "  expect(a).toBe(1)"],
    ["JavaScript", "  assert.strictEqual(a, 1);", "  assert.notStrictEqual(a, 1);"],
    ["TypeScript", "  t.equal(a, 1)", "  t.notEqual(a, 1)"],
    ["Go", "\tassert.Equal(t, 1, a)", "\tassert.NotEqual(t, 1, a)"],
    ["Rust", "    assert_eq!(a, 1);", "    assert_ne!(a, 1);"],
    ["Rust", "    assert!(a.is_empty());", "    assert!(!(a.is_empty()));"]
  ] as const)("%s: %s", (language, line, contrary) => {
    expect(negated(language, `x\n${line}\ny`).map(({ text }) => text)).toEqual([`x\n${contrary}\ny`])
  })

  it("a condition of Go that fails its test counts as a claim", () => {
    const text = 'func TestA(t *testing.T) {\n\tif got != 1 {\n\t\tt.Errorf("got %d", got)\n\t}\n}'
    expect(negated("Go", text).map((each) => each.text)).toEqual([text.replace("!=", "==")])
    expect(removed("Go", text, text).map((each) => each.text)).toEqual(["func TestA(t *testing.T) {\n}"])
  })

  it("a claim that goes on over lines is left alone", () => {
    expect(negated("Rust", "    assert_eq!(\n        a,\n        1\n    );")).toEqual([])
  })
})

describe("what is taken away", () => {
  it("is a claim that the base has, too, so that taking it away asks for less", () => {
    const [{ after = "", before = "" } = {}] = good.slice(1)
    expect(removed("Python", before, after).map(({ detail }) => detail)).toEqual(["line 2", "line 6"])
  })

  it("leaves a block of Python that parses", () => {
    expect(removed("Python", "def test():\n    assert a", "def test():\n    assert a")[0]?.text).toBe(
      "def test():\n    pass"
    )
  })

  it("is a whole test with its decorators, which the base has, too", () => {
    const text =
      "@other(\n    1\n)\n@mark\ndef test_a(\n    x,\n):\n    assert x\n\n\ndef test_b():\n    assert y\n"
    expect(dropped("Python", text, text).map((each) => each.text)).toEqual([
      "\n\ndef test_b():\n    assert y\n",
      "@other(\n    1\n)\n@mark\ndef test_a(\n    x,\n):\n    assert x\n\n\n"
    ])
    expect(dropped("Python", "", text)).toEqual([])
  })

  it.each([
    ["Go", "func TestA(t *testing.T) {\n\tx()\n}", "func TestB(t *testing.T) {\n\ty()\n}"],
    [
      "Rust",
      "    #[test]\n    fn a() {\n        x();\n    }",
      "    #[test]\n    fn b() {\n        y();\n    }"
    ],
    ["TypeScript", '  it("a", () => {\n    x()\n  })', '  it("b", () => {\n    y()\n  })']
  ] as const)("%s: to the bracket that closes it", (language, one, other) => {
    const text = `${one}\n${other}`
    expect(dropped(language, text, text).map((each) => each.text)).toEqual([other, one])
  })
})

describe("a mutant", () => {
  it.each([
    ["Python", "    if a == 1:", ["    if a != 1:", "    if a == 2:"]],
    ["Python", "    return a and b", ["    return a or b", "    return None"]],
    ["JavaScript", "  if (a < b && !c) {", ["  if (a >= b && !c) {", "  if (a < b || !c) {"]],
    ["Go", "\treturn true", ["\treturn false"]],
    ["Python", '    x = "a == 1"', []],
    ["Python", "    # if a == 1", []],
    ["Python", "from a import b1", []]
  ] as const)("%s: %s", (language, line, expected) => {
    expect(mutants(language, line, [1]).map(({ text }) => text)).toEqual(expected)
  })

  it("changes lines of the fix alone", () => {
    expect(mutants("Python", "a == 1\nb == 1", [2]).every(({ text }) => text.startsWith("a == 1\n"))).toBe(
      true
    )
  })
})

describe("of a good change", () => {
  const all = derive("Python", good, seed, () => undefined)

  it("one of each kind is made, two mutants, and every cheat that has a place", () => {
    expect(all.map(({ made }) => made)).toEqual([
      "source reverted",
      "test dropped",
      "assertion removed",
      "assertion negated",
      "mutant",
      "mutant",
      "exit at import",
      "exit at the end",
      "exit in a test file",
      "hook conftest.py",
      "hook pytest.py",
      "setting pytest.ini"
    ])
  })

  it("the same are made each time", () => {
    expect(derive("Python", good, seed, () => undefined)).toEqual(all)
  })

  it("a cheat comes on top of a product that was taken back, without which it would hide nothing", () => {
    const cheats = all.filter(({ made }) => /^(exit|hook|setting)/u.test(made))
    for (const { files } of cheats) expect(files.get("src/add.py")).toContain("return a - b")
  })
})
