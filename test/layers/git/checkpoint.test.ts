import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as GitCliWorkspace from "../../../layers/GitCliWorkspace.ts"
import { GitWorkspace, type Resume } from "../../../src/services/GitWorkspace.ts"

const env = {
  PATH: process.env["PATH"] ?? "",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com"
}
const git = (directory: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, {
    cwd: directory,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"]
  }).trim()

const world = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "foreman-checkpoint-"))
    const [remote, seed] = [join(root, "remote.git"), join(root, "seed")]
    git(root, "init", "-q", "--bare", "-b", "main", remote)
    git(root, "clone", "-q", remote, seed)
    git(seed, "checkout", "-q", "-b", "main")
    const commit = (files: Record<string, string>, ...push: ReadonlyArray<string>) => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(seed, name), text)
      git(seed, "add", "-A")
      git(seed, "commit", "-q", "-m", "more", ...push)
      git(seed, "push", "-q", "-f", "origin", "HEAD:main")
    }
    commit({ "a.txt": "one\n", "gone.txt": "bye\n", "run.sh": "echo\n", ".gitignore": "built/\n" })
    return { root, remote, seed, commit, folder: join(root, "journal") }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

/** Opens the workspace of a run, and closes it after `use`. */
const inWorkspace = <A, E>(
  { remote, root }: { readonly remote: string; readonly root: string },
  resume: Resume | undefined,
  use: (workspace: import("../../../src/services/GitWorkspace.ts").Workspace) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    const { open } = yield* GitWorkspace
    const workspace = yield* open({
      directory: join(root, "work", "t1"),
      remoteURL: remote,
      branch: "foreman/t1",
      resume
    })
    return yield* use(workspace)
  }).pipe(Effect.scoped, Effect.provide(GitCliWorkspace.layer))

describe("a checkpoint", () => {
  it.live("brings the files back, whatever became of them and of the base; ignored ones stay out", () =>
    Effect.gen(function* () {
      const disk = yield* world
      const binary = Buffer.from([0, 255, 10, 13, 7])
      const { start, tree } = yield* inWorkspace(disk, undefined, (workspace) =>
        Effect.gen(function* () {
          const at = (name: string) => join(workspace.directory, name)
          writeFileSync(at("a.txt"), "an earlier turn\n")
          yield* workspace.checkpoint(disk.folder)
          writeFileSync(at("a.txt"), "two\r\n")
          rmSync(at("gone.txt"))
          chmodSync(at("run.sh"), 0o755)
          mkdirSync(at("deep/er"), { recursive: true })
          writeFileSync(at("deep/er/b.bin"), binary)
          symlinkSync("a.txt", at("link"))
          mkdirSync(at("built"))
          writeFileSync(at("built/out"), "made\n")
          const { baseCommit, parent, seen } = workspace
          return { start: { baseCommit, parent, seen }, tree: yield* workspace.checkpoint(disk.folder) }
        })
      )
      assert.isFalse(existsSync(join(disk.root, "work", "t1")))
      disk.commit({ "a.txt": "the base went on\n", "new.txt": "new\n" })

      yield* inWorkspace(disk, { start, tree, folder: disk.folder }, (workspace) =>
        Effect.gen(function* () {
          const at = (name: string) => join(workspace.directory, name)
          assert.strictEqual(readFileSync(at("a.txt"), "utf8"), "two\r\n")
          assert.deepStrictEqual(
            ["gone.txt", "built", "new.txt"].map((name) => existsSync(at(name))),
            [false, false, false]
          )
          assert.strictEqual(lstatSync(at("run.sh")).mode & 0o111, 0o111)
          assert.deepStrictEqual(readFileSync(at("deep/er/b.bin")), binary)
          assert.strictEqual(readlinkSync(at("link")), "a.txt")
          assert.strictEqual(workspace.baseCommit, start.baseCommit)
          // The next one begins from here, and what is committed is the same tree.
          assert.strictEqual(yield* workspace.checkpoint(disk.folder), tree)
          assert.strictEqual((yield* workspace.change).tree, tree)
          const diff = git(workspace.directory, "status", "--porcelain", "a.txt")
          assert.strictEqual(diff.trim(), "M a.txt")
          // The patch holds all of it.
          const clean = join(disk.root, "clean")
          git(disk.root, "clone", "-q", disk.remote, clean)
          git(clean, "checkout", "-q", start.baseCommit)
          const patch = join(disk.root, "work.patch")
          writeFileSync(patch, yield* workspace.patch)
          git(clean, "apply", "--index", patch)
          assert.strictEqual(git(clean, "write-tree"), tree)
        })
      )
    })
  )

  it.live("of a base that the remote has no more is refused, and says so", () =>
    Effect.gen(function* () {
      const disk = yield* world
      const { start, tree } = yield* inWorkspace(disk, undefined, (workspace) =>
        Effect.gen(function* () {
          writeFileSync(join(workspace.directory, "a.txt"), "two\n")
          const { baseCommit, parent, seen } = workspace
          return { start: { baseCommit, parent, seen }, tree: yield* workspace.checkpoint(disk.folder) }
        })
      )
      disk.commit({ "a.txt": "another past\n" }, "--amend")
      const error = yield* Effect.flip(
        inWorkspace(disk, { start, tree, folder: disk.folder }, () => Effect.void)
      )
      assert.deepStrictEqual(
        [error.reason._tag, error.message],
        [
          "WorkspaceUnusable",
          `the remote has the commit ${start.baseCommit} no more, from which the run began`
        ]
      )
    })
  )

  it.live("of an earlier run, whose objects are gone, does not spoil the next one's", () =>
    Effect.gen(function* () {
      const disk = yield* world
      const once = (text: string) =>
        inWorkspace(disk, undefined, (workspace) => {
          writeFileSync(join(workspace.directory, "a.txt"), text)
          return workspace.checkpoint(disk.folder)
        })
      yield* once("first run\n")
      rmSync(join(disk.folder, "objects"), { recursive: true })
      assert.match(yield* once("second run\n"), /^[0-9a-f]{40}$/u)
    })
  )

  it.live("asks nothing of a repository in the folder: its settings are the model's", () =>
    Effect.gen(function* () {
      const disk = yield* world
      const marker = join(disk.root, "ran")
      yield* inWorkspace(disk, undefined, (workspace) =>
        Effect.gen(function* () {
          const inner = join(workspace.directory, "inner")
          git(workspace.directory, "init", "-q", "inner")
          writeFileSync(join(inner, "x"), "x\n")
          git(inner, "add", "-A")
          git(inner, "commit", "-q", "-m", "inner")
          git(inner, "config", "core.fsmonitor", `touch ${marker}; false`)
          yield* workspace.checkpoint(disk.folder)
          writeFileSync(join(inner, "x"), "y\n")
          yield* workspace.checkpoint(disk.folder)
        })
      )
      assert.isFalse(existsSync(marker))
    })
  )
})
