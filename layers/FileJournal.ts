/** Journal as files, `<workspaceRoot>/.journals/<uid>/<attempt>.ndjson`, private to the owner. */
import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { join } from "node:path"

import { Clock, Effect, Layer } from "effect"

import { Journal, JournalError, type JournalWriter } from "../src/services/Journal.ts"
import { holderOf, lockRun } from "./runLock.ts"
import { wipe } from "./wipe.ts"

/** A journal that was not written to for so long is removed. */
const maxAgeMillis = 14 * 24 * 3_600_000
/** Tasks whose journals are kept, the last ones. */
const maxTasks = 100
const defaultMaxBytes = 64 * 1024 * 1024
/** Beyond the bound, for the lines that say so and how the run ended. */
const reserveBytes = 1024 * 1024

const noRoom = new Set(["ENOSPC", "EDQUOT"])

const failure = (cause: unknown): JournalError => {
  if (cause instanceof JournalError) return cause
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const message = cause instanceof Error ? cause.message : String(cause)
  return new JournalError({ reason: noRoom.has(code) ? "DiskFull" : "Unusable", message })
}
const attempt = <A>(action: () => A): Effect.Effect<A, JournalError> =>
  Effect.try({ try: action, catch: failure })

/** A uid comes from the API server; only its plain form may become a name. */
const nameOf = (uid: string): string => uid.replace(/[^A-Za-z0-9-]/gu, "_") || "_"

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const newestOf = (folder: string): number | undefined =>
  isFolder(folder)
    ? readdirSync(folder)
        .flatMap((name) => /^(\d+)\.ndjson$/u.exec(name)?.[1] ?? [])
        .map(Number)
        .toSorted((a, b) => a - b)
        .at(-1)
    : undefined

const fileOf = (folder: string, count: number): string => join(folder, `${count}.ndjson`)

/** The newest journal of a task's folder; `undefined` where there is none. */
export const newestIn = (folder: string): string | undefined => {
  const count = newestOf(folder)
  return count === undefined ? undefined : fileOf(folder, count)
}

/** Takes away what is too old, and the oldest of what is too many. */
const sweep = (root: string, nowMillis: number): void => {
  const folders = readdirSync(root)
    .map((name) => join(root, name))
    .filter(isFolder)
    .map((folder) => ({
      folder,
      usedMillis: statSync(newestIn(folder) ?? folder, { throwIfNoEntry: false })?.mtimeMs ?? 0
    }))
    .toSorted((a, b) => b.usedMillis - a.usedMillis)
  for (const [index, { folder, usedMillis }] of folders.entries()) {
    if (index >= maxTasks || usedMillis < nowMillis - maxAgeMillis) wipe(folder)
  }
}

/** Writes all of it or nothing: what a full disk took of a line is taken away again. Returns the size of the file. */
const writeWhole = (file: number, text: string, size: number): number => {
  const bytes = Buffer.from(text)
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
  } catch (cause) {
    ftruncateSync(file, size)
    throw cause
  }
  return size + bytes.length
}

const toDisk = (file: number): Effect.Effect<void, JournalError> =>
  Effect.callback((resume) => {
    fdatasync(file, (cause) => resume(cause === null ? Effect.void : Effect.fail(failure(cause))))
  })

/** Opens a journal after its last whole line. */
const openAtEnd = (path: string) => {
  const size = readFileSync(path).lastIndexOf(10) + 1
  const file = openSync(path, "a", 0o600)
  ftruncateSync(file, size)
  return { file, size }
}

const openFile = (folder: string, how: "New" | "GoOn") => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const last = newestOf(folder)
  if (how === "GoOn" && last !== undefined) return { count: last, ...openAtEnd(fileOf(folder, last)) }
  const count = (last ?? 0) + 1
  const file = openSync(fileOf(folder, count), "ax", 0o600)
  // A file whose folder was not written is not found again after a power cut.
  const parent = openSync(folder, "r")
  fsyncSync(parent)
  closeSync(parent)
  return { count, file, size: 0 }
}

const make = Effect.fnUntraced(function* (workspaceRoot: string, maxBytes: number) {
  const root = join(workspaceRoot, ".journals")
  const folder = (uid: string) => join(root, nameOf(uid))
  const now = yield* Clock.currentTimeMillis
  yield* attempt(() => {
    mkdirSync(root, { recursive: true, mode: 0o700 })
    sweep(root, now)
  }).pipe(Effect.catch((error) => Effect.logWarning("old journals were not removed", error)))

  /** Of a folder that is there. */
  const lockFolder = (path: string) =>
    Effect.acquireRelease(
      Effect.flatMap(Clock.currentTimeMillis, (nowMillis) =>
        attempt(() => {
          const held = lockRun(path, nowMillis)
          if (held !== undefined) return held
          const message = `another process works on this task: ${holderOf(path)}`
          throw new JournalError({ reason: "InUse", message })
        })
      ),
      (held) => Effect.sync(() => held.close())
    )

  const open = Effect.fn("FileJournal.open")(function* (uid: string, how: "New" | "GoOn") {
    const opened = yield* Effect.acquireRelease(
      attempt(() => openFile(folder(uid), how)),
      ({ file }) => Effect.sync(() => closeSync(file))
    )
    let { size } = opened
    let limit = maxBytes
    const append: JournalWriter["append"] = Effect.fnUntraced(function* (lines, options) {
      if (lines.length > 0) {
        const text = `${lines.join("\n")}\n`
        if (size + Buffer.byteLength(text) > limit) {
          // From here on the reserve is there, for how the run ends.
          limit = maxBytes + reserveBytes
          return yield* new JournalError({
            reason: "Full",
            message: `the journal of the run is as large as it may be: ${maxBytes} bytes`
          })
        }
        size = yield* attempt(() => writeWhole(opened.file, text, size))
      }
      if (options?.isDurable === true) yield* toDisk(opened.file)
    })
    return { attempt: opened.count, append }
  })

  return Journal.of({
    folder,
    lock: Effect.fn("FileJournal.lock")(function* (uid: string) {
      const path = folder(uid)
      yield* attempt(() => mkdirSync(path, { recursive: true, mode: 0o700 }))
      yield* lockFolder(path)
    }),
    read: Effect.fn("FileJournal.read")((uid: string) =>
      attempt(() => {
        const newest = newestIn(folder(uid))
        return newest === undefined ? undefined : readFileSync(newest, "utf8")
      })
    ),
    open,
    adopt: Effect.fn("FileJournal.adopt")((uid: string, count: number, text: string) =>
      attempt(() => {
        const path = folder(uid)
        mkdirSync(path, { recursive: true, mode: 0o700 })
        // Numbers only grow, there and here.
        const free = Math.max((newestOf(path) ?? 0) + 1, count)
        writeFileSync(fileOf(path, free), text, { mode: 0o600, flag: "wx" })
      })
    ),
    note: Effect.fn("FileJournal.note")(function* (uid: string, line: string) {
      const newest = yield* attempt(() => newestIn(folder(uid)))
      if (newest === undefined) return
      yield* lockFolder(folder(uid)).pipe(
        Effect.catchIf(
          ({ reason }) => reason !== "InUse",
          () => Effect.void
        )
      )
      yield* attempt(() => {
        const { file, size } = openAtEnd(newest)
        try {
          writeWhole(file, `${line}\n`, size)
        } finally {
          closeSync(file)
        }
      })
    }, Effect.scoped),
    keepPatch: Effect.fn("FileJournal.keepPatch")((uid: string, count: number, patch: string) =>
      attempt(() => {
        mkdirSync(folder(uid), { recursive: true, mode: 0o700 })
        const path = join(folder(uid), `${count}.patch`)
        writeFileSync(path, patch, { mode: 0o600 })
        return path
      })
    )
  })
})

/** `maxBytes` bounds each journal. */
export const layer = (workspaceRoot: string, maxBytes = defaultMaxBytes) =>
  Layer.effect(Journal, make(workspaceRoot, maxBytes))
