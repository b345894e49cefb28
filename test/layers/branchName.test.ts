import { spawnSync } from "node:child_process"

import { assert, describe, it } from "@effect/vitest"

import { isBranchName } from "../../layers/git/branchName.ts"

const plain = ["a", "Ü", "lock", "-", "@", "{", "[", "]", " ", "~", "^", ":", "?", "*", "\\", "\t", "\x7f"]
/** What matters by its place. */
const placed = ["/", ".", ".lock", "@{", "a"]
const names = [
  "x",
  ...plain,
  ...placed,
  ...placed.flatMap((one) => placed.map((two) => `${one}${two}`))
].flatMap((name) => [name, `x${name}x`])

describe("a branch's name", () => {
  it("is what git says, but for one that begins like an option", () => {
    const script = `for name; do git check-ref-format "refs/heads/$name" && echo 1 || echo 0; done`
    const { stdout } = spawnSync("sh", ["-c", script, "sh", ...names], { encoding: "utf8" })
    const known = stdout.split("\n").slice(0, names.length)
    assert.deepStrictEqual(
      names.filter((name, index) => isBranchName(name) !== (known[index] === "1")),
      ["-"]
    )
  })
})
