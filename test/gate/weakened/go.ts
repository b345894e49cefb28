import type { Case } from "./pair.ts"

const test = "cart/cart_test.go"
const code = "cart/cart.go"

const cart = `package cart

import "errors"

var ErrEmpty = errors.New("empty")

func Total(items []int) int {
	sum := 0
	for _, item := range items {
		sum += item
	}
	return sum
}

func Title(name string) (string, error) {
	if name == "" {
		return "", ErrEmpty
	}
	return name, nil
}
`

const file = (body: string) => `package cart

import "testing"

${body}`

const row = (name: string, before: string, after: string, is: Case["is"], says?: string): Case => ({
  name: `go: ${name}`,
  base: { [test]: file(before) },
  head: { [test]: file(after) },
  is,
  ...(says !== undefined && { says })
})

const two = `func TestTotal(t *testing.T) {
	if got := Total([]int{1, 2}); got != 3 {
		t.Errorf("got %d", got)
	}
	if got := Total(nil); got != 0 {
		t.Errorf("got %d", got)
	}
}
`
const one = (body: string) => `func TestOne(t *testing.T) {\n\t${body}\n}\n`

const suite = (body: string) => `func (s *CartSuite) TestOne() {\n\t${body}\n}\n`

const table = (rows: string) => `func TestTotal(t *testing.T) {
	tests := []struct {
		name  string
		items []int
		want  int
	}{
		${rows}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Total(tt.items); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
`
const rows = `{"some", []int{1, 2}, 3},
		{"none", nil, 0},`

export const go: ReadonlyArray<Case> = [
  row(
    "a check removed",
    two,
    two.replace(/\tif got := Total\(nil\)[^}]*\}\n/u, ""),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "the failure became a log line",
    two,
    two.replace('got != 0 {\n\t\tt.Errorf("got %d", got)', 'got != 0 {\n\t\tt.Logf("got %d", got)'),
    "finding",
    "checks 1 thing less"
  ),
  row("t.Skip", two, two.replace("{\n", '{\n\tt.Skip("flaky")\n'), "finding", "skipped now"),
  row(
    "a skip in short mode is told",
    two,
    two.replace("{\n", '{\n\tif testing.Short() {\n\t\tt.Skip("slow")\n\t}\n'),
    "note",
    "skipped now"
  ),
  row("equal became at least", two, two.replace("got != 3", "got < 3"), "finding", "asks for less"),
  row(
    "another value lets it pass, too",
    two,
    two.replace("got != 3", "got != 3 && got != 4"),
    "finding",
    "asks for less"
  ),
  row(
    "require.Equal became require.NotNil",
    one("require.Equal(t, 3, Total(x))"),
    one("require.NotNil(t, Total(x))"),
    "finding",
    "asks for less"
  ),
  row(
    "ErrorIs became Error",
    one("require.ErrorIs(t, Load(x), ErrEmpty)"),
    one("require.Error(t, Load(x))"),
    "finding",
    "asks for less"
  ),
  row(
    "errors.Is became a check for nil",
    one('if !errors.Is(Load(x), ErrEmpty) {\n\t\tt.Fatal("x")\n\t}'),
    one('if Load(x) == nil {\n\t\tt.Fatal("x")\n\t}'),
    "finding",
    "asks for less"
  ),
  row(
    "InDelta widened",
    one("assert.InDelta(t, 2.5, Mean(x), 0.01)"),
    one("assert.InDelta(t, 2.5, Mean(x), 1)"),
    "finding",
    "asks for less"
  ),
  row(
    "assert.True(t, true)",
    one("assert.Equal(t, 3, Total(x))"),
    one("assert.True(t, true)"),
    "finding",
    "always holds"
  ),
  row("expectation bent", two, two.replace("got != 3", "got != 4"), "finding", "expects something else"),
  row(
    "want of a table bent",
    table(rows),
    table(rows.replace("3}", "4}")),
    "finding",
    "expects something else"
  ),
  row(
    "a row of a table removed",
    table(rows),
    table('{"some", []int{1, 2}, 3},'),
    "finding",
    "checks 1 thing less"
  ),
  row("an early return", two, two.replace("{\n", "{\n\treturn\n"), "finding", "checks 2 things less"),
  row(
    "no longer collected",
    two,
    two.replace("func TestTotal(t", "func testTotal(t"),
    "finding",
    "no longer collected"
  ),
  row(
    "an error no longer looked at",
    one(
      'got, err := Title("x")\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tif got != "x" {\n\t\tt.Fatal(got)\n\t}'
    ),
    one('got, _ := Title("x")\n\tif got != "x" {\n\t\tt.Fatal(got)\n\t}'),
    "finding",
    "checks 1 thing less"
  ),
  {
    name: "go: built only with a tag",
    base: { [test]: file(two) },
    head: { [test]: `//go:build integration\n\n${file(two)}` },
    is: "finding",
    says: "by default"
  },
  {
    name: "go: a file that go test does not look into",
    base: { [test]: file(two) },
    head: { "cart/cart_testing.go": file(two) },
    is: "finding",
    says: "no longer collected"
  },
  {
    name: "go: a test file deleted with its subject alive",
    base: { [test]: file(two) },
    head: {},
    is: "finding",
    says: "is deleted"
  },
  {
    name: "go: a changed expectation of changed code is told",
    base: { [test]: file(two), [code]: cart },
    head: {
      [test]: file(two.replace("got != 3", "got != 30")),
      [code]: cart.replace("sum += item", "sum += 10 * item")
    },
    is: "note"
  },
  {
    name: "go: bent while another function changed",
    base: { [test]: file(two), [code]: cart },
    head: {
      [test]: file(two.replace("got != 3", "got != 4")),
      [code]: cart.replace("return name, nil", 'return name + "!", nil')
    },
    is: "finding"
  },
  row("folded into a table", two, table(rows), "pass"),
  row(
    "a table with named fields",
    table(rows),
    table(
      rows
        .replace('"some", []int{1, 2}, 3', 'name: "some", items: []int{1, 2}, want: 3')
        .replace('"none", nil, 0', 'name: "none", want: 0, items: nil')
    ),
    "pass"
  ),
  row(
    "a table's rows in another order",
    table(rows),
    table('{"none", nil, 0},\n\t\t{"some", []int{1, 2}, 3},'),
    "pass"
  ),
  row(
    "from if to testify",
    two,
    "func TestTotal(t *testing.T) {\n\tassert.Equal(t, 3, Total([]int{1, 2}))\n\tassert.Equal(t, 0, Total(nil))\n}\n",
    "pass"
  ),
  row(
    "from testify to its object",
    one("require.Equal(t, 3, Total(x))"),
    one("r := require.New(t)\n\tr.Equal(3, Total(x))"),
    "pass"
  ),
  row(
    "from DeepEqual to cmp.Diff",
    one('if !reflect.DeepEqual(Parse("x"), want) {\n\t\tt.Fatal("x")\n\t}'),
    one('if diff := cmp.Diff(want, Parse("x")); diff != "" {\n\t\tt.Fatal(diff)\n\t}'),
    "pass"
  ),
  row(
    "moved into a helper",
    two,
    'func check(t *testing.T, items []int, want int) {\n\tt.Helper()\n\tif got := Total(items); got != want {\n\t\tt.Errorf("got %d", got)\n\t}\n}\n\nfunc TestTotal(t *testing.T) {\n\tcheck(t, []int{1, 2}, 3)\n\tcheck(t, nil, 0)\n}\n',
    "pass"
  ),
  row(
    "renamed and split",
    two,
    "func TestSome(t *testing.T) {\n\tif got := Total([]int{1, 2}); got != 3 {\n\t\tt.Fatal(got)\n\t}\n}\n\nfunc TestNone(t *testing.T) {\n\tgot := Total(nil)\n\tif 0 != got {\n\t\tt.Fatal(got)\n\t}\n}\n",
    "pass"
  ),
  row(
    "comments, messages and t.Parallel",
    two,
    two.replace("{\n", "{\n\tt.Parallel()\n\t// Both.\n").replaceAll("got %d", "Total is %d"),
    "pass"
  ),
  row("Fatal instead of Error", two, two.replaceAll("t.Errorf", "t.Fatalf"), "pass"),
  row("stricter", one("require.Error(t, Load(x))"), one("require.ErrorIs(t, Load(x), ErrEmpty)"), "pass"),
  {
    name: "go: the signature lost its error",
    base: {
      [test]: file(
        one(
          'got, err := Title("x")\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tif got != "x" {\n\t\tt.Fatal(got)\n\t}'
        )
      ),
      [code]: cart
    },
    head: {
      [test]: file(one('got := Title("x")\n\tif got != "x" {\n\t\tt.Fatal(got)\n\t}')),
      [code]: cart.replace(
        '(string, error) {\n\tif name == "" {\n\t\treturn "", ErrEmpty\n\t}\n\treturn name, nil',
        "string {\n\treturn name"
      )
    },
    is: "pass"
  },
  {
    name: "go: deleted with its subject",
    base: { [test]: file(two), [code]: cart },
    head: { [test]: file(""), [code]: cart.replace(/func Total[^]*?\n\}\n/u, "") },
    is: "pass"
  },
  {
    name: "go: a generated file",
    base: { [test]: `// Code generated by mock. DO NOT EDIT.\n${file(two)}` },
    head: { [test]: `// Code generated by mock. DO NOT EDIT.\n${file(one(""))}` },
    is: "pass"
  },
  {
    name: "go: moved to another file",
    base: { [test]: file(two) },
    head: { "cart/total_test.go": file(`${two}\n${one("require.NoError(t, Load(x))")}`) },
    is: "pass"
  },
  {
    name: "go: a test file renamed to what nothing collects",
    base: { [test]: file(two), [code]: cart },
    head: { [`${test}.off`]: file(two), [code]: `${cart}\n` },
    is: "finding",
    says: "is deleted"
  },
  {
    name: "go: deleted while a local of a word of it went",
    base: {
      [test]: file(one("require.Equal(t, 3, Total(sum))")),
      [code]: cart.replace("sum := 0", "var sum int")
    },
    head: { [test]: file(""), [code]: cart },
    is: "finding",
    says: "is deleted"
  },
  row(
    "another named error is told",
    one('if !errors.Is(Load(x), ErrEmpty) {\n\t\tt.Fatal("x")\n\t}'),
    one('if !errors.Is(Load(x), ErrSyntax) {\n\t\tt.Fatal("x")\n\t}'),
    "note",
    "Look whether the issue asks for it"
  ),
  row(
    "another named error of a local is told",
    one('err := Load(x)\n\tif !errors.Is(err, ErrEmpty) {\n\t\tt.Fatal("x")\n\t}'),
    one('err := Load(x)\n\tif !errors.Is(err, ErrSyntax) {\n\t\tt.Fatal("x")\n\t}'),
    "note",
    "Look whether the issue asks for it"
  ),
  row(
    "another status is told",
    one("assert.Equal(t, http.StatusOK, Serve(x).Code)"),
    one("assert.Equal(t, http.StatusNotFound, Serve(x).Code)"),
    "note"
  ),
  row(
    "an assertion of a suite removed",
    suite("s.Equal(7, Total(x))\n\ts.Require().NoError(Load(x))"),
    suite("s.Equal(7, Total(x))"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "an expectation of a suite bent",
    suite("s.Equal(7, Total(x))"),
    suite("s.Equal(8, Total(x))"),
    "finding",
    "expects something else"
  ),
  row(
    "an expectation of a suite's Require bent",
    suite("s.Require().Equal(7, Total(x))"),
    suite("s.Require().Equal(8, Total(x))"),
    "finding",
    "expects something else"
  ),
  row(
    "a test of a suite skipped",
    suite("s.Equal(7, Total(x))"),
    suite('s.T().Skip("later")\n\ts.Equal(7, Total(x))'),
    "finding",
    "skipped now"
  ),
  row(
    "from assert and a suite's T to the suite",
    suite("assert.Equal(s.T(), 7, Total(x))\n\ts.Assert().True(Ready(x))"),
    suite("s.Equal(7, Total(x))\n\ts.Require().True(Ready(x))"),
    "pass"
  ),
  row(
    "methods of what a test calls s are no assertions",
    one("s := Open(x)\n\ts.Equal(7, 8)\n\trequire.Equal(t, 3, Total(x))"),
    one("s := Open(x)\n\ts.Equal(7, 9)\n\trequire.Equal(t, 3, Total(x))"),
    "pass"
  ),
  row(
    "another named error, compared, is told",
    one('if err := Load("a"); err != ErrEmpty {\n\t\tt.Fatal(err)\n\t}'),
    one('if err := Load("a"); err != ErrSyntax {\n\t\tt.Fatal(err)\n\t}'),
    "note",
    "Look whether the issue asks for it"
  ),
  row(
    "from != to errors.Is",
    one('if err := Load("a"); err != ErrEmpty {\n\t\tt.Fatal(err)\n\t}'),
    one('if err := Load("a"); !errors.Is(err, ErrEmpty) {\n\t\tt.Fatal(err)\n\t}'),
    "pass"
  ),
  row(
    "an object of a suite's Require made looser",
    suite("require := s.Require()\n\trequire.Equal(7, Total(x))"),
    suite("require := s.Require()\n\trequire.NotNil(Total(x))"),
    "finding",
    "asks for less"
  ),
  row(
    "moved into a method of the suite",
    suite("s.Equal(7, Total(x))"),
    `func (cart *CartSuite) check(want int) {\n\tcart.Equal(want, Total(x))\n}\n\n${suite("s.check(7)")}`,
    "pass"
  )
]
