/** All of a remote into the repository that is ours alone: straight from the remote, or by way of its mirror. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { Effect, type Scope } from "effect"

import {
  CloneFailed,
  GitError,
  type OpenOptions,
  WorkspaceUnusable,
  withoutCredentials
} from "../../src/services/GitWorkspace.ts"
import { wipe } from "../wipe.ts"
import { mustPass, type Private } from "./git.ts"
import type { Mirror, MirrorOptions } from "./mirror.ts"

const cloneFailed = (message: string) => new GitError({ reason: new CloneFailed({ message }) })
const unusable = (message: string) => new GitError({ reason: new WorkspaceUnusable({ message }) })

export const edit = (file: string, pattern: RegExp, replacement: string): void =>
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace(pattern, () => replacement)
  )

export const onDisk = <A>(action: () => A) =>
  Effect.try({ try: action, catch: (cause) => unusable(String(cause)) })

/** The branch that the remote calls its own. */
export const defaultBranch = Effect.fnUntraced(function* (place: Private, remoteURL: string) {
  const text = yield* mustPass(place, ["ls-remote", "--symref", "--", remoteURL, "HEAD"], cloneFailed, {
    repository: "none",
    isRemote: true
  })
  const name = /^ref: refs\/heads\/(.+)\tHEAD$/mu.exec(text)?.[1]
  return name ?? (yield* cloneFailed(`${withoutCredentials(remoteURL)} has no default branch`))
})

/** The branch that the remote calls its own, as the clone has it. */
export const clonedBranch = Effect.fnUntraced(function* (place: Private, remoteURL: string) {
  const head = yield* onDisk(() => readFileSync(join(place.repository, "HEAD"), "utf8"))
  const name = /^ref: refs\/heads\/(.+)$/mu.exec(head)?.[1]
  return name ?? (yield* cloneFailed(`${withoutCredentials(remoteURL)} has no default branch`))
})

/** Nothing of where it came from stays, and the index is ours to use. */
const makeOurs = (place: Private) =>
  onDisk(() => {
    const config = join(place.repository, "config")
    edit(config, /^\[remote "origin"\]\n(?:\t.*\n)*/mu, "")
    edit(config, /^\tbare = true$/mu, "\tbare = false")
  })

/** All branches and tags of the remote. Its URL, which may hold a password, stays in no file. */
const cloneRemote = (place: Private, remoteURL: string) =>
  // Through upload-pack, also from this machine: files that two repositories share would lead from the model to the remote.
  mustPass(
    place,
    ["clone", "-q", "--bare", "--no-local", "--template=", "--", remoteURL, place.repository],
    cloneFailed,
    { repository: "none", isRemote: true }
  )

/** Takes over the refs, and borrows the objects. */
const cloneMirror = (place: Private, mirror: Mirror) =>
  mustPass(
    place,
    ["clone", "-q", "--bare", "--shared", "--template=", "--", mirror.path, place.repository],
    unusable,
    { repository: "none" }
  )

/** The mirror whose objects the clone borrows until the scope closes; `undefined` when it has its own. */
export const clone = Effect.fnUntraced(function* (
  place: Private,
  options: OpenOptions & { readonly remoteURL: string },
  mirrors: MirrorOptions | undefined
): Effect.fn.Return<Mirror | undefined, GitError, Scope.Scope> {
  const { baseBranch, remoteURL, upstreamURL = remoteURL } = options
  if (mirrors === undefined) {
    yield* cloneRemote(place, remoteURL)
    yield* makeOurs(place)
    return undefined
  }
  // A Job's runner has none, and starts faster without SQLite.
  const { borrow } = yield* Effect.promise(() => import("./mirror.ts"))
  const fetched = borrow(mirrors, place, remoteURL, (mirror) =>
    cloneMirror(place, mirror).pipe(
      Effect.as(mirror),
      Effect.catchTag("GitError", (error) => giveUp(place, remoteURL, mirror, error))
    )
  )
  // A fetch does not say which branch the remote calls its own.
  const isAsked = baseBranch === undefined && upstreamURL === remoteURL
  const [mirror, head] = yield* Effect.all(
    [fetched, isAsked ? defaultBranch(place, remoteURL) : Effect.succeed(undefined)],
    { concurrency: 2 }
  )
  yield* makeOurs(place)
  if (head !== undefined) {
    yield* onDisk(() => writeFileSync(join(place.repository, "HEAD"), `ref: refs/heads/${head}\n`))
  }
  return mirror
})

/** After a failure: a mirror that proves damaged is not used again, and the remote is cloned without it. Else the error stands. */
export const giveUp = Effect.fnUntraced(function* (
  place: Private,
  remoteURL: string,
  mirror: Mirror,
  error: GitError
) {
  if (!(yield* mirror.isDamaged)) return yield* error
  yield* Effect.logWarning("the mirror is damaged; the remote is cloned without it", error)
  yield* onDisk(() => wipe(place.repository))
  yield* cloneRemote(place, remoteURL)
  yield* makeOurs(place)
  return undefined
})
