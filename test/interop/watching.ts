/** What interop tests look at: time that passes, and everything that was written to a task. */
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import type { Result } from "../../schema/Result.ts"
import { FakeCluster } from "../fakes/FakeCluster.ts"

/** In steps, so that whoever waits for one another takes turns. */
export const pass = (seconds: number) =>
  Effect.repeat(TestClock.adjust("500 millis"), { times: seconds * 2 - 1 })

export const done: Result = {
  schemaVersion: "foreman.v1",
  kind: "native-agent-loop",
  verdict: "GO",
  summary: "done",
  elapsedSec: 1
}

/** Whole statuses as stored. */
export const statuses = Effect.gen(function* () {
  const { rawList } = yield* FakeCluster
  const all = yield* rawList(agenticTasks)
  return Object.fromEntries(all.map((raw: any) => [raw.metadata.name, raw.status ?? {}]))
})

/** How often each task was written with a phase that ends it, by whomever. */
export const ends = Effect.gen(function* () {
  const { writes } = yield* FakeCluster
  const counts: Record<string, number> = {}
  for (const { body, key, subresource } of yield* writes) {
    const phase = (body as any)?.status?.phase
    if (subresource === "status" && ["Succeeded", "Failed"].includes(phase))
      counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
})
