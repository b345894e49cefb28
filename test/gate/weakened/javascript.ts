import type { Case } from "./pair.ts"

const test = "src/cart.test.ts"
const code = "src/cart.ts"

const cart = `export const total = (items: number[]) => items.reduce((a, b) => a + b, 0)
export function title(cart: Cart) {
  return cart.title
}
`

const row = (name: string, before: string, after: string, is: Case["is"], says?: string): Case => ({
  name: `javascript: ${name}`,
  base: { [test]: before },
  head: { [test]: after },
  is,
  ...(says !== undefined && { says })
})

const two = `import { expect, test } from "vitest"
import { total } from "./cart"

test("total", () => {
  expect(total([1, 2])).toBe(3)
  expect(total([])).toEqual(0)
})
`
const one = (assertion: string) => `test("one", async () => {\n  ${assertion}\n})\n`

const table = (rows: string) => `import { expect, test } from "vitest"
import { total } from "./cart"

test.each([${rows}])("total of %j", (items, want) => {
  expect(total(items)).toBe(want)
})
`

const loop = (rows: string) => `import { expect, test } from "vitest"
import { total } from "./cart"

for (const [items, want] of [${rows}]) {
  test(\`total of \${items}\`, () => {
    expect(total(items)).toBe(want)
  })
}
`

export const javascript: ReadonlyArray<Case> = [
  row(
    "two tests became a loop of tests",
    `test("some", () => {\n  expect(total([1, 2])).toBe(3)\n})\ntest("none", () => {\n  expect(total([])).toBe(0)\n})\n`,
    loop("[[1, 2], 3], [[], 0], [[4], 4]"),
    "pass"
  ),
  row(
    "a row of a loop of tests removed",
    loop("[[1, 2], 3], [[], 0]"),
    loop("[[1, 2], 3]"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "a row of a loop of tests bent",
    loop("[[1, 2], 3], [[], 0]"),
    loop("[[1, 2], 3], [[], 1]"),
    "finding",
    "expects something else"
  ),
  row(
    "an expect removed",
    two,
    two.replace("  expect(total([])).toEqual(0)\n", ""),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "toEqual became toBeTruthy",
    one("expect(f(1)).toEqual({ a: 1 })"),
    one("expect(f(1)).toBeTruthy()"),
    "finding",
    "asks for less"
  ),
  row(
    "toBe became toBeDefined",
    one("expect(f(1)).toBe(3)"),
    one("expect(f(1)).toBeDefined()"),
    "finding",
    "asks for less"
  ),
  row(
    "toEqual became toContain",
    one("expect(f(1)).toEqual([1, 2])"),
    one("expect(f(1)).toContain(1)"),
    "finding",
    "asks for less"
  ),
  row(
    "toEqual became a snapshot",
    one("expect(f(1)).toEqual([1, 2])"),
    one("expect(f(1)).toMatchSnapshot()"),
    "finding",
    "asks for less"
  ),
  row(
    "digits of toBeCloseTo lowered",
    one("expect(f(1)).toBeCloseTo(0.3, 5)"),
    one("expect(f(1)).toBeCloseTo(0.3, 1)"),
    "finding",
    "asks for less"
  ),
  row(
    "type of an error dropped",
    one("expect(() => f()).toThrow(RangeError)"),
    one("expect(() => f()).toThrow()"),
    "finding",
    "asks for less"
  ),
  row(
    "toHaveBeenCalledWith became toHaveBeenCalled",
    one("expect(spy).toHaveBeenCalledWith(1, 'a')"),
    one("expect(spy).toHaveBeenCalled()"),
    "finding",
    "asks for less"
  ),
  row("expect(true)", one("expect(f(1)).toBe(3)"), one("expect(1).toBeTruthy()"), "finding", "always holds"),
  row(
    "an or that always holds",
    one("expect(f(1) === 3).toBe(true)"),
    one("expect(f(1) === 3 || true).toBe(true)"),
    "finding",
    "always holds"
  ),
  row("skip", two, two.replace('test("total"', 'test.skip("total"'), "finding", "skipped now"),
  row(
    "xit",
    one("expect(f(1)).toBe(3)").replace("test(", "it("),
    one("expect(f(1)).toBe(3)").replace("test(", "xit("),
    "finding",
    "skipped now"
  ),
  row("only", two, two.replace('test("total"', 'test.only("total"'), "finding", "run alone"),
  row("todo", two, 'import { test } from "vitest"\n\ntest.todo("total")\n', "finding", "skipped now"),
  row(
    "describe.skip",
    `describe("cart", () => {\n${two}})\n`.replaceAll(/^import.*\n/gmu, ""),
    `describe.skip("cart", () => {\n${two}})\n`.replaceAll(/^import.*\n/gmu, ""),
    "finding",
    "skipped now"
  ),
  row("expectation bent", two, two.replace("toBe(3)", "toBe(4)"), "finding", "expects something else"),
  row(
    "a case removed",
    table("[[1, 2], 3], [[], 0]"),
    table("[[1, 2], 3]"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "swallowed",
    two,
    two.replace(
      "  expect(total([])).toEqual(0)\n",
      "  try {\n    expect(total([])).toEqual(0)\n  } catch {}\n"
    ),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "an early return",
    two,
    two.replace("  expect(total([]))", "  return\n  expect(total([]))"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "the body commented out",
    two,
    'import { test } from "vitest"\n\ntest("total", () => {\n  // expect(total([1, 2])).toBe(3)\n})\n',
    "finding",
    "checks 2 things less"
  ),
  row(
    "never called callback",
    two,
    two.replace("  expect(total([])).toEqual(0)", "  ;[].forEach((x) => { expect(total([])).toEqual(0) })"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "the subject replaced by a double",
    one("expect(total([1])).toBe(1)"),
    `vi.mock("./cart", () => ({ total: () => 1 }))\n${one("expect(total([1])).toBe(1)")}`,
    "finding",
    "double"
  ),
  row(
    "notEqual instead of equal",
    one("assert.strictEqual(f(1), 3)"),
    one("assert.notStrictEqual(f(1), 3)"),
    "finding",
    "expects something else"
  ),
  {
    name: "javascript: a test deleted with its subject alive",
    base: { [test]: two },
    head: {},
    is: "finding",
    says: "is deleted"
  },
  {
    name: "javascript: ignored in vitest.config.ts",
    base: { "vitest.config.ts": "export default {}\n" },
    head: { "vitest.config.ts": "export default {\n  test: { exclude: ['src/cart.test.ts'] }\n}\n" },
    is: "finding",
    says: "the runner is told"
  },
  {
    name: "javascript: a changed expectation of changed code is told",
    base: { [test]: two, [code]: cart },
    head: { [test]: two.replace("toBe(3)", "toBe(4)"), [code]: cart.replace(", 0)", ", 1)") },
    is: "note"
  },
  {
    name: "javascript: bent while another function changed",
    base: { [test]: two, [code]: cart },
    head: { [test]: two.replace("toBe(3)", "toBe(4)"), [code]: cart.replace("cart.title", "cart.name") },
    is: "finding"
  },
  row(
    "a test renamed and stricter",
    two,
    two.replace('test("total"', 'it("adds up"').replace("toBe(3)", "toStrictEqual(3)"),
    "pass"
  ),
  row(
    "wrapped in describe",
    two,
    two.replace('test("total"', 'describe("cart", () => { test("total"').replace(/\}\)\n$/u, "}) })\n"),
    "pass"
  ),
  row(
    "from Jest to node:assert",
    two,
    'import assert from "node:assert"\n\ntest("total", () => {\n  assert.strictEqual(total([1, 2]), 3)\n  assert.deepEqual(total([]), 0)\n})\n',
    "pass"
  ),
  row(
    "from Chai to Jest",
    one("expect(f(1)).to.equal(3); expect(g()).to.be.true"),
    one("expect(f(1)).toBe(3); expect(g()).toBe(true)"),
    "pass"
  ),
  row("folded into a table", two, table("[[1, 2], 3], [[], 0]"), "pass"),
  row(
    "folded into a table of objects",
    two,
    'test.each([{ items: [1, 2], want: 3 }, { items: [], want: 0 }])("total", ({ items, want }) => {\n  expect(total(items)).toBe(want)\n})\n',
    "pass"
  ),
  row(
    "folded into a loop",
    two,
    'test("total", () => {\n  for (const [items, want] of [[[1, 2], 3], [[], 0]] as const) {\n    expect(total(items)).toBe(want)\n  }\n})\n',
    "pass"
  ),
  row(
    "split and quoted otherwise",
    one("expect(f('a')).toBe('b'); expect(f('c')).toBe('d')"),
    'test("a", () => { expect(f("a")).toBe("b") })\ntest("c", () => { expect(f("c")).toBe("d") })\n',
    "pass"
  ),
  row(
    "moved into a helper",
    two,
    'const check = (items: number[], want: number) => {\n  expect(total(items)).toBe(want)\n}\ntest("total", () => {\n  check([1, 2], 3)\n  check([], 0)\n})\n',
    "pass"
  ),
  row(
    "awaited otherwise",
    one("expect(await load('x')).toBe(3)"),
    one("await expect(load('x')).resolves.toBe(3)"),
    "pass"
  ),
  row("a snapshot added", two, two.replace("})\n", "  expect(total([7])).toMatchSnapshot()\n})\n"), "pass"),
  row(
    "a value filled by a callback",
    one("let seen = 0; each(() => { seen += 1 }); expect(seen).toBe(3)"),
    one("let count = 0; each(() => { count += 1 }); expect(count).toBe(3)"),
    "pass"
  ),
  {
    name: "javascript: moved and typed",
    base: { "test/cart.test.js": two },
    head: { "src/cart.test.ts": two.replace("() =>", "(): void =>") },
    is: "pass"
  }
]
