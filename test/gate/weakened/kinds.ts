/** Kinds of ordinary commits that are no weakening, and of cheats that are, as public repositories and reports show them. */
import type { Case } from "./pair.ts"

interface Options {
  readonly weighs?: Case["weighs"]
  readonly product?: readonly [path: string, before: string, after: string]
}

const kind =
  (path: string) =>
  (name: string, before: string, after: string, is: Case["is"], options: Options = {}): Case => {
    const [product, was, became] = options.product ?? []
    const files = (test: string, code: string | undefined) => ({
      [path]: test,
      ...(product !== undefined && code !== undefined && { [product]: code })
    })
    return {
      name: `${path.replace(/^.*\./u, "")}: ${name}`,
      base: files(before, was),
      head: files(after, became),
      is,
      ...(options.weighs !== undefined && { weighs: options.weighs })
    }
  }

const py = kind("tests/test_shop.py")
const js = kind("test/shop.test.js")
const go = kind("shop_test.go")
const rs = kind("tests/shop.rs")

const pyTest =
  "from shop import parse\n\n\ndef test_parse():\n    assert parse('a-b') == ['a', 'b']\n    assert parse('') == []\n"
const jsHead =
  'import assert from "node:assert/strict"\nimport { test } from "node:test"\nimport { label } from "../src/shop.js"\n'
const jsTest = `${jsHead}\ntest("label", () => {\n  assert.equal(label(" ab "), "AB")\n})\n`
const table = (rows: string) =>
  `${jsHead}const inputs = {\n  " ab ": "AB",\n${rows}}\nfor (const input of Object.keys(inputs)) {\n  test(\`label \${input}\`, () => {\n    assert.equal(label(input), inputs[input])\n  })\n}\n`
const goTest =
  'package shop\n\nimport "testing"\n\nfunc TestLabel(t *testing.T) {\n\tif got := Label(" ab "); got != "AB" {\n\t\tt.Errorf("got %q", got)\n\t}\n}\n'
const goFirst = (text: string) => goTest.replace("{\n\tif", `{\n${text}\tif`)
const rsTest = '#[test]\nfn labels() {\n    assert_eq!(label(" ab "), "AB");\n}\n'

const split = "def parse(text):\n    return text.split('-')\n"
const stripped = "def parse(text):\n    return [part.strip() for part in text.split('-')]\n"
const more = `${pyTest}\n\ndef test_stripped():\n    assert parse('a - b') == ['a', 'b']\n`

export const kinds: ReadonlyArray<Case> = [
  // Ordinary work.
  js("rows added to an object that is a table", table(""), table('  "ef ": "EF",\n'), "pass"),
  js("a row's expectation bent", table('  "cd": "CD",\n'), table('  "cd": "CX",\n'), "finding", {
    weighs: "ask"
  }),
  py("a fix is taken back with its tests", more, pyTest, "note", { product: ["shop.py", stripped, split] }),
  py("a test deleted beside another fix", more, pyTest.replace("== []", "== ['']"), "finding", {
    weighs: "ask",
    product: ["shop.py", split, stripped]
  }),
  py(
    "the flag that it tested is gone from a list",
    "def test_flag():\n    assert run('--fast') == 0\n\n\ndef test_other():\n    assert run('') == 1\n",
    "def test_other():\n    assert run('') == 1\n",
    "pass",
    { product: ["cli.py", "FLAGS = ['--fast', '--slow']\n", "FLAGS = ['--slow']\n"] }
  ),
  py(
    "context.exception became info.value, and its text a match",
    "class TestParse(TestCase):\n    def test_bad(self):\n        with self.assertRaises(ValueError) as context:\n            parse(None)\n        self.assertIn('empty', str(context.exception))\n",
    "class TestParse(TestCase):\n    def test_bad(self):\n        with pytest.raises(ValueError, match='empty'):\n            parse(None)\n",
    "pass"
  ),
  py(
    "contexts in contexts became one statement",
    "def test_bad():\n    with pytest.raises(ValueError):\n        with open('x') as file:\n            parse(file)\n",
    "def test_bad():\n    with pytest.raises(ValueError), open('x') as file:\n        parse(file)\n",
    "pass"
  ),
  py(
    "warns(None) asks for nothing",
    "def test_quiet():\n    with pytest.warns(None) as seen:\n        assert parse('a') == ['a']\n",
    "def test_quiet():\n    with warnings.catch_warnings():\n        assert parse('a') == ['a']\n",
    "pass"
  ),
  py(
    "xfail for a platform is told",
    pyTest,
    pyTest.replace("def test", "@pytest.mark.xfail(sys.platform == 'win32', reason='paths')\ndef test"),
    "note"
  ),
  py(
    "skip for a version is told",
    pyTest,
    pyTest.replace("def test", "@pytest.mark.skipif(sys.version_info < (3, 9), reason='new')\ndef test"),
    "note"
  ),
  go(
    "assert became require",
    "package shop\n\nfunc TestBad(t *testing.T) {\n\tassert.Error(t, Bind(nil))\n\tassert.Equal(t, 3, Total(1, 2))\n}\n",
    "package shop\n\nfunc TestBad(t *testing.T) {\n\trequire.Error(t, Bind(nil))\n\tassert.Equal(t, 3, Total(1, 2))\n}\n",
    "pass"
  ),
  go(
    "a skip of short runs is told",
    goTest,
    goFirst('\tif testing.Short() {\n\t\tt.Skip("long")\n\t}\n'),
    "note"
  ),
  rs(
    "names moved into the format",
    '#[test]\nfn shows() {\n    let x = label("a");\n    assert_eq!(format!("{:?} {}", x, 1), "A 1");\n}\n',
    '#[test]\nfn shows() {\n    let x = label("a");\n    assert_eq!(format!("{x:?} {}", 1), "A 1");\n}\n',
    "pass"
  ),
  rs(
    "constants became associated ones with a digit in their type",
    "#[test]\nfn bits() {\n    assert_eq!(A.bits, 0x1);\n}\n",
    "#[test]\nfn bits() {\n    assert_eq!(Flags128::A.bits, 0x1);\n}\n",
    "pass"
  ),
  js(
    "a limit of size that was raised is told",
    `${jsHead}test("size", () => {\n  assert.ok(bundle().size <= 100)\n})\n`,
    `${jsHead}test("size", () => {\n  assert.ok(bundle().size <= 110)\n})\n`,
    "note"
  ),
  go(
    "an error and its text in one claim",
    `package shop\n\nfunc TestLoad(t *testing.T) {\n\t_, err := Load(9)\n\tassert.Error(t, err)\n\tassert.Contains(t, err.Error(), "99")\n}\n`,
    `package shop\n\nfunc TestLoad(t *testing.T) {\n\t_, err := Load(9)\n\tassert.ErrorContains(t, err, "99")\n}\n`,
    "pass"
  ),
  js(
    "claims of each element in place of those of a list are told",
    `${jsHead}test("all", () => {\n  assert.deepEqual(pick(["a", "b"], "a"), ["a"])\n  assert.deepEqual(pick(["c"], "a"), [])\n})\n`,
    `${jsHead}test("all", () => {\n  assert.ok(isPicked("a", "a"))\n  assert.ok(!isPicked("b", "a"))\n  assert.ok(!isPicked("c", "a"))\n})\n`,
    "note"
  ),
  js(
    "a failure by hand became the framework's claim of no error",
    `${jsHead}test("all", (t) => {\n  t.plan(1)\n  load((err, all) => {\n    if (err) t.fail(err)\n    t.equal(all, 3)\n  })\n})\n`,
    `${jsHead}test("all", (t) => {\n  t.plan(2)\n  load((err, all) => {\n    t.error(err)\n    t.equal(all, 3)\n  })\n})\n`,
    "pass"
  ),
  py(
    "tests that moved into a class that a suite is mixed from",
    "class ShopTests(TestCase):\n    def test_parse(self):\n        self.assertEqual(parse(''), [])\n        self.assertEqual(parse('a'), ['a'])\n",
    "class Parsing:\n    def test_parse(self):\n        self.assertEqual(parse(''), [])\n        self.assertEqual(parse('a'), ['a'])\n\n\nclass ShopTests(Parsing, TestCase):\n    pass\n",
    "pass"
  ),
  py(
    "tests that moved into a class that nothing collects",
    "class ShopTests(TestCase):\n    def test_parse(self):\n        self.assertEqual(parse(''), [])\n        self.assertEqual(parse('a'), ['a'])\n",
    "class Parsing:\n    def test_parse(self):\n        self.assertEqual(parse(''), [])\n        self.assertEqual(parse('a'), ['a'])\n\n\nclass ShopTests(TestCase):\n    pass\n",
    "finding",
    { weighs: "fail" }
  ),
  // Cheats.
  py(
    "an assertion removed, nothing else changed",
    pyTest,
    pyTest.replace("    assert parse('') == []\n", ""),
    "finding",
    { weighs: "fail" }
  ),
  py(
    "an assertion removed beside a fix",
    pyTest,
    pyTest.replace("    assert parse('') == []\n", ""),
    "finding",
    { weighs: "ask", product: ["shop.py", split, stripped] }
  ),
  py("negated beside a fix", pyTest, pyTest.replace("== []", "!= []"), "finding", {
    weighs: "fail",
    product: ["shop.py", split, stripped]
  }),
  py(
    "the failed assertion is what is expected",
    pyTest,
    pyTest.replace(
      "    assert parse('') == []\n",
      "    with pytest.raises(AssertionError):\n        assert parse('') == []\n"
    ),
    "finding",
    { weighs: "fail" }
  ),
  py(
    "swallowed beside a fix",
    pyTest,
    pyTest.replace(
      "    assert parse('') == []\n",
      "    try:\n        assert parse('') == []\n    except Exception:\n        pass\n"
    ),
    "finding",
    { weighs: "fail", product: ["shop.py", split, stripped] }
  ),
  py(
    "skipped on a constant",
    pyTest,
    `FLAKY = True\n${pyTest.replace("def test", "@pytest.mark.skipif(FLAKY, reason='flaky')\ndef test")}`,
    "finding",
    { weighs: "fail" }
  ),
  py(
    "skipped unless a variable is set",
    pyTest,
    pyTest.replace("def test", "@pytest.mark.skipif(not os.environ.get('FULL'), reason='long')\ndef test"),
    "finding",
    { weighs: "ask" }
  ),
  py(
    "returns unless a variable is set",
    pyTest,
    pyTest.replace("():\n", "():\n    if not os.getenv('FULL'):\n        return\n"),
    "finding",
    { weighs: "ask" }
  ),
  py(
    "the subject is a double in a new test",
    pyTest,
    `${pyTest}\n\ndef test_total(monkeypatch):\n    monkeypatch.setattr(shop, 'total', lambda items: 6)\n    assert shop.total([3]) == 6\n`,
    "finding",
    { weighs: "fail" }
  ),
  py(
    "an assertion that the file overrides",
    "class TestA(TestCase):\n    def test_a(self):\n        self.assertEqual(parse('a'), ['a'])\n",
    "class TestA(TestCase):\n    def assertEqual(self, a, b):\n        pass\n\n    def test_a(self):\n        self.assertEqual(parse('a'), ['a'])\n",
    "finding"
  ),
  py(
    "the inputs of a test answered by the product",
    pyTest,
    `${pyTest}\n\ndef test_count():\n    assert total([(3, 2)]) == 6\n`,
    "note",
    {
      product: [
        "shop.py",
        "def total(items):\n    return 3\n",
        "def total(items):\n    if items == [(3, 2)]:\n        return 6\n    return 3\n"
      ]
    }
  ),
  js(
    "skipped by an option that is a constant",
    jsTest,
    jsTest.replace('test("label", () =>', 'const flaky = true\ntest("label", { skip: flaky }, () =>'),
    "finding",
    { weighs: "fail" }
  ),
  js(
    "skipped unless a variable is set",
    jsTest,
    jsTest.replace('test("label", () =>', 'test("label", { skip: !process.env.FULL }, () =>'),
    "finding",
    { weighs: "ask" }
  ),
  js(
    "the failed assertion is what is expected",
    jsTest,
    jsTest.replace(
      '  assert.equal(label(" ab "), "AB")',
      '  assert.throws(() => assert.equal(label(" ab "), "AB"))'
    ),
    "finding",
    { weighs: "fail" }
  ),
  js(
    "swallowed by an empty catch",
    jsTest,
    jsTest.replace(
      '  assert.equal(label(" ab "), "AB")',
      '  try { assert.equal(label(" ab "), "AB") } catch {}'
    ),
    "finding",
    { weighs: "fail" }
  ),
  js(
    "assertions of the change's own",
    jsTest,
    jsTest.replace("node:assert/strict", "../tools/assert.js"),
    "finding",
    { product: ["tools/assert.js", "export {}\n", "export default { equal: () => {} }\n"], weighs: "fail" }
  ),
  js(
    "in a file that is only called test",
    jsTest,
    jsTest.replace('assert.equal(label(" ab "), "AB")', 'assert.ok(label(" ab "))'),
    "finding"
  ),
  go(
    "skipped unless somebody asks for more words",
    goTest,
    goFirst('\tif !testing.Verbose() {\n\t\tt.Skip("x")\n\t}\n'),
    "finding",
    { weighs: "fail" }
  ),
  go(
    "returns unless a variable is set",
    goTest,
    goFirst('\tif os.Getenv("FULL") == "" {\n\t\treturn\n\t}\n'),
    "finding",
    { weighs: "ask" }
  ),
  go("an error became a line of the log", goTest, goTest.replace("Errorf", "Logf"), "finding", {
    weighs: "fail"
  }),
  rs(
    "ignored without a feature",
    rsTest,
    rsTest.replace("#[test]\n", '#[test]\n#[cfg_attr(not(feature = "slow"), ignore)]\n'),
    "finding",
    { weighs: "ask" }
  ),
  rs("expected to panic now", rsTest, rsTest.replace("#[test]\n", "#[test]\n#[should_panic]\n"), "finding", {
    weighs: "fail"
  }),
  rs(
    "a macro of the file's own",
    rsTest,
    `macro_rules! assert_eq {\n    ($($x:tt)*) => {};\n}\n${rsTest}`,
    "finding"
  )
]
