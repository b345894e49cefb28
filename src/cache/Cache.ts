/** An in-memory copy of one kind, fed by `Reflector.ts`, with indexes. Reads are plain function calls: nothing waits. */
import type { Effect, Queue, Scope } from "effect"

import type { KubeObject } from "../../schema/Resource.ts"

/** What changed, by key (`namespace/name`). An object that is replaced whole while the watch was away arrives as a `put`. */
export type CacheEvent<A> =
  | { readonly type: "put"; readonly key: string; readonly before: A | undefined; readonly after: A }
  | { readonly type: "delete"; readonly key: string; readonly before: A }

export interface Cache<A extends KubeObject> {
  readonly get: (key: string) => A | undefined
  readonly values: () => Iterable<A>
  readonly size: () => number
  /** Objects whose index function named `value`. An index that was not declared is a bug and throws. */
  readonly byIndex: (index: string, value: string) => ReadonlyArray<A>
  /** Puts the answer of our own write in at once, unless the cache has a newer version: we read what we wrote. */
  readonly observe: (object: A) => Effect.Effect<void>
  /**
   * Takes an object out after a GET said NotFound. With a field selector in force a DELETED event means only "left my filter"
   * (design §3.13), so whoever cares asks the server. With `resourceVersion`, the version that the cache held before the GET, an
   * object that came back in between stays.
   */
  readonly forget: (key: string, resourceVersion?: string) => Effect.Effect<void>
  /** Whether the cache holds the object in this version or a later one, or our own write in such a one took it out. */
  readonly hasSeen: (key: string, resourceVersion: string) => boolean
  /** Every change from now on, in order, until the scope closes. */
  readonly subscribe: Effect.Effect<Queue.Dequeue<CacheEvent<A>>, never, Scope.Scope>
  /** Waits for the first whole list. */
  readonly synced: Effect.Effect<void>
}
