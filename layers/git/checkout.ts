/** From a remote to a folder with files in it: what the branch starts from, and the repository that the model sees. */
import { copyFileSync, renameSync } from "node:fs"
import { join } from "node:path"

import { Effect } from "effect"

import {
  BranchCheckoutFailed,
  CloneFailed,
  GitError,
  type OpenOptions,
  WorkspaceUnusable,
  withoutCredentials
} from "../../src/services/GitWorkspace.ts"
import { isBranchName } from "./branchName.ts"
import { clonedBranch, defaultBranch, edit, onDisk } from "./clone.ts"
import { git, mustPass, type Private } from "./git.ts"

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

const headRef = (branch: string): string => `refs/heads/${branch}`

/** Refuses a name that git could read as an option or as anything but a branch. */
export const checkBranchName = (branch: string) =>
  isBranchName(branch) ? Effect.void : Effect.fail(branchFailed(`"${branch}" is no name for a branch`))

/** The commits that these refs point to, of those that are there. */
const commitsOf = (place: Private, refs: ReadonlyArray<string>) =>
  mustPass(place, ["for-each-ref", "--format=%(objectname) %(refname)", ...refs], unusable).pipe(
    Effect.map(
      (text) =>
        new Map(text.split("\n").map((line) => [line.slice(line.indexOf(" ") + 1), line.split(" ")[0]]))
    )
  )

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
  return yield* commitTree(place, merged.stdout.toString("utf8").trim(), base, "what the branch held")
})

/** Who commits what is on no branch. */
export const nobody = {
  GIT_AUTHOR_NAME: "foreman",
  GIT_AUTHOR_EMAIL: "foreman@localhost",
  GIT_COMMITTER_NAME: "foreman",
  GIT_COMMITTER_EMAIL: "foreman@localhost"
}

/** A commit of nobody's: it is never on a branch. */
export const commitTree = (place: Private, tree: string, parent: string, message: string) =>
  mustPass(place, ["commit-tree", tree, "-p", parent, "-m", message], unusable, { env: nobody }).pipe(
    Effect.map((commit) => commit.trim())
  )

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

/**
 * The model gets a repository of its own: whatever it does to config, hooks or history there, ours never reads. It writes the files, and
 * we take a copy of its index while the model is not there yet, so that ours knows them, too.
 */
const showRepository = Effect.fnUntraced(function* (
  place: Private,
  directory: string,
  branch: string,
  start: string,
  remoteURL: string,
  how: { readonly withhold: boolean; readonly mayBorrow: boolean }
) {
  const shown = join(place.folder, "shown")
  const repository = join(shown, ".git")
  // Objects that ours borrows from a mirror are borrowed by the model's, too, or copied.
  const borrowing = how.mayBorrow ? [] : ["--dissociate"]
  yield* how.withhold
    ? cloneCommit(place, shown, start)
    : mustPass(
        place,
        ["clone", "-q", "--local", ...borrowing, "--no-checkout", place.repository, shown],
        unusable,
        { repository: "none" }
      )
  yield* mustPass(place, ["checkout", "-q", "-f", "-B", branch, start], branchFailed, {
    repository,
    workTree: directory
  })
  yield* onDisk(() => {
    copyFileSync(join(repository, "index"), join(place.repository, "index"))
    // A value between quotes is written in git's config as in JSON.
    edit(
      join(repository, "config"),
      /^\turl = .*$/mu,
      `\turl = ${JSON.stringify(withoutCredentials(remoteURL))}`
    )
    renameSync(repository, join(directory, ".git"))
  })
})

/** One commit and what led to it, without the branches beside it: what an author said there cannot be looked up. */
const cloneCommit = Effect.fnUntraced(function* (place: Private, shown: string, commit: string) {
  const ref = "refs/foreman/shown"
  yield* mustPass(place, ["update-ref", ref, commit], unusable)
  yield* mustPass(place, ["init", "-q", "--template=", shown], unusable, { repository: "none" })
  const repository = join(shown, ".git")
  yield* mustPass(place, ["fetch", "-q", "--no-tags", place.repository, ref], unusable, { repository })
  yield* mustPass(place, ["remote", "add", "origin", "."], unusable, { repository })
})

/** Refuses a name that git could misread before anything is fetched. */
export const checkNames = (options: OpenOptions) =>
  Effect.forEach(
    [options.branch, options.baseBranch, options.reviseFromBranch],
    (branch) => (branch === undefined ? Effect.void : checkBranchName(branch)),
    { discard: true }
  )

/** Checks out what the options ask for, from our clone of the remote. */
export const checkout = Effect.fnUntraced(function* (
  place: Private,
  options: OpenOptions & { readonly remoteURL: string; readonly mayBorrow: boolean }
) {
  const { directory, mayBorrow, remoteURL } = options
  const { upstreamURL = remoteURL } = options
  const isFork = upstreamURL !== remoteURL
  const baseBranch =
    options.baseBranch ?? (yield* isFork ? defaultBranch(place, upstreamURL) : clonedBranch(place, remoteURL))
  // The branches of the fork stay as the fork has them: what was seen there is what a push may replace.
  const baseRef = isFork ? "refs/foreman/base" : headRef(baseBranch)
  if (isFork) {
    const refspec = `+${headRef(baseBranch)}:${baseRef}`
    yield* mustPass(
      place,
      ["fetch", "-q", "--no-recurse-submodules", "--no-tags", "--", upstreamURL, refspec],
      cloneFailed,
      { isRemote: true }
    )
  }
  const branch = options.branch ?? baseBranch
  const { reviseFromBranch = branch } = options
  const commits = yield* commitsOf(place, [baseRef, headRef(branch), headRef(reviseFromBranch)])
  const base = commits.get(baseRef)
  if (base === undefined) {
    return yield* branchFailed(`the remote has no branch ${baseBranch} to start from`)
  }
  const seen = commits.get(headRef(branch))

  let kept: { readonly branch: string; readonly tip: string; readonly isOurs: boolean } | undefined
  if (options.reviseFromBranch !== undefined) {
    const tip = commits.get(headRef(reviseFromBranch))
    if (tip === undefined) {
      return yield* branchFailed(`the remote has no branch ${reviseFromBranch} to revise`)
    }
    kept = { branch: reviseFromBranch, tip, isOurs: reviseFromBranch === branch }
  } else if ((options.branchStrategy ?? "reset") !== "reset" && seen !== undefined && branch !== baseBranch) {
    kept = { branch, tip: seen, isOurs: true }
  }

  const { start, parent, baseCommit } = yield* startOf(place, base, kept, options.branchStrategy === "keep")
  const withhold = options.withholdMessages === true && start !== baseCommit
  const shown = withhold
    ? yield* commitTree(place, `${start}^{tree}`, baseCommit, "The change under review")
    : start
  yield* showRepository(place, directory, branch, shown, remoteURL, { withhold, mayBorrow })
  const made: Checkout = { baseCommit, parent, branch, seen }
  return made
})
