/** `foreman gate` as people start it: a process, a real repository, real checks. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { Result } from "../../schema/Result.ts"

const program = join(import.meta.dirname, "../../programs/foreman.ts")
let home = ""
let repo = ""
let env: Readonly<Record<string, string>> = {}

const git = (...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-C", repo, "-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
    encoding: "utf8"
  }).trim()
const commit = (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(repo, path)), { recursive: true })
    writeFileSync(join(repo, path), text)
  }
  git("add", "-A")
  git("commit", "-q", "-m", "work")
  return git("rev-parse", "HEAD")
}

const start = (...args: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [program, "gate", "--repo", repo, ...args], {
    env: { PATH: process.env["PATH"], HOME: home, TMPDIR: join(home, "tmp"), ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
const ended = async (child: ChildProcess) => {
  let stdout = ""
  let stderr = ""
  child.stdout?.on("data", (chunk) => (stdout += String(chunk)))
  child.stderr?.on("data", (chunk) => (stderr += String(chunk)))
  const code = await new Promise((resolve) => child.on("close", (exit) => resolve(exit)))
  return { code, stdout, stderr }
}
const gate = (...args: ReadonlyArray<string>) => ended(start(...args))
const left = () => readdirSync(join(home, "tmp"))

const gateFile = `checks:
  - role: test
    command: sh test.sh
  - name: docs
    role: lint
    command: "true"
    paths: ["docs/**"]
`

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "foreman-gate-home-"))
  mkdirSync(join(home, "tmp"))
  repo = join(home, "the repository")
  mkdirSync(repo)
  git("init", "-q", "-b", "main")
  commit({ ".foreman/gate.yaml": gateFile, "test.sh": '[ "$(cat value)" != bad ]\n', value: "one\n" })
  git("checkout", "-q", "-b", "work")
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Result))

describe("foreman gate", () => {
  it("passes what passes, twice alike, says what is not judged, and leaves nothing behind but its cache", async () => {
    const head = commit({ value: "two\n" })
    writeFileSync(join(repo, "draft"), "bad\n")
    const first = await gate()
    const second = await gate("-o", "json")
    const { extra, verdict } = decode(second.stdout)
    assert.deepStrictEqual(
      [first.code, second.code, verdict, extra?.["commitSHA"]],
      [0, 0, "GATE-PASS", head]
    )
    assert.match(first.stdout, /^test +test +ok/mu)
    assert.match(first.stdout, /^docs +lint +skipped .*the change touches none of its paths$/mu)
    assert.match(first.stdout, /^GATE-PASS: 1 check\(s\) passed and 1 had nothing to do; /mu)
    assert.include(first.stderr, "not judged, because not committed: draft")
    assert.notInclude(first.stdout + first.stderr, "\u001b[")
    assert.deepStrictEqual(left(), [])
    assert.deepStrictEqual(git("status", "--porcelain"), "?? draft")
    assert.isFalse(existsSync(join(repo, ".git", "worktrees")))
    rmSync(join(repo, "draft"))
  })

  it("fails with 1 for a check that says no to the commit that was asked for", async () => {
    const bad = commit({ value: "bad\n" })
    git("checkout", "-q", "--detach", "HEAD~1")
    const failed = await gate("--head", "work")
    const passed = await gate("--head", `${bad}~1`)
    git("checkout", "-q", "work")
    git("reset", "-q", "--hard", "HEAD~1")
    assert.deepStrictEqual([failed.code, passed.code], [1, 0])
    assert.match(failed.stdout, /^GATE-FAIL CheckFailed: test exited 1/mu)
    assert.include(failed.stderr, "foreman gate: GATE-FAIL: test exited 1")
  })

  it("shows the flag that allows what the policy asks about, and passes with it", async () => {
    git("checkout", "-q", "-b", "asking", "main")
    const base = commit({ ".foreman/gate.yaml": `${gateFile}policy: { protected: ask }\n` })
    commit({ ".github/CODEOWNERS": "* @ada\n" })
    const asked = await gate("--base", base)
    const flag = /--allow '(protected:\.github\/CODEOWNERS=)REASON'$/mu.exec(asked.stdout)?.[1] ?? ""
    const allowed = await gate(
      "--base",
      base,
      "--allow",
      "weakened:**=unneeded",
      "--allow",
      `${flag}a job more`
    )
    git("checkout", "-q", "work")
    assert.deepStrictEqual([asked.code, allowed.code], [1, 0])
    assert.match(asked.stdout, /^ask {2}protected {2}\.github\/CODEOWNERS:1 /mu)
    assert.match(asked.stdout, /^GATE-FAIL NeedsApproval: protected: /mu)
    assert.match(allowed.stdout, /^allowed {2}protected {2}/mu)
    assert.match(allowed.stdout, /^allowed by --allow: protected in \.github\/CODEOWNERS: a job more$/mu)
    assert.include(allowed.stderr, "approval of weakened:** does not count: nothing that asks")
  })

  it("ends with 69 where nothing could be judged, and says why", async () => {
    const base = git("rev-parse", "main")
    git("checkout", "-q", "-b", "empty", "main")
    git("rm", "-qr", ".foreman")
    git("commit", "-q", "-m", "nothing to check")
    const { code, stdout } = await gate("--base", "empty")
    git("checkout", "-q", "work")
    assert.notStrictEqual(git("rev-parse", "empty"), base)
    assert.deepStrictEqual([code, /^GATE-ERROR NoChecks: no checks/mu.test(stdout)], [69, true])
  })

  it("judges without a cache where there cannot be one, and says so", async () => {
    env = { XDG_CACHE_HOME: "/dev/null" }
    const { code, stderr } = await gate()
    env = {}
    assert.strictEqual(code, 0, stderr)
    assert.match(
      stderr,
      /^foreman gate: the caches of the base were not filled: \/dev\/null\/foreman\/gate\/.* cannot be written/mu
    )
    assert.deepStrictEqual(left(), [])
  })

  it.each([
    [["--base", "nope"], "--base nope is no commit of "],
    [["--head", "main~9"], "--head main~9 is no commit of "],
    [["--timeout", "soon"], "--timeout soon: give a span of a second or more, such as 30m"],
    [["--allow", "weakened:a"], "--allow weakened:a: must be RULE:PATH=REASON"],
    [["--memory", "much"], "--memory much: give a size such as 8Gi"]
  ])("ends with 78 and one sentence for %s", async ([flag = "", value = ""], sentence) => {
    const { code, stderr, stdout } = await gate(`${flag}=${value}`)
    assert.deepStrictEqual([code, stdout, stderr.includes(`foreman gate: ${sentence}`)], [78, "", true])
  })

  it("cleans up after Ctrl-C", async () => {
    git("checkout", "-q", "-b", "slow", "main")
    const slow = gateFile.replace("sh test.sh", "echo begun; sleep 60")
    commit({ ".foreman/gate.yaml": slow })
    commit({ value: "three\n" })
    const child = start("--base", "HEAD~1")
    child.stderr?.on("data", (chunk) => {
      if (String(chunk).includes("begun")) child.kill("SIGINT")
    })
    const { code, stdout } = await ended(child)
    git("checkout", "-q", "work")
    assert.deepStrictEqual([code, stdout, left()], [130, "", []])
  })
})
