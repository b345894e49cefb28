/** `foreman gate init` as people start it: a process, a real repository, real checks. */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const program = join(import.meta.dirname, "../../programs/foreman.ts")
let home = ""

const made = (name: string, files: Readonly<Record<string, string>>) => {
  const repo = join(home, name)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(repo, path)), { recursive: true })
    writeFileSync(join(repo, path), text)
  }
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-C", repo, "-c", "user.name=a", "-c", "user.email=a@b.c", ...args])
  git("init", "-q", "-b", "main")
  git("add", "-A")
  git("commit", "-q", "-m", "base")
  return repo
}

const init = (repo: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [program, "gate", "init", "--repo", repo, ...args],
    { env: { PATH: process.env["PATH"], HOME: home }, encoding: "utf8" }
  )
  return { status, stderr, stdout }
}

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "foreman-init-home-"))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe("foreman gate init", () => {
  it("writes what passes on the default branch, leaves out what does not, and does nothing the second time", () => {
    const scripts = { lint: "echo wrong; exit 3", test: "node --test" }
    const repo = made("shop", {
      "package.json": JSON.stringify({ scripts }),
      "shop.test.js": 'require("node:test").test("one", () => {})\n'
    })
    const first = init(repo, "--yes", "-o", "json")
    const file = join(repo, ".foreman/gate.yaml")
    const text = readFileSync(file, "utf8")
    const said = JSON.parse(first.stdout)
    assert.deepStrictEqual([first.status, said.isWritten], [0, true])
    assert.match(text, /^ {2}- name: npm test\n {4}role: test\n {4}command: npm test$/mu)
    assert.match(text, /^# {3}npm run lint: exits 3 on the base: wrong$/mu)
    assert.match(first.stderr, /^foreman gate init: === npm test ===$/mu)
    const second = init(repo, "--yes")
    assert.deepStrictEqual([second.status, readFileSync(file, "utf8")], [0, text])
    assert.include(second.stdout, "is there already, with 1 check(s)")
  })

  it("says how to begin where nothing is found, and writes nothing", () => {
    const repo = made("empty", { "main.py": "print(1)\n" })
    const { status, stderr } = init(repo, "--yes")
    assert.deepStrictEqual([status, existsSync(join(repo, ".foreman"))], [78, false])
    assert.include(stderr, "put a test in tests/test_first.py")
  })

  it("ends with 1 where nothing passes", () => {
    const repo = made("red", { "package.json": JSON.stringify({ scripts: { test: "exit 9" } }) })
    const { status, stdout } = init(repo, "--yes")
    assert.deepStrictEqual([status, existsSync(join(repo, ".foreman"))], [1, false])
    assert.include(stdout, "exits 9 on the base")
  })
})
