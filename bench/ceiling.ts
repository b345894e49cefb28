/** What the API server can take: status patches of tasks from several writers that do nothing else, while nobody listens. */
import { Clock, Effect } from "effect"

import type { KubeClient } from "../src/services/KubeClient.ts"
import { namespace } from "./cluster.ts"
import { createAll } from "./load.ts"
import { seenTasks } from "./watch.ts"

/** More do not make it faster on any API server that was tried. */
const writers = 16

/** Patches that the API server answers in a second. Leaves nothing. */
export const measure = Effect.fnUntraced(function* (kube: KubeClient["Service"], seconds: number) {
  const names = Array.from({ length: writers * 4 }, (_, index) => `ceiling-${index}`)
  // Its status says that it is over, so that no operator and no daemon takes an interest.
  const patch = (name: string, turn: number) =>
    kube.patch(
      seenTasks,
      { name, namespace },
      {
        type: "merge",
        body: { status: { phase: "Succeeded", verdict: "Skipped", assignedNode: `nobody-${turn}` } }
      },
      { subresource: "status" }
    )
  yield* createAll(kube, names, { dependsOn: ["nothing"] })
  yield* Effect.forEach(names, (name) => patch(name, 0), { concurrency: writers, discard: true })

  const startedAt = yield* Clock.currentTimeMillis
  let count = 0
  const writer = Effect.fnUntraced(function* (index: number) {
    for (let turn = 0; (yield* Clock.currentTimeMillis) - startedAt < seconds * 1000; turn++) {
      yield* patch(names[index + writers * (turn % 4)] ?? "", turn)
      count++
    }
  })
  yield* Effect.forEach(
    Array.from({ length: writers }, (_, index) => index),
    writer,
    {
      concurrency: writers,
      discard: true
    }
  )
  const took = (yield* Clock.currentTimeMillis) - startedAt
  yield* Effect.forEach(names, (name) => kube.delete(seenTasks, { name, namespace }), {
    concurrency: writers,
    discard: true
  })
  return (count * 1000) / took
})
