import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"

import { defaultPolicy } from "../../src/gate/finding.ts"

const root = resolve(import.meta.dirname, "..", "..")
const read = (path: string) => readFileSync(resolve(root, path), "utf8")

const rows = Array.from(
  read("docs/gate.md").matchAll(/^\| (.+?) \| `(test\/[^`]+)` › (.+) \|$/gmu),
  (row) => ({
    rails: (row[1] ?? "").split(", "),
    path: row[2] ?? "",
    name: row[3] ?? ""
  })
)

describe("docs/gate.md", () => {
  it("names for each rule of the policy a test in which it changes a verdict", () => {
    const shown = rows.flatMap(({ rails }) => rails)
    assert.deepStrictEqual(
      Object.keys(defaultPolicy).filter((rule) => !shown.includes(rule)),
      []
    )
  })

  it.each(rows)("$path: $name", ({ name, path }) => {
    const text = existsSync(resolve(root, path)) ? read(path) : ""
    assert.include(text, `"${name}"`)
  })
})
