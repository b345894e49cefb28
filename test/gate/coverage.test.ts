import { assert, describe, it } from "@effect/vitest"

import { unexamined } from "../../src/gate/coverage.ts"
import { uncompared } from "../../src/gate/weakened/uncompared.ts"

describe("a change that nothing looked at", () => {
  it.each([
    ["none of its files", { files: 2, examined: 0, uncovered: ["a.cfg", "b.cfg"] }, ["a.cfg"]],
    ["one of two", { files: 2, examined: 1, uncovered: ["b.cfg"] }, []],
    ["no file, for there is none", { files: 0, examined: 0, uncovered: [] }, []]
  ] as const)("is a finding where checks looked at %s", (_, coverage, files) => {
    assert.deepStrictEqual(
      unexamined(coverage).map(({ file, rule }) => [rule, file]),
      files.map((file) => ["unexamined", file])
    )
  })
})

describe("tests in a language that is not read", () => {
  const file = (path: string, before?: string) => ({
    path,
    status: before === undefined ? ("added" as const) : ("modified" as const),
    before,
    after: "x",
    addedLines: [1],
    removedLines: []
  })

  it("are said not to be compared, once for each language, and added ones have nothing to be compared with", () => {
    const files = [
      file("src/test/java/ATest.java", "a"),
      file("src/test/java/BTest.java", "b"),
      file("test/shop_test.c", "c"),
      file("src/test/kotlin/NewTest.kt"),
      file("tests/test_a.py", "d")
    ]
    const found = uncompared({ files })
    assert.deepStrictEqual(
      found.map(({ file: path, isNote, rule }) => [rule, path, isNote]),
      [
        ["weakened", "src/test/java/ATest.java", true],
        ["weakened", "test/shop_test.c", true]
      ]
    )
    assert.match(found[0]?.message ?? "", /^2 changed file\(s\) with tests in Java were not compared/u)
  })
})
