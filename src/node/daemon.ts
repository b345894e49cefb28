/** The node daemon: hold the name, register, beat, watch; on the way down drain, hand back, release. Design §3.5. */
import { Effect } from "effect"

import * as Heartbeat from "./heartbeat.ts"
import * as NodeLease from "./lease.ts"
import { register } from "./register.ts"
import * as TaskWatcher from "./taskWatcher.ts"

export interface Options<R> extends Heartbeat.Options, Omit<TaskWatcher.Options<R>, "nodeName"> {
  readonly foremanNamespace: string
  readonly processToken: string
}

/**
 * Runs until it is interrupted (a clean drain) or fails: the name is taken, the Lease is lost, the first contact failed, or the
 * watcher stalled.
 */
export const run = Effect.fn("node.daemon")(
  function* <R>(options: Options<R>) {
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
    const watcher = yield* TaskWatcher.make({ ...options, nodeName })
    // Last in, first out: nothing is closed before the runs had their time. Draining first, so that nothing new comes.
    yield* Effect.addFinalizer(() => Effect.andThen(heartbeat.drain, watcher.drain))
    yield* heartbeat.beat
    yield* Effect.logInfo("node is ready").pipe(Effect.annotateLogs({ slots: options.slots }))
    return yield* Effect.raceAllFirst([heartbeat.loop, lease.renew, watcher.watch])
  },
  Effect.scoped,
  (effect, options) => Effect.annotateLogs(effect, { node: options.identity.nodeName })
)
