/** The pre-push hook, called by git itself. */
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"

import { isBranchPush, readPushes, script } from "../../src/gate/prePush.ts"
import { gateRepository, program } from "./gateRepository.ts"

let world: ReturnType<typeof gateRepository>
let remote = ""

beforeAll(() => {
  world = gateRepository()
  remote = join(world.home, "remote.git")
  execFileSync("git", ["init", "-q", "--bare", "-b", "main", remote])
  world.git("remote", "add", "origin", remote)
  world.git("push", "-q", "origin", "main")
  world.git("remote", "set-head", "origin", "main")
  // As it is installed: by a name on the PATH.
  mkdirSync(join(world.home, "bin"))
  const foreman = join(world.home, "bin/foreman")
  writeFileSync(foreman, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  chmodSync(foreman, 0o755)
})
afterAll(() => world.remove())
beforeEach(() => {
  world.git("checkout", "-q", "-B", "work", "main")
})

/** What git has by way of its environment in hooks of some versions and commands. */
const inHook = () => ({
  GIT_DIR: join(world.repo, ".git"),
  GIT_PREFIX: "",
  GIT_INDEX_FILE: join(world.repo, ".git/index"),
  GIT_QUARANTINE_PATH: join(world.home, "nowhere"),
  GIT_DIFF_OPTS: "-u3"
})

const push = (folder: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync("git", ["-C", folder, "push", "origin", ...args], {
    env: { ...world.env, PATH: `${join(world.home, "bin")}:${world.env.PATH}` },
    encoding: "utf8"
  })
  return { isPushed: status === 0, output: stdout + stderr }
}
const onRemote = (ref: string) =>
  spawnSync("git", ["-C", remote, "rev-parse", "--verify", "-q", ref], { encoding: "utf8" }).stdout.trim()

const zeros = "0".repeat(40)

describe("the lines that git writes", () => {
  it("are four words each, and what is no such line is left out", () => {
    const id = "a".repeat(40)
    const text = `refs/heads/a ${id} refs/heads/b ${zeros}\n(delete) ${zeros} refs/heads/c ${id}\nnonsense\n\nrefs/tags/v1 ${id} refs/tags/v1 ${zeros}\n`
    const pushes = readPushes(text)
    assert.deepStrictEqual(
      pushes.map((each) => [each.remoteRef, isBranchPush(each)]),
      [
        ["refs/heads/b", true],
        ["refs/heads/c", false],
        ["refs/tags/v1", false]
      ]
    )
  })

  it("are read by the hook of the examples, which is the one that is installed", () => {
    const example = readFileSync(join(import.meta.dirname, "../../examples/hooks/pre-push"), "utf8")
    assert.strictEqual(example, script())
  })
})

describe("foreman gate hook", () => {
  it("is installed, and stops a push of what a check says no to", async () => {
    const { code } = await world.run(["hook", "install"], inHook())
    world.commit({ value: "bad\n" })
    const { isPushed, output } = push(world.repo, "work")
    assert.deepStrictEqual([code, isPushed, onRemote("work")], [0, false, ""])
    assert.match(output, /GATE-FAIL CheckFailed: test exited 1/u)
  })

  it("is removed again", async () => {
    const path = join(world.repo, ".git/hooks/pre-push")
    writeFileSync(path, script())
    const { code } = await world.run(["hook", "uninstall"])
    assert.deepStrictEqual([code, existsSync(path)], [0, false])
  })

  it("leaves a hook of somebody else's, and says which line to add", async () => {
    const path = join(world.repo, ".git/hooks/pre-push")
    writeFileSync(path, "#!/bin/sh\n")
    const { code, stderr } = await world.run(["hook", "install"])
    assert.deepStrictEqual([code, readFileSync(path, "utf8")], [78, "#!/bin/sh\n"])
    assert.include(stderr, 'foreman gate hook run "$@"')
    execFileSync("rm", [path])
  })

  it("goes where the repository keeps its hooks", async () => {
    world.git("config", "core.hooksPath", ".husky")
    const { code } = await world.run(["hook", "install"])
    world.git("config", "--unset", "core.hooksPath")
    assert.deepStrictEqual([code, existsSync(join(world.repo, ".husky/pre-push"))], [0, true])
    execFileSync("rm", ["-r", join(world.repo, ".husky")])
  })
})

describe("foreman gate hook run", () => {
  const run = (lines: ReadonlyArray<string>, folder = world.repo) =>
    world.run(["hook", "run", "origin", remote], inHook(), `${lines.join("\n")}\n`, folder)

  it("judges each branch, and neither tags nor deletions, whatever git left in the environment", async () => {
    const good = world.commit({ value: "two\n" })
    world.git("checkout", "-q", "-b", "other")
    const bad = world.commit({ value: "bad\n" })
    const { code, stderr, stdout } = await run([
      `refs/heads/work ${good} refs/heads/new ${zeros}`,
      `refs/heads/again ${good} refs/heads/again ${zeros}`,
      `refs/heads/other ${bad} refs/heads/other ${zeros}`,
      `refs/tags/v1 ${bad} refs/tags/v1 ${zeros}`,
      `(delete) ${zeros} refs/heads/gone ${bad}`
    ])
    assert.deepStrictEqual(
      [code, stderr.match(/^foreman gate: \S+ at \w+, against/gmu)?.length, stdout.match(/^GATE-\w+/gmu)],
      [1, 2, ["GATE-PASS", "GATE-FAIL"]]
    )
  })

  it("judges in a linked work tree", async () => {
    const bad = world.commit({ value: "bad\n" })
    world.git("checkout", "-q", "main")
    const folder = join(world.home, "linked")
    world.git("worktree", "add", "-q", folder, "work")
    const line = `refs/heads/work ${bad} refs/heads/work ${zeros}`
    const env = { ...inHook(), GIT_DIR: world.gitIn(folder, "rev-parse", "--absolute-git-dir") }
    const { code, stdout } = await world.run(["hook", "run", "origin", remote], env, `${line}\n`, folder)
    world.git("worktree", "remove", "--force", folder)
    assert.deepStrictEqual([code, /^GATE-FAIL CheckFailed/mu.test(stdout)], [1, true])
  })

  it("measures a push to the default branch against what is there now", async () => {
    const before = world.git("rev-parse", "main")
    const first = world.commit({ value: "two\n" })
    world.git("push", "-q", "--no-verify", "origin", `${first}:main`)
    const second = world.commit({ value: "three\n" })
    const { code, stderr } = await run([`HEAD ${second} refs/heads/main ${first}`])
    world.git("push", "-q", "-f", "--no-verify", "origin", `${before}:main`)
    assert.deepStrictEqual([code, stderr.includes(`against ${first.slice(0, 12)}`)], [0, true])
  })

  it("lets go what cannot be judged, and what brings nothing, and says so", async () => {
    const same = world.git("rev-parse", "main")
    const orphan = world.git("commit-tree", "-m", "alone", world.git("rev-parse", "main^{tree}"))
    const { code, stderr } = await run([
      `refs/heads/same ${same} refs/heads/same ${zeros}`,
      `refs/heads/alone ${orphan} refs/heads/alone ${zeros}`
    ])
    assert.strictEqual(code, 0)
    assert.match(stderr, /^foreman gate: same has nothing new to judge$/mu)
    assert.match(
      stderr,
      /^foreman gate: refs\/heads\/alone is pushed without a verdict: .*no commit in common/mu
    )
  })
})
