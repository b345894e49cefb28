/**
 * GitWorkspace over the git command. The repository that we commit and push from lies outside the checkout; the one in the checkout is
 * a copy for the model. So its own commits, hooks and settings change nothing of ours, and no token is ever where it can look.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"

import { Effect, Layer, type Redacted } from "effect"

import {
  CloneFailed,
  CommitRejected,
  GitError,
  GitWorkspace,
  type OpenOptions,
  type Workspace,
  WorkspaceUnusable
} from "../src/services/GitWorkspace.ts"
import { beside, goBack, prepare } from "./git/checkpoint.ts"
import { readChange } from "./gate/readChange.ts"
import { listEntries, readObjects } from "./git/baseEntries.ts"
import { type Checkout, checkBranchName, checkNames, checkout, commitTree } from "./git/checkout.ts"
import { clone, giveUp } from "./git/clone.ts"
import { makePrivate, mustPass, type Private } from "./git/git.ts"
import { type GitFailed, gitBytes } from "./git/runGit.ts"
import type { MirrorOptions } from "./git/mirror.ts"
import { pushError } from "./git/pushError.ts"
import { dropCheckpoints, expireCheckpoints, findCheckpoint, pushCheckpoint } from "./git/remoteCheckpoint.ts"
import { temporaryPlace } from "./git/temporaryPlace.ts"
import { wipe } from "./wipe.ts"

const unusable = (message: string) => new GitError({ reason: new WorkspaceUnusable({ message }) })
const rejected = (message: string) => new GitError({ reason: new CommitRejected({ message }) })
const cloneFailed = (message: string) => new GitError({ reason: new CloneFailed({ message }) })

export interface Mirrors extends MirrorOptions {
  /**
   * Whether a model's commands cannot write there. Then its repository borrows the mirror's objects; else it gets copies, because one
   * run must not change what the next one reads.
   */
  readonly isReadOnlyForCommands: Effect.Effect<boolean>
}

/** A step on the disk. */
const onDisk = <A>(action: () => A): Effect.Effect<A, GitError> =>
  Effect.try({
    try: action,
    catch: (cause) => unusable(cause instanceof Error ? cause.message : String(cause))
  })

/** Bytes of a diff that are read; a change beyond it is no longer something to review, and has no diff. */
const maxDiffBytes = 16_777_216

/** Above every file of the checkout: no `.gitattributes` makes git hide lines of a text as those of a binary file. */
const attributes = "* !diff\n"
/** Nor does a `.gitmodules` that says `ignore = all` hide a submodule. */
const asItIs = ["--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none"]

/** Says which task made a commit. */
const taskTrailer = "Foreman-Task"

const workspaceOf = (
  place: Private,
  directory: string,
  remoteURL: string,
  made: Checkout,
  config: string
): Workspace => {
  const { baseCommit, branch, parent, seen } = made
  const local = { workTree: directory, maxBytes: maxDiffBytes }

  /** Settings are put back to what we wrote at the start. */
  const settle = onDisk(() => {
    writeFileSync(join(place.repository, "config"), config)
    mkdirSync(join(place.repository, "info"), { recursive: true })
    writeFileSync(join(place.repository, "info", "attributes"), attributes)
  })
  /**
   * Repositories in the folder that the index knows. git would look for changes inside them by their own settings, which are the model's
   * and name programs; so their commits are written down without it.
   */
  const nested = (env: Readonly<Record<string, string>>) =>
    mustPass(place, ["ls-files", "-s", "-z"], unusable, { ...local, env }).pipe(
      Effect.map((listed) =>
        listed.split("\0").flatMap((line) => {
          const path = /^160000 [^\t]*\t(.*)$/su.exec(line)?.[1]
          return path !== undefined && existsSync(join(directory, path, ".git")) ? [path] : []
        })
      )
    )
  const pointTo = Effect.fnUntraced(function* (path: string) {
    const repository = join(directory, path, ".git")
    const head = mustPass(place, ["rev-parse", "--verify", "--quiet", "HEAD"], unusable, { repository })
    // One without a commit points nowhere.
    const commit = (yield* Effect.orElseSucceed(head, () => "")).trim()
    if (!/^[0-9a-f]{40,64}$/u.test(commit)) return
    yield* mustPass(place, ["update-index", "--cacheinfo", `160000,${commit},${path}`], unusable, local)
  })
  const addAll = (env: Readonly<Record<string, string>>) =>
    nested(env).pipe(
      Effect.tap((repositories) => {
        const others = repositories.map((path) => `:(top,exclude,literal)${path}`)
        return mustPass(place, ["add", "-A", "--", ":/", ...others], unusable, { ...local, env })
      })
    )
  /** All that is there into our index; what `.gitignore` names stays out. */
  const stage = settle.pipe(
    Effect.andThen(addAll({})),
    Effect.flatMap((repositories) => Effect.forEach(repositories, pointTo))
  )
  const diff = stage.pipe(
    Effect.andThen(mustPass(place, ["diff", "--cached", ...asItIs, baseCommit], unusable, local))
  )

  const patch = stage.pipe(
    Effect.andThen(
      mustPass(
        place,
        ["diff", "--cached", "--binary", "--full-index", ...asItIs, baseCommit],
        unusable,
        local
      )
    )
  )
  const bundle: Workspace["bundle"] = Effect.fn("GitCliWorkspace.bundle")(function* ({ file, message, ref }) {
    yield* stage
    const tree = (yield* mustPass(place, ["write-tree"], unusable, local)).trim()
    const before = (yield* mustPass(place, ["rev-parse", `${baseCommit}^{tree}`], unusable)).trim()
    if (tree === before) return undefined
    const commitSHA = yield* commitTree(place, tree, baseCommit, message)
    yield* mustPass(place, ["update-ref", ref, commitSHA], unusable)
    yield* mustPass(place, ["bundle", "create", "-q", file, ref, `^${baseCommit}`], unusable)
    return { commitSHA }
  })
  let isPrepared = false
  const checkpoint: Workspace["checkpoint"] = Effect.fn("GitCliWorkspace.checkpoint")(function* (folder) {
    const env = beside(place, folder)
    yield* settle
    // What an earlier run left there may name objects that this clone does not have.
    if (!isPrepared) yield* onDisk(() => prepare(place, folder))
    isPrepared = true
    yield* addAll(env)
    return (yield* mustPass(place, ["write-tree"], unusable, { ...local, env })).trim()
  })

  /** Our repository, for what is read of commits and trees alone. */
  const read = (args: ReadonlyArray<string>, input?: string) =>
    gitBytes([`--git-dir=${place.repository}`, ...args], input === undefined ? {} : { input })
  const readText = (...args: ReadonlyArray<string>) =>
    read(args).pipe(Effect.map((bytes) => bytes.toString("utf8")))
  const asUnusable = Effect.mapError(({ message }: GitFailed) => unusable(message))

  const readBase: Workspace["readBase"] = (path) =>
    readText("ls-tree", "--name-only", baseCommit, "--", path).pipe(
      Effect.flatMap((listed) =>
        listed.trim() === "" ? Effect.undefined : readText("cat-file", "blob", `${baseCommit}:${path}`)
      ),
      asUnusable
    )

  const commit: Workspace["commit"] = Effect.fn("GitCliWorkspace.commit")(function* (options) {
    yield* stage
    const tree = (yield* mustPass(place, ["write-tree"], rejected, local)).trim()
    const before = (yield* mustPass(place, ["rev-parse", `${parent}^{tree}`], rejected)).trim()
    if (tree === before) return undefined
    if (options.tree !== undefined && options.tree !== tree) {
      return yield* rejected("the files were changed after they were looked at")
    }
    const message = join(place.folder, "message")
    yield* onDisk(() => writeFileSync(message, options.message))
    yield* mustPass(place, ["update-ref", "--no-deref", "HEAD", parent], rejected)
    const trailer = options.taskUid === undefined ? [] : ["--trailer", `${taskTrailer}: ${options.taskUid}`]
    yield* mustPass(place, ["commit", "-q", "-s", "--no-verify", "-F", message, ...trailer], rejected, {
      ...local,
      env: {
        GIT_AUTHOR_NAME: options.author.name,
        GIT_AUTHOR_EMAIL: options.author.email,
        GIT_COMMITTER_NAME: options.committer.name,
        GIT_COMMITTER_EMAIL: options.committer.email
      }
    })
    return { commitSHA: (yield* mustPass(place, ["rev-parse", "HEAD"], rejected)).trim() }
  })

  const tip: Workspace["tip"] = Effect.fn("GitCliWorkspace.tip")(function* (at) {
    const ref = "refs/foreman/tip"
    if (at === "Now") {
      const fetch = ["fetch", "-q", "--no-recurse-submodules", "--no-tags", "--no-write-fetch-head"]
      yield* mustPass(place, [...fetch, "--", remoteURL, `+refs/heads/${branch}:${ref}`], cloneFailed, {
        isRemote: true
      })
    } else if (seen === undefined) return undefined
    const format = `--format=%H%x00%B%x00%(trailers:key=${taskTrailer},valueonly)`
    const text = yield* mustPass(place, ["log", "-1", format, at === "Now" ? ref : (seen ?? "")], unusable)
    const [commitSHA = "", message = "", tasks = ""] = text.split("\0")
    // A model may have written the line, too; ours is the last.
    return { commitSHA, message: message.trim(), taskUid: tasks.trim().split("\n").at(-1) || undefined }
  })

  const push: Workspace["push"] = Effect.fn("GitCliWorkspace.push")(function* ({ allowOverwrite }) {
    yield* settle
    const ref = `refs/heads/${branch}`
    const lease = allowOverwrite ? [`--force-with-lease=${ref}:${seen ?? ""}`] : []
    yield* mustPass(
      place,
      ["push", "-q", "--no-verify", ...lease, "--", remoteURL, `HEAD:${ref}`],
      pushError,
      { isRemote: true }
    )
  })

  return {
    directory,
    baseCommit,
    parent,
    seen,
    tip,
    diff,
    patch,
    bundle,
    checkpoint,
    pushCheckpoint: pushCheckpoint(place, remoteURL, baseCommit),
    readBase,
    baseFiles: readText("ls-tree", "-r", "-z", "--name-only", baseCommit).pipe(
      Effect.map((text) => text.split("\0").filter((path) => path !== "")),
      asUnusable
    ),
    baseEntries: listEntries(read, baseCommit).pipe(asUnusable),
    readEntries: (entries) => readObjects(read, entries).pipe(asUnusable),
    change: stage.pipe(
      Effect.andThen(mustPass(place, ["write-tree"], unusable, local)),
      Effect.map((text) => text.trim()),
      Effect.flatMap((tree) =>
        readChange(read, baseCommit, tree).pipe(
          Effect.map((change) => ({ change, tree })),
          asUnusable
        )
      )
    ),
    commit,
    push
  }
}

/** No repository at all: there is nothing to compare with, to commit or to push. */
const emptyWorkspace = (directory: string): Workspace => ({
  directory,
  baseCommit: "",
  parent: "",
  seen: undefined,
  tip: () => Effect.undefined,
  diff: Effect.succeed(""),
  patch: Effect.succeed(""),
  bundle: () => Effect.undefined,
  checkpoint: () => Effect.fail(unusable("a workspace without a repository cannot be kept")),
  pushCheckpoint: () => Effect.fail(pushError("the workspace has no remote")),
  readBase: () => Effect.undefined,
  baseFiles: Effect.succeed([]),
  baseEntries: Effect.succeed([]),
  readEntries: () => Effect.succeed([]),
  change: Effect.succeed({ change: { files: [] }, tree: "" }),
  commit: () => Effect.succeed(undefined),
  push: () => Effect.fail(pushError("the workspace has no remote"))
})

/** Clones and checks out. A mirror that turns out to be damaged costs one more clone, straight from the remote. */
const fill = Effect.fnUntraced(function* (
  place: Private,
  options: OpenOptions & { readonly remoteURL: string },
  mirrors: Mirrors | undefined
) {
  const { directory, remoteURL } = options
  yield* checkNames(options)
  const mirror = yield* clone(place, options, mirrors)
  if (mirrors === undefined || mirror === undefined)
    return yield* checkout(place, { ...options, mayBorrow: true })
  // What is kept must outlive the mirror.
  const mayBorrow = options.keep !== true && (yield* mirrors.isReadOnlyForCommands)
  return yield* checkout(place, { ...options, mayBorrow }).pipe(
    Effect.catchTag("GitError", (error) =>
      giveUp(place, remoteURL, mirror, error).pipe(
        Effect.andThen(
          onDisk(() => {
            wipe(join(place.folder, "shown"))
            wipe(directory)
            mkdirSync(directory, { mode: 0o700 })
          })
        ),
        Effect.andThen(checkout(place, { ...options, mayBorrow: true }))
      )
    )
  )
})

const openWith = Effect.fn("GitCliWorkspace.open")(function* (
  options: OpenOptions,
  mirrors: Mirrors | undefined
) {
  const wanted = resolve(options.directory)
  // No task's name begins with a dot, so this is nobody's workspace; a crash leaves at most one, which the next run takes away.
  const folder = join(dirname(wanted), `.git-${basename(wanted)}`)
  const wipeBoth = Effect.fnUntraced(function* (isKept: boolean) {
    yield* onDisk(() => wipe(folder))
    if (!isKept) yield* onDisk(() => wipe(wanted))
  })
  const { directory, place } = yield* Effect.acquireRelease(
    wipeBoth(false).pipe(
      Effect.andThen(
        onDisk(() => {
          mkdirSync(wanted, { recursive: true, mode: 0o700 })
          return { directory: realpathSync(wanted), place: makePrivate(folder, options.token) }
        })
      )
    ),
    () =>
      wipeBoth(options.keep === true).pipe(
        Effect.catch((error) => Effect.logWarning("a workspace was left behind", error))
      )
  )
  const { remoteURL } = options
  if (remoteURL === undefined) return emptyWorkspace(directory)
  const filled = yield* fill(place, { ...options, directory, remoteURL }, mirrors)
  const { resume } = options
  const made = resume === undefined ? filled : yield* goBack(place, directory, filled, resume)
  const config = yield* onDisk(() => readFileSync(join(place.repository, "config"), "utf8"))
  return workspaceOf(place, directory, remoteURL, made, config)
})

const remoteHead = Effect.fn("GitCliWorkspace.remoteHead")(function* (options: {
  readonly remoteURL: string
  readonly branch: string
  readonly token?: Redacted.Redacted<string> | undefined
}) {
  const place = yield* temporaryPlace(options.token)
  yield* checkBranchName(options.branch)
  const ref = `refs/heads/${options.branch}`
  const text = yield* mustPass(place, ["ls-remote", "--", options.remoteURL, ref], cloneFailed, {
    isRemote: true
  })
  return text
    .split("\n")
    .map((line) => line.split("\t"))
    .find(([, name]) => name === ref)?.[0]
}, Effect.scoped)

/** What needs no workspace. */
const ofRemotes = { remoteHead, findCheckpoint, dropCheckpoints, expireCheckpoints }

/** Without mirrors: each workspace is cloned from its remote. */
export const layer = Layer.succeed(
  GitWorkspace,
  GitWorkspace.of({ open: (options) => openWith(options, undefined), ...ofRemotes })
)

/** Workspaces are cloned by way of mirrors that stay. */
export const layerWith = (mirrors: Mirrors) =>
  Layer.effect(
    GitWorkspace,
    Effect.gen(function* () {
      // It must be there before it can be made read-only.
      yield* Effect.ignore(
        onDisk(() => mkdirSync(mirrors.folder, { recursive: true, mode: 0o700 })),
        {
          log: "Warn"
        }
      )
      const isReadOnlyForCommands = yield* Effect.cached(mirrors.isReadOnlyForCommands)
      const cached = { ...mirrors, isReadOnlyForCommands }
      return GitWorkspace.of({ open: (options) => openWith(options, cached), ...ofRemotes })
    })
  )
