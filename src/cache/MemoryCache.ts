/**
 * The in-memory side of a cache: objects by key, their indexes, and who wants to hear of changes. Everything here is synchronous, so a
 * reader never sees an object without its index entries or an event before the change.
 *
 * Versions are compared as numbers where both are. The mark is the newest version the server has shown us through a list or a watch:
 * what it covers and the cache does not hold is gone, so a late answer to our own write cannot bring a deleted object back.
 */
import { Effect, Latch, Queue } from "effect"

import { refKey, refOf } from "../../schema/Meta.ts"
import type { KubeObject } from "../../schema/Resource.ts"
import type { Cache, CacheEvent } from "./Cache.ts"

export interface Options<A> {
  /** By name: the values under which an object is found. Pure. */
  readonly indexes: Readonly<Record<string, (object: A) => ReadonlyArray<string>>>
  /**
   * What does not match is left out, whoever sends it. With a field selector, say the same here: the answer to our own write may
   * have left the selection, and no event will say so. Pure.
   */
  readonly matches?: ((object: A) => boolean) | undefined
}

/** A subscriber that is this far behind is reported, at this many events and at each multiple. */
const backlogWarning = 16_384

export interface MemoryCache<A extends KubeObject> {
  readonly cache: Cache<A>
  /** A whole list as of `version`: emits what differs from what is there. */
  readonly replace: (objects: ReadonlyArray<A>, version: string) => Effect.Effect<void>
  readonly put: (object: A, version: string) => Effect.Effect<void>
  readonly remove: (key: string, version: string) => Effect.Effect<void>
  /** Moves the mark: all events up to `version` were handed on. */
  readonly advance: (version: string) => void
}

export const make = <A extends KubeObject>(options: Options<A>): MemoryCache<A> => {
  const objects = new Map<string, A>()
  const indexes = Object.entries(options.indexes).map(([name, values]) => ({
    name,
    values,
    keys: new Map<string, Set<string>>()
  }))
  const subscribers = new Set<Queue.Queue<CacheEvent<A>>>()
  const listed = Latch.makeUnsafe(false)
  const matches = options.matches ?? (() => true)
  /** By key, the version in which our own write took an object out of the selection, until the watch has come that far. */
  const left = new Map<string, string>()
  let mark = ""
  let behind = 0

  const emit = (event: CacheEvent<A>): void => {
    for (const queue of subscribers) {
      Queue.offerUnsafe(queue, event)
      const backlog = Queue.sizeUnsafe(queue)
      if (backlog % backlogWarning === 0) behind = Math.max(behind, backlog)
    }
  }

  const unindex = (key: string, object: A): void => {
    for (const index of indexes) {
      for (const value of index.values(object)) {
        const keys = index.keys.get(value)
        keys?.delete(key)
        if (keys?.size === 0) index.keys.delete(value)
      }
    }
  }

  const store = (key: string, before: A | undefined, after: A): void => {
    if (before !== undefined) unindex(key, before)
    objects.set(key, after)
    for (const index of indexes) {
      for (const value of index.values(after)) {
        const keys = index.keys.get(value)
        if (keys === undefined) index.keys.set(value, new Set([key]))
        else keys.add(key)
      }
    }
    emit({ type: "put", key, before, after })
  }

  const drop = (key: string): void => {
    const before = objects.get(key)
    if (before === undefined) return
    unindex(key, before)
    objects.delete(key)
    emit({ type: "delete", key, before })
  }

  const hasLeft = (key: string, version: string): boolean => isAtLeast(left.get(key) ?? "", version)

  const passed = (key: string, version: string): void => {
    if (left.size > 0 && isAtLeast(version, left.get(key) ?? "")) left.delete(key)
  }

  /** Takes `object` unless the cache holds this version or a newer one, or knows that it has left. */
  const accept = (object: A): void => {
    const key = refKey(refOf(object))
    if (hasLeft(key, versionOf(object))) return
    const before = objects.get(key)
    if (before !== undefined && isAtLeast(versionOf(before), versionOf(object))) return
    if (matches(object)) store(key, before, object)
    else drop(key)
  }

  /** Runs a change, and afterwards says so if someone does not keep up. */
  const changing = (change: () => void): Effect.Effect<void> =>
    Effect.suspend(() => {
      behind = 0
      change()
      return behind === 0
        ? Effect.void
        : Effect.logWarning("a subscriber of the cache does not keep up").pipe(
            Effect.annotateLogs({ backlog: behind })
          )
    })

  const replace = (list: ReadonlyArray<A>, version: string) =>
    changing(() => {
      // History that runs backwards is another history (a restored backup, a new data folder): its list is the truth.
      const isRestored = isNewer(mark, version)
      const isSince = (object: A) => !isRestored && isNewer(versionOf(object), version)
      for (const [key, when] of left) if (isRestored || isAtLeast(version, when)) left.delete(key)
      const kept = new Set<string>()
      for (const object of list) {
        const key = refKey(refOf(object))
        if (!matches(object) || hasLeft(key, versionOf(object))) continue
        const before = objects.get(key)
        kept.add(key)
        if (before !== undefined && (isSince(before) || versionOf(before) === versionOf(object))) continue
        store(key, before, object)
      }
      for (const [key, object] of objects) {
        if (!kept.has(key) && !isSince(object)) drop(key)
      }
      mark = version
      listed.openUnsafe()
    })

  const cache: Cache<A> = {
    get: (key) => objects.get(key),
    values: () => objects.values(),
    size: () => objects.size,
    byIndex: (name, value) => {
      const index = indexes.find((index) => index.name === name)
      if (index === undefined)
        throw new Error(`no index ${name}: declared are ${Object.keys(options.indexes).join(", ")}`)
      return Array.from(index.keys.get(value) ?? []).flatMap((key) => objects.get(key) ?? [])
    },
    observe: (object) =>
      changing(() => {
        const key = refKey(refOf(object))
        const version = versionOf(object)
        if (!objects.has(key) && isAtLeast(mark, version)) return
        accept(object)
        if (!matches(object) && isNewer(version, mark)) left.set(key, version)
      }),
    forget: (key, seen) =>
      changing(() => {
        const held = objects.get(key)
        if (held === undefined || (seen !== undefined && versionOf(held) !== seen)) return
        drop(key)
      }),
    hasSeen: (key, version) => {
      const held = objects.get(key)
      return hasLeft(key, version) || (held !== undefined && isAtLeast(versionOf(held), version))
    },
    subscribe: Effect.acquireRelease(
      // Unbounded on purpose: a bounded queue must drop events in silence or make the watch wait, and a subscriber that calls `observe`
      // would then wait for itself. An event is three references; a backlog is reported.
      Effect.tap(Queue.unbounded<CacheEvent<A>>(), (queue) => Effect.sync(() => subscribers.add(queue))),
      (queue) =>
        Effect.andThen(
          Effect.sync(() => subscribers.delete(queue)),
          Queue.shutdown(queue)
        )
    ),
    synced: listed.await
  }

  return {
    cache,
    replace,
    put: (object, version) =>
      changing(() => {
        accept(object)
        passed(refKey(refOf(object)), version)
        mark = version
      }),
    remove: (key, version) =>
      changing(() => {
        const held = objects.get(key)
        if (held !== undefined && !isNewer(versionOf(held), version)) drop(key)
        passed(key, version)
        mark = version
      }),
    advance: (version) => {
      mark = version
    }
  }
}

const versionOf = (object: KubeObject): string => object.metadata.resourceVersion ?? ""

const decimal = /^[1-9][0-9]*$/u

/** Whether version `a` is newer than `b`; false when they cannot be compared. Decimal strings, so that no digit is lost. */
const isNewer = (a: string, b: string): boolean =>
  decimal.test(a) && decimal.test(b) && (a.length === b.length ? a > b : a.length > b.length)

const isAtLeast = (a: string, b: string): boolean => (a !== "" && a === b) || isNewer(a, b)
