/** Hears on this node's Lease which tasks to look at, where an operator tells it (`decide/bell.ts`). */
import { Clock, Effect, FiberHandle, Queue, type Scope, Stream, SubscriptionRef } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Lease } from "../../schema/Core.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { parseTime } from "../../schema/Time.ts"
import type { Cache } from "../cache/Cache.ts"
import { Bell, bellOf, type Rung } from "../decide/bell.ts"

/** The node's Lease, as far as it can be watched. */
export interface Heard {
  readonly held: Cache<Lease>
  readonly key: string
  /** Whether the server shows us what others write there. */
  readonly isWatched: SubscriptionRef.SubscriptionRef<boolean>
  readonly ask: Effect.Effect<void>
}

export interface Hearing {
  /** Whether somebody tells. */
  readonly isTold: SubscriptionRef.SubscriptionRef<boolean>
  /** What to look at; "all" that runs here, when something was told that we missed. */
  readonly rung: Queue.Dequeue<Rung | "all">
  /**
   * A task waits for this node. Was it given to us long ago, and is not in what was told last, then only a list has shown it: nobody tells
   * any more, and whoever is there is asked anew.
   */
  readonly notice: (task: AgenticTask) => Effect.Effect<void>
}

/** An operator tells within this time. */
const untoldAfterMillis = 30_000

/** Listens until the scope closes. A node that may hold no Lease is told nothing. */
export const listen = Effect.fnUntraced(function* (
  heard: Heard | undefined
): Effect.fn.Return<Hearing, never, Scope.Scope> {
  const isTold = yield* SubscriptionRef.make(false)
  const rung = yield* Queue.unbounded<Rung | "all">()
  if (heard === undefined) return { isTold, rung, notice: () => Effect.void }
  let bell: Bell = Bell.Absent()
  const asking = yield* FiberHandle.make()

  const notice = Effect.fnUntraced(function* (task: AgenticTask) {
    const key = refKey(refOf(task))
    if (bell._tag !== "Told" || bell.rung.some(({ ref }) => refKey(ref) === key)) return
    const given = task.status?.conditions?.find(({ type }) => type === "Scheduled")?.lastTransitionTime
    const now = yield* Clock.currentTimeMillis
    if (now - (parseTime(given) ?? Number.NEGATIVE_INFINITY) < untoldAfterMillis) return
    const ask = Effect.andThen(
      Effect.logWarning("the operator no longer tells of tasks; watching them"),
      heard.ask
    )
    yield* FiberHandle.run(asking, ask, { onlyIfMissing: true })
  })

  const hear = Effect.fnUntraced(function* (lease: Lease | undefined) {
    const before = bell
    bell = (yield* SubscriptionRef.get(heard.isWatched)) ? bellOf(lease) : Bell.Absent()
    yield* SubscriptionRef.set(isTold, bell._tag === "Told")
    if (bell._tag !== "Told") return
    const next = before._tag === "Told" ? before.count + 1 : undefined
    // Each renewal shows the same once more.
    if (before._tag === "Told" && before.count === bell.count) return
    if (bell.count !== next) yield* Queue.offer(rung, "all")
    yield* Queue.offerAll(rung, bell.rung)
  })
  const changes = yield* heard.held.subscribe
  // Each text by itself: a later one names other tasks.
  const texts = Stream.map(Stream.fromQueue(changes), (event) =>
    event.type === "put" ? event.after : undefined
  )
  const isWatched = Stream.map(SubscriptionRef.changes(heard.isWatched), () => heard.held.get(heard.key))
  yield* Stream.merge(texts, isWatched).pipe(Stream.runForEach(hear), Effect.forkScoped)
  return { isTold, rung, notice }
})
