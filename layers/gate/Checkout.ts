/**
 * The judge's clone. Its repository lies where the candidate cannot reach it; the candidate gets the files, and a repository of its own
 * with the one commit, which nobody reads again.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { Effect, Layer, Redacted, Schedule } from "effect"

import type { Change } from "../../src/gate/change.ts"
import { type Checkout, GateCheckout } from "../../src/services/GateCheckout.ts"
import * as cleanRoom from "./cleanRoom.ts"
import { type GateError, gateError } from "../../src/services/GateError.ts"
import { onDisk } from "./disk.ts"
import { git, gitBytes, type GitFailed, noGit } from "../git/runGit.ts"
import { submoduleRefs } from "./submodules.ts"
import { readChange } from "./readChange.ts"
import { markdownWith, mentions, type Run } from "./search.ts"
import * as WorkFolder from "./WorkFolder.ts"

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
  /** Where to look whether the branch has moved, when the clone is of a copy; `nowhere` for a commit that is no branch's. */
  readonly watched?: { readonly url: string; readonly ref: string } | "nowhere" | undefined
}

/** The commit is in the work folder once the layer is there. */
export const layer = (options: CheckoutOptions): Layer.Layer<GateCheckout, GateError> =>
  Layer.effect(GateCheckout, open(options).pipe(Effect.tap((opened) => opened.place(opened.commit))))

export const open = Effect.fn("Checkout.open")(function* (
  options: CheckoutOptions
): Effect.fn.Return<Checkout, GateError> {
  const gitDir = join(options.judgeDir, "repository.git")
  const env = yield* askpass(options)
  const run = (...args: ReadonlyArray<string>) => git([`--git-dir=${gitDir}`, ...args], { env })
  const failed = (error: GitFailed) => cloneFailed(options, error)

  yield* Effect.gen(function* () {
    yield* git(["init", "-q", "--bare", "--template=", gitDir])
    yield* run("config", "uploadpack.allowAnySHA1InWant", "true")
    yield* run("config", "uploadpack.allowFilter", "true")
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

  const place = { gitDir, workDir: options.workDir, judgeDir: options.judgeDir, env }
  const folder = WorkFolder.make(place)
  const change = yield* Effect.cached(
    base === undefined
      ? Effect.succeed<Change>({ files: [] })
      : readChange(
          (args, input) =>
            gitBytes([`--git-dir=${gitDir}`, ...args], { env, ...(input !== undefined && { input }) }),
          base,
          commit
        ).pipe(Effect.mapError(failed))
  )

  const listed = (treeish: string) =>
    run("ls-tree", "-r", "-z", "--name-only", treeish).pipe(
      Effect.map((text) => text.split("\0").filter((path) => path !== "")),
      Effect.mapError(failed)
    )

  const dirtyAgainst = (target: string) =>
    Effect.gen(function* () {
      const found = yield* folder.dirty(target)
      if (found.length === 0) return found
      // A file that attributes of git make differ from itself (`eol` set after it was committed) is nobody's change.
      const judgeDir = join(options.judgeDir, `fresh-${target.slice(0, 12)}`)
      yield* onDisk(() => mkdir(judgeDir, { recursive: true }))
      const fresh = WorkFolder.make({ ...place, judgeDir, workDir: join(judgeDir, "repository") })
      yield* fresh.place(target)
      const always = yield* fresh.dirty(target)
      return found.filter((line) => !always.includes(line))
    }).pipe(Effect.catchTag("GitFailed", (error) => unreadable(error)))

  return {
    commit,
    tree,
    base,
    readBase: (path) =>
      base === undefined
        ? Effect.undefined
        : Effect.gen(function* () {
            const listed = yield* run("--literal-pathspecs", "ls-tree", "--name-only", "-z", base, "--", path)
            return listed === "" ? undefined : yield* run("cat-file", "blob", `${base}:${path}`)
          }).pipe(Effect.mapError(failed)),
    baseFiles: base === undefined ? Effect.succeed([]) : listed(base),
    files: listed(commit),
    mentions: (words) => mentions(run, commit, words).pipe(Effect.mapError(failed)),
    markdownWith: (words) => markdownWith(run, commit, words).pipe(Effect.mapError(failed)),
    change,
    authors: run(
      "log",
      "--format=%an%n%ae",
      ...(base === undefined ? ["-1", commit] : [`${base}..${commit}`])
    ).pipe(
      Effect.map((text) => [...new Set(text.split("\n").filter((line) => line !== ""))]),
      Effect.mapError(failed)
    ),
    place: (target) => folder.place(target).pipe(Effect.catchTag("GitFailed", (error) => failed(error))),
    placeMixed: (target, other) =>
      folder.mixed(target, other).pipe(
        Effect.flatMap(folder.place),
        Effect.catchTag("GitFailed", (error) => failed(error))
      ),
    absent: Effect.map(folder.absentSubmodules, (submodules) => submodules.map(({ path }) => path)),
    ignored: folder.ignored.pipe(Effect.catchTag("GitFailed", (error) => unreadable(error))),
    keepIgnored: folder.keepIgnored.pipe(Effect.catchTag("GitFailed", (error) => unreadable(error))),
    room: (target) =>
      cleanRoom.open(place, target).pipe(Effect.catchTag("GitFailed", (error) => failed(error))),
    dirty: dirtyAgainst(commit),
    dirtyAgainst,
    diffStat: Effect.catchTag(folder.diffStat, "GitFailed", () => Effect.succeed("")),
    moved: options.watched === "nowhere" ? Effect.undefined : whereBranchIs(run, options, commit)
  }
})

const whereBranchIs = (run: Run, options: CheckoutOptions, commit: string) => {
  const ours = { url: "origin", ref: `refs/heads/${options.branch}` }
  const { ref, url } = options.watched === "nowhere" ? ours : (options.watched ?? ours)
  return run("ls-remote", url, ref).pipe(
    Effect.map((text) => {
      const now = text.split(/\s/u)[0] ?? ""
      return now === commit ? undefined : now === "" ? "gone" : now
    }),
    Effect.retry({ times: 2, schedule: Schedule.spaced("1 second") }),
    Effect.mapError(({ message }) => gateError("RemoteUnreachable", `ls-remote: ${message}`))
  )
}

/** Branch and base, history with its tags and without file contents: those are fetched for the commits that are placed. */
const fetch = Effect.fnUntraced(function* (run: Run, options: CheckoutOptions) {
  const of = (remote: string, ...refspecs: ReadonlyArray<string>) =>
    run("fetch", "-q", "--update-shallow", "--filter=blob:none", remote, ...refspecs)
  const head = `+refs/heads/${options.branch}:refs/gate/head`
  const submodules = `+${submoduleRefs}*:${submoduleRefs}*`
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
  // A host's own remotes show none.
  yield* of("origin", submodules).pipe(Effect.ignore)
})

const isMissing = (error: GitFailed, ref: string): boolean =>
  error.message.includes(`couldn't find remote ref ${ref}`)

const cloneFailed = (options: CheckoutOptions, error: GitFailed): GateError => {
  if (error.message === noGit) return gateError("JudgeFailed", noGit)
  const branch = [options.branch, options.baseBranch].find(
    (name) => name !== undefined && isMissing(error, `refs/heads/${name}`)
  )
  return branch === undefined
    ? gateError("CloneFailed", `clone: ${error.message}`)
    : gateError("BranchNotFound", `clone: the remote has no branch ${branch}`)
}

const unreadable = ({ message }: GitFailed): GateError =>
  gateError("JudgeFailed", `what the checks left of the tree cannot be read: ${message}`)

/** The token reaches git through a program that asks the environment, so that no URL, argument or file holds it. */
const askpass = Effect.fnUntraced(function* (options: CheckoutOptions) {
  yield* onDisk(() => mkdir(options.judgeDir, { recursive: true }))
  if (options.token === undefined) return {}
  const path = join(options.judgeDir, "askpass")
  const script = `#!/bin/sh\ncase "$1" in Username*) echo x-access-token ;; *) printf '%s\\n' "$FOREMAN_GIT_TOKEN" ;; esac\n`
  yield* onDisk(() => writeFile(path, script, { mode: 0o700 }))
  return { GIT_ASKPASS: path, FOREMAN_GIT_TOKEN: Redacted.value(options.token) }
})
