/** Tells people of waits, refusals and failures as Events, which `kubectl describe` shows. Nothing else depends on them. */
import { Effect, Queue } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import type { Condition } from "../../schema/Meta.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"
import { workloads } from "../../schema/Workload.ts"
import type { Cache } from "../cache/Cache.ts"
import { newsOf } from "../decide/news.ts"
import { recordEvent } from "../events/recordEvent.ts"
import type { KubeClient } from "../services/KubeClient.ts"
import { listen } from "./Controller.ts"
import { World } from "./world.ts"

/** Events that wait to be written. In a flood the oldest are dropped: the conditions say the same. */
const backlog = 1_000

export const run = Effect.gen(function* () {
  const world = yield* World
  const unsaid = yield* Queue.sliding<Effect.Effect<void, never, KubeClient>>(backlog)

  const tell = <
    A extends KubeObject & { readonly status?: { readonly conditions?: ReadonlyArray<Condition> } }
  >(
    resource: Resource<A>,
    cache: Cache<A>
  ) =>
    listen(cache.subscribe, (event) => {
      // What was there before us has been told.
      if (event.type !== "put" || event.before === undefined) return
      for (const news of newsOf(event.before.status?.conditions, event.after.status?.conditions)) {
        Queue.offerUnsafe(
          unsaid,
          recordEvent(resource, event.after, { ...news, component: "foreman-operator" })
        )
      }
    })

  yield* tell(agenticTasks, world.tasks)
  yield* tell(workloads, world.workloads)
  yield* Effect.flatten(Queue.take(unsaid)).pipe(Effect.forever, Effect.forkScoped)
})
