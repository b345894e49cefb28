/** From a remote to a folder with files in it: what the branch starts from, and the repository that the model sees. */
import { mkdirSync, renameSync } from "node:fs"
import { join } from "node:path"

import { Effect } from "effect"

import {
  BranchCheckoutFailed,
  CloneFailed,
  GitError,
  type OpenOptions,
  WorkspaceUnusable
} from "../../src/services/GitWorkspace.ts"
import { git, mustPass, type Private, withoutCredentials } from "./git.ts"

export interface Checkout {
  /** What the diff is taken against. */
  readonly baseCommit: string
  /** Parent of our commit. */
  readonly parent: string
  readonly branch: string
  /** Where the remote's branch was when we cloned; `undefined` when it was not there. */
  readonly seen: string | undefined
}

const cloneFailed = (message: string) => new GitError({ reason: new CloneFailed({ message }) })
const branchFailed = (message: string) => new GitError({ reason: new BranchCheckoutFailed({ message }) })
const unusable = (message: string) => new GitError({ reason: new WorkspaceUnusable({ message }) })

/** Refuses a name that git could read as an option or as anything but a branch. */
export const checkBranchName = Effect.fnUntraced(function* (place: Private, branch: string) {
  const ended = yield* git(place, ["check-ref-format", `refs/heads/${branch}`]).pipe(
    Effect.mapError((error) => unusable(error.message))
  )
  if (ended.exitCode !== 0 || branch.startsWith("-")) {
    return yield* branchFailed(`"${branch}" is no name for a branch`)
  }
})

const commitOf = Effect.fnUntraced(function* (place: Private, revision: string) {
  const ended = yield* git(place, ["rev-parse", "-q", "--verify", "--end-of-options", revision]).pipe(
    Effect.mapError((error) => unusable(error.message))
  )
  return ended.exitCode === 0 ? ended.stdout.toString("utf8").trim() : undefined
})
const branchHead = (place: Private, branch: string) => commitOf(place, `refs/heads/${branch}^{commit}`)

const defaultBranch = Effect.fnUntraced(function* (place: Private, remoteURL: string) {
  const text = yield* mustPass(place, ["ls-remote", "--symref", "--", remoteURL, "HEAD"], cloneFailed, {
    isRemote: true
  })
  const name = /^ref: refs\/heads\/(.+)\tHEAD$/mu.exec(text)?.[1]
  return name ?? (yield* cloneFailed(`${withoutCredentials(remoteURL)} has no default branch`))
})

/** Whether `ancestor` is in the history of `commit`. */
const isAncestor = (place: Private, ancestor: string, commit: string) =>
  git(place, ["merge-base", "--is-ancestor", ancestor, commit]).pipe(
    Effect.map((ended) => ended.exitCode === 0),
    Effect.mapError((error) => unusable(error.message))
  )

/**
 * The tree of `base` with the commits of `tip` merged in, as a commit on `base`; `undefined` when they clash. A revision that started
 * from an old base would take back what was merged since (contract §9.4, 9f806d47).
 */
const onTopOf = Effect.fnUntraced(function* (place: Private, base: string, tip: string) {
  const merged = yield* git(place, ["merge-tree", "--write-tree", "--no-messages", base, tip]).pipe(
    Effect.mapError((error) => unusable(error.message))
  )
  if (merged.exitCode !== 0) return undefined
  const tree = merged.stdout.toString("utf8").trim()
  const commit = yield* mustPass(
    place,
    ["commit-tree", tree, "-p", base, "-m", "what the branch held"],
    unusable,
    {
      env: {
        GIT_AUTHOR_NAME: "foreman",
        GIT_AUTHOR_EMAIL: "foreman@localhost",
        GIT_COMMITTER_NAME: "foreman",
        GIT_COMMITTER_EMAIL: "foreman@localhost"
      }
    }
  )
  return commit.trim()
})

/** Where the work starts: its files, the parent of our commit, and what the diff is taken against. */
const startOf = Effect.fnUntraced(function* (
  place: Private,
  base: string,
  kept: { readonly branch: string; readonly tip: string; readonly isOurs: boolean } | undefined,
  isExact: boolean
) {
  if (kept === undefined) return { start: base, parent: base, baseCommit: base }
  const { tip } = kept
  if (kept.isOurs && (yield* isAncestor(place, base, tip))) {
    return { start: tip, parent: tip, baseCommit: base }
  }
  const start = isExact ? undefined : yield* onTopOf(place, base, tip)
  if (start !== undefined) return { start, parent: base, baseCommit: base }
  const baseCommit = (yield* mustPass(place, ["merge-base", base, tip], branchFailed)).trim()
  return { start: tip, parent: kept.isOurs ? tip : baseCommit, baseCommit }
})

/** The model gets a repository of its own: whatever it does to config, hooks or history there, ours never reads. */
const showRepository = Effect.fnUntraced(function* (
  place: Private,
  directory: string,
  branch: string,
  start: string,
  remoteURL: string
) {
  const shown = join(place.folder, "shown")
  const repository = join(shown, ".git")
  yield* mustPass(place, ["clone", "-q", "--local", "--no-checkout", place.repository, shown], unusable, {
    repository: "none"
  })
  yield* mustPass(place, ["remote", "set-url", "origin", withoutCredentials(remoteURL)], unusable, {
    repository
  })
  yield* mustPass(place, ["update-ref", `refs/heads/${branch}`, start], unusable, { repository })
  yield* mustPass(place, ["symbolic-ref", "HEAD", `refs/heads/${branch}`], unusable, { repository })
  yield* mustPass(place, ["read-tree", start], unusable, { repository })
  yield* Effect.try({
    try: () => renameSync(join(shown, ".git"), join(directory, ".git")),
    catch: (cause) => unusable(String(cause))
  })
})

/** Clones all of the remote, and checks out what the options ask for. */
export const checkout = Effect.fnUntraced(function* (
  place: Private,
  options: OpenOptions & { readonly remoteURL: string }
) {
  const { directory, remoteURL } = options
  for (const branch of [options.branch, options.baseBranch, options.reviseFromBranch]) {
    if (branch !== undefined) yield* checkBranchName(place, branch)
  }
  yield* Effect.try({
    try: () => mkdirSync(place.repository, { recursive: true }),
    catch: (cause) => unusable(String(cause))
  })
  yield* mustPass(place, ["init", "-q", "--bare"], unusable)
  yield* mustPass(place, ["config", "core.bare", "false"], unusable)
  yield* mustPass(
    place,
    [
      "fetch",
      "-q",
      "--no-recurse-submodules",
      "--",
      remoteURL,
      "+refs/heads/*:refs/heads/*",
      "+refs/tags/*:refs/tags/*"
    ],
    cloneFailed,
    { isRemote: true }
  )
  const { upstreamURL = remoteURL } = options
  const baseBranch = options.baseBranch ?? (yield* defaultBranch(place, upstreamURL))
  // The branches of the fork stay as the fork has them: what was seen there is what a push may replace.
  const baseRef = upstreamURL === remoteURL ? `refs/heads/${baseBranch}` : "refs/foreman/base"
  if (upstreamURL !== remoteURL) {
    const refspec = `+refs/heads/${baseBranch}:${baseRef}`
    yield* mustPass(
      place,
      ["fetch", "-q", "--no-recurse-submodules", "--no-tags", "--", upstreamURL, refspec],
      cloneFailed,
      { isRemote: true }
    )
  }
  const base = yield* commitOf(place, `${baseRef}^{commit}`)
  if (base === undefined) {
    return yield* branchFailed(`the remote has no branch ${baseBranch} to start from`)
  }
  const branch = options.branch ?? baseBranch
  const seen = yield* branchHead(place, branch)

  let kept: { readonly branch: string; readonly tip: string; readonly isOurs: boolean } | undefined
  if (options.reviseFromBranch !== undefined) {
    const tip = yield* branchHead(place, options.reviseFromBranch)
    if (tip === undefined) {
      return yield* branchFailed(`the remote has no branch ${options.reviseFromBranch} to revise`)
    }
    kept = { branch: options.reviseFromBranch, tip, isOurs: options.reviseFromBranch === branch }
  } else if ((options.branchStrategy ?? "reset") !== "reset" && seen !== undefined && branch !== baseBranch) {
    kept = { branch, tip: seen, isOurs: true }
  }

  const { start, parent, baseCommit } = yield* startOf(place, base, kept, options.branchStrategy === "keep")
  yield* mustPass(place, ["checkout", "-q", "-f", "--detach", start], branchFailed, { workTree: directory })
  yield* showRepository(place, directory, branch, start, remoteURL)
  const made: Checkout = { baseCommit, parent, branch, seen }
  return made
})
