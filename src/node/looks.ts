/** Looks at tasks of which an operator told this node (`decide/bell.ts`): takes each as the server has it then. */
import { type Duration, Effect, FiberSet, Schedule, Semaphore } from "effect"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import type { Cache } from "../cache/Cache.ts"
import type { Rung } from "../decide/bell.ts"
import { KubeClient } from "../services/KubeClient.ts"

/** At once, however many tasks we are told of. */
const maxLooks = 8

export interface Options {
  readonly cache: Cache<AgenticTask>
  /** Tasks of other namespaces are not looked at; `undefined` means all. */
  readonly namespace: string | undefined
  /** The pause after a server that did not answer. */
  readonly pollInterval: Duration.Duration
}

/** Asks for a task unless the cache has seen it in that version; goes on until the scope closes. */
export type Look = (rung: Rung) => Effect.Effect<void>

export const make = Effect.fnUntraced(function* ({ cache, namespace, pollInterval }: Options) {
  const kube = yield* KubeClient
  const permits = yield* Semaphore.make(maxLooks)
  const fibers = yield* FiberSet.make()
  /** By key, what must be looked at. */
  const wanted = new Map<string, Rung>()

  const read = ({ ref }: Rung) =>
    Effect.suspend(() => {
      const key = refKey(ref)
      const seen = cache.get(key)?.metadata.resourceVersion ?? ""
      return kube.get(agenticTasks, ref).pipe(
        Effect.flatMap(cache.observe),
        // What came in meanwhile is another task of that name.
        Effect.catchReason("KubeError", "NotFound", () => cache.forget(key, seen))
      )
    }).pipe(
      permits.withPermits(1),
      Effect.retry({ schedule: Schedule.spaced(pollInterval), while: ({ isTransient }) => isTransient }),
      Effect.catch((error) => Effect.logWarning("a task could not be looked at", error))
    )

  /** One fiber for each task: what is told meanwhile it looks at afterwards. */
  const lookAt = Effect.fnUntraced(function* (key: string) {
    for (let rung = wanted.get(key); rung !== undefined; rung = wanted.get(key)) {
      if (!cache.hasSeen(key, rung.version)) yield* read(rung)
      if (wanted.get(key) === rung) wanted.delete(key)
    }
  })

  const look: Look = (rung) => {
    const key = refKey(rung.ref)
    if (namespace !== undefined && namespace !== rung.ref.namespace) return Effect.void
    const isLooking = wanted.has(key)
    wanted.set(key, rung)
    const end = Effect.sync(() => wanted.delete(key))
    return isLooking ? Effect.void : Effect.asVoid(FiberSet.run(fibers, Effect.ensuring(lookAt(key), end)))
  }
  return look
})
