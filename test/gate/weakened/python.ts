import type { Case } from "./pair.ts"

const test = "tests/test_cart.py"
const code = "cart.py"

const cart = `def total(items):
    return sum(items)

def name(cart):
    return cart["name"]

def load(text):
    if not text:
        raise ValueError("empty")
    return text.split(",")
`

const row = (name: string, before: string, after: string, is: Case["is"], says?: string): Case => ({
  name: `python: ${name}`,
  base: { [test]: before },
  head: { [test]: after },
  is,
  ...(says !== undefined && { says })
})

const two = `from cart import total

def test_total():
    assert total([1, 2]) == 3
    assert total([]) == 0
`

const table = (rows: string) => `import pytest
from cart import total

@pytest.mark.parametrize("items, expected", [${rows}])
def test_total(items, expected):
    assert total(items) == expected
`

export const python: ReadonlyArray<Case> = [
  // Caught.
  row(
    "an assertion removed",
    two,
    two.replace("    assert total([]) == 0\n", ""),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "an assertion commented out",
    two,
    two.replace("    assert total([])", "    # assert total([])"),
    "finding",
    "checks 1 thing less"
  ),
  row("equal became contained", two, two.replace("== 3", "in (3, 4)"), "finding", "asks for less"),
  row("equal became at least", two, two.replace("== 3", ">= 3"), "finding", "asks for less"),
  row("equal became truthy", two, two.replace(" == 3", ""), "finding", "asks for less"),
  row("made vacuous by or", two, two.replace("== 3", "== 3 or True"), "finding", "always holds"),
  row("replaced by assert True", two, two.replace("total([1, 2]) == 3", "True"), "finding", "always holds"),
  row(
    "skip added",
    two,
    two.replace("def test_total", "@pytest.mark.skip(reason='flaky')\ndef test_total"),
    "finding",
    "skipped now"
  ),
  row(
    "xfail added",
    two,
    two.replace("def test_total", "@pytest.mark.xfail\ndef test_total"),
    "finding",
    "skipped now"
  ),
  row("skip inside", two, two.replace("():\n", "():\n    pytest.skip('later')\n"), "finding", "skipped now"),
  row(
    "a conditional skip is told",
    two,
    two.replace("def test_total", "@pytest.mark.skipif(sys.platform == 'win32', reason='x')\ndef test_total"),
    "note",
    "skipped now"
  ),
  row(
    "no longer collected",
    two,
    two.replace("def test_total", "def check_total"),
    "finding",
    "no longer collected"
  ),
  row("an early return", two, two.replace("():\n", "():\n    return\n"), "finding", "checks 2 things less"),
  row(
    "swallowed",
    two,
    "from cart import total\n\ndef test_total():\n    try:\n        assert total([1, 2]) == 3\n        assert total([]) == 0\n    except AssertionError:\n        pass\n",
    "finding",
    "checks 2 things less"
  ),
  row(
    "behind a condition that never holds",
    two,
    two.replace("    assert total([])", "    if False:\n        assert total([])"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "expectation bent, nothing else changed",
    two,
    two.replace("== 3", "== 4"),
    "finding",
    "expects something else"
  ),
  row(
    "expectation behind a name bent",
    two.replace("== 3", "== want").replace("():\n", "():\n    want = 3\n"),
    two.replace("== 3", "== want").replace("():\n", "():\n    want = 4\n"),
    "finding",
    "expects something else"
  ),
  row(
    "a case of a table removed",
    table("([1, 2], 3), ([], 0)"),
    table("([1, 2], 3)"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "a case of a table bent",
    table("([1, 2], 3), ([], 0)"),
    table("([1, 2], 3), ([], 1)"),
    "finding",
    "expects something else"
  ),
  row(
    "a case that only the set-up shows removed",
    "@pytest.mark.parametrize('mode', ['a', 'b', 'c'])\ndef test_a(mode):\n    configure(mode)\n    assert run() == 1\n",
    "@pytest.mark.parametrize('mode', ['a', 'b'])\ndef test_a(mode):\n    configure(mode)\n    assert run() == 1\n",
    "finding",
    "has 2 cases where it had 3"
  ),
  row(
    "a table that the claims do not show dropped for a fixture passes",
    "@pytest.mark.parametrize('mode', ['a', 'b'])\ndef test_a(mode):\n    configure(mode)\n    assert run() == 1\n",
    "@pytest.mark.usefixtures('modes')\ndef test_a():\n    assert run() == 1\n",
    "pass"
  ),
  row(
    "a loop over nothing",
    "from cart import total\n\ndef test_total():\n    for items, want in [([1], 1), ([2], 2)]:\n        assert total(items) == want\n",
    "from cart import total\n\ndef test_total():\n    for items, want in []:\n        assert total(items) == want\n",
    "finding",
    "checks 2 things less"
  ),
  row(
    "exception broadened",
    "def test_load():\n    with pytest.raises(ValueError, match='empty'):\n        load('')\n",
    "def test_load():\n    with pytest.raises(Exception):\n        load('')\n",
    "finding",
    "asks for less"
  ),
  row(
    "message of an exception dropped",
    "def test_load():\n    with pytest.raises(ValueError, match='empty'):\n        load('')\n",
    "def test_load():\n    with pytest.raises(ValueError):\n        load('')\n",
    "finding",
    "asks for less"
  ),
  row(
    "tolerance of approx widened",
    "def test_a():\n    assert mean(x) == pytest.approx(2.5, abs=0.001)\n",
    "def test_a():\n    assert mean(x) == pytest.approx(2.5, abs=0.5)\n",
    "finding",
    "asks for less"
  ),
  row(
    "places of assertAlmostEqual lowered",
    "class TestA(TestCase):\n    def test_a(self):\n        self.assertAlmostEqual(mean(x), 2.5, places=5)\n",
    "class TestA(TestCase):\n    def test_a(self):\n        self.assertAlmostEqual(mean(x), 2.5, places=1)\n",
    "finding",
    "asks for less"
  ),
  row(
    "assertEqual became assertIn",
    "class TestA(TestCase):\n    def test_a(self):\n        self.assertEqual(total([1]), 1)\n",
    "class TestA(TestCase):\n    def test_a(self):\n        self.assertIn(total([1]), [1, 2])\n",
    "finding",
    "asks for less"
  ),
  row(
    "the subject replaced by a double",
    two,
    two
      .replace("def test_total", "@patch('test_cart.total', return_value=3)\ndef test_total")
      .replace("()", "(fake)"),
    "finding",
    "double"
  ),
  {
    name: "python: a test deleted with its subject alive",
    base: { [test]: two },
    head: {},
    is: "finding",
    says: "is deleted"
  },
  {
    name: "python: renamed so that pytest does not collect it",
    base: { [test]: two },
    head: { "tests/cart_checks.py": two },
    is: "finding",
    says: "no longer collected"
  },
  {
    name: "python: bent while only another function changed",
    base: { [test]: two, [code]: cart },
    head: { [test]: two.replace("== 3", "== 4"), [code]: cart.replace('cart["name"]', 'cart["title"]') },
    is: "finding",
    says: "nothing changed that it exercises"
  },
  // Told.
  {
    name: "python: a changed expectation of changed code is told",
    base: { [test]: two, [code]: cart },
    head: { [test]: two.replace("== 3", "== 30"), [code]: cart.replace("sum(items)", "sum(items) * 10") },
    is: "note",
    says: "Look whether the issue asks for it"
  },
  row(
    "what does not parse is told",
    two,
    two.replace("def test_total():", "def test_total(:"),
    "note",
    "does not parse"
  ),
  {
    name: "python: a changed expectation of what other changed code may reach is told",
    base: { [test]: two, "pricing.py": "def rate():\n    return 1\n\ndef total_tax():\n    return 2\n" },
    head: {
      [test]: two.replace("== 3", "== 4"),
      "pricing.py": "def rate():\n    return 2\n\ndef total_tax():\n    return 2\n"
    },
    is: "note"
  },
  // Must pass.
  row(
    "formatting, quotes and comments",
    "def test_a():\n    assert name(c) == 'x'\n",
    'def test_a():\n    # why\n    assert (\n        name(c) == "x"\n    )\n',
    "pass"
  ),
  row("a rename", two, two.replace("test_total", "test_sum_of_items"), "pass"),
  row(
    "order",
    two,
    "from cart import total\n\ndef test_total():\n    assert total([]) == 0\n    assert total([1, 2]) == 3\n",
    "pass"
  ),
  row("sides turned", two, two.replace("total([1, 2]) == 3", "3 == total([1, 2])"), "pass"),
  row("folded into a table", two, table("([1, 2], 3), ([], 0)"), "pass"),
  row("a table written out", table("([1, 2], 3), ([], 0)"), two, "pass"),
  row(
    "split",
    two,
    "from cart import total\n\ndef test_some():\n    assert total([1, 2]) == 3\n\ndef test_none():\n    assert total([]) == 0\n",
    "pass"
  ),
  row(
    "moved into a helper",
    two,
    "from cart import total\n\ndef check(items, want):\n    assert total(items) == want\n\ndef test_total():\n    check([1, 2], 3)\n    check([], want=0)\n",
    "pass"
  ),
  row(
    "locals renamed and named",
    two,
    two.replace("assert total([1, 2]) == 3", "result = total([1, 2])\n    assert result == 3"),
    "pass"
  ),
  row(
    "from assert to assertEqual",
    two,
    "from cart import total\n\nclass TestCart(TestCase):\n    def test_total(self):\n        self.assertEqual(total([1, 2]), 3)\n        self.assertEqual(total([]), 0)\n",
    "pass"
  ),
  row("stricter", two.replace("== 3", ">= 3"), two, "pass"),
  row(
    "implied by a stricter one",
    "def test_a():\n    r = f()\n    assert r is not None\n    assert r == 5\n",
    "def test_a():\n    r = f()\n    assert r == 5\n",
    "pass"
  ),
  row("added", two, `${two}\ndef test_more():\n    assert total([5]) == 5\n`, "pass"),
  row(
    "a skipped test deleted",
    two.replace("def test_total", "@pytest.mark.skip\ndef test_total"),
    "from cart import total\n",
    "pass"
  ),
  row("a skip removed", two.replace("def test_total", "@pytest.mark.skip\ndef test_total"), two, "pass"),
  row(
    "the whole instead of its parts",
    "def test_a():\n    r = f()\n    assert r.a == 1\n    assert r.b == 2\n",
    "def test_a():\n    assert f() == R(a=1, b=2)\n",
    "pass"
  ),
  {
    name: "python: moved to another file",
    base: { [test]: two },
    head: { "tests/test_total.py": two },
    is: "pass"
  },
  {
    name: "python: deleted with its subject",
    base: { [test]: two, [code]: cart },
    head: { [code]: cart.replace("def total(items):\n    return sum(items)\n\n", "") },
    is: "pass"
  },
  {
    name: "python: the subject renamed",
    base: { [test]: two, [code]: cart },
    head: {
      [test]: two.replaceAll("total(", "grand_total(").replace("test_grand_total", "test_total"),
      [code]: cart.replace("total(", "grand_total(")
    },
    is: "pass"
  },
  {
    name: "python: a generated file",
    base: { [test]: `# Code generated by gen. DO NOT EDIT.\n${two}` },
    head: {
      [test]: `# Code generated by gen. DO NOT EDIT.\n${two.replace("    assert total([]) == 0\n", "")}`
    },
    is: "pass"
  },
  {
    name: "python: a test file renamed to what nothing collects",
    base: { [test]: two, [code]: cart },
    head: { [`${test}.disabled`]: two, [code]: `${cart}\n` },
    is: "finding",
    says: "is deleted"
  },
  {
    name: "python: a test file at the root renamed to what nothing collects",
    base: { "test_cart.py": `LIMIT = 3\n${two.replace("3", "LIMIT")}`, [code]: cart },
    head: { "test_cart.py.disabled": `LIMIT = 3\n${two.replace("3", "LIMIT")}`, [code]: `${cart}\n` },
    is: "finding",
    says: "is deleted"
  },
  {
    name: "python: a test file renamed to the other name that pytest knows",
    base: { [test]: two },
    head: { "tests/cart_test.py": two },
    is: "pass"
  },
  {
    name: "python: deleted while a local of a word of it went",
    base: {
      [test]: "def test_total():\n    result = total([1])\n    assert result == 1\n",
      [code]: cart.replace("return sum(items)", "result = sum(items)\n    return result")
    },
    head: { [test]: "", [code]: cart },
    is: "finding",
    says: "is deleted"
  },
  {
    name: "python: deleted with a constant of the module",
    base: { [test]: "def test_limit():\n    assert LIMIT == 3\n", [code]: `LIMIT = 3\n${cart}` },
    head: { [test]: "", [code]: cart },
    is: "pass"
  },
  row(
    "shadowed by a later test of the same name",
    two,
    `${two}\ndef test_total():\n    assert total\n`,
    "finding",
    "checks 2 things less"
  ),
  row(
    "shadowed by a later class of the same name",
    "class TestA:\n    def test_a(self):\n        assert total([1]) == 1\n",
    "class TestA:\n    def test_a(self):\n        assert total([1]) == 1\n\nclass TestA:\n    def test_b(self):\n        assert name(c) == 'x'\n",
    "finding",
    "is deleted"
  ),
  row(
    "the same name in another class",
    "class TestA:\n    def test_a(self):\n        assert total([1]) == 1\n",
    "class TestA:\n    def test_a(self):\n        assert total([1]) == 1\n\nclass TestB:\n    def test_a(self):\n        assert name(c) == 'x'\n",
    "pass"
  ),
  row("a shadowed test dropped", `def test_total():\n    assert total([9]) == 9\n\n${two}`, two, "pass"),
  row(
    "a mark of the file over several lines",
    two,
    two.replace(
      "\n\n",
      "\n\npytestmark = [\n    pytest.mark.slow,\n    pytest.mark.skip(reason='later'),\n]\n\n"
    ),
    "finding",
    "skipped now"
  ),
  row(
    "a mark of the file that skips nothing",
    two,
    two.replace("\n\n", "\n\npytestmark = [\n    pytest.mark.slow,\n    pytest.mark.unit,\n]\n\n"),
    "pass"
  ),
  row(
    "a mark of the file that skips on a platform is told",
    two,
    two.replace("\n\n", "\n\npytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='x')\n\n"),
    "note",
    "skipped now"
  ),
  row(
    "the file skips itself",
    two,
    two.replace("\n\n", "\n\npytest.skip('later', allow_module_level=True)\n\n"),
    "finding",
    "skipped now"
  ),
  row(
    "the file skips itself on a platform is told",
    two,
    two.replace("\n\n", "\n\nif sys.platform == 'win32':\n    pytest.skip('x', allow_module_level=True)\n\n"),
    "note",
    "skipped now"
  ),
  row("a value became anything", two, two.replace("== 3", "== ANY"), "finding", "always holds"),
  row(
    "an argument became anything",
    "def test_a():\n    run(m)\n    m.assert_called_with(1, 2)\n",
    "def test_a():\n    run(m)\n    m.assert_called_with(1, mock.ANY)\n",
    "finding",
    "asks for less"
  ),
  row("anything became a value", two.replace("== 3", "== ANY"), two, "pass"),
  row(
    "another named value is told",
    "def test_a():\n    assert pay(c) == Status.PAID\n",
    "def test_a():\n    assert pay(c) == Status.PENDING\n",
    "note",
    "Look whether the issue asks for it"
  ),
  row(
    "an exception by another path",
    "def test_load():\n    with pytest.raises(cart.EmptyError):\n        load('')\n",
    "def test_load():\n    with pytest.raises(EmptyError):\n        load('')\n",
    "pass"
  ),
  row(
    "called once became once with what",
    "def test_a():\n    run(m)\n    m.assert_called_once()\n",
    "def test_a():\n    run(m)\n    m.assert_called_once_with('a')\n",
    "pass"
  ),
  row(
    "once and with what in one",
    "def test_a():\n    run(m)\n    m.assert_called_once()\n    m.assert_called_with('a')\n",
    "def test_a():\n    run(m)\n    m.assert_called_once_with('a')\n",
    "pass"
  ),
  row(
    "once with what became called once",
    "def test_a():\n    run(m)\n    m.assert_called_once_with('a')\n",
    "def test_a():\n    run(m)\n    m.assert_called_once()\n",
    "finding",
    "asks for less"
  ),
  row(
    "once with something else",
    "def test_a():\n    run(m)\n    m.assert_called_once_with('a')\n",
    "def test_a():\n    run(m)\n    m.assert_called_once_with('b')\n",
    "finding",
    "expects something else"
  ),
  row(
    "a length of zero became not",
    "def test_a():\n    assert len(check(x)) == 0\n",
    "def test_a():\n    assert not check(x)\n",
    "pass"
  ),
  row(
    "a length above zero became the value",
    "def test_a():\n    assert len(check(x)) > 0\n",
    "def test_a():\n    assert check(x)\n",
    "pass"
  ),
  row(
    "a length became the value",
    "def test_a():\n    assert len(check(x)) == 2\n",
    "def test_a():\n    assert check(x)\n",
    "finding"
  ),
  row(
    "a length of zero became the value",
    "def test_a():\n    assert len(check(x)) == 0\n",
    "def test_a():\n    assert check(x)\n",
    "finding"
  ),
  row(
    "a named argument of a call bent",
    "def test_a():\n    run(m)\n    m.assert_called_with(a=1, b=2)\n",
    "def test_a():\n    run(m)\n    m.assert_called_with(a=1, b=3)\n",
    "finding",
    "expects something else"
  ),
  row(
    "named arguments of a call in another order",
    "def test_a():\n    run(m)\n    m.assert_called_with(a=1, b=2)\n",
    "def test_a():\n    run(m)\n    m.assert_called_with(b=2, a=1)\n",
    "pass"
  ),
  row(
    "a member became anything",
    "def test_a():\n    assert get(1) == {'id': 1, 'total': 5}\n",
    "def test_a():\n    assert get(1) == {'id': 1, 'total': ANY}\n",
    "finding",
    "asks for less"
  ),
  row(
    "a mark of a class that skips",
    "class TestA:\n    def test_a(self):\n        assert total([1]) == 1\n",
    "class TestA:\n    pytestmark = pytest.mark.skip\n\n    def test_a(self):\n        assert total([1]) == 1\n",
    "finding",
    "skipped now"
  )
]
