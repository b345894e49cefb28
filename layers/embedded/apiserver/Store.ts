/**
 * Objects and their history on one machine's disk. Memory holds every object, SQLite (WAL) makes it last: a write is a transaction
 * first and memory second, so a crash or a full disk loses nothing that was answered. Each write takes one revision of a single
 * count, and stays in a log that watches resume from until it is compacted.
 */
import { Effect } from "effect"

import { ApiError, type JsonObject } from "../Apiserver.ts"
import { isObject, keyOf, listAt, metadataOf, textAt, withMetadata } from "./json.ts"
import { openDatabase, openFailed, type StoreOptions, writeFailed } from "./storeFile.ts"

/** A write as watches see it. A creation has no `before`, a deletion no `after`. */
export interface StoreEvent {
  readonly revision: number
  /** `plural.group` */
  readonly resource: string
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
}

/** Milliseconds that an event is kept. */
const keepMillis = 60 * 60 * 1000
/** Writes between two compactions. */
const compactEvery = 256
/** As etcd's own limit. */
const maxObjectBytes = 1_572_864

const parse = (body: unknown): JsonObject | undefined => {
  if (typeof body !== "string") return undefined
  const value = JSON.parse(body)
  return isObject(value) ? value : undefined
}

export class Store {
  readonly #database
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
      log: database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?)"),
      since: database.prepare(
        "SELECT revision, before, after FROM events WHERE revision > ? AND resource = ? ORDER BY revision"
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
    const was = before === undefined ? null : JSON.stringify(before)
    try {
      this.#sql.begin.run()
      this.#sql.log.run(revision, now, resource, was, after === undefined ? null : body)
      if (after === undefined) this.#sql.remove.run(resource, key)
      else this.#sql.put.run(resource, key, body)
      this.#sql.commit.run()
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK")
      throw writeFailed(cause, this.#path)
    }
    this.#revision = revision
    const stored = after === undefined ? undefined : object
    this.#remember(resource, key, before, stored)
    const event = { revision, resource, before, after: stored }
    for (const listener of this.#listeners) listener(event)
    if (revision % compactEvery === 0) this.compact(now)
    return object
  }

  /** What happened to a resource after the revision. Ask only from `compacted` on. */
  since(revision: number, resource: string): ReadonlyArray<StoreEvent> {
    return this.#sql.since.all(revision, resource).map((row) => ({
      revision: Number(row["revision"]),
      resource,
      before: parse(row["before"]),
      after: parse(row["after"])
    }))
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
      catch: (cause) => openFailed(cause, options.path)
    }),
    (store) => Effect.sync(() => store.close())
  )
