/** A queue of keys and the workers that reconcile them: a key is worked on by one worker at a time, and once for many events. */
import { Clock, Duration, Effect, FiberMap, Queue, type Scope } from "effect"

import type { KubeError } from "../services/KubeClient.ts"

export interface Controller {
  /** Marks a key as changed. Cheap, and idempotent while the key waits. */
  readonly enqueue: (key: string) => void
}

export interface Options<R> {
  /** As controller-runtime names it: `agentictask`. */
  readonly name: string
  readonly kind: string
  readonly workers: number
  /** Level-based: gathers, decides, applies. What it returns is when to look again without an event, in milliseconds from now. */
  readonly reconcile: (key: string) => Effect.Effect<number | undefined, KubeError, R>
}

const firstBackoffMillis = 200
const longestBackoffMillis = 30_000

export const make = <R>(options: Options<R>) => Effect.andThen(announce(options), makeQuiet(options))

/** The same without a line of its own: a part of another controller. */
export const makeQuiet = Effect.fnUntraced(function* <R>(
  options: Options<R>
): Effect.fn.Return<Controller, never, R | Scope.Scope> {
  const queue = yield* Queue.unbounded<string>()
  const timers = yield* FiberMap.make<string>()
  const dirty = new Set<string>()
  const active = new Set<string>()
  const failures = new Map<string, number>()

  const enqueue = (key: string): void => {
    if (dirty.has(key)) return
    dirty.add(key)
    if (!active.has(key)) Queue.offerUnsafe(queue, key)
  }

  /** A newer wish for the same key replaces an older one. */
  const later = (key: string, millis: number) =>
    FiberMap.run(
      timers,
      key,
      Effect.andThen(
        Effect.sleep(Duration.millis(Math.max(millis, 0))),
        Effect.sync(() => enqueue(key))
      )
    )

  const failed = Effect.fnUntraced(function* (key: string, message: string) {
    const count = failures.get(key) ?? 0
    failures.set(key, count + 1)
    const wait = Math.min(firstBackoffMillis * 2 ** Math.min(count, 20), longestBackoffMillis)
    yield* Effect.logWarning("Reconciler error").pipe(
      Effect.annotateLogs({ controller: options.name, key, error: message, retryMillis: wait })
    )
    yield* later(key, wait)
  })

  const work = Effect.gen(function* () {
    const key = yield* Queue.take(queue)
    dirty.delete(key)
    active.add(key)
    yield* options.reconcile(key).pipe(
      Effect.tap((after) => {
        failures.delete(key)
        return after === undefined ? FiberMap.remove(timers, key) : later(key, after)
      }),
      Effect.catch((error) => failed(key, error.message)),
      // A bug in one reconciliation must not end the worker that all keys share.
      Effect.catchDefect((defect) => failed(key, `a bug in Foreman: ${String(defect)}`)),
      Effect.ensuring(
        Effect.sync(() => {
          active.delete(key)
          if (dirty.has(key)) Queue.offerUnsafe(queue, key)
        })
      )
    )
  })

  for (let worker = 0; worker < options.workers; worker++) {
    yield* Effect.forkScoped(Effect.forever(work))
  }
  return { enqueue }
})

/** The line that runbooks look for, with controller-runtime's keys. */
export const announce = (options: {
  readonly name: string
  readonly kind: string
  readonly workers: number
}) =>
  Effect.logInfo("Starting workers").pipe(
    Effect.annotateLogs({
      controller: options.name,
      controllerGroup: "foreman.llmkube.dev",
      controllerKind: options.kind,
      "worker count": options.workers
    })
  )

/** Runs `onEvent` for each change of a cache, in order, until the scope closes. An effect that it returns is run before the next. */
export const listen = <E>(
  subscribe: Effect.Effect<Queue.Dequeue<E>, never, Scope.Scope>,
  onEvent: (event: E, nowMillis: number) => Effect.Effect<void> | void
) =>
  Effect.gen(function* () {
    const events = yield* subscribe
    yield* Effect.gen(function* () {
      const batch = yield* Queue.takeAll(events)
      const now = yield* Clock.currentTimeMillis
      for (const event of batch) {
        const more = onEvent(event, now)
        if (more !== undefined) yield* more
      }
    }).pipe(Effect.forever, Effect.forkScoped)
  })
