/**
 * Objects and their history on one machine's disk. Memory holds every object, SQLite (WAL) makes it last: a write is a transaction
 * first and memory second, so a crash or a full disk loses nothing that was answered. Each write takes one revision of a single
 * count, and stays in a log that watches resume from until it is compacted.
 */
import { closeSync, existsSync, openSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"

import { Effect, Schema } from "effect"

import { ApiError, type JsonObject } from "./Apiserver.ts"
import { isObject, keyOf, listAt, metadataOf, textAt, withMetadata } from "./json.ts"

/** The data folder cannot be used. Nothing in it was touched. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  path: Schema.String,
  message: Schema.String
}) {}

/** A write as watches see it. A deletion has no `after`; `object` is then the last state, at the deletion's revision. */
export interface StoreEvent {
  readonly revision: number
  /** `plural.group` */
  readonly resource: string
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
  readonly object: JsonObject
}

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
/** Milliseconds that an event is kept. */
const keepMillis = 60 * 60 * 1000
/** Writes between two compactions. */
const compactEvery = 256
/** As etcd's own limit. */
const maxObjectBytes = 1_572_864

const layout = `
  CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (resource, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (
    revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, resource TEXT NOT NULL, before TEXT, after TEXT, object TEXT
  );
  CREATE TABLE IF NOT EXISTS compaction (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
  INSERT OR IGNORE INTO compaction VALUES (1, 0);
  PRAGMA user_version = ${layoutVersion};
`

const parse = (body: unknown): JsonObject | undefined => {
  if (typeof body !== "string") return undefined
  const value = JSON.parse(body)
  return isObject(value) ? value : undefined
}

const pragma = (database: DatabaseSync, name: string): number =>
  Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0])

const openDatabase = (options: StoreOptions): DatabaseSync => {
  const { path } = options
  if (path !== ":memory:" && existsSync(path)) {
    const found = new DatabaseSync(path, { readOnly: true })
    const version = pragma(found, "user_version")
    found.close()
    if (version > layoutVersion) {
      const message = `${path} was written by a newer Foreman (layout ${version}, this one knows ${layoutVersion}): use that version, or another data folder`
      throw new StoreError({ path, message })
    }
  }
  // Secrets are in it: the file is made for its owner alone before SQLite opens it.
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600))
  const database = new DatabaseSync(path)
  // Memory is a copy of this file, so nobody else may write to it.
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
  database.exec(layout)
  if (options.maxBytes !== undefined) {
    database.exec(`PRAGMA max_page_count = ${Math.ceil(options.maxBytes / pragma(database, "page_size"))}`)
  }
  return database
}

/** SQLite's own number of what went wrong, without its extended part. */
const sqliteCode = (cause: unknown): number =>
  typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) & 0xff : 0
const sqliteBusy = 5
const sqliteIoError = 10
const sqliteFull = 13

const writeFailed = (cause: unknown, path: string): unknown => {
  const code = sqliteCode(cause)
  if (code !== sqliteFull && code !== sqliteIoError) return cause
  const why = code === sqliteFull ? "the disk is full" : "the disk does not take the write"
  return new ApiError({
    code: 507,
    reason: "InternalError",
    message: `Internal error occurred: ${path}: ${why}; nothing was changed, make room and try again`
  })
}

export class Store {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #keepEvents: number
  readonly #objects = new Map<string, Map<string, JsonObject>>()
  readonly #dependents = new Map<string, Map<string, { readonly resource: string; readonly key: string }>>()
  readonly #listeners = new Set<(event: StoreEvent) => void>()
  readonly #sql
  #revision = 0
  #compacted = 0

  constructor(options: StoreOptions) {
    this.#path = options.path
    this.#keepEvents = options.keepEvents ?? 10_000
    const database = openDatabase(options)
    this.#database = database
    this.#sql = {
      begin: database.prepare("BEGIN IMMEDIATE"),
      commit: database.prepare("COMMIT"),
      put: database.prepare("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)"),
      remove: database.prepare("DELETE FROM objects WHERE resource = ? AND key = ?"),
      log: database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"),
      since: database.prepare(
        "SELECT revision, before, after, object FROM events WHERE revision > ? AND resource = ? ORDER BY revision"
      ),
      horizon: database.prepare("SELECT max(revision) AS revision FROM events WHERE at < ? OR revision <= ?"),
      forget: database.prepare("DELETE FROM events WHERE revision <= ?"),
      compacted: database.prepare("UPDATE compaction SET revision = ?")
    }
    for (const row of database.prepare("SELECT resource, key, body FROM objects").iterate()) {
      const object = parse(row["body"])
      if (object !== undefined) this.#remember(String(row["resource"]), String(row["key"]), undefined, object)
    }
    this.#compacted = Number(database.prepare("SELECT revision FROM compaction").get()?.["revision"])
    const last = database.prepare("SELECT max(revision) AS revision FROM events").get()?.["revision"]
    this.#revision = Math.max(this.#compacted, Number(last ?? 0))
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision
  }

  /** Watches can resume from this revision and later ones. */
  get compacted(): number {
    return this.#compacted
  }

  get(resource: string, key: string): JsonObject | undefined {
    return this.#objects.get(resource)?.get(key)
  }

  /** A copy of the list, so that writing while walking it is safe. */
  all(resource: string): ReadonlyArray<JsonObject> {
    return [...(this.#objects.get(resource)?.values() ?? [])]
  }

  resources(): ReadonlyArray<string> {
    return [...this.#objects.keys()]
  }

  /** Objects that name the uid as an owner. */
  dependents(uid: string): ReadonlyArray<{ readonly resource: string; readonly key: string }> {
    return [...(this.#dependents.get(uid)?.values() ?? [])]
  }

  /**
   * One write: `after` absent deletes. Returns the object with its new resourceVersion.
   * Throws ApiError 413 for an object that is too large and 507 when the disk refuses; nothing has changed then.
   */
  commit(
    change: {
      readonly resource: string
      readonly before: JsonObject | undefined
      readonly after: JsonObject | undefined
    },
    now: number
  ): JsonObject {
    const { before, after, resource } = change
    const revision = this.#revision + 1
    const object = withMetadata(after ?? before ?? {}, { resourceVersion: String(revision) })
    const key = keyOf(object)
    const body = JSON.stringify(object)
    if (body.length > maxObjectBytes) {
      const message = `Request entity too large: limit is ${maxObjectBytes}`
      throw new ApiError({ code: 413, reason: "RequestEntityTooLarge", message })
    }
    try {
      this.#sql.begin.run()
      const was = before === undefined ? null : JSON.stringify(before)
      this.#sql.log.run(
        revision,
        now,
        resource,
        was,
        after === undefined ? null : body,
        after === undefined ? body : null
      )
      if (after === undefined) this.#sql.remove.run(resource, key)
      else this.#sql.put.run(resource, key, body)
      this.#sql.commit.run()
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK")
      throw writeFailed(cause, this.#path)
    }
    this.#revision = revision
    this.#remember(resource, key, before, after === undefined ? undefined : object)
    const event = { revision, resource, before, after: after === undefined ? undefined : object, object }
    for (const listener of this.#listeners) listener(event)
    if (revision % compactEvery === 0) this.compact(now)
    return object
  }

  /** What happened to a resource after the revision. Ask only from `compacted` on. */
  since(revision: number, resource: string): ReadonlyArray<StoreEvent> {
    return this.#sql.since.all(revision, resource).map((row) => {
      const after = parse(row["after"])
      return {
        revision: Number(row["revision"]),
        resource,
        before: parse(row["before"]),
        after,
        object: after ?? parse(row["object"]) ?? {}
      }
    })
  }

  /** Calls back after each commit, in order, until the returned function is called. */
  listen(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets events beyond the bounds, or all of them. A failure is harmless: the next compaction tries again. */
  compact(now: number, everything = false): void {
    const old = everything
      ? this.#revision
      : this.#sql.horizon.get(now - keepMillis, this.#revision - this.#keepEvents)?.["revision"]
    const horizon = Number(old ?? 0)
    if (horizon <= this.#compacted) return
    try {
      this.#sql.begin.run()
      this.#sql.forget.run(horizon)
      this.#sql.compacted.run(horizon)
      this.#sql.commit.run()
      this.#compacted = horizon
    } catch {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK")
    }
  }

  close(): void {
    this.#database.close()
  }

  #remember(
    resource: string,
    key: string,
    before: JsonObject | undefined,
    after: JsonObject | undefined
  ): void {
    for (const uid of ownerUids(before)) {
      const those = this.#dependents.get(uid)
      those?.delete(`${resource} ${key}`)
      if (those?.size === 0) this.#dependents.delete(uid)
    }
    for (const uid of ownerUids(after)) {
      const those = this.#dependents.get(uid) ?? new Map()
      those.set(`${resource} ${key}`, { resource, key })
      this.#dependents.set(uid, those)
    }
    const objects = this.#objects.get(resource) ?? new Map<string, JsonObject>()
    this.#objects.set(resource, objects)
    if (after === undefined) objects.delete(key)
    else objects.set(key, after)
  }
}

const ownerUids = (object: JsonObject | undefined): ReadonlyArray<string> =>
  object === undefined
    ? []
    : listAt(metadataOf(object), "ownerReferences").map((owner) =>
        isObject(owner) ? textAt(owner, "uid") : ""
      )

/** Opens the store for as long as the scope lives. Fails when the folder is newer, in use, or cannot be written. */
export const open = (options: StoreOptions) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => new Store(options),
      catch: (cause) =>
        cause instanceof StoreError
          ? cause
          : new StoreError({
              path: options.path,
              message:
                sqliteCode(cause) === sqliteBusy
                  ? `${options.path} is in use by another process`
                  : `${options.path}: ${cause instanceof Error ? cause.message : String(cause)}`
            })
    }),
    (store) => Effect.sync(() => store.close())
  )
