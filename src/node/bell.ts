/** Hears on this node's Lease which tasks to look at, where an operator tells it (`decide/bell.ts`). */
import { Effect, Queue, Stream, SubscriptionRef } from "effect"

import type { Lease } from "../../schema/Core.ts"
import { refKey } from "../../schema/Meta.ts"
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
  /** Whether somebody tells, and the task was not in what was told last. */
  readonly isUntold: (key: string) => boolean
  /** Nobody tells any more, it seems: whoever is there is asked anew. */
  readonly askAgain: Effect.Effect<void>
}

/** Listens until the scope closes. A node that may hold no Lease is told nothing. */
export const listen = Effect.fnUntraced(function* (heard: Heard | undefined) {
  const isTold = yield* SubscriptionRef.make(false)
  const rung = yield* Queue.unbounded<Rung | "all">()
  let bell: Bell = Bell.Absent()
  const hearing: Hearing = {
    isTold,
    rung,
    isUntold: (key) => bell._tag === "Told" && !bell.rung.some(({ ref }) => refKey(ref) === key),
    askAgain: heard?.ask ?? Effect.void
  }
  if (heard === undefined) return hearing

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
  return hearing
})
