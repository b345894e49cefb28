import { assert, describe, it } from "@effect/vitest"

import { asksNothingNew, assertsNothing, declaredTests, differs } from "../../src/gate/testText.ts"

describe("comments and layout are no change", () => {
  it.each([
    [
      "a.py",
      "def test_a():\n    assert f('x') == 1\n",
      '# why\ndef test_a():\n    assert f(\n        "x"\n    ) == 1\n',
      false
    ],
    [
      "a.js",
      "test('a', () => { f([1, 2]); })",
      'test("a", () => {\n  // why\n  f([\n    1,\n    2,\n  ])\n})\n',
      false
    ],
    ["a_test.go", "x := 1 // one\n", "/* two */\nx := 1\n", false],
    ["a.rs", "fn f<'a>(x: &'a str) {}", "// why\nfn f<'a>(x: &'a str) {\n}", false],
    ["a.py", "assert f() == 1\n", "assert f() == 2\n", true],
    ["a.js", 'f("a b")', 'f("ab")', true],
    ["a.sh", "[ $(f) = a ]\n", "[ $(f) = b ]\n", true],
    ["a.js", 'f("// x")', 'f("// y")', true]
  ])("%s: %j, %j: %s", (path, before, after, isChanged) => {
    assert.strictEqual(differs(path, before, after), isChanged)
  })
})

describe("a test file asks nothing new", () => {
  const two =
    "def test_add_zero():\n    assert add(1, 0) == 1\n\ndef test_add_two():\n    assert add(1, 2) == 3\n"
  it.each([
    [
      "folded into a table",
      '@parametrize("a, b, c", [(1, 0, 1), (1, 2, 3)])\ndef test_add(a, b, c):\n    assert add(a, b) == c\n',
      false
    ],
    ["renamed", two.replaceAll("test_add", "test_plus"), true],
    ["a literal more", `${two}\ndef test_add_big():\n    assert add(7, 8) == 15\n`, false],
    ["the same literal once more", `${two}\ndef test_again():\n    assert add(2, 1) == 3\n`, false],
    ["an expectation changed", two.replace("== 3", "== 4"), false],
    ["fewer tests", two.slice(0, two.indexOf("def test_add_two")), true]
  ])("%s", (_, after, isNothing) => {
    // The words of `parametrize` are no literals of the base.
    assert.strictEqual(asksNothingNew("test_a.py", two, after), isNothing)
  })

  it("with labels made of the names that the tests had", () => {
    const table = '@parametrize("a", [(1, 0, 1, "add zero"), (1, 2, 3, "add two")])\n'
    assert.isTrue(asksNothingNew("test_a.py", two, table.replace('"a", ', "")))
  })
})

describe("tests that a file declares", () => {
  it.each([
    [
      "a_test.go",
      "func TestMain(m *testing.M) {}\nfunc TestA(t *testing.T) {}\nfunc (s *S) TestB() {}\nfunc testC() {}\n",
      ["TestA 2-2", "TestB 3-4"]
    ],
    [
      "example_test.go",
      "func ExampleA() {\n\tA()\n}\nfunc ExampleB() {\n\tB()\n\t// Output: 1\n}\nfunc ExampleC() {\n\tC()\n\t//unordered output:\n\t// 1\n}\n",
      ["ExampleB 4-7", "ExampleC 8-12"]
    ],
    [
      "test_a.py",
      "class T:\n    async def test_a(self):\n        pass\n\ndef test_b(): pass",
      ["test_a 2-3", "test_b 5-5"]
    ],
    [
      "a.test.ts",
      "describe('s', () => {\n  it('a \"b\"', f)\n  test.each([1])('c', f)\n  void t.test(`d`, f)\n})",
      ['a "b" 2-2', "c 3-5"]
    ],
    [
      "a.rs",
      "fn helper() {}\n#[test]\n#[should_panic]\nfn a() {}\n#[tokio::test]\nasync fn b() {}\n",
      ["a 2-4", "b 5-6"]
    ],
    ["A.java", "  @Test\n  void a() {}\n  void b() {}\n", ["a 1-3"]]
  ])("%s", (path, text, declared) => {
    assert.deepStrictEqual(
      declaredTests(path, text).map(({ from, name, to }) => `${name} ${from}-${to}`),
      declared
    )
  })
})

describe("a test that asserts nothing", () => {
  const inline = (body: string) =>
    `fn add(a: i32) {}\n#[cfg(test)]\nmod tests {\n    fn holds(is: bool) {}\n    #[test]\n    fn a() {\n        ${body}\n    }\n}\n`
  it.each([
    ["test_a.py", "def test_assert_a():\n    add(1, 2)\n", true],
    ["test_a.py", "def test_a():\n    assert True\n    add(1, 2)\n", true],
    ["test_a.py", "def test_a():\n    add(1)  # should be 1\n", true],
    ["test_a.py", "def test_a():\n    assert add(1, 2)\n", false],
    ["test_a.py", "def test_a():\n    with pytest.raises(E):\n        add(1)\n", false],
    ["test_a.py", "def proves(x):\n    ok(x)\ndef test_a():\n    proves(add(1))\n", false],
    ["test_a.py", "def test_a(self):\n    self.assertEqual(add(1), 1)\n", false],
    ["a.test.js", 'test("should add", () => {\n  add(1, 2)\n})\n', true],
    ["a.test.js", 'test("adds", () => {\n  expect(true).toBe(true)\n})\n', true],
    ["a.test.js", 'test("adds", () => {\n  expect(add(1)).toBe(1)\n})\n', false],
    ["a.test.js", 'import { holds } from "./helpers.js"\ntest("adds", () => {\n  holds(add(1))\n})\n', false],
    ["a_test.go", "func TestA(t *testing.T) {\n\tAdd(1)\n}\n", true],
    ["a_test.go", 'func TestA(t *testing.T) {\n\tif Add(1) != 1 {\n\t\tt.Errorf("no")\n\t}\n}\n', false],
    ["a_test.go", "func TestA(t *testing.T) {\n\tprove(t, Add(1))\n}\n", false],
    ["a_test.go", "func ExampleAdd() {\n\tprint(Add(1))\n\t// Output: 1\n}\n", false],
    ["a_test.go", "func ExampleAdd() {\n\tprint(Add(1))\n\t//output: 1\n}\n", false],
    ["a_test.go", "func (s *S) TestA() {\n\ts.True(Open())\n\ts.Len(Items(), 3)\n}\n", false],
    ["a_test.go", "func (s *S) TestA() {\n\ts.NotNilf(Open(), `why`)\n}\n", false],
    ["a_test.go", "func (s *S) TestA() {\n\ts.holds(Open())\n}\nfunc (s *S) holds(is bool) {}\n", false],
    ["a_test.go", "func (s *S) TestA() {\n\ts.True(true)\n\ts.door.Open()\n}\n", true],
    ["a_test.go", "func (s *S) TestA() {\n\t_ = strings.Contains(Name(), `a`)\n}\n", true],
    ["a.rs", "#[test]\nfn a() {\n    add(1);\n}\n", true],
    ["a.rs", inline("add(1);"), true],
    ["a.rs", inline("holds(add(1));"), false],
    ["a.rs", inline("holds::<Vec<i32>>(add(1));"), false],
    ["a.rs", "#[test]\n#[should_panic]\nfn a() {\n    add(1);\n}\n", false],
    ["a.rs", "#[test]\nfn a() {\n    assert_eq!(add(1), 1);\n}\n", false],
    ["a.js", "test('a', width, 'x', 1);\nconst width = (t, x, n) => { t.is(f(x), n) }\n", false],
    ["a.js", "test('a', { only: true }, macros.width, 'x', 1);\n", false],
    ["a.js", "function nothing() {\n  f()\n}\n\ntest('a', nothing);\n", true],
    ["a.js", "test('a', undefined);\n", true],
    ["a.sh", "test 1 = 1", false]
  ])("%s: %j: %s", (path, text, isNothing) => {
    const [test] = declaredTests(path, text)
    assert.strictEqual(test !== undefined && assertsNothing(path, text, test), isNothing)
  })
})
