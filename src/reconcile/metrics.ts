/** What ended, for Prometheus (contract §2.8). A task's name is no label: there would be no end of them. */
import { Effect, Metric } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { parseTime } from "../../schema/Time.ts"
import { isTerminal } from "../../schema/Verdict.ts"
import type { CacheEvent } from "../cache/Cache.ts"
import { listen } from "./Controller.ts"
import { World } from "./world.ts"

const completed = Metric.counter("foreman_task_completed_total", {
  description: "Tasks that ended.",
  incremental: true
})
const seconds = Metric.histogram("foreman_task_duration_seconds", {
  description: "From the start of a run to its end.",
  boundaries: Metric.exponentialBoundaries({ start: 1, factor: 2, count: 12 })
})
const turns = Metric.histogram("foreman_task_turns", {
  description: "Model replies that a run used.",
  boundaries: Metric.exponentialBoundaries({ start: 1, factor: 2, count: 10 })
})
const workloadsCompleted = Metric.counter("foreman_workload_completed_total", {
  description: "Workloads that ended.",
  incremental: true
})

/** Counts each end that this process sees happen; what had ended before it started is somebody else's count. */
export const run = Effect.gen(function* () {
  const world = yield* World
  yield* listen(world.tasks.subscribe, (event) => {
    const ended = justEnded(event)
    return ended === undefined ? undefined : countTask(ended)
  })
  yield* listen(world.workloads.subscribe, (event) => {
    if (event.type !== "put" || event.before === undefined) return undefined
    const phase = event.after.status?.phase
    if (phase === event.before.status?.phase || (phase !== "Completed" && phase !== "Failed"))
      return undefined
    return Metric.update(Metric.withAttributes(workloadsCompleted, { outcome: phase.toLowerCase() }), 1)
  })
})

const justEnded = (event: CacheEvent<AgenticTask>): AgenticTask | undefined =>
  event.type === "put" &&
  event.before !== undefined &&
  !isTerminal(event.before.status?.phase) &&
  isTerminal(event.after.status?.phase)
    ? event.after
    : undefined

const countTask = ({ spec, status }: AgenticTask) => {
  const agent = spec.agentRef?.name ?? ""
  const verdict = status?.verdict ?? ""
  const extra = status?.result?.["extra"]
  const fact = (name: string): unknown =>
    typeof extra === "object" && extra !== null
      ? Object.entries(extra).find(([key]) => key === name)?.[1]
      : undefined
  const outcome = fact("outcome")
  const turnCount = fact("turnCount") ?? fact("turns")
  const from = parseTime(status?.startedAt)
  const to = parseTime(status?.finishedAt)
  return Effect.all(
    [
      Metric.update(
        Metric.withAttributes(completed, {
          agent,
          kind: spec.kind,
          verdict,
          outcome: typeof outcome === "string" ? outcome : ""
        }),
        1
      ),
      from === undefined || to === undefined
        ? Effect.void
        : Metric.update(
            Metric.withAttributes(seconds, { agent, kind: spec.kind, verdict }),
            (to - from) / 1000
          ),
      typeof turnCount === "number"
        ? Metric.update(Metric.withAttributes(turns, { agent, kind: spec.kind }), turnCount)
        : Effect.void
    ],
    { discard: true }
  )
}
