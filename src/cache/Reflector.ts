/**
 * Keeps a cache equal to the server: list, then watch from there, resume after a cut, list again when the version is compacted.
 * The version moves on only after an event is in the cache, so that nothing is skipped. Or, where that is enough, or somebody else tells
 * of changes: list now and then.
 */
import { Clock, Duration, Effect, Random, Schedule, type Scope, Stream, SubscriptionRef } from "effect"

import { type ObjectRef, refKey, refOf } from "../../schema/Meta.ts"
import { groupResource, type KubeObject, type Resource } from "../../schema/Resource.ts"
import { KubeClient, KubeError, Unavailable, type WatchEvent } from "../services/KubeClient.ts"
import type { Cache } from "./Cache.ts"
import * as MemoryCache from "./MemoryCache.ts"

/** How one list or watch went. `consecutive` counts the failures since the last success, this one included. */
export type Attempt =
  | { readonly _tag: "Ok" }
  | { readonly _tag: "Failed"; readonly error: KubeError; readonly consecutive: number }

export interface Options<A extends KubeObject> extends MemoryCache.Options<A> {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  /**
   * With `matches` beside it that says the same, a server that refuses the selector (400: the first implementation's CRDs) is watched
   * without it.
   */
  readonly fieldSelector?: string | undefined
  /**
   * Do not watch, list this often: for a kind whose every object changes all the time, while nobody needs to hear of it at once. A
   * thousand objects in a list cost a small part of what they cost as events.
   */
  readonly listEvery?: Duration.Input | undefined
  /**
   * While it is true somebody else tells of changes, which are put in by `observe` and `forget`: there is no watch then, but a list when it
   * begins, and one now and then.
   */
  readonly isTold?: SubscriptionRef.SubscriptionRef<boolean> | undefined
  /** The wait before the next attempt. Starts anew after a success, and when it ends. Default 200 ms doubling to 30 s, jittered. */
  readonly retry?: Schedule.Schedule<unknown> | undefined
  /** When a kind that the server does not serve is looked for again. Default 1 minute. */
  readonly absentRetry?: Duration.Input | undefined
  readonly onAttempt?: ((attempt: Attempt) => Effect.Effect<void>) | undefined
}

/** For what was not told. A thousand nodes that list at one moment would be a flood, so each waits for a while of its own. */
const toldListMinutes = [8, 12] as const

const defaultRetry = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("30 seconds")]).pipe(
  Schedule.jittered
)

/** A server may ask for patience, but not for so much that we look dead. */
const longestPatience = Duration.minutes(1)

/** A watch that is over sooner, and empty, was not served: without a pause it would be asked for in a circle. */
const shortWatch = Duration.seconds(1)

/**
 * After this many failures in a row the version itself is in doubt (a restored backup), so list again. Not at once: when a server comes
 * back, a thousand daemons that resume cost it far less than a thousand that list.
 */
const failuresBeforeList = 5

export const make = Effect.fnUntraced(function* <A extends KubeObject>(
  resource: Resource<A>,
  options: Options<A>
): Effect.fn.Return<Cache<A>, never, KubeClient | Scope.Scope> {
  const kube = yield* KubeClient
  const memory = MemoryCache.make(options)
  const schedule = options.retry ?? defaultRetry
  const { fieldSelector, ...unfiltered } = {
    namespace: options.namespace,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector
  }
  const named = Effect.annotateLogs({ resource: groupResource(resource) })

  /** Undefined: list before the next watch. */
  let resumeFrom: string | undefined
  let selection: { readonly fieldSelector?: string | undefined } = { fieldSelector }
  let consecutive = 0
  /** No event came since the last list, so a Gone now says that the list's own version is gone. */
  let isFreshList = false
  let isAbsent = false
  /** What the server refused last: a right that is missing stays missing, and is worth one line. */
  let refused: string | undefined
  let wait = yield* Schedule.toStepWithSleep(schedule)

  const succeeded = Effect.gen(function* () {
    if (consecutive > 0) {
      yield* Effect.logInfo("the API server answers again").pipe(
        Effect.annotateLogs({ failures: consecutive })
      )
      wait = yield* Schedule.toStepWithSleep(schedule)
    }
    consecutive = 0
    refused = undefined
    yield* options.onAttempt?.({ _tag: "Ok" }) ?? Effect.void
  })

  const failed = Effect.fnUntraced(function* (error: KubeError) {
    consecutive += 1
    const isSaid = error.reason._tag === "Forbidden" && error.message === refused
    refused = error.reason._tag === "Forbidden" ? error.message : undefined
    yield* (isSaid ? Effect.logDebug : Effect.logWarning)("list or watch failed").pipe(
      Effect.annotateLogs({ error: error.message, consecutive })
    )
    yield* options.onAttempt?.({ _tag: "Failed", error, consecutive }) ?? Effect.void
    const reason = error.reason
    const asked =
      "retryAfterSeconds" in reason ? Duration.seconds(reason.retryAfterSeconds ?? 0) : Duration.zero
    yield* Effect.sleep(Duration.min(asked, longestPatience))
    yield* wait(error).pipe(
      Effect.catchTag("Done", () =>
        Effect.map(Schedule.toStepWithSleep(schedule), (fresh) => {
          wait = fresh
        })
      )
    )
  })

  const list = Effect.gen(function* () {
    let selected: typeof selection = { fieldSelector }
    const listed = yield* kube.list(resource, { ...unfiltered, ...selected }).pipe(
      Effect.catchReason("KubeError", "Invalid", (_, error) => {
        if (fieldSelector === undefined || options.matches === undefined) return Effect.fail(error)
        selected = {}
        return kube.list(resource, unfiltered)
      })
    )
    selection = selected
    yield* Effect.forEach(listed.undecodable, ({ ref, message }) => setAside(ref, message))
    yield* memory.replace(listed.items, listed.resourceVersion)
    resumeFrom = listed.resourceVersion
    isFreshList = true
    isAbsent = false
    yield* succeeded
  }).pipe(
    Effect.catchReason("KubeError", "NotFound", () =>
      Effect.gen(function* () {
        if (!isAbsent) yield* Effect.logInfo("the server does not serve this kind; looking again later")
        isAbsent = true
        yield* memory.replace([], "")
        yield* succeeded
        yield* Effect.sleep(options.absentRetry ?? "1 minute")
      })
    )
  )

  const handOn = Effect.fnUntraced(function* (event: WatchEvent<A>) {
    switch (event.type) {
      case "ADDED":
      case "MODIFIED":
        yield* memory.put(event.object, event.resourceVersion)
        break
      case "DELETED":
        yield* memory.remove(refKey(refOf(event.object)), event.resourceVersion)
        break
      case "UNDECODABLE":
        // The version that we could read is no longer what the server holds.
        yield* setAside(event.ref, event.message)
        yield* memory.remove(refKey(event.ref), event.resourceVersion)
        break
      case "BOOKMARK":
        memory.advance(event.resourceVersion)
        break
    }
    resumeFrom = event.resourceVersion
    isFreshList = false
  })

  const watch = Effect.fnUntraced(function* (resourceVersion: string) {
    const startedAt = yield* Clock.currentTimeMillis
    let isEmpty = true
    const served = Effect.suspend(() => {
      if (!isEmpty) return Effect.void
      isEmpty = false
      return succeeded
    })
    let openedAt = Number.POSITIVE_INFINITY
    const onOpen = Effect.map(Clock.currentTimeMillis, (now) => {
      openedAt = now
    })
    yield* kube.watch(resource, { ...unfiltered, ...selection, resourceVersion, onOpen }).pipe(
      Stream.runForEach((event) => Effect.andThen(handOn(event), served)),
      // What the server accepted and something on the way cut (a balancer does, of a connection that is idle) was answered.
      Effect.tapError(() =>
        Effect.gen(function* () {
          const open = (yield* Clock.currentTimeMillis) - openedAt
          if (open >= Duration.toMillis(shortWatch)) yield* served
        })
      )
    )
    const open = (yield* Clock.currentTimeMillis) - startedAt
    if (open >= Duration.toMillis(shortWatch)) return yield* served
    if (isEmpty)
      return yield* new KubeError({
        operation: operation,
        reason: new Unavailable({ message: "the watch ended at once" })
      })
    yield* Effect.sleep(shortWatch)
  })

  const operation = `watch ${groupResource(resource)}`

  /** A list from which nobody watches on at once may be compacted by the time that somebody does. */
  const aged = Effect.sync(() => {
    isFreshList = false
  })
  const watched = Effect.suspend(() => (resumeFrom === undefined ? list : watch(resumeFrom)))
  const attempt =
    options.listEvery !== undefined
      ? Effect.andThen(list, Effect.sleep(options.listEvery))
      : options.isTold === undefined
        ? watched
        : told(options.isTold, { list: Effect.andThen(list, aged), watched })
  yield* attempt.pipe(
    Effect.catchDefect((defect) =>
      Effect.fail(
        new KubeError({
          operation,
          reason: new Unavailable({ message: `a bug in Foreman: ${String(defect)}` })
        })
      )
    ),
    Effect.catchTag("KubeError", (error) => {
      const isGone = error.reason._tag === "Gone"
      if (isGone || error.reason._tag === "NotFound" || consecutive >= failuresBeforeList - 1)
        resumeFrom = undefined
      // A version that was compacted while we were away is no failure, unless the server just gave it to us.
      return isGone && !isFreshList ? Effect.void : failed(error)
    }),
    Effect.forever,
    named,
    Effect.forkScoped
  )
  return memory.cache
})

/** Lists while somebody tells, watches while nobody does. */
const told = <E>(
  isTold: SubscriptionRef.SubscriptionRef<boolean>,
  { list, watched }: Readonly<Record<"list" | "watched", Effect.Effect<void, E>>>
) => {
  const becomes = (wanted: boolean) =>
    SubscriptionRef.changes(isTold).pipe(
      Stream.filter((is) => is === wanted),
      Stream.take(1),
      Stream.runDrain
    )
  const pause = Effect.flatMap(Random.nextBetween(...toldListMinutes), (minutes) =>
    Effect.sleep(Duration.minutes(minutes))
  )
  return Effect.flatMap(SubscriptionRef.get(isTold), (is) =>
    is
      ? Effect.andThen(list, Effect.raceFirst(pause, becomes(false)))
      : Effect.raceFirst(watched, becomes(true))
  )
}

const setAside = (ref: ObjectRef, message: string) =>
  Effect.logWarning("an object cannot be read and is left out").pipe(
    Effect.annotateLogs({ object: refKey(ref), reason: message })
  )
