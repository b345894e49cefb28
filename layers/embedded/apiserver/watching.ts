/** Watches: the log from a revision on, then each write as it happens. */
import { Cause, Effect, Queue, Schedule, Stream } from "effect"

import { groupResource, groupVersion } from "../../../schema/Resource.ts"
import type { ApiError, ApiEvent, JsonObject, Selection } from "../Apiserver.ts"
import { expired } from "./errors.ts"
import { withMetadata } from "./json.ts"
import { list, parseRevision } from "./listing.ts"
import { inVersion } from "./Objects.ts"
import { type Matches, selects } from "./selectors.ts"
import type { Store, StoreEvent } from "./Store.ts"

export interface WatchRequest extends Selection {
  readonly resourceVersion?: string
  readonly allowWatchBookmarks?: boolean
  readonly sendInitialEvents?: boolean
}

/** Events that may wait for a slow reader. One that is further behind is told to list again. */
const waiting = 4096
const bookmarkEvery = "15 seconds"

/**
 * What an event is to a watch with a selector. An object that ceases to match goes, as it last matched, at the revision that took it
 * away; one that begins to match comes.
 */
const seen = (event: StoreEvent, matches: Matches, resource: Selection["resource"]): ApiEvent | undefined => {
  const { after, before } = event
  if (after !== undefined && matches(after)) {
    const type = before !== undefined && matches(before) ? "MODIFIED" : "ADDED"
    return { type, object: inVersion(after, resource) }
  }
  if (before === undefined || !matches(before)) return undefined
  const gone = withMetadata(before, { resourceVersion: String(event.revision) })
  return { type: "DELETED", object: inVersion(gone, resource) }
}

const bookmark = (resource: Selection["resource"], revision: number, annotations?: JsonObject): ApiEvent => ({
  type: "BOOKMARK",
  object: {
    kind: resource.kind,
    apiVersion: groupVersion(resource),
    metadata: {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations })
    }
  }
})

const initial = (store: Store, request: WatchRequest): ReadonlyArray<ApiEvent> => {
  const { items } = list(store, { ...request, resourceVersion: "", limit: 0 })
  return items.map((object) => ({ type: "ADDED", object }))
}

const backlog = (store: Store, request: WatchRequest, revision: number, matches: Matches) => {
  if (revision < store.compacted || revision > store.revision) {
    throw expired(`too old resource version: ${revision} (${store.compacted})`)
  }
  return store
    .since(revision, groupResource(request.resource))
    .flatMap((event) => seen(event, matches, request.resource) ?? [])
}

/** What a watch begins with. Throws ApiError. */
const beginning = (store: Store, request: WatchRequest, matches: Matches): ReadonlyArray<ApiEvent> => {
  const revision = parseRevision(request.resourceVersion)
  if (request.sendInitialEvents === true) {
    const end = bookmark(request.resource, store.revision, { "k8s.io/initial-events-end": "true" })
    return [...initial(store, request), end]
  }
  return revision === 0 ? initial(store, request) : backlog(store, request, revision, matches)
}

/** All watches of one store. `watch` never ends by itself; `end` lets all of them end now, as a server does that goes away. */
export class Watches {
  readonly #store: Store
  readonly #live = new Set<Queue.Queue<ApiEvent, ApiError | Cause.Done>>()

  constructor(store: Store) {
    this.#store = store
  }

  /** Reading the log and starting to listen happen in one step, so that no write falls between. */
  readonly watch = (
    request: WatchRequest,
    attempt: <A>(run: () => A) => Effect.Effect<A, ApiError>
  ): Stream.Stream<ApiEvent, ApiError> =>
    Stream.unwrap(
      Effect.gen({ self: this }, function* () {
        const store = this.#store
        const queue = yield* Queue.dropping<ApiEvent, ApiError | Cause.Done>(waiting)
        const resource = groupResource(request.resource)
        const begun = yield* attempt(() => {
          const matches = selects(request)
          const events = beginning(store, request, matches)
          const stop = store.listen((event) => {
            if (event.resource !== resource) return
            const told = seen(event, matches, request.resource)
            if (told !== undefined && !Queue.offerUnsafe(queue, told)) {
              const behind = expired(
                `too old resource version: the watch is more than ${waiting} events behind`
              )
              Queue.failCauseUnsafe(queue, Cause.fail(behind))
            }
          })
          return { events, stop }
        })
        this.#live.add(queue)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            begun.stop()
            this.#live.delete(queue)
          })
        )
        if (request.allowWatchBookmarks === true) {
          yield* Effect.suspend(() => Queue.offer(queue, bookmark(request.resource, store.revision))).pipe(
            Effect.schedule(Schedule.spaced(bookmarkEvery)),
            Effect.forkScoped
          )
        }
        return Stream.concat(Stream.fromIterable(begun.events), Stream.fromQueue(queue))
      })
    )

  readonly end = Effect.sync(() => {
    for (const queue of this.#live) Queue.endUnsafe(queue)
  })
}
