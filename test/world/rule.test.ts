import { describe, expect, it } from "@effect/vitest"

import { loadCandidates, loadList, loadReadings, loadRecipes, loadStaticReadings, recipeOf } from "./List.ts"
import { isFixSubject, isInlineTestLine, isProductFile, isTestFile, languages, mainLanguage } from "./rule.ts"

it.each([
  ["tests/test_a.py", "test"],
  ["src/a.test.ts", "test"],
  ["test.js", "test"],
  ["pkg/a_test.go", "test"],
  ["conftest.py", "test"],
  ["test-d/a.ts", "test"],
  ["src/a.py", "product"],
  ["lib/index.js", "product"],
  ["src/lib.rs", "product"],
  ["docs/conf.py", "neither"],
  ["examples/a.go", "neither"],
  ["vitest.config.ts", "neither"],
  ["index.d.ts", "neither"],
  ["README.md", "neither"]
])("%s is %s", (path, what) => {
  expect(isTestFile(path) ? "test" : isProductFile(path) ? "product" : "neither").toBe(what)
})

it.each([
  ["fix: a thing", true],
  ["Fixes #12", true],
  ["Fixed the parser", true],
  ["prefix support", false],
  ["fixture for a thing", false],
  ["Revert: fix a thing", false],
  ["release 1.2 with fixes", false]
])("%s claims a fix: %s", (subject, is) => {
  expect(isFixSubject(subject)).toBe(is)
})

it("an assertion that was added beside code of Rust is a test, the header of a file is not", () => {
  expect(
    ["+    assert_eq!(a, 1);", "-    #[test]", " assert!(a)", "+++ b/assert!.rs"].map(isInlineTestLine)
  ).toEqual([true, true, false, false])
})

it("a repository has the language of most of its product", () => {
  expect(mainLanguage(["a.ts", "b.ts", "c.js", "test/d.js", "test/e.js"])).toBe("TypeScript")
  expect(mainLanguage(["README.md"])).toBeUndefined()
})

describe("the list", () => {
  const { leftOut, projects } = loadList()
  const { registries } = loadCandidates()

  it("has every package of the order up to its last project, taken or with the reason why not", () => {
    for (const [registry, { packages }] of Object.entries(registries)) {
      const told = [...projects, ...leftOut].filter((each) => each.registry === registry)
      const ranks = told.map(({ rank }) => rank).sort((one, other) => one - other)
      expect(ranks).toEqual(Array.from({ length: Math.max(...ranks) }, (_, index) => index + 1))
      for (const each of told) expect(packages[each.rank - 1]?.name).toBe(each.package)
    }
  })

  it("has six projects of each language in its first half, five or more in its second, each with fixes", () => {
    for (const language of languages) {
      const of = (half: string) => projects.filter((each) => each.language === language && each.half === half)
      expect(of("first")).toHaveLength(6)
      expect(of("second").length).toBeGreaterThanOrEqual(5)
    }
    for (const { fixes } of projects) expect(fixes.length).toBeGreaterThanOrEqual(5)
  })

  it("says how the checks of each project of its first half run", () => {
    const recipes = loadRecipes()
    for (const project of projects.filter(({ half }) => half === "first")) {
      expect(recipeOf(recipes, project)?.checks.some(({ role }) => role === "test")).toBe(true)
    }
  })

  it("has the commit of every reading", () => {
    const commits = new Set(projects.flatMap(({ fixes }) => fixes.map(({ commit }) => commit)))
    for (const { commit } of loadReadings()) expect(commits).toContain(commit)
  })

  it("has one reading of a commit of the static half, each of a project of its first half", () => {
    const readings = loadStaticReadings()
    const first = new Set(projects.flatMap(({ half, repository }) => (half === "first" ? [repository] : [])))
    for (const { repository } of readings) expect(first).toContain(repository)
    expect(new Set(readings.map(({ commit }) => commit)).size).toBe(readings.length)
  })
})
