/** What ended, for Prometheus (contract §2.8). A task's name is no label: there would be no end of them. */
import { Effect, Metric } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { parseTime } from "../../schema/Time.ts"
import { isTerminal } from "../../schema/Verdict.ts"
import type { CacheEvent } from "../cache/Cache.ts"
import { isSameSpend, noSpend } from "../decide/spend.ts"
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
const tokens = Metric.counter("foreman_task_tokens_total", {
  description: "Tokens that runs used; cached ones are a part of input, reasoning of output.",
  incremental: true
})
const cost = Metric.counter("foreman_task_cost_total", {
  description: "Money that runs cost, as far as prices are known.",
  incremental: true
})
const modelSeconds = Metric.counter("foreman_task_model_seconds_total", {
  description: "Seconds in which runs asked a model.",
  incremental: true
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
    const spent = justSpent(event)
    return ended === undefined && spent === undefined
      ? undefined
      : Effect.andThen(ended === undefined ? Effect.void : countTask(ended), spent ?? Effect.void)
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

/** What the last run used: a task's usage is that of all its runs. */
const justSpent = (event: CacheEvent<AgenticTask>): Effect.Effect<void> | undefined => {
  if (event.type !== "put" || event.before === undefined) return undefined
  const { spec, status } = event.after
  const [was = noSpend, is] = [event.before.status?.usage, status?.usage]
  if (is === undefined || isSameSpend(was, is)) return undefined
  const labels = { agent: spec.agentRef?.name ?? "", kind: spec.kind }
  const add = (metric: typeof cost, more: { readonly [label: string]: string }, difference: number) =>
    difference > 0
      ? Metric.update(Metric.withAttributes(metric, { ...labels, ...more }), difference)
      : Effect.void
  return Effect.all(
    [
      add(tokens, { type: "input" }, is.inputTokens - was.inputTokens),
      add(tokens, { type: "output" }, is.outputTokens - was.outputTokens),
      add(tokens, { type: "cached" }, is.cachedTokens - was.cachedTokens),
      add(tokens, { type: "reasoning" }, is.reasoningTokens - was.reasoningTokens),
      add(modelSeconds, {}, (is.modelSeconds ?? 0) - (was.modelSeconds ?? 0)),
      ...Object.entries(is.cost ?? {}).map(([currency, amount]) =>
        add(cost, { currency }, Number(amount) - Number(was.cost?.[currency] ?? 0))
      )
    ],
    { discard: true }
  )
}

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
