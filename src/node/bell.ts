/** Hears on this node's Lease which tasks to look at, where an operator tells it (`decide/bell.ts`). */
import { Effect, Queue, Stream, SubscriptionRef } from "effect"

import type { Lease } from "../../schema/Core.ts"
import { refKey } from "../../schema/Meta.ts"
import type { Cache } from "../cache/Cache.ts"
import { Bell, bellOf, bellText, type Rung } from "../decide/bell.ts"

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
  /** What to look at. */
  readonly rung: Queue.Dequeue<Rung>
  /** Whether there is nothing that we should have been told: nobody tells, or the task was among the last. */
  readonly wasTold: (key: string) => boolean
  /** Nobody tells any more, it seems: whoever is there is asked anew. */
  readonly askAgain: Effect.Effect<void>
}

/** Listens until the scope closes. A node that may hold no Lease is told nothing. */
export const listen = Effect.fnUntraced(function* (heard: Heard | undefined) {
  const isTold = yield* SubscriptionRef.make(false)
  const rung = yield* Queue.unbounded<Rung>()
  let bell: Bell = Bell.Absent()
  const hearing: Hearing = {
    isTold,
    rung,
    wasTold: (key) => bell._tag !== "Told" || bell.rung.some(({ ref }) => refKey(ref) === key),
    askAgain: heard?.ask ?? Effect.void
  }
  if (heard === undefined) return hearing

  const hear = Effect.gen(function* () {
    const before = bell
    bell = (yield* SubscriptionRef.get(heard.isWatched)) ? bellOf(heard.held.get(heard.key)) : Bell.Absent()
    yield* SubscriptionRef.set(isTold, bell._tag === "Told")
    if (bell._tag !== "Told") return
    // Each renewal shows the same once more.
    const isNews = before._tag !== "Told" || bellText(before.rung) !== bellText(bell.rung)
    if (isNews) yield* Queue.offerAll(rung, bell.rung)
  })
  const changes = yield* heard.held.subscribe
  yield* Stream.merge(Stream.fromQueue(changes), SubscriptionRef.changes(heard.isWatched)).pipe(
    Stream.runForEach(() => hear),
    Effect.forkScoped
  )
  return hearing
})
