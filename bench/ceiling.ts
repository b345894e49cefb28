/**
 * What the API server can take: status patches of tasks, as large as a daemon's own, from several writers that do nothing else, while
 * nobody listens.
 */
import { Clock, Effect } from "effect"

import { formatTime } from "../schema/Time.ts"
import type { KubeClient } from "../src/services/KubeClient.ts"
import { namespace } from "./cluster.ts"
import { createAll } from "./load.ts"
import { seenTasks } from "./watch.ts"

/** More do not make it faster on any API server that was tried. */
const writers = 16
/** Tasks of each writer, so that no two patches meet in one object. */
const tasksEach = 4

/** As a run's last write is, with something new in it each time. Over, so that no operator and no daemon takes an interest. */
const lastWrite = (turn: number, nowMillis: number) => {
  const now = formatTime(nowMillis)
  const node = `nobody-${turn}`
  return {
    phase: "Succeeded",
    verdict: "GO",
    assignedNode: node,
    claim: { id: "1f0a3c52-7f5e-4d2b-9c3e-5b6a7d8e9f01", node, claimedAt: now },
    claimedAt: now,
    startedAt: now,
    finishedAt: now,
    result: {
      schemaVersion: "foreman.v1",
      kind: "stub",
      verdict: "GO",
      summary: `turn ${turn}`,
      elapsedSec: 0
    },
    conditions: ["Scheduled", "Complete"].map((type) => ({
      type,
      status: "True",
      reason: "Measured",
      message: `for the ${turn}th time`,
      lastTransitionTime: now
    }))
  }
}

/** Patches that the API server answers in a second. Leaves nothing. */
export const measure = Effect.fnUntraced(function* (kube: KubeClient["Service"], seconds: number) {
  const names = Array.from({ length: writers * tasksEach }, (_, index) => `ceiling-${index}`)
  const patch = Effect.fnUntraced(function* (name: string, turn: number) {
    const now = yield* Clock.currentTimeMillis
    const body = { status: lastWrite(turn, now) }
    yield* kube.patch(seenTasks, { name, namespace }, { type: "merge", body }, { subresource: "status" })
  })
  yield* createAll(kube, names, { dependsOn: ["nothing"] })
  yield* Effect.forEach(names, (name) => patch(name, 0), { concurrency: writers, discard: true })

  const startedAt = yield* Clock.currentTimeMillis
  let count = 0
  const writer = Effect.fnUntraced(function* (index: number) {
    for (let turn = 1; (yield* Clock.currentTimeMillis) - startedAt < seconds * 1000; turn++) {
      yield* patch(names[index + writers * (turn % tasksEach)] ?? "", turn)
      count++
    }
  })
  const indexes = Array.from({ length: writers }, (_, index) => index)
  yield* Effect.forEach(indexes, writer, { concurrency: writers, discard: true })
  const took = (yield* Clock.currentTimeMillis) - startedAt
  yield* Effect.forEach(names, (name) => kube.delete(seenTasks, { name, namespace }), {
    concurrency: writers,
    discard: true
  })
  return (count * 1000) / took
})
