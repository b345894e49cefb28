import { spawnSync } from "node:child_process"
import { join } from "node:path"

import { assert, describe, it } from "vitest"

import { version } from "../../programs/version.ts"

const program = join(import.meta.dirname, "..", "..", "programs", "foreman.ts")

const run = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = process.env) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    env
  })
  return { status, stdout, stderr }
}

describe("foreman", () => {
  it("says its version", () => {
    assert.deepStrictEqual(run(["--version"]), { status: 0, stdout: `foreman ${version}\n`, stderr: "" })
  })

  it("names a command that there is none of, and shows those there are", () => {
    const { status, stdout, stderr } = run(["dmo"])
    assert.deepStrictEqual([status, stdout], [2, ""])
    assert.match(stderr, /^foreman: there is no command "dmo"\n[^]*\n {2}demo {2,}/u)
  })

  it("a demo that can make no folder says in one line what to do", () => {
    const { status, stderr } = run(["demo"], { ...process.env, TMPDIR: "/nowhere" })
    assert.strictEqual(status, 1)
    assert.match(stderr, /^foreman demo: no folder can be made in \/nowhere: .*TMPDIR.*\n$/u)
  })
})
