import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, Result } from "effect"

import { readJournal } from "../../src/journal/read.ts"
import { call, edit, git, submit, world } from "./modelRun.ts"

/** Results of some 4 KB each. */
const long = Array.from({ length: 8 }, (_, index) => call("bash", { command: `seq ${index} 900` }))
const look = call("read_file", { path: "README.md" })
const fileOf = (root: string, uid: string, count = 1): string =>
  join(root, "work", ".journals", uid, `${count}.ndjson`)
const read = (file: string) => Result.getOrThrow(readJournal(readFileSync(file, "utf8")))

/** Fills a small file system of its own, where this process may make one. */
const mayMount = process.getuid?.() === 0 && existsSync("/bin/mount")

describe("the journal of a run", () => {
  it.live("has no secret that the runner knows, and what had one is not played again", () =>
    Effect.gen(function* () {
      const secret = "ghp_1234567890abcdef"
      const { disk, run, uid } = yield* world({
        turns: [call("bash", { command: `echo ${secret} | base64; echo ${secret}` }), submit("NO-GO")],
        config: { gitToken: Redacted.make(secret) }
      })
      yield* run
      const text = readFileSync(fileOf(disk.root, uid), "utf8")
      assert.notInclude(text, secret)
      assert.notInclude(text, Buffer.from(secret).toString("base64").slice(0, 20))
      assert.isTrue(read(fileOf(disk.root, uid)).turns[0]?.replies[0]?.isRedacted)
    })
  )

  it.live("that is full ends nothing: the run goes on without it", () =>
    Effect.gen(function* () {
      const { disk, run, uid } = yield* world({
        turns: [...long, edit, submit("GO")],
        maxJournalBytes: 24_000
      })
      assert.strictEqual((yield* run).verdict, "GO")
      assert.isTrue(read(fileOf(disk.root, uid)).isFull)
    })
  )

  it.live.skipIf(!mayMount)("without room on the disk ends the run with that reason, and can be read", () =>
    Effect.gen(function* () {
      const { disk, run, uid } = yield* world({
        turns: [...long, edit, submit("GO")]
      })
      const journals = join(disk.root, "work", ".journals")
      mkdirSync(journals, { recursive: true })
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=36k", "none", journals])
      const result = yield* run.pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            const journal = read(fileOf(disk.root, uid))
            assert.strictEqual(journal.run.task.uid, uid)
          })
        ),
        Effect.ensuring(Effect.sync(() => execFileSync("umount", [journals])))
      )
      assert.strictEqual(result.verdict, "INCOMPLETE")
      assert.deepInclude(result.extra, { party: "workspace", reason: "DiskFull" })
    })
  )

  it.live(
    "lets a run that was interrupted in any turn go on: one commit, and no turn is asked twice",
    () =>
      Effect.gen(function* () {
        const turns = [
          look,
          call("bash", { command: "echo one >> log.txt" }),
          edit,
          call("bash", { command: "echo two >> log.txt" }),
          submit("GO")
        ]
        for (let requests = 1; requests < turns.length; requests++) {
          const { disk, model, run, tip } = yield* world({ turns })
          const reached = yield* Deferred.make<void>()
          const first = yield* Effect.forkChild(run)
          yield* Effect.forkChild(
            Effect.gen(function* () {
              while ((yield* model.requests).length < requests) yield* Effect.sleep("2 millis")
              yield* Deferred.succeed(reached, undefined)
            })
          )
          yield* Deferred.await(reached)
          yield* Fiber.interrupt(first)
          const second = yield* run
          assert.strictEqual(second.verdict, "GO")
          assert.strictEqual(
            git(disk.remote, "show", "foreman/issue-7:log.txt"),
            "one\ntwo",
            `at ${requests}`
          )
          assert.strictEqual(git(disk.remote, "rev-list", "--count", "main..foreman/issue-7"), "1")
          assert.isDefined(tip("foreman/issue-7"))
          assert.isAtMost((yield* model.requests).length, turns.length + 1)
        }
      }),
    60_000
  )
})

describe("work that did not become a branch", () => {
  it.live("is kept as a patch that git applies and as a ref in a bundle, and the result says where", () =>
    Effect.gen(function* () {
      const { disk, run, tip } = yield* world({ turns: [edit, submit("NO-GO")] })
      const { extra, verdict } = yield* run
      assert.strictEqual(verdict, "NO-GO")
      assert.isUndefined(tip("foreman/issue-7"))
      const { bundle, commitSHA, node, patch, ref } = Object(extra?.["work"])
      assert.strictEqual(node, "node")
      const clone = join(disk.root, "clone")
      git(disk.root, "clone", "-q", disk.remote, clone)
      git(clone, "fetch", "-q", bundle ?? "", `${ref}:refs/heads/work`)
      assert.strictEqual(git(clone, "rev-parse", "work"), commitSHA)
      git(clone, "apply", "--index", patch ?? "")
      assert.strictEqual(git(clone, "write-tree"), git(clone, "rev-parse", "work^{tree}"))
      assert.strictEqual(readFileSync(join(clone, "README.md"), "utf8"), "# Demo\n\nhi\n")
    })
  )

  it.live("is not spoken of where there is none", () =>
    Effect.gen(function* () {
      const { run } = yield* world({ turns: [look, submit("NO-GO")] })
      assert.notProperty((yield* run).extra, "work")
    })
  )
})
