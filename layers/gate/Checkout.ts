/**
 * The judge's clone. Its repository lies where the candidate cannot reach it; the candidate gets the files, and a repository of its own
 * with the one commit, which nobody reads again.
 */
import { mkdir, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { Effect, Redacted } from "effect"

import { GateStopped } from "./GateStopped.ts"
import { git, type GitFailed } from "./git.ts"

export interface CheckoutOptions {
  readonly cloneURL: string
  readonly branch: string
  /** The remote's default branch when absent; no base when the remote has none. */
  readonly baseBranch?: string | undefined
  /** Where the base branch is, when that is another remote. */
  readonly upstreamURL?: string | undefined
  /** The judge's own folder. */
  readonly judgeDir: string
  /** The candidate's files; its parent folder must exist. */
  readonly workDir: string
  readonly token?: Redacted.Redacted<string> | undefined
}

export interface Checkout {
  readonly commit: string
  readonly tree: string
  /** The merge base with the base branch. */
  readonly base: string | undefined
  /** A file of the base; undefined when there is none. */
  readonly readBase: (path: string) => Effect.Effect<string | undefined, GateStopped>
  /** Puts the files of a commit into a fresh work folder. */
  readonly place: (commit: string) => Effect.Effect<void, GateStopped>
  /** Paths that differ from the commit, with git's two letters before each: changed, missing, or untracked and not ignored. */
  readonly dirty: Effect.Effect<ReadonlyArray<string>, GateStopped>
  /** Diffstat of the tracked ones. */
  readonly diffStat: Effect.Effect<string, GateStopped>
}

export const open = Effect.fn("Checkout.open")(function* (
  options: CheckoutOptions
): Effect.fn.Return<Checkout, GateStopped> {
  const gitDir = join(options.judgeDir, "repository.git")
  const env = yield* askpass(options)
  const run = (...args: ReadonlyArray<string>) => git([`--git-dir=${gitDir}`, ...args], { env })
  const failed = (error: GitFailed) => cloneFailed(options, error)

  yield* Effect.gen(function* () {
    yield* git(["init", "-q", "--bare", gitDir])
    yield* run("config", "uploadpack.allowAnySHA1InWant", "true")
    yield* run("config", "remote.origin.url", options.cloneURL)
    yield* run("config", "remote.upstream.url", options.upstreamURL ?? options.cloneURL)
  }).pipe(Effect.mapError(failed))
  yield* fetch(run, options)
  const [commit = "", tree = ""] = yield* run("rev-parse", "refs/gate/head", "refs/gate/head^{tree}").pipe(
    Effect.map((text) => text.split("\n")),
    Effect.mapError(failed)
  )
  // Without a merge base (an unrelated history, or no base branch at all) the base branch itself is the base, if there is one.
  const base = yield* run("merge-base", "refs/gate/head", "refs/gate/base").pipe(
    Effect.catchTag("GitFailed", () => run("rev-parse", "--verify", "-q", "refs/gate/base")),
    Effect.map((text) => text.trim()),
    Effect.catchTag("GitFailed", () => Effect.undefined)
  )

  let placed = 0
  let dirtyIndex = ""
  const onTree = (index: string, ...args: ReadonlyArray<string>) =>
    git([`--git-dir=${gitDir}`, `--work-tree=${options.workDir}`, "-c", "core.bare=false", ...args], {
      env: { ...env, GIT_INDEX_FILE: join(options.judgeDir, index) }
    })

  return {
    commit,
    tree,
    base,
    readBase: (path) =>
      base === undefined
        ? Effect.undefined
        : Effect.gen(function* () {
            const listed = yield* run("ls-tree", "--name-only", base, "--", path)
            return listed.trim() === "" ? undefined : yield* run("cat-file", "blob", `${base}:${path}`)
          }).pipe(Effect.mapError(failed)),
    place: (target) =>
      Effect.gen(function* () {
        placed += 1
        // Moved, not deleted: a candidate may leave folders behind that cannot be emptied.
        if (placed > 1) yield* onDisk(() => rename(options.workDir, `${options.workDir}.${placed}`))
        yield* onDisk(() => mkdir(options.workDir, { recursive: true }))
        yield* onTree(`placed-${placed}.index`, "read-tree", "--reset", "-u", target).pipe(
          Effect.mapError(failed)
        )
        yield* candidateRepository(options, gitDir, target).pipe(Effect.mapError(failed))
      }),
    dirty: Effect.gen(function* () {
      // A fresh index knows no sizes and times, so every file is read: a changed file cannot pass for an unchanged one.
      dirtyIndex = `dirty-${placed}.index`
      yield* run("update-ref", "--no-deref", "HEAD", commit)
      yield* onTree(dirtyIndex, "read-tree", commit)
      // A submodule's own configuration is the candidate's: git must not look inside.
      const status = yield* onTree(
        dirtyIndex,
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--no-renames",
        "--ignore-submodules=dirty"
      )
      return status.split("\0").filter((line) => line !== "")
    }).pipe(Effect.mapError(failed)),
    diffStat: Effect.suspend(() =>
      onTree(dirtyIndex, "diff", "--stat", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
    ).pipe(Effect.mapError(failed))
  }
})

type Run = (...args: ReadonlyArray<string>) => Effect.Effect<string, GitFailed>

/** Branch and base, history without file contents: those are fetched for the commits that are placed. */
const fetch = Effect.fnUntraced(function* (run: Run, options: CheckoutOptions) {
  const of = (remote: string, ...refspecs: ReadonlyArray<string>) =>
    run("fetch", "-q", "--no-tags", "--filter=blob:none", remote, ...refspecs)
  const head = `+refs/heads/${options.branch}:refs/gate/head`
  const source = options.baseBranch === undefined ? "HEAD" : `refs/heads/${options.baseBranch}`
  const base = `+${source}:refs/gate/base`
  const fetchBase = of("upstream", base).pipe(
    // An empty or unborn HEAD is a remote without a default branch, not a failure.
    Effect.catchIf(
      (error) => options.baseBranch === undefined && isMissing(error, "HEAD"),
      () => Effect.succeed("")
    )
  )
  yield* (
    options.upstreamURL === undefined
      ? of("origin", head, base).pipe(
          Effect.catchIf(
            (error) => options.baseBranch === undefined && isMissing(error, "HEAD"),
            () => of("origin", head)
          )
        )
      : Effect.andThen(of("origin", head), fetchBase)
  ).pipe(Effect.mapError((error) => cloneFailed(options, error)))
})

const isMissing = (error: GitFailed, ref: string): boolean =>
  error.message.includes(`couldn't find remote ref ${ref}`)

const cloneFailed = (options: CheckoutOptions, error: GitFailed): GateStopped => {
  const branch = [options.branch, options.baseBranch].find(
    (name) => name !== undefined && isMissing(error, `refs/heads/${name}`)
  )
  return branch === undefined
    ? new GateStopped({ fault: "CloneFailed", message: `clone: ${error.message}` })
    : new GateStopped({ fault: "BranchNotFound", message: `clone: the remote has no branch ${branch}` })
}

/** Checks ask git about themselves (`git diff --exit-code`, `git describe`): they get a repository, but not the one that judges. */
const candidateRepository = Effect.fnUntraced(function* (
  options: CheckoutOptions,
  gitDir: string,
  commit: string
) {
  const { workDir } = options
  yield* git(["init", "-q", workDir])
  yield* git(["-C", workDir, "fetch", "-q", "--depth", "1", `file://${gitDir}`, commit])
  yield* git(["-C", workDir, "update-ref", "--no-deref", "HEAD", commit])
  yield* git(["-C", workDir, "reset", "-q", commit])
})

/** The token reaches git through a program that asks the environment, so that no URL, argument or file holds it. */
const askpass = Effect.fnUntraced(function* (options: CheckoutOptions) {
  yield* onDisk(() => mkdir(options.judgeDir, { recursive: true }))
  if (options.token === undefined) return {}
  const path = join(options.judgeDir, "askpass")
  const script = `#!/bin/sh\ncase "$1" in Username*) echo x-access-token ;; *) printf '%s\\n' "$FOREMAN_GIT_TOKEN" ;; esac\n`
  yield* onDisk(() => writeFile(path, script, { mode: 0o700 }))
  return { GIT_ASKPASS: path, FOREMAN_GIT_TOKEN: Redacted.value(options.token) }
})

const onDisk = (work: () => Promise<unknown>): Effect.Effect<void, GateStopped> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => {
      const isFull = cause instanceof Error && "code" in cause && cause.code === "ENOSPC"
      return new GateStopped({ fault: isFull ? "DiskFull" : "JudgeFailed", message: String(cause) })
    }
  }).pipe(Effect.asVoid)
