/** When `foreman gate --watch` judges again. */
import { spawn } from "node:child_process"
import { join } from "node:path"

import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"

import { headMoves } from "../../programs/gate/watch.ts"
import { ended, gateRepository, program } from "./gateRepository.ts"

let world: ReturnType<typeof gateRepository>
beforeAll(() => {
  world = gateRepository()
})
afterAll(() => world.remove())
beforeEach(() => {
  world.git("checkout", "-q", "-B", "work", "main")
})

/** Commits as they come, in the order of their coming. */
const seen = (head: string) =>
  Effect.gen(function* () {
    const commits = yield* Queue.unbounded<string>()
    yield* headMoves(world.repo, head).pipe(
      Stream.runForEach((commit) => Queue.offer(commits, commit)),
      Effect.forkChild
    )
    return Queue.take(commits)
  })

describe("the commit to judge", () => {
  it.live("is told at once, after a commit, after a checkout, and not for what moves nothing", () =>
    Effect.gen(function* () {
      const next = yield* seen("HEAD")
      assert.strictEqual(yield* next, world.git("rev-parse", "main"))
      const second = world.commit({ value: "two\n" })
      assert.strictEqual(yield* next, second)
      world.git("branch", "elsewhere")
      world.git("add", "-A")
      world.git("checkout", "-q", "main")
      assert.strictEqual(yield* next, world.git("rev-parse", "main"))
    })
  )

  it.live("is a branch's when one is named, wherever HEAD goes", () =>
    Effect.gen(function* () {
      world.git("branch", "-f", "fix/deep", "main")
      const next = yield* seen("fix/deep")
      assert.strictEqual(yield* next, world.git("rev-parse", "main"))
      const second = world.commit({ value: "two\n" })
      world.git("update-ref", "refs/heads/fix/deep", second)
      assert.strictEqual(yield* next, second)
    })
  )

  it.live("is that of a linked work tree", () =>
    Effect.gen(function* () {
      const folder = join(world.home, "linked")
      world.git("worktree", "add", "-q", "-B", "aside", folder, "main")
      const commits = yield* Queue.unbounded<string>()
      const watching = yield* headMoves(folder, "HEAD").pipe(
        Stream.runForEach((commit) => Queue.offer(commits, commit)),
        Effect.forkChild
      )
      assert.strictEqual(yield* Queue.take(commits), world.git("rev-parse", "main"))
      world.gitIn(folder, "commit", "-q", "--allow-empty", "-m", "more")
      assert.strictEqual(yield* Queue.take(commits), world.gitIn(folder, "rev-parse", "HEAD"))
      yield* Fiber.interrupt(watching)
    })
  )
})

/** A terminal, as `script` of util-linux makes one. */
const hasScript = process.platform === "linux" && (await isThere("script"))
async function isThere(name: string): Promise<boolean> {
  const { code } = await ended(spawn("sh", ["-c", `command -v ${name}`]))
  return code === 0
}

describe("foreman gate --watch", () => {
  it.runIf(hasScript)(
    "drops the run of a commit that is no longer the branch's, and ends with 130",
    async () => {
      world.commit({ notes: "the base of what follows\n" })
      world.commit({ "test.sh": "echo slow begins; sleep 60; echo slow ends\n" })
      const command = `'${process.execPath}' '${program}' gate --watch --base HEAD~1`
      const child = spawn("script", ["-qec", command, "/dev/null"], {
        cwd: world.repo,
        env: { ...world.env, TERM: "dumb" },
        stdio: ["pipe", "pipe", "pipe"]
      })
      const asked = { moved: false, ended: false }
      let text = ""
      child.stdout.on("data", (chunk) => {
        text += String(chunk)
        if (!asked.moved && text.includes("slow begins")) {
          asked.moved = true
          world.commit({ "test.sh": "echo quick\n" })
        }
        if (!asked.ended && text.includes("waits for the next commit")) {
          asked.ended = true
          child.stdin.write("\u0003")
        }
      })
      const { code } = await ended(child)
      assert.deepStrictEqual([code, asked], [130, { moved: true, ended: true }])
      assert.notInclude(text, "slow ends")
      assert.match(text, /GATE-PASS/u)
    }
  )
})
