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

const tagged = (rows: string) => `import { expect, test } from "vitest"
import { total } from "./cart"

test.each\`
  items | want
  ${rows}
\`("total of $items", ({ items, want }) => {
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
  },
  {
    name: "javascript: a test file renamed to what nothing collects",
    base: { [test]: two, [code]: cart },
    head: { [`${test}.skip`]: two, [code]: `${cart}\n` },
    is: "finding",
    says: "is deleted"
  },
  {
    name: "javascript: a test file in a folder of tests renamed so that it is no test by its name",
    base: { "test/cart.test.js": two },
    head: { "test/cart.disabled.js": two },
    is: "finding",
    says: "no longer collected"
  },
  {
    name: "javascript: a test file renamed to another name that is collected",
    base: { "test/cart.test.js": two },
    head: { "test/total.spec.js": two },
    is: "pass"
  },
  {
    name: "javascript: a file in a folder of tests, never named as a test, renamed",
    base: { "test/cart.js": two },
    head: { "test/total.js": two },
    is: "pass"
  },
  {
    name: "javascript: deleted while a local of a word of it went",
    base: {
      [test]: one("const result = total([1, 2])\n  expect(result).toBe(3)"),
      [code]: cart.replace("return cart.title", "const result = cart.title\n  return result")
    },
    head: { [test]: "", [code]: cart },
    is: "finding",
    says: "is deleted"
  },
  {
    name: "javascript: deleted with a key of an exported object",
    base: {
      [test]: one("expect(limits.most).toBe(3)"),
      [code]: "export const limits = { least: 1, most: 3 }\n"
    },
    head: { [test]: "", [code]: "export const limits = { least: 1 }\n" },
    is: "pass"
  },
  row(
    "a new test that runs alone",
    two,
    `${two}${one("expect(f(1)).toBe(3)").replace("test(", "test.only(")}`,
    "finding",
    "run alone"
  ),
  row(
    "a new suite that runs alone",
    two,
    `${two}describe.only("more", () => {\n${one("expect(f(1)).toBe(3)")}})\n`,
    "finding",
    "run alone"
  ),
  row(
    "a new fit",
    two,
    `${two}${one("expect(f(1)).toBe(3)").replace("test(", "fit(")}`,
    "finding",
    "run alone"
  ),
  {
    name: "javascript: a new file of one test that runs alone",
    base: { [test]: two },
    head: { [test]: two, "src/more.test.ts": one("expect(f(1)).toBe(3)").replace("test(", "test.only(") },
    is: "pass"
  },
  row(
    "a value became any of its type",
    two,
    two.replace("toBe(3)", "toEqual(expect.any(Number))"),
    "finding",
    "asks for less"
  ),
  row(
    "an object became some of it",
    one('expect(f(1)).toEqual({ id: 1, name: "a", total: 5 })'),
    one("expect(f(1)).toEqual(expect.objectContaining({ id: 1 }))"),
    "finding",
    "asks for less"
  ),
  row(
    "an object became anything",
    one('expect(f(1)).toEqual({ id: 1, name: "a" })'),
    one("expect(f(1)).toEqual(expect.anything())"),
    "finding",
    "asks for less"
  ),
  row(
    "a member became any of its type",
    one("expect(f(1)).toEqual({ id: 1, total: 5 })"),
    one("expect(f(1)).toEqual({ id: 1, total: expect.any(Number) })"),
    "finding",
    "asks for less"
  ),
  row(
    "an argument became anything",
    one("expect(spy).toHaveBeenCalledWith(1, 'a')"),
    one("expect(spy).toHaveBeenCalledWith(1, expect.anything())"),
    "finding",
    "asks for less"
  ),
  row(
    "a member beside any of its type bent",
    one("expect(f(1)).toEqual({ id: expect.any(String), total: 5 })"),
    one("expect(f(1)).toEqual({ id: expect.any(String), total: 6 })"),
    "finding",
    "expects something else"
  ),
  row(
    "any of its type became a value",
    one("expect(f(1)).toEqual({ id: 1, total: expect.any(Number) })"),
    one("expect(f(1)).toEqual({ id: 1, total: 5 })"),
    "pass"
  ),
  row(
    "objectContaining became toMatchObject",
    one("expect(f(1)).toEqual(expect.objectContaining({ id: 1 }))"),
    one("expect(f(1)).toMatchObject({ id: 1 })"),
    "pass"
  ),
  row(
    "another named value is told",
    one("expect(pay()).toBe(Status.PAID)"),
    one("expect(pay()).toBe(Status.PENDING)"),
    "note",
    "Look whether the issue asks for it"
  ),
  row(
    "a named value written out",
    one("expect(pay()).toBe(Status.PAID)"),
    one('expect(pay()).toBe("paid")'),
    "pass"
  ),
  row(
    "how often became with what",
    one("expect(spy).toHaveBeenCalledTimes(1)"),
    one('expect(spy).toHaveBeenCalledWith("a")'),
    "pass"
  ),
  row(
    "with what became how often",
    one('expect(spy).toHaveBeenCalledWith("a")'),
    one("expect(spy).toHaveBeenCalledTimes(1)"),
    "finding",
    "asks for less"
  ),
  row(
    "never called became called",
    one("expect(spy).toHaveBeenCalledTimes(0)"),
    one('expect(spy).toHaveBeenCalledWith("a")'),
    "finding",
    "expects something else"
  ),
  row(
    "the message of an error from node:assert to Jest",
    one("assert.throws(f, /no items/)"),
    one("expect(f).toThrow(/no items/)"),
    "pass"
  ),
  row(
    "the message of an error lost between node:assert and Jest",
    one("assert.throws(f, /no items/)"),
    one("expect(f).toThrow()"),
    "finding",
    "asks for less"
  ),
  row("folded into a table in a template", two, tagged("${[1, 2]} | ${3}\n  ${[]} | ${0}"), "pass"),
  row(
    "a row of a table in a template removed",
    tagged("${[1, 2]} | ${3}\n  ${[]} | ${0}"),
    tagged("${[1, 2]} | ${3}"),
    "finding",
    "checks 1 thing less"
  ),
  row(
    "a length above zero became any value",
    one("expect(f(1).length).toBeGreaterThan(0)"),
    one("expect(f(1)).toBeTruthy()"),
    "finding"
  ),
  row(
    "an option that skips on a platform is told",
    two,
    two.replace('test("total", ', 'test("total", { skip: process.platform === "win32" }, '),
    "note",
    "skipped now"
  ),
  row(
    "an option that skips",
    two,
    two.replace('test("total", ', 'test("total", { skip: true }, '),
    "finding",
    "skipped now"
  ),
  row(
    "an option that skips for a reason",
    two,
    two.replace('test("total", ', 'test("total", { skip: "flaky" }, '),
    "finding",
    "skipped now"
  ),
  row(
    "a test of its own name that skips on a platform is told",
    two,
    two.replace('test("total"', 'const itUnix = isWindows ? test.skip : test\nitUnix("total"'),
    "note",
    "skipped now"
  ),
  row(
    "a test of its own name",
    two,
    two.replace('test("total"', 'const unit = test.concurrent\nunit("total"'),
    "pass"
  ),
  row(
    "a test of its own name that always skips",
    two,
    two.replace('test("total"', 'const later = test.skip\nlater("total"'),
    "finding",
    "skipped now"
  ),
  row(
    "a new test that an option makes run alone",
    two,
    `${two}${one("expect(f(1)).toBe(3)").replace("async", "{ only: true }, async")}`,
    "finding",
    "run alone"
  ),
  row(
    "another class of an error by another path",
    one("expect(() => f()).toThrow(errors.Empty)"),
    one("expect(() => f()).toThrow(Empty)"),
    "pass"
  ),
  row(
    "toBe(undefined) became toBeUndefined",
    one("expect(f(1)).toBe(undefined)"),
    one("expect(f(1)).toBeUndefined()"),
    "pass"
  ),
  row(
    "nothing in a table in a template",
    one("expect(find(1)).toBe(undefined)\n  expect(find(2)).toBe(null)"),
    'test.each`\n  id | want\n  ${1} | ${undefined}\n  ${2} | ${null}\n`("find", ({ id, want }) => {\n  expect(find(id)).toBe(want)\n})\n',
    "pass"
  )
]
