import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import type { Turn } from "../../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../../layers/scripted/ScriptedModelServer.ts"
import { call, git, makeDisk, submit } from "./modelRun.ts"

const exec = promisify(execFile)
const program = join(import.meta.dirname, "killedRun.ts")
const branch = "foreman/fix"

/** Twelve turns: they read, write, run commands that add to a file, and edit. Doing one of them twice shows in the files. */
const turns: ReadonlyArray<Turn> = [
  call("read_file", { path: "README.md" }),
  call("bash", { command: "echo one >> log.txt" }),
  call("write_file", { path: "greet.txt", content: "hi\n" }),
  call("bash", { command: "echo two >> log.txt; mkdir -p sub; echo x > sub/a.txt" }),
  call("grep", { pattern: "hello", path: "." }),
  call("str_replace", { path: "README.md", old_string: "hello", new_string: "good day" }),
  call("bash", { command: "echo three >> log.txt; rm sub/a.txt" }),
  call("read_file", { path: "log.txt" }),
  call("bash", { command: "echo four >> log.txt" }),
  call("write_file", { path: "sub/b.txt", content: "b\n" }),
  call("bash", { command: "cat log.txt sub/b.txt > all.txt" }),
  submit("GO", { commit_message: "be polite" })
]

interface Ended {
  readonly steps: number
  readonly result: {
    readonly verdict: string
    readonly summary: string
    readonly extra: { readonly [key: string]: unknown }
  }
}

/** One process; undefined when it was killed. */
const start = async (args: ReadonlyArray<string>): Promise<Ended | undefined> => {
  const child = await exec(process.execPath, [program, ...args], { maxBuffer: 1e8 }).catch(
    (error: { readonly signal?: string; readonly stderr?: string }) => {
      if (error.signal === "SIGKILL") return undefined
      throw error
    }
  )
  const line = child?.stdout.split("\n").findLast((text) => text.startsWith('{"steps"'))
  return line === undefined ? undefined : JSON.parse(line)
}

const world = Effect.gen(function* () {
  const disk = yield* makeDisk
  const model = yield* ScriptedModelServer.start({ scripts: [{ name: "script", turns }] })
  const work = join(disk.root, "work")
  const run = (killAt: number) =>
    Effect.promise(() => start([work, disk.remote, model.baseURL, String(killAt)]))
  return { disk, model, work, run }
})

/** What a run left behind. The commit's time is its own. */
const outcomeOf = (remote: string, ended: Ended | undefined) => ({
  verdict: ended?.result.verdict,
  summary: ended?.result.summary.replace(" (pushed by an earlier run of this task)", ""),
  branches: git(remote, "for-each-ref", "--format=%(refname:short)"),
  commits: git(remote, "rev-list", "--count", `main..${branch}`),
  files: git(remote, "ls-tree", "-r", branch)
})

describe("a run that is killed (SIGKILL)", () => {
  it.live(
    "at any of its steps ends with one commit on one branch, as one that was left alone, and asks for no turn twice",
    () =>
      Effect.gen(function* () {
        const alone = yield* world
        const ended = yield* alone.run(0)
        const expected = outcomeOf(alone.disk.remote, ended)
        assert.strictEqual(expected.verdict, "GO")
        assert.strictEqual(git(alone.disk.remote, "show", `${branch}:log.txt`), "one\ntwo\nthree\nfour")
        const requests = (yield* alone.model.requests).length
        assert.strictEqual(requests, turns.length)
        const steps = ended?.steps ?? 0
        assert.isAbove(steps, 2 * 12 * 4)

        yield* Effect.forEach(
          Array.from({ length: steps }, (_, index) => index + 1),
          (killAt) =>
            Effect.gen(function* () {
              const { disk, model, run } = yield* world
              assert.isUndefined(yield* run(killAt), `not killed at ${killAt}`)
              const second = yield* run(0)
              assert.deepStrictEqual(
                outcomeOf(disk.remote, second),
                expected,
                `killed at ${killAt} of ${steps}`
              )
              // Killed between the reply and the journal, it is asked again: no other request is made twice.
              assert.isAtMost((yield* model.requests).length, requests + 1, `killed at ${killAt} of ${steps}`)
            }).pipe(Effect.scoped),
          { concurrency: 2 }
        )
      }),
    600_000
  )

  it.live(
    "again and again still comes to its end",
    () =>
      Effect.gen(function* () {
        const { disk, model, run, work } = yield* world
        let ended: Ended | undefined
        let starts = 0
        for (; ended === undefined && starts < 40; starts++) ended = yield* run(12)
        assert.strictEqual(ended?.result.verdict, "GO")
        // The last of them may have been killed after its push: then the result is that of the one before.
        assert.isAtLeast(Number(ended?.result.extra["resumes"]), starts - 2)
        assert.strictEqual(git(disk.remote, "show", `${branch}:log.txt`), "one\ntwo\nthree\nfour")
        assert.isAtMost((yield* model.requests).length, turns.length + starts)
        assert.include(
          readFileSync(join(work, ".journals", "uid-of-fix", "1.ndjson"), "utf8"),
          '"type":"resume"'
        )
      }),
    120_000
  )
})
