/** What `foreman gate` judges: a commit of the repository at hand, and the place where it was cut from the default branch. */
import { Effect } from "effect"

import { git, type GitFailed } from "../../layers/git/runGit.ts"
import { GateConfigError } from "./errors.ts"

export interface Candidate {
  /** Root of the work tree. */
  readonly root: string
  /** As it is called in words: a branch, or the start of a commit. */
  readonly name: string
  readonly commit: string
  readonly base: string
  /** Full name of the branch whose commit is judged; undefined when it is a commit that is no branch's. */
  readonly ref: string | undefined
  /** Paths of the work tree that differ from the commit: not judged. */
  readonly uncommitted: ReadonlyArray<string>
}

const wrong = (message: string) => new GateConfigError({ message })

export const find = Effect.fn("gate.find")(function* (options: {
  readonly repo: string
  readonly base: string | undefined
  readonly head: string | undefined
  /** Whose default branch a change is measured against where no base is given. */
  readonly remote?: string | undefined
}): Effect.fn.Return<Candidate, GateConfigError> {
  const run = (...args: ReadonlyArray<string>) =>
    git(["-C", options.repo, ...args], { env: quarantine(process.env) }).pipe(
      Effect.map((text) => text.trimEnd())
    )
  // A server-side hook stands in a repository without a work tree.
  const isBare = (yield* orEmpty(run("rev-parse", "--is-bare-repository"))) === "true"
  const root = yield* run("rev-parse", isBare ? "--absolute-git-dir" : "--show-toplevel").pipe(
    Effect.mapError(({ message }) =>
      wrong(`--repo ${options.repo} is not a git repository: ${firstLine(message)}`)
    )
  )
  const isShallow = (yield* orEmpty(run("rev-parse", "--is-shallow-repository"))) === "true"
  const commitOf = (flag: string, ref: string) =>
    run("rev-parse", "--verify", "-q", "--end-of-options", `${ref}^{commit}`).pipe(
      Effect.mapError(() => wrong(`${flag} ${ref} is no commit of ${root}`))
    )
  const head = options.head ?? "HEAD"
  const commit = yield* commitOf("--head", head)
  const ref = yield* orEmpty(run("rev-parse", "--symbolic-full-name", head))
  const branch = ref.startsWith("refs/heads/") ? ref : undefined
  const against =
    options.base === undefined
      ? yield* defaultBranch(run, options.remote ?? "origin")
      : yield* commitOf("--base", options.base)
  if (against === undefined) {
    return yield* wrong(
      `the default branch of ${root} is not to be found: say what to compare with, --base REF`
    )
  }
  const base = yield* run("merge-base", commit, against).pipe(
    Effect.catchTag("GitFailed", () =>
      // In a shallow clone the common commit may lie beyond what was fetched: the base is what was named.
      isShallow
        ? Effect.succeed(against)
        : Effect.fail(wrong(`${head} and ${options.base ?? "the default branch"} have no commit in common`))
    )
  )
  const status = isBare ? "" : yield* orEmpty(run("status", "--porcelain", "-z", "--no-renames"))
  return {
    root,
    commit,
    base,
    ref: branch,
    name: branch?.slice("refs/heads/".length) ?? commit.slice(0, 12),
    uncommitted: status.split("\0").flatMap((line) => (line === "" ? [] : [line.slice(3)]))
  }
})

/** What a push brings lies in a folder of its own until a server-side hook has accepted it. */
const quarantine = (env: NodeJS.ProcessEnv): Record<string, string> =>
  env["GIT_QUARANTINE_PATH"] === undefined
    ? {}
    : Object.fromEntries(
        ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"].flatMap((name) =>
          env[name] === undefined ? [] : [[name, env[name]]]
        )
      )

const firstLine = (text: string): string => text.split("\n")[0] ?? ""

const orEmpty = (answer: Effect.Effect<string, GitFailed>): Effect.Effect<string> =>
  Effect.catchTag(answer, "GitFailed", () => Effect.succeed(""))

/** Where the remote says that it is, else the names that it usually has, there and here. */
export const defaultBranch = Effect.fnUntraced(function* (
  run: (...args: ReadonlyArray<string>) => Effect.Effect<string, GitFailed>,
  remote: string
) {
  for (const ref of [
    `refs/remotes/${remote}/HEAD`,
    `refs/remotes/${remote}/main`,
    `refs/remotes/${remote}/master`,
    "refs/heads/main",
    "refs/heads/master"
  ]) {
    const commit = yield* orEmpty(run("rev-parse", "--verify", "-q", `${ref}^{commit}`))
    if (commit !== "") return commit
  }
  return undefined
})

/** No name that a person gives to a branch. */
export const baseBranch = "foreman-gate-base"
