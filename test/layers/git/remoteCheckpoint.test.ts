import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as GitCliWorkspace from "../../../layers/GitCliWorkspace.ts"
import { GitWorkspace } from "../../../src/services/GitWorkspace.ts"

const git = (directory: string, args: ReadonlyArray<string>, more: Record<string, string> = {}): string =>
  execFileSync("git", args, {
    cwd: directory,
    env: {
      PATH: process.env["PATH"] ?? "",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "Ada",
      GIT_AUTHOR_EMAIL: "ada@example.com",
      GIT_COMMITTER_NAME: "Ada",
      GIT_COMMITTER_EMAIL: "ada@example.com",
      ...more
    },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"]
  }).trim()

const world = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "foreman-checkpoints-"))
    const [remoteURL, seed] = [join(root, "remote.git"), join(root, "seed")]
    git(root, ["init", "-q", "--bare", "-b", "main", remoteURL])
    git(root, ["init", "-q", "-b", "main", seed])
    writeFileSync(join(seed, "a.txt"), "a\n")
    git(seed, ["add", "-A"])
    git(seed, ["commit", "-q", "-m", "first"])
    git(seed, ["push", "-q", remoteURL, "main"])
    const daysAgo = (days: number, ref: string) => {
      const date = `@${Math.round(Date.now() / 1000 - days * 86_400)} +0000`
      const commit = git(seed, ["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", ref], {
        GIT_COMMITTER_DATE: date
      })
      git(seed, ["push", "-q", remoteURL, `${commit}:${ref}`])
    }
    const refs = () =>
      git(remoteURL, ["for-each-ref", "--format=%(refname)", "refs/foreman"]).split("\n").filter(Boolean)
    return { root, remoteURL, daysAgo, refs }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

const open = Effect.fnUntraced(function* ({
  remoteURL,
  root
}: {
  readonly remoteURL: string
  readonly root: string
}) {
  return yield* (yield* GitWorkspace).open({ directory: join(root, "work"), remoteURL, branch: "foreman/t" })
})

describe("checkpoints on a remote", () => {
  it.live("come back with their files on another host; the last two stay", () =>
    Effect.gen(function* () {
      const made = yield* world
      const { remoteURL, root, refs } = made
      const [here, there] = [join(root, "here"), join(root, "there")]
      mkdirSync(here)
      const service = yield* GitWorkspace
      const start = yield* Effect.scoped(
        Effect.gen(function* () {
          const workspace = yield* open(made)
          for (const turn of [1, 2, 3]) {
            writeFileSync(join(workspace.directory, "a.txt"), `after ${turn}\n`)
            const tree = yield* workspace.checkpoint(here)
            const ref = `refs/foreman/u/1/${turn}`
            yield* workspace.pushCheckpoint({ ref, journal: `journal ${turn}\n`, tree, folder: here })
          }
          return { ...workspace, tree: yield* workspace.checkpoint(here) }
        })
      )
      assert.deepStrictEqual(refs(), ["refs/foreman/u/1/2", "refs/foreman/u/1/3"])
      const found = yield* service.findCheckpoint({ remoteURL, uid: "u", folder: there })
      assert.deepStrictEqual(found, { attempt: 1, journal: "journal 3\n" })
      const { baseCommit, parent, seen, tree } = start
      const again = yield* service.open({
        directory: join(root, "other"),
        remoteURL,
        branch: "foreman/t",
        resume: { start: { baseCommit, parent, seen }, tree, folder: there }
      })
      assert.include(yield* again.diff, "+after 3")
      assert.isUndefined(yield* service.findCheckpoint({ remoteURL, uid: "another", folder: there }))
      yield* service.dropCheckpoints({ remoteURL, uid: "u" })
      assert.deepStrictEqual(refs(), [])
    }).pipe(Effect.scoped, Effect.provide(GitCliWorkspace.layer))
  )

  it.live("that cannot land leave the one before", () =>
    Effect.gen(function* () {
      const made = yield* world
      const { remoteURL, refs, root } = made
      const workspace = yield* open(made)
      const push = (turn: number) =>
        workspace.pushCheckpoint({
          ref: `refs/foreman/u/1/${turn}`,
          journal: "j\n",
          tree: undefined,
          folder: root
        })
      yield* push(1)
      const hook = join(remoteURL, "hooks", "pre-receive")
      mkdirSync(join(remoteURL, "hooks"), { recursive: true })
      writeFileSync(hook, "#!/bin/sh\nexit 1\n")
      chmodSync(hook, 0o755)
      assert.strictEqual((yield* Effect.flip(push(2))).reason._tag, "PushFailed")
      assert.deepStrictEqual(refs(), ["refs/foreman/u/1/1"])
    }).pipe(Effect.scoped, Effect.provide(GitCliWorkspace.layer))
  )

  it.live("of other tasks go after 14 days, and refs of another form stay", () =>
    Effect.gen(function* () {
      const { daysAgo, refs, remoteURL } = yield* world
      const service = yield* GitWorkspace
      yield* service.expireCheckpoints({ remoteURL, uid: "own" })
      daysAgo(15, "refs/foreman/a/1/7")
      daysAgo(13, "refs/foreman/b/1/7")
      daysAgo(15, "refs/foreman/own/1/7")
      daysAgo(15, "refs/foreman/z/2/1")
      daysAgo(15, "refs/foreman/y/2")
      yield* service.expireCheckpoints({ remoteURL, uid: "own" })
      assert.deepStrictEqual(refs(), ["refs/foreman/b/1/7", "refs/foreman/own/1/7", "refs/foreman/y/2"])
    }).pipe(Effect.scoped, Effect.provide(GitCliWorkspace.layer))
  )
})
