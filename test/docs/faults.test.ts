import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "..", "..")
const read = (path: string) => readFileSync(resolve(root, path), "utf8")

/** Cells of the rows that name a fault; a heading and its ruler are none. */
const rows = read("docs/faults.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| fault |"))
  .map((line) => line.slice(2, -2).split(" | "))

const testsOf = (cell: string) =>
  Array.from(cell.matchAll(/`(test\/[^`]+)` › (.+?)(?=<br>|$)/gu), ([, path = "", name = ""]) => ({
    path,
    name
  }))

describe("docs/faults.md", () => {
  it("names for each fault a test that there is, or says why it needs none", () => {
    const idle = rows.filter(
      ([, , , cell = ""]) =>
        testsOf(cell).length === 0 && !cell.startsWith("does not concern what is built: ")
    )
    assert.deepStrictEqual(idle, [])
    assert.isAtLeast(rows.length, 90)
  })

  it.each(Array.from(new Set(rows.flatMap(([, , , cell = ""]) => testsOf(cell).map(({ path }) => path)))))(
    "its tests are in %s",
    (path) => {
      const text = existsSync(resolve(root, path)) ? read(path) : ""
      const gone = rows
        .flatMap(([, , , cell = ""]) => testsOf(cell))
        .filter((test) => test.path === path && !text.includes(`"${test.name}"`))
      assert.deepStrictEqual(gone, [])
    }
  )
})
