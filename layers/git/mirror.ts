/**
 * Bare mirrors of remotes, so that a workspace costs the remote only what is new. A mirror is `<folder>/<remote>/<generation>`: fetched
 * under a lock, and never changed but by adding, so that workspaces may borrow its objects. One that is damaged is left to those that
 * still use it, and a new generation is made; what nobody uses is removed by age and size. No URL, and so no password, is stored.
 */
import { createHash, randomUUID } from "node:crypto"
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync
} from "node:fs"
import { basename, join } from "node:path"

import { Clock, Effect, Scope } from "effect"

import {
  CloneFailed,
  GitError,
  WorkspaceUnusable,
  withoutCredentials
} from "../../src/services/GitWorkspace.ts"
import { tryLock } from "../fileLock.ts"
import { wipe } from "../wipe.ts"
import { git, mustPass, type Private, said } from "./git.ts"

export interface MirrorOptions {
  /** Where mirrors go. */
  readonly folder: string
  /** What all of them may take; a mirror in use is never removed, however large. */
  readonly maxBytes: number
}

/** A mirror that is up to date, and stays as long as the scope is open. */
export interface Mirror {
  readonly path: string
  /** Whether something is wrong with it: then nobody gets it any more. Slow: reads every object. */
  readonly isDamaged: Effect.Effect<boolean, GitError>
}

const maxAgeMillis = 30 * 24 * 3_600_000
/** Each fetch that brings something adds a pack, and each pack makes git a little slower. */
const maxPacks = 32
const lockPause = "50 millis"
const damaged = "damaged"

const unusable = (message: string) => new GitError({ reason: new WorkspaceUnusable({ message }) })
const cloneFailed = (message: string) => new GitError({ reason: new CloneFailed({ message }) })
const onDisk = <A>(action: () => A) => Effect.try({ try: action, catch: (cause) => unusable(String(cause)) })

const homeOf = (folder: string, remoteURL: string): string => {
  const plain = withoutCredentials(remoteURL)
  const readable = basename(plain, ".git")
    .replace(/[^A-Za-z0-9._-]/gu, "_")
    .slice(0, 40)
  return join(folder, `${readable}-${createHash("sha256").update(plain).digest("hex").slice(0, 16)}`)
}

/** Generations of a remote, the newest last. */
const generationsOf = (home: string): ReadonlyArray<string> =>
  readdirSync(home)
    .filter((name) => /^\d+\.git$/u.test(name))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => join(home, name))

const packsOf = (mirror: string): ReadonlyArray<string> => {
  const folder = join(mirror, "objects", "pack")
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
}

const bytesOf = (home: string): number =>
  generationsOf(home)
    .flatMap(packsOf)
    .reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)

const usersOf = (mirror: string): string => `${mirror}.users`

/** The lock of a user that died is free, and its file goes. */
const isUsed = (mirror: string): boolean => {
  const folder = usersOf(mirror)
  return (
    existsSync(folder) &&
    readdirSync(folder).some((name) => {
      const lock = tryLock(join(folder, name))
      lock?.close()
      if (lock !== undefined) rmSync(join(folder, name), { force: true })
      return lock === undefined
    })
  )
}

const remove = (mirror: string): void => {
  wipe(mirror)
  wipe(usersOf(mirror))
}

/** Removes what is older than the newest generation, unless somebody uses it; with `all` the newest too. */
const sweep = (home: string, all: boolean): void => {
  const generations = generationsOf(home)
  for (const mirror of all ? generations : generations.slice(0, -1)) if (!isUsed(mirror)) remove(mirror)
}

const lockOf = (home: string): string => join(home, "lock")

const touch = (file: string, nowMillis: number): void => {
  closeSync(openSync(file, "a"))
  utimesSync(file, nowMillis / 1000, nowMillis / 1000)
}

const usedOf = (home: string): string => join(home, "used")
const usedMillis = (home: string): number => statSync(usedOf(home), { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Takes away what nobody used for long, then what was used longest ago until the rest fits. Busy ones are passed over. */
const tidy = (options: MirrorOptions, mine: string, nowMillis: number): void => {
  const homes = readdirSync(options.folder)
    .map((name) => join(options.folder, name))
    .toSorted((a, b) => usedMillis(a) - usedMillis(b))
  let total = homes.reduce((sum, home) => sum + bytesOf(home), 0)
  for (const home of homes) {
    const isOld = nowMillis - usedMillis(home) > maxAgeMillis
    if (home === mine || (!isOld && total <= options.maxBytes)) continue
    const lock = tryLock(lockOf(home))
    if (lock === undefined) continue
    try {
      const before = bytesOf(home)
      sweep(home, true)
      total -= before - bytesOf(home)
    } finally {
      lock.close()
    }
  }
}

const locked = (home: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      for (;;) {
        const lock = yield* onDisk(() => tryLock(lockOf(home)))
        if (lock !== undefined) return lock
        yield* Effect.sleep(lockPause)
      }
    }).pipe(Effect.interruptible),
    (lock) => Effect.sync(() => lock.close())
  )

const refspecs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]

/** A pack each, and neither the URL nor what was fetched is noted anywhere. */
const fetchArgs =
  "-c fetch.unpackLimit=1 fetch -q --no-recurse-submodules --no-write-fetch-head --no-tags --prune --".split(
    " "
  )

/** Through upload-pack, also from this machine: no file of the remote becomes a file of ours. */
const fetch = (place: Private, mirror: string, remoteURL: string) =>
  git(place, [...fetchArgs, remoteURL, ...refspecs], { repository: mirror, isRemote: true }).pipe(
    Effect.mapError((error) => cloneFailed(error.message)),
    // Git fetches again what it misses and is content; what it says of the rest is the only sign of damage.
    Effect.filterOrFail(
      (ended) => ended.exitCode === 0 && !/^error: /mu.test(ended.stderr.toString("utf8")),
      (ended) => cloneFailed(said(ended))
    )
  )

const makeGeneration = Effect.fnUntraced(function* (place: Private, home: string, remoteURL: string) {
  const last = yield* onDisk(() => generationsOf(home).at(-1))
  const mirror = join(home, `${last === undefined ? 1 : Number.parseInt(basename(last), 10) + 1}.git`)
  yield* mustPass(place, ["init", "-q", "--bare", "--template=", mirror], unusable, {
    repository: "none"
  }).pipe(
    Effect.andThen(fetch(place, mirror, remoteURL)),
    Effect.onError(() =>
      Effect.ignore(
        onDisk(() => remove(mirror)),
        { log: "Warn" }
      )
    )
  )
  return mirror
})

/** Without users nothing can miss what is thrown away. */
const compact = Effect.fnUntraced(function* (place: Private, mirror: string) {
  const isDue = yield* onDisk(
    () => packsOf(mirror).filter((file) => file.endsWith(".pack")).length > maxPacks && !isUsed(mirror)
  )
  if (isDue) yield* git(place, ["gc", "-q", "--prune=now"], { repository: mirror }).pipe(Effect.ignore)
})

/** Brings the mirror up to date. A fetch that fails may be the mirror's fault: only one made anew blames the remote. */
const refresh = Effect.fnUntraced(function* (place: Private, home: string, remoteURL: string) {
  const current = yield* onDisk(() => generationsOf(home).at(-1))
  if (current === undefined || existsSync(join(current, damaged))) {
    return yield* makeGeneration(place, home, remoteURL)
  }
  yield* compact(place, current)
  return yield* fetch(place, current, remoteURL).pipe(
    Effect.as(current),
    Effect.catchTag("GitError", (error) =>
      Effect.andThen(
        Effect.logWarning("the mirror was not fetched; it is made anew", error),
        makeGeneration(place, home, remoteURL)
      )
    )
  )
})

/** Hands the mirror of a remote, fetched just now, to `use`, while nobody else changes it. */
export const borrow = Effect.fn("mirror.borrow")(function* <A, E>(
  options: MirrorOptions,
  place: Private,
  remoteURL: string,
  use: (mirror: Mirror) => Effect.Effect<A, E>
) {
  const scope = yield* Effect.scope
  const home = homeOf(options.folder, remoteURL)
  yield* onDisk(() => mkdirSync(home, { recursive: true, mode: 0o700 }))
  return yield* Effect.gen(function* () {
    yield* locked(home)
    const path = yield* refresh(place, home, remoteURL)
    yield* Effect.acquireRelease(
      onDisk(() => {
        mkdirSync(usersOf(path), { recursive: true })
        const file = join(usersOf(path), randomUUID())
        return { file, lock: tryLock(file) }
      }),
      ({ file, lock }) =>
        Effect.sync(() => {
          lock?.close()
          rmSync(file, { force: true })
        })
    ).pipe(Scope.provide(scope))
    const now = yield* Clock.currentTimeMillis
    yield* onDisk(() => {
      touch(usedOf(home), now)
      sweep(home, false)
      tidy(options, home, now)
    })
    const isDamaged = git(place, ["fsck", "--full", "--no-dangling", "--no-progress"], {
      repository: path
    }).pipe(
      Effect.mapError((error) => unusable(error.message)),
      Effect.flatMap(({ exitCode }) =>
        exitCode === 0
          ? Effect.succeed(false)
          : onDisk(() => {
              if (existsSync(path)) touch(join(path, damaged), now)
              return true
            })
      )
    )
    return yield* use({ path, isDamaged })
  }).pipe(Effect.scoped)
})
