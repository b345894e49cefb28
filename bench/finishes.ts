/**
 * A witness that outlives every restart: what was made, how each task ended, and whether any of them ended twice or went without an end.
 * A relist after a cut shows the last state only, and an end that differs from the one before is seen in that, too.
 */
import { Clock, Effect, Queue } from "effect"

import * as Reflector from "../src/cache/Reflector.ts"
import { KubeClient } from "../src/services/KubeClient.ts"
import { namespace } from "./cluster.ts"
import { isEnded, type SeenTask, seenTasks } from "./watch.ts"

export interface End {
  /** What two writes of an end would not both say. */
  readonly signature: string
  readonly phase: string
  readonly atMillis: number
}

const signatureOf = ({ status }: SeenTask): string =>
  [status?.phase, status?.verdict, status?.assignedNode, status?.finishedAt].join(" ")

export const make = Effect.fnUntraced(function* (kube: KubeClient["Service"]) {
  const cache = yield* Reflector.make(seenTasks, { indexes: {}, namespace }).pipe(
    Effect.provideService(KubeClient, kube)
  )
  yield* cache.synced
  const events = yield* cache.subscribe
  const seen = new Set<string>()
  const ends = new Map<string, End>()
  const lost: Array<string> = []
  const twice: Array<string> = []
  /** Times that a task was taken from a node that fell silent and given to another. */
  let retaken = 0

  yield* Effect.gen(function* () {
    const batch = yield* Queue.takeAll(events)
    const atMillis = yield* Clock.currentTimeMillis
    for (const event of batch) {
      const uid = (event.type === "put" ? event.after : event.before).metadata.uid ?? event.key
      seen.add(uid)
      const end = ends.get(uid)
      if (event.type === "delete") {
        if (end === undefined) lost.push(event.key)
        continue
      }
      const before = event.before?.status
      const { status } = event.after
      if (before?.assignedNode !== undefined && before.assignedNode !== status?.assignedNode) retaken++
      const signature = signatureOf(event.after)
      if (end !== undefined && end.signature !== signature) {
        twice.push(`${event.key}: ${end.signature}, then ${signature}`)
      } else if (end === undefined && isEnded(event.after)) {
        ends.set(uid, { signature, phase: status?.phase ?? "", atMillis })
      }
    }
  }).pipe(Effect.forever, Effect.forkScoped)

  const open = (): ReadonlyArray<SeenTask> => Array.from(cache.values()).filter((task) => !isEnded(task))
  return { seen, ends, lost, twice, open, tasks: cache, retaken: () => retaken }
})
