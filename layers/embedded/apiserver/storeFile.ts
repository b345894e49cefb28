/** The file behind the store: who may open it, how it is laid out, what its failures mean. */
import { closeSync, existsSync, openSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"

import { Schema } from "effect"

import { ApiError } from "../Apiserver.ts"

/** The data folder cannot be used. Nothing in it was touched. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  path: Schema.String,
  message: Schema.String
}) {}

export interface StoreOptions {
  /** A file, or ":memory:". */
  readonly path: string
  /** Bytes that the file may grow to; the disk's own size when absent. */
  readonly maxBytes?: number | undefined
  /** Events kept for watches to resume from; 10,000 when absent. */
  readonly keepEvents?: number | undefined
}

/** The layout below. A folder written by a newer layout is refused. */
const layoutVersion = 1
const layout = `
  CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (resource, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (
    revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, resource TEXT NOT NULL, before TEXT, after TEXT
  );
  CREATE TABLE IF NOT EXISTS compaction (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
  INSERT OR IGNORE INTO compaction VALUES (1, 0);
  PRAGMA user_version = ${layoutVersion};
`

const pragma = (database: DatabaseSync, name: string): number =>
  Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0])

const use = <A>(database: DatabaseSync, run: (database: DatabaseSync) => A): A => {
  try {
    return run(database)
  } catch (cause) {
    database.close()
    throw cause
  }
}

const refuseNewer = (path: string): void => {
  const found = new DatabaseSync(path, { readOnly: true })
  const version = use(found, (database) => pragma(database, "user_version"))
  found.close()
  if (version <= layoutVersion) return
  const message = `${path} was written by a newer Foreman (layout ${version}, this one knows ${layoutVersion}): use that version, or another data folder`
  throw new StoreError({ path, message })
}

/** Throws StoreError for a newer layout, and SQLite's errors as they are: see `openFailed`. */
export const openDatabase = ({ maxBytes, path }: StoreOptions): DatabaseSync => {
  if (path !== ":memory:") {
    if (existsSync(path)) refuseNewer(path)
    // Secrets are in it: the file is made for its owner alone before SQLite opens it.
    closeSync(openSync(path, "a", 0o600))
  }
  return use(new DatabaseSync(path), (database) => {
    // Memory is a copy of this file, so nobody else may write to it.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
    database.exec(layout)
    if (maxBytes !== undefined) {
      database.exec(`PRAGMA max_page_count = ${Math.ceil(maxBytes / pragma(database, "page_size"))}`)
    }
    return database
  })
}

/** SQLite's own number of what went wrong, without its extended part. */
const sqliteCode = (cause: unknown): number =>
  typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) & 0xff : 0
const sqliteBusy = 5
const sqliteIoError = 10
const sqliteFull = 13

/** A write that the disk refused is the server's failure, said so that a person can act; any other is a bug and stays one. */
export const writeFailed = (cause: unknown, path: string): unknown => {
  const code = sqliteCode(cause)
  if (code !== sqliteFull && code !== sqliteIoError) return cause
  const why = code === sqliteFull ? "the disk is full" : "the disk does not take the write"
  return new ApiError({
    code: 507,
    reason: "InternalError",
    message: `Internal error occurred: ${path}: ${why}; nothing was changed, make room and try again`
  })
}

/** Why the file could not be opened. */
export const openFailed = (cause: unknown, path: string): StoreError => {
  if (cause instanceof StoreError) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  const message =
    sqliteCode(cause) === sqliteBusy ? `${path} is in use by another process` : `${path}: ${why}`
  return new StoreError({ path, message })
}
