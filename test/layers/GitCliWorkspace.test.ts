import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"

import * as GitCliWorkspace from "../../layers/GitCliWorkspace.ts"
import { GitWorkspace, type OpenOptions, type Workspace } from "../../src/services/GitWorkspace.ts"

const bot = { name: "Foreman Bot", email: "bot@example.com" }
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

/** A folder with a bare remote (`remote.git`), a clone of it to write from (`seed`), and a root for workspaces. */
const world = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "foreman-git-test-"))
    const remote = join(root, "remote.git")
    const seed = join(root, "seed")
    git(root, "init", "-q", "--bare", "-b", "main", remote)
    git(root, "clone", "-q", remote, seed)
    git(seed, "checkout", "-q", "-b", "main")
    const write = (files: Record<string, string>, message: string, branch = "main") => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(seed, name), text)
      git(seed, "add", "-A")
      git(seed, "commit", "-q", "-m", message)
      git(seed, "push", "-q", "origin", `HEAD:${branch}`)
      return git(seed, "rev-parse", "HEAD")
    }
    const first = write({ "a.txt": "one\n", ".gitignore": "built/\n" }, "first")
    return { root, remote, seed, write, first, directory: join(root, "work", "default", "t1") }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

const open = (options: OpenOptions) => Effect.flatMap(GitWorkspace, (service) => service.open(options))
const changedPaths = ({ change }: Workspace) =>
  Effect.map(change, ({ change: { files } }) => files.map(({ path }) => path).sort())
const live = <A, E>(effect: Effect.Effect<A, E, GitWorkspace | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(GitCliWorkspace.layer))

describe("GitCliWorkspace", () => {
  it.live("clones, diffs with untracked files, commits signed off, pushes", () =>
    live(
      Effect.gen(function* () {
        const { remote, directory, first } = yield* world
        const work = yield* open({ directory, remoteURL: remote, branch: "foreman/t1" })
        writeFileSync(join(directory, "a.txt"), "two\n")
        writeFileSync(join(directory, "new.txt"), "new\n")
        mkdirSync(join(directory, "built"))
        writeFileSync(join(directory, "built", "x"), "x")
        assert.deepStrictEqual(yield* changedPaths(work), ["a.txt", "new.txt"])
        assert.include(yield* work.diff, "+new")
        const made = yield* work.commit({ message: "Fix it\n\nFixes #1\n", author: bot, committer: bot })
        yield* work.push({ allowOverwrite: false })
        assert.strictEqual(work.baseCommit, first)
        assert.strictEqual(git(remote, "rev-parse", "foreman/t1"), made?.commitSHA)
        assert.strictEqual(
          git(remote, "log", "-1", "--format=%an %ae|%P|%B", "foreman/t1"),
          `Foreman Bot bot@example.com|${first}|Fix it\n\nFixes #1\n\nSigned-off-by: Foreman Bot <bot@example.com>`
        )
      })
    )
  )

  it.live("nothing changed: no commit", () =>
    live(
      Effect.gen(function* () {
        const { remote, directory } = yield* world
        const work = yield* open({ directory, remoteURL: `file://${remote}`, branch: "foreman/t1" })
        assert.isUndefined(yield* work.commit({ message: "m", author: bot, committer: bot }))
        assert.strictEqual(yield* work.diff, "")
      })
    )
  )

  it.live("commits, hooks and settings of the model change nothing of ours", () =>
    live(
      Effect.gen(function* () {
        const { root, remote, directory, first } = yield* world
        const work = yield* open({ directory, remoteURL: remote, branch: "foreman/t1" })
        assert.strictEqual(git(directory, "rev-parse", "--abbrev-ref", "HEAD"), "foreman/t1")
        assert.strictEqual(git(directory, "status", "--porcelain"), "")
        writeFileSync(join(directory, "a.txt"), "model\n")
        git(directory, "commit", "-q", "-am", "by the model")
        writeFileSync(
          join(directory, ".git", "hooks", "pre-commit"),
          `#!/bin/sh\ntouch ${root}/hooked\nexit 1\n`,
          {
            mode: 0o755
          }
        )
        git(directory, "config", "url./nowhere.insteadOf", remote)
        const made = yield* work.commit({ message: "ours", author: bot, committer: bot })
        yield* work.push({ allowOverwrite: false })
        assert.strictEqual(
          git(remote, "log", "--format=%H %s", `${first}..foreman/t1`),
          `${made?.commitSHA} ours`
        )
        assert.isFalse(existsSync(join(root, "hooked")))
      })
    )
  )

  it.live("a stale branch of ours is replaced with a lease on what the clone saw, and only then", () =>
    live(
      Effect.gen(function* () {
        const { seed, remote, directory, write } = yield* world
        write({ "old.txt": "old\n" }, "old attempt", "foreman/t1")
        git(seed, "reset", "-q", "--hard", "HEAD~1")
        const work = yield* open({ directory, remoteURL: remote, branch: "foreman/t1" })
        assert.isFalse(existsSync(join(directory, "old.txt")))
        writeFileSync(join(directory, "new.txt"), "new\n")
        const made = yield* work.commit({ message: "again", author: bot, committer: bot })
        const refused = yield* Effect.flip(work.push({ allowOverwrite: false }))
        assert.strictEqual(refused.reason._tag, "PushFailed")
        yield* work.push({ allowOverwrite: true })
        assert.strictEqual(git(remote, "rev-parse", "foreman/t1"), made?.commitSHA)
      })
    )
  )

  it.live("what somebody pushed since the clone is never overwritten", () =>
    live(
      Effect.gen(function* () {
        const { remote, directory, write } = yield* world
        const work = yield* open({ directory, remoteURL: remote, branch: "foreman/t1" })
        const theirs = write({ "theirs.txt": "x\n" }, "theirs", "foreman/t1")
        writeFileSync(join(directory, "new.txt"), "new\n")
        yield* work.commit({ message: "ours", author: bot, committer: bot })
        const refused = yield* Effect.flip(work.push({ allowOverwrite: true }))
        assert.strictEqual(refused.reason._tag, "PushFailed")
        assert.strictEqual(git(remote, "rev-parse", "foreman/t1"), theirs)
      })
    )
  )

  it.live("a revision keeps what was merged into the base since", () =>
    live(
      Effect.gen(function* () {
        const { seed, remote, directory, write, first } = yield* world
        write({ "feature.txt": "v1\n" }, "feature", "foreman/t0")
        git(seed, "reset", "-q", "--hard", first)
        const base = write({ "merged.txt": "m\n" }, "merged meanwhile")
        const work = yield* open({
          directory,
          remoteURL: remote,
          branch: "foreman/t1",
          reviseFromBranch: "foreman/t0"
        })
        assert.strictEqual(work.baseCommit, base)
        assert.deepStrictEqual(yield* changedPaths(work), ["feature.txt"])
        const made = yield* work.commit({ message: "revised", author: bot, committer: bot })
        yield* work.push({ allowOverwrite: false })
        assert.strictEqual(git(remote, "rev-parse", `${made?.commitSHA}^`), base)
        assert.strictEqual(git(remote, "show", "foreman/t1:merged.txt"), "m")
      })
    )
  )

  it.live("27926347 a fork whose main is behind starts from the repository that it is a fork of", () =>
    live(
      Effect.gen(function* () {
        const { remote, root, write, directory, first } = yield* world
        const fork = join(root, "fork.git")
        git(root, "clone", "-q", "--bare", remote, fork)
        const second = write({ "b.txt": "merged meanwhile\n" }, "second")
        const work = yield* open({ directory, remoteURL: fork, upstreamURL: remote, branch: "foreman/t1" })
        writeFileSync(join(directory, "a.txt"), "two\n")
        assert.deepStrictEqual([work.baseCommit, yield* changedPaths(work)], [second, ["a.txt"]])
        yield* work.commit({ message: "fix", author: bot, committer: bot })
        yield* work.push({ allowOverwrite: false })
        assert.deepStrictEqual(
          [git(fork, "rev-parse", "foreman/t1^"), git(fork, "rev-parse", "main"), git(remote, "branch")],
          [second, first, "* main"]
        )
      })
    )
  )

  it.live("with rebase an existing branch is kept, and its diff is against the base", () =>
    live(
      Effect.gen(function* () {
        const { remote, directory, write, first } = yield* world
        const tip = write({ "feature.txt": "v1\n" }, "feature", "foreman/t1")
        git(remote, "update-ref", "refs/heads/main", first)
        const work = yield* open({
          directory,
          remoteURL: remote,
          branch: "foreman/t1",
          branchStrategy: "rebase"
        })
        assert.strictEqual(git(directory, "rev-parse", "HEAD"), tip)
        assert.deepStrictEqual(yield* changedPaths(work), ["feature.txt"])
        assert.isUndefined(yield* work.commit({ message: "nothing new", author: bot, committer: bot }))
      })
    )
  )

  it.live("with keep a judge sees the branch exactly, although the base moved on", () =>
    live(
      Effect.gen(function* () {
        const { seed, remote, directory, write, first } = yield* world
        const tip = write({ "feature.txt": "v1\n" }, "feature", "foreman/t1")
        git(seed, "reset", "-q", "--hard", first)
        write({ "merged.txt": "m\n" }, "merged meanwhile")
        const work = yield* open({
          directory,
          remoteURL: remote,
          branch: "foreman/t1",
          branchStrategy: "keep"
        })
        assert.deepStrictEqual([git(directory, "rev-parse", "HEAD"), work.baseCommit], [tip, first])
        assert.deepStrictEqual(yield* changedPaths(work), ["feature.txt"])
      })
    )
  )

  it.live(
    "nothing of a change can hide from its diff: no attribute of a file, no setting of a submodule",
    () =>
      live(
        Effect.gen(function* () {
          const { directory, remote, seed, write } = yield* world
          const modules = '[submodule "sub"]\n\tpath = sub\n\turl = ../sub\n'
          write({ ".gitmodules": modules }, "its place")
          const old = "1".repeat(40)
          git(seed, "update-index", "--add", "--cacheinfo", `160000,${old},sub`)
          git(seed, "commit", "-q", "-m", "a submodule")
          git(seed, "push", "-q", "origin", "main")
          const work = yield* open({ directory, remoteURL: remote, branch: "foreman/t1" })
          rmSync(join(directory, "sub"), { recursive: true })
          git(directory, "clone", "-q", seed, "sub")
          writeFileSync(join(directory, ".gitmodules"), `${modules}\tignore = all\n`)
          writeFileSync(join(directory, ".gitattributes"), "* -diff\n")
          writeFileSync(join(directory, "a.txt"), "evil\n")
          const diff = yield* work.diff
          assert.include(diff, "+evil")
          assert.include(diff, `-Subproject commit ${old}`)
          assert.deepStrictEqual(yield* changedPaths(work), [".gitattributes", ".gitmodules", "a.txt", "sub"])
        })
      )
  )

  it.live("a repository in the folder is told as its commit, and nothing of its settings runs", () =>
    live(
      Effect.gen(function* () {
        const { directory, remote, root } = yield* world
        const work = yield* open({ directory, remoteURL: remote, branch: "foreman/t1" })
        const sub = join(directory, "sub")
        const mark = join(root, "ran")
        git(directory, "init", "-q", "sub")
        writeFileSync(join(sub, "x"), "aaa\n")
        git(sub, "add", "x")
        git(sub, "commit", "-q", "-m", "first")
        git(sub, "config", "filter.p.clean", `touch '${mark}'; cat`)
        mkdirSync(join(sub, ".git", "info"), { recursive: true })
        writeFileSync(join(sub, ".git", "info", "attributes"), "* filter=p\n")
        const seen = []
        for (const text of ["bbbb\n", "ccccc\n"]) {
          writeFileSync(join(sub, "x"), text)
          seen.push(yield* changedPaths(work))
        }
        git(sub, "-c", "filter.p.clean=cat", "commit", "-q", "--allow-empty", "-m", "second")
        assert.include(yield* work.diff, git(sub, "rev-parse", "HEAD"))
        yield* work.commit({ message: "m", author: bot, committer: bot })
        assert.deepStrictEqual([seen, existsSync(mark)], [[["sub"], ["sub"]], false])
      })
    )
  )

  it.live("a diff that is too long to be looked at is none: the rest of it would look like nothing", () =>
    live(
      Effect.gen(function* () {
        const { directory, remote } = yield* world
        const work = yield* open({ directory, remoteURL: remote, branch: "foreman/t1" })
        writeFileSync(join(directory, "Cargo.lock"), "0123456789abcde\n".repeat(1_100_000))
        writeFileSync(join(directory, "z.txt"), "evil\n")
        const error = yield* Effect.flip(work.diff)
        assert.include(error.message, "more than 16 MiB")
      })
    )
  )

  it.live("a name that is an option, or no branch, is refused before git sees it as anything else", () =>
    live(
      Effect.gen(function* () {
        const { remote, directory } = yield* world
        for (const branch of ["--upload-pack=touch x", "-x", "a..b", "a b", "x/../y~1"]) {
          const error = yield* Effect.flip(open({ directory, remoteURL: remote, branch }))
          assert.strictEqual(error.reason._tag, "BranchCheckoutFailed", branch)
        }
        const base = yield* Effect.flip(open({ directory, remoteURL: remote, baseBranch: "gone" }))
        assert.strictEqual(base.reason._tag, "BranchCheckoutFailed")
        const clone = yield* Effect.flip(open({ directory, remoteURL: `${remote}.missing` }))
        assert.strictEqual(clone.reason._tag, "CloneFailed")
        const command = yield* Effect.flip(open({ directory, remoteURL: "ext::sh -c touch% x" }))
        assert.strictEqual(command.reason._tag, "CloneFailed")
      })
    )
  )

  it.live(
    "the token is in no file, and nothing is left when the scope closes, read-only folders included",
    () =>
      live(
        Effect.gen(function* () {
          const { root, remote, directory } = yield* world
          const token = Redacted.make("s3cr3t-token")
          mkdirSync(join(directory, "locked", "deep"), { recursive: true })
          writeFileSync(join(directory, "locked", "deep", "f"), "stale")
          chmodSync(join(directory, "locked"), 0o500)
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* open({ directory, remoteURL: remote, branch: "foreman/t1", token })
              assert.deepStrictEqual(readdirSync(directory).sort(), [".git", ".gitignore", "a.txt"])
              const hits = execFileSync("sh", ["-c", `grep -rl s3cr3t-token ${root} || true`], {
                encoding: "utf8"
              })
              assert.strictEqual(hits, "")
            })
          )
          assert.deepStrictEqual(readdirSync(join(root, "work", "default")), [])
        })
      )
  )

  it.live(
    "a password in the remote's URL is in no file, and in nothing that the model or an error shows",
    () =>
      live(
        Effect.gen(function* () {
          const { remote, root, directory } = yield* world
          const bin = join(root, "bin")
          mkdirSync(bin)
          writeFileSync(join(bin, "ssh"), '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n', {
            mode: 0o755
          })
          const path = process.env["PATH"] ?? ""
          yield* Effect.acquireRelease(
            Effect.sync(() => void (process.env["PATH"] = `${bin}:${path}`)),
            () => Effect.sync(() => void (process.env["PATH"] = path))
          )
          const remoteURL = `ssh://bot:s3cr3t@git.example.com${remote}`
          yield* open({ directory, remoteURL, branch: "foreman/t1" })
          assert.strictEqual(git(directory, "remote", "get-url", "origin"), `ssh://git.example.com${remote}`)
          const files = execFileSync("sh", ["-c", "grep -rl s3cr3t . || true"], { cwd: join(root, "work") })
          assert.strictEqual(String(files), "")
          const error = yield* Effect.flip(
            open({ directory, remoteURL: `${remoteURL}.missing`, branch: "foreman/t1" })
          )
          assert.notInclude(error.message, "s3cr3t")
        })
      )
  )

  it.live("remoteHead names the commit of a branch, or nothing", () =>
    live(
      Effect.gen(function* () {
        const { remote, first } = yield* world
        const service = yield* GitWorkspace
        assert.strictEqual(yield* service.remoteHead({ remoteURL: remote, branch: "main" }), first)
        assert.isUndefined(yield* service.remoteHead({ remoteURL: remote, branch: "none" }))
      })
    )
  )

  it.live("without a remote the folder is empty and nothing is committed", () =>
    live(
      Effect.gen(function* () {
        const { directory } = yield* world
        const work = yield* open({ directory, keep: true })
        writeFileSync(join(directory, "x"), "x")
        assert.isUndefined(yield* work.commit({ message: "m", author: bot, committer: bot }))
        assert.strictEqual(readFileSync(join(directory, "x"), "utf8"), "x")
      })
    )
  )
})
