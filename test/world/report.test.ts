import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterAll, describe, expect, it } from "@effect/vitest"

import { gateFileOf } from "./gateFile.ts"
import { keyOf, openStore, type Outcome } from "./outcomes.ts"
import { alarms, isAboutCi, kindOf, text } from "./report.ts"
import { inWords, median, wilson } from "./statistics.ts"

const folder = mkdtempSync(join(tmpdir(), "foreman-world-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const outcome = (more: Partial<Outcome>): Outcome => ({
  kind: "static",
  build: "b",
  repository: "a/b",
  language: "Go",
  commit: "c".repeat(40),
  subject: "fix",
  found: [],
  seconds: 1,
  ...more
})

describe("a share", () => {
  it("has Wilson's interval", () => {
    const { high, low } = wilson(0, 44)
    expect([low, Math.round(high * 1000)]).toEqual([0, 80])
    const half = wilson(5, 10)
    expect([Math.round(half.low * 1000), Math.round(half.high * 1000)]).toEqual([237, 763])
    expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 })
    expect(() => wilson(2, 1)).toThrow(RangeError)
  })

  it("is told with its interval", () => {
    expect(inWords(wilson(5, 10))).toBe("5 of 10 (50.0 %, 23.7 % to 76.3 %)")
    expect(inWords(wilson(0, 0))).toBe("none")
  })
})

it("the median of an even number is the mean of the two in the middle", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, undefined])
})

it("a change of a file of CI is told apart from an alarm", () => {
  const found = [
    { rule: "protected", file: ".github/workflows/a.yml", message: "", counts: "fail" as const },
    { rule: "protected", file: "Makefile", message: "", counts: "ask" as const },
    { rule: "untested", file: "a.go", message: "", counts: "warn" as const }
  ]
  expect(alarms({ found }, "fail")).toEqual([])
  expect(alarms({ found }, "ask").map(({ file }) => file)).toEqual(["Makefile"])
  expect(isAboutCi({ found })).toBe(true)
})

it.each([
  [
    "A::test_b is deleted, and what it exercises is still there",
    "is deleted, and what it exercises is still there"
  ],
  ["test_a checks 3 things less: `a == 1`, `b`", "checks N things less"],
  ["something else of 12", "something else of N"]
])("the kind of %s", (message, kind) => {
  expect(kindOf(message)).toBe(kind)
})

it("a derived change that turned out good counts in no share", () => {
  const derived = { kind: "derived", made: "mutant", expected: "GATE-FAIL" } as const
  const said = text([
    outcome({ ...derived, detail: "1", verdict: "GATE-FAIL" }),
    outcome({ ...derived, detail: "2", verdict: "GATE-PASS", equivalent: true }),
    outcome({ ...derived, detail: "3", verdict: "GATE-ERROR" }),
    outcome({ ...derived, detail: "4", verdict: "GATE-PASS" })
  ])
  expect(said).toContain("| mutant | 4 | 1 | 1 | 1 of 2 (50.0 %")
})

describe("what was recorded", () => {
  it("is found by the next run, without a last line that was cut off", () => {
    const file = join(folder, "outcomes.jsonl")
    const one = outcome({})
    openStore(file).add(one)
    writeFileSync(file, `${readFileSync(file, "utf8")}{"kind":"sta`)
    const next = openStore(file)
    expect(next.get(keyOf(one))).toEqual(one)
    expect(next.get(keyOf({ ...one, build: "other" }))).toBeUndefined()
    next.add(outcome({ commit: "d".repeat(40) }))
    expect(openStore(file).all()).toHaveLength(2)
  })
})

describe("a recipe as a gate file", () => {
  const recipe = {
    setup: ["npm ci"],
    checks: [{ role: "test", command: "npm test" }],
    env: { A: "1" }
  } as const

  it("has set-up and environment of their own", () => {
    expect(gateFileOf(recipe, false)).toBe(
      'env:\n  A: "1"\nsetup:\n  - run: npm ci\nchecks:\n  - name: test\n    role: test\n    command: npm test\n'
    )
  })

  it("has them in its checks for a build that knows neither", () => {
    expect(gateFileOf(recipe, true)).toBe(
      "checks:\n  - name: setup-1\n    role: build\n    command: A=1 npm ci\n  - name: test\n    role: test\n    command: A=1 npm test\n"
    )
  })
})
