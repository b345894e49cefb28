/** The node daemon: hold the name, register, beat, watch; on the way down drain, hand back, release. Design §3.5. */
import { Effect, Fiber } from "effect"

import * as Bell from "./bell.ts"
import * as Heartbeat from "./heartbeat.ts"
import * as NodeLease from "./lease.ts"
import { register } from "./register.ts"
import * as TaskWatcher from "./taskWatcher.ts"

export interface Options<R> extends Heartbeat.Options, Omit<TaskWatcher.Options<R>, "namespace" | "hearing"> {
  readonly foremanNamespace: string
  readonly processToken: string
  /** Runs once the node is registered and takes tasks. */
  readonly onReady?: Effect.Effect<void> | undefined
}

const daemon = Effect.fnUntraced(function* <R>(options: Options<R>) {
  const { identity } = options
  const { nodeName } = identity
  const lease = yield* NodeLease.hold({
    nodeName,
    namespace: options.foremanNamespace,
    processToken: options.processToken
  })
  yield* Effect.addFinalizer(() => lease.release)
  yield* register(identity)
  const heartbeat = yield* Heartbeat.make(options)
  const hearing = yield* Bell.listen(lease.heard)
  const watcher = yield* TaskWatcher.make(nodeName, {
    ...options,
    namespace: identity.taskNamespace,
    hearing
  })
  // Goes on while the runs are let end: without it the node would be silent, and its tasks be given to others.
  const renewing = yield* Effect.forkScoped(lease.renew)
  // Last in, first out: nothing is closed before the runs had their time. Draining first, so that nothing new comes.
  yield* Effect.addFinalizer(() => Effect.andThen(heartbeat.drain, watcher.drain))
  yield* heartbeat.beat
  yield* Effect.logInfo("node is ready").pipe(Effect.annotateLogs({ slots: options.slots }))
  yield* options.onReady ?? Effect.void
  return yield* Effect.raceAllFirst([heartbeat.loop, Fiber.join(renewing), watcher.watch])
})

/**
 * Runs until it is interrupted (a clean drain) or fails: the name is taken, the Lease is lost, the first contact failed, or the
 * watcher stalled.
 */
export const run = <R>(options: Options<R>) =>
  daemon(options).pipe(
    Effect.scoped,
    Effect.annotateLogs({ node: options.identity.nodeName }),
    Effect.withSpan("node.daemon")
  )
