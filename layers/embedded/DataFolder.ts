/** The folder that `foreman up` keeps everything in: private, versioned, and open in one process at a time. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"

import { Effect, Result, Schema } from "effect"
import * as Runtime from "effect/Runtime"

import { writeAtomically } from "../atomicFile.ts"
import { tryLock } from "../fileLock.ts"

/** Raised when a newer Foreman could not read what this one writes, or the other way round. */
export const dataVersion = 1

/** Another process has the folder open. */
export class FolderInUse extends Schema.TaggedError<FolderInUse>()("FolderInUse", {
  /** Absent when the other process has not written it yet. */
  pid: Schema.optionalKey(Schema.Int)
}) {
  override get message(): string {
    const owner = this.pid === undefined ? "another foreman" : `process ${this.pid}`
    return `it is in use by ${owner}: end that one first, or choose another folder with --data-dir`
  }
}
/** A newer Foreman wrote the folder. Nothing in it was touched. */
export class FolderTooNew extends Schema.TaggedError<FolderTooNew>()("FolderTooNew", {
  version: Schema.String
}) {
  override get message(): string {
    return `its format is version ${this.version}, this foreman knows up to ${dataVersion}: use the newer foreman, or another --data-dir`
  }
}
/** The folder holds something that Foreman did not write. Nothing in it was touched. */
export class FolderForeign extends Schema.TaggedError<FolderForeign>()("FolderForeign", {
  entry: Schema.String
}) {
  override get message(): string {
    return `it is no data folder of foreman, but holds ${this.entry}: choose an empty folder with --data-dir`
  }
}
/** The file system said no. */
export class FolderUnusable extends Schema.TaggedError<FolderUnusable>()("FolderUnusable", {
  cause: Schema.Defect()
}) {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : String(this.cause)
  }
}

export class DataFolderError extends Schema.TaggedError<DataFolderError>()("DataFolderError", {
  path: Schema.String,
  reason: Schema.Union([FolderInUse, FolderTooNew, FolderForeign, FolderUnusable])
}) {
  override readonly [Runtime.errorExitCode] = 78

  override get message(): string {
    return `data folder ${this.path}: ${this.reason.message}`
  }
}

export interface DataFolder {
  readonly path: string
  /** Path of an entry of the folder. */
  readonly file: (...segments: ReadonlyArray<string>) => string
}

/** What may be there before the version is: a start that was killed in between. */
const ownEntries = new Set(["lock", "lock-journal", "pid"])

/** Looks only: a folder that is not for us is left as it is. */
const checkContents = (path: string): FolderTooNew | FolderForeign | undefined => {
  const entries = readdirSync(path)
  if (!entries.includes("version")) {
    const foreign = entries.find((entry) => !ownEntries.has(entry) && !entry.endsWith(".tmp"))
    return foreign === undefined ? undefined : new FolderForeign({ entry: foreign })
  }
  const version = readFileSync(join(path, "version"), "utf8").trim().slice(0, 40)
  return Number(version) <= dataVersion ? undefined : new FolderTooNew({ version })
}

/** The pid beside the lock is for the message alone. */
const readPid = (path: string): { readonly pid?: number } => {
  try {
    const pid = Number(readFileSync(join(path, "pid"), "utf8"))
    return Number.isInteger(pid) && pid > 0 ? { pid } : {}
  } catch {
    return {}
  }
}

const openSync = (path: string): Result.Result<DatabaseSync, DataFolderError["reason"]> => {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const unfit = checkContents(path)
  if (unfit !== undefined) return Result.fail(unfit)
  chmodSync(path, 0o700)
  const held = tryLock(join(path, "lock"))
  if (held === undefined) return Result.fail(new FolderInUse(readPid(path)))
  try {
    writeAtomically(join(path, "pid"), `${process.pid}\n`)
    writeAtomically(join(path, "version"), `${dataVersion}\n`)
    return Result.succeed(held)
  } catch (cause) {
    held.close()
    throw cause
  }
}

/** Opens the folder, made if it is not there, until the scope closes. */
export const open = Effect.fn("DataFolder.open")(function* (path: string) {
  yield* Effect.acquireRelease(
    Effect.try({ try: () => openSync(path), catch: (cause) => new FolderUnusable({ cause }) }).pipe(
      Effect.flatMap(Effect.fromResult),
      Effect.mapError((reason) => new DataFolderError({ path, reason }))
    ),
    (held) =>
      Effect.sync(() => {
        rmSync(join(path, "pid"), { force: true })
        held.close()
      })
  )
  const folder: DataFolder = { path, file: (...segments) => join(path, ...segments) }
  return folder
})
