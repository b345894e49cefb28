/**
 * Checkpoints of runs on their remote, as `refs/foreman/<uid>/<attempt>/<turn>`: a commit on the base whose tree has the journal and, under
 * `work`, the files.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"

import { Clock, Effect } from "effect"

import { checkpointPrefix, checkpointRef, newestCheckpoint } from "../../src/journal/remote.ts"
import {
  CloneFailed,
  GitError,
  type RemoteCheckpoint,
  type RemoteOptions,
  type Workspace,
  WorkspaceUnusable
} from "../../src/services/GitWorkspace.ts"
import { wipe } from "../wipe.ts"
import { onDisk } from "./clone.ts"
import { nobody } from "./checkout.ts"
import { mustPass, type Private } from "./git.ts"
import { pushError } from "./pushError.ts"
import { temporaryPlace } from "./temporaryPlace.ts"

const journalName = "journal.ndjson"
const workName = "work"
const maxAgeMillis = 14 * 24 * 3_600_000
/** Refs of other tasks that one run looks at. */
const maxLookedAt = 50
/** More is not fetched. What is pushed is bounded by its caller. */
const maxJournalBytes = 64 * 1024 * 1024

const unusable = (message: string) => new GitError({ reason: new WorkspaceUnusable({ message }) })
const cloneFailed = (message: string) => new GitError({ reason: new CloneFailed({ message }) })

/** Pushes a checkpoint, and takes away the last but one: the one before stays until this one is there. */
export const pushCheckpoint = (
  place: Private,
  remoteURL: string,
  baseCommit: string
): Workspace["pushCheckpoint"] => {
  const own = join(place.folder, "pushed")
  const pushed: Array<string> = []
  return Effect.fn("GitCliWorkspace.pushCheckpoint")(function* ({ folder, journal, ref, tree }) {
    // A whole journal a turn: only the last one is kept here.
    yield* onDisk(() => {
      wipe(own)
      mkdirSync(own, { mode: 0o700 })
    })
    const env = {
      GIT_OBJECT_DIRECTORY: own,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: [join(folder, "objects"), join(place.repository, "objects")].join(":")
    }
    const make = (args: ReadonlyArray<string>, input?: string) =>
      mustPass(place, args, unusable, { env: { ...env, ...nobody }, input }).pipe(
        Effect.map((text) => text.trim())
      )
    const blob = yield* make(["hash-object", "-w", "--stdin"], journal)
    const files = tree === undefined ? "" : `040000 tree ${tree}\t${workName}\n`
    const root = yield* make(["mktree"], `100644 blob ${blob}\t${journalName}\n${files}`)
    const commit = yield* make(["commit-tree", root, "-p", baseCommit, "-m", `Foreman: ${ref}`])
    const superseded = pushed.filter((one) => one !== ref).slice(0, -1)
    const refspecs = [`+${commit}:${ref}`, ...superseded.map((one) => `:${one}`)]
    yield* mustPass(place, ["push", "-q", "--no-verify", "--", remoteURL, ...refspecs], pushError, {
      isRemote: true,
      env
    })
    const left = pushed.filter((one) => one !== ref && !superseded.includes(one))
    pushed.splice(0, pushed.length, ...left, ref)
  })
}

const list = (place: Private, remoteURL: string, pattern: string) =>
  mustPass(place, ["ls-remote", "--", remoteURL, pattern], cloneFailed, { isRemote: true }).pipe(
    Effect.map((text) => text.split("\n").flatMap((line) => checkpointRef(line.split("\t")[1] ?? "") ?? []))
  )

const init = (place: Private) =>
  mustPass(place, ["init", "-q", "--bare", "--template=", place.repository], unusable, {
    repository: "none"
  })

/** Fetches commits, and not what led to them. */
const fetch = (
  place: Private,
  remoteURL: string,
  refspecs: ReadonlyArray<string>,
  how: { readonly env?: Readonly<Record<string, string>>; readonly flags?: ReadonlyArray<string> } = {}
) => {
  const flags = ["--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
  const { env = {}, flags: more = [] } = how
  const args = ["fetch", "-q", ...flags, ...more, "--", remoteURL, ...refspecs]
  return mustPass(place, args, cloneFailed, { isRemote: true, env })
}

/** The newest checkpoint of a task. Its objects come into the folder, where a checkout that goes on looks for them. */
export const findCheckpoint = Effect.fn("GitCliWorkspace.findCheckpoint")(function* ({
  folder,
  remoteURL,
  token,
  uid
}: RemoteOptions & { readonly folder: string }) {
  const prefix = checkpointPrefix(uid)
  if (prefix === undefined) return undefined
  const place = yield* temporaryPlace(token)
  const found = newestCheckpoint((yield* list(place, remoteURL, `${prefix}*`)).map(({ ref }) => ref))
  if (found === undefined) return undefined
  yield* init(place)
  const objects = join(folder, "objects")
  yield* onDisk(() => mkdirSync(objects, { recursive: true, mode: 0o700 }))
  const env = { GIT_OBJECT_DIRECTORY: objects }
  const here = "refs/foreman/found"
  yield* fetch(place, remoteURL, [`+${found.ref}:${here}`], { env })
  const journal = yield* mustPass(place, ["cat-file", "blob", `${here}:${journalName}`], unusable, {
    env,
    maxBytes: maxJournalBytes
  })
  return { attempt: found.attempt, journal } satisfies RemoteCheckpoint
}, Effect.scoped)

const remove = (place: Private, remoteURL: string, refs: ReadonlyArray<string>) =>
  refs.length === 0
    ? Effect.void
    : mustPass(
        place,
        ["push", "-q", "--no-verify", "--", remoteURL, ...refs.map((ref) => `:${ref}`)],
        pushError,
        { isRemote: true }
      )

/** Takes away the checkpoints of a task. */
export const dropCheckpoints = Effect.fn("GitCliWorkspace.dropCheckpoints")(function* ({
  remoteURL,
  token,
  uid
}: RemoteOptions) {
  const prefix = checkpointPrefix(uid)
  if (prefix === undefined) return
  const place = yield* temporaryPlace(token)
  yield* init(place)
  const refs = yield* list(place, remoteURL, `${prefix}*`)
  yield* remove(
    place,
    remoteURL,
    refs.map(({ ref }) => ref)
  )
}, Effect.scoped)

/**
 * Takes away checkpoints of other tasks that are older than 14 days by their commit. A run looks at 50 of them, those that follow its own
 * uid, so that runs look at different ones. Of the commits no file is fetched where the remote can leave them out.
 */
export const expireCheckpoints = Effect.fn("GitCliWorkspace.expireCheckpoints")(function* ({
  remoteURL,
  token,
  uid
}: RemoteOptions) {
  const place = yield* temporaryPlace(token)
  const others = (yield* list(place, remoteURL, "refs/foreman/*")).filter((one) => one.uid !== uid)
  if (others.length === 0) return
  yield* init(place)
  const from = others.findIndex((one) => one.uid > uid)
  const some = (from < 0 ? others : [...others.slice(from), ...others.slice(0, from)]).slice(0, maxLookedAt)
  yield* fetch(
    place,
    remoteURL,
    some.map(({ ref }) => `+${ref}:${ref}`),
    { flags: ["--filter=tree:0"] }
  )
  const dated = yield* mustPass(
    place,
    ["for-each-ref", "--format=%(committerdate:unix) %(refname)", "refs/foreman/"],
    unusable
  )
  const oldest = (yield* Clock.currentTimeMillis) - maxAgeMillis
  const old = dated.split("\n").flatMap((line) => {
    const [seconds = "", ref = ""] = line.split(" ")
    return ref !== "" && Number(seconds) * 1000 < oldest ? [ref] : []
  })
  yield* remove(place, remoteURL, old)
}, Effect.scoped)
