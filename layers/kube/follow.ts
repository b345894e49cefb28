/** A watch of a few objects that outlives cuts: resumes from the last version handed on, lists again when that is compacted. */
import { Clock, Effect, Stream } from "effect"

import { type ObjectRef, refKey, refOf } from "../../schema/Meta.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"
import { KubeClient, KubeError, type ListOptions, Undecodable } from "../../src/services/KubeClient.ts"

export type Followed<A> =
  | { readonly _tag: "Put"; readonly object: A }
  | { readonly _tag: "Gone"; readonly ref: ObjectRef }

/** Failures in a row after which the server counts as unreachable; with the pauses between them about a minute. */
const maxFailures = 12
const firstPauseMillis = 200
const longestPauseMillis = 10_000
/** A watch that held so long was answered, though nothing may have come of it. */
const answeredMillis = 5_000

/** Never ends by itself. Fails when the server refuses, or stays away for about a minute. */
export const follow = Effect.fnUntraced(function* <A extends KubeObject>(
  kube: KubeClient["Service"],
  resource: Resource<A>,
  selection: ListOptions,
  /** Where to begin; absent: with a list. */
  from: string | undefined,
  onChange: (change: Followed<A>) => Effect.Effect<unknown>
): Effect.fn.Return<never, KubeError> {
  const known = new Map<string, ObjectRef>()
  let version = from
  let failures = 0

  const put = (object: A) => {
    const ref = refOf(object)
    known.set(refKey(ref), ref)
    return onChange({ _tag: "Put", object })
  }
  const gone = (ref: ObjectRef) => {
    known.delete(refKey(ref))
    return onChange({ _tag: "Gone", ref })
  }
  const list = Effect.gen(function* () {
    const { items, resourceVersion, undecodable } = yield* kube.list(resource, selection)
    const first = undecodable[0]
    if (first !== undefined) return yield* unreadable(resource, first.message)
    const present = new Set(items.map((item) => refKey(refOf(item))))
    yield* Effect.forEach(
      [...known].filter(([key]) => !present.has(key)),
      ([, ref]) => gone(ref)
    )
    yield* Effect.forEach(items, put)
    failures = 0
    return resourceVersion
  })
  const watch = (resourceVersion: string) =>
    kube.watch(resource, { ...selection, resourceVersion }).pipe(
      Stream.runForEach(
        Effect.fnUntraced(function* (event) {
          if (event.type === "UNDECODABLE") return yield* unreadable(resource, event.message)
          if (event.type === "DELETED") yield* gone(refOf(event.object))
          else if (event.type !== "BOOKMARK") yield* put(event.object)
          version = event.resourceVersion
          failures = 0
        })
      )
    )

  for (;;) {
    const startedAt = yield* Clock.currentTimeMillis
    const attempt = yield* Effect.result(
      Effect.gen(function* () {
        version ??= yield* list
        yield* watch(version)
      })
    )
    const lasted = (yield* Clock.currentTimeMillis) - startedAt
    if (lasted >= answeredMillis) failures = 0
    if (attempt._tag === "Failure") {
      const error = attempt.failure
      if (error.reason._tag === "Gone") version = undefined
      else if (!error.isTransient) return yield* error
      failures += 1
      if (failures >= maxFailures) return yield* error
    }
    yield* Effect.sleep(Math.min(longestPauseMillis, firstPauseMillis * 2 ** failures))
  }
})

const unreadable = (resource: { readonly plural: string }, message: string) =>
  new KubeError({ operation: `read ${resource.plural}`, reason: new Undecodable({ message }) })
