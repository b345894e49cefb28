/** When each task was seen in each phase: one watch beside the programs, whose delay is the same for every event. */
import { Deferred, Effect, Queue, Schema } from "effect"

import { agenticTasks } from "../schema/AgenticTask.ts"
import { ObjectMeta } from "../schema/Meta.ts"
import type { Resource } from "../schema/Resource.ts"
import * as Reflector from "../src/cache/Reflector.ts"
import { KubeClient } from "../src/services/KubeClient.ts"
import { namespace } from "./cluster.ts"

/** As much of a task as is looked at here: decoding all of it would take time from what is measured. */
export const SeenTask = Schema.Struct({
  metadata: ObjectMeta,
  status: Schema.optionalKey(
    Schema.Struct({
      phase: Schema.optionalKey(Schema.String),
      verdict: Schema.optionalKey(Schema.String),
      assignedNode: Schema.optionalKey(Schema.String),
      finishedAt: Schema.optionalKey(Schema.String),
      conditions: Schema.optionalKey(
        Schema.Array(Schema.Struct({ type: Schema.String, reason: Schema.String }))
      )
    })
  )
})
export type SeenTask = typeof SeenTask.Type

export const seenTasks: Resource<SeenTask> = { ...agenticTasks, schema: SeenTask }

/** Moments of `performance.now()`. A phase that was passed between two events has the moment of the next. */
export interface Timeline {
  readonly created: number
  scheduled?: number
  running?: number
  ended?: number
  /** Anything but GO or GATE-PASS. */
  isOffTarget?: boolean
}

export const isEnded = (task: SeenTask): boolean =>
  task.status?.phase === "Succeeded" || task.status?.phase === "Failed"

/** Watches until the scope closes. */
export const make = Effect.fnUntraced(function* (kube: KubeClient["Service"]) {
  const cache = yield* Reflector.make(seenTasks, { indexes: {}, namespace }).pipe(
    Effect.provideService(KubeClient, kube)
  )
  yield* cache.synced
  const events = yield* cache.subscribe
  const timelines = new Map<string, Timeline>()
  const waiting = new Set<{ readonly isDone: () => boolean; readonly done: Deferred.Deferred<void> }>()

  const note = (task: SeenTask, now: number): void => {
    const { name } = task.metadata
    let times = timelines.get(name)
    if (times === undefined) timelines.set(name, (times = { created: now }))
    const phase = task.status?.phase
    if (phase === undefined || phase === "Pending") return
    times.scheduled ??= now
    if (phase === "Scheduled") return
    times.running ??= now
    if (!isEnded(task)) return
    times.ended ??= now
    times.isOffTarget = task.status?.verdict !== "GO" && task.status?.verdict !== "GATE-PASS"
  }

  yield* Effect.gen(function* () {
    const batch = yield* Queue.takeAll(events)
    const now = performance.now()
    for (const event of batch) if (event.type === "put") note(event.after, now)
    for (const one of waiting) if (one.isDone()) yield* Deferred.succeed(one.done, undefined)
  }).pipe(Effect.forever, Effect.forkScoped)

  /** Resolves at the first event after which `isDone` holds; it is asked once for each batch of events. */
  const until = Effect.fnUntraced(function* (isDone: () => boolean) {
    if (isDone()) return
    const one = { isDone, done: yield* Deferred.make<void>() }
    waiting.add(one)
    yield* Deferred.await(one.done).pipe(Effect.ensuring(Effect.sync(() => waiting.delete(one))))
  })

  return { timelines, tasks: cache, until }
})

export type Watch = Effect.Success<ReturnType<typeof make>>
