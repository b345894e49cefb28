/** The limits that hold for a run, and the endpoints that it may ask within them. */
import { Clock, Duration, Effect } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Result } from "../../schema/Result.ts"
import { dayOf, usedOn } from "../decide/daySpend.ts"
import { type Bound, boundsOf, hitOf, isMeasurable, tightestWall } from "../decide/limits.ts"
import { toolTimeReached } from "../decide/nativeVerdict.ts"
import { addSpend, noSpend } from "../decide/spend.ts"
import type { LoopOptions } from "../loop/Progress.ts"
import type { Run } from "./Executor.ts"
import { Precondition } from "./modelEndpoint.ts"

/** What a run of the task may use: each of these holds, so that the tightest one ends it. */
export const runBounds = (task: AgenticTask, agent: Agent, nowMillis: number): ReadonlyArray<Bound> =>
  boundsOf([
    { of: "the Agent", limits: agent.spec.limits },
    { of: "the task", limits: task.spec.limits, before: task.status?.usage },
    { of: "what the Workload had left", limits: task.status?.workloadLimits },
    {
      of: "the Agent's day",
      limits: agent.spec.limitsPerDay,
      before: usedOn(agent.status?.usageOfDay, dayOf(nowMillis))
    }
  ])

/**
 * A limit in money holds only where a price is known: an endpoint without one is not asked, and where none is left the run does not
 * begin.
 */
export const withKnownPrice = Effect.fnUntraced(function* (
  endpoints: LoopOptions<never>["endpoints"],
  bounds: ReadonlyArray<Bound>
) {
  const [first, ...others] = endpoints.filter(({ prices }) => isMeasurable(bounds, prices))
  const left = endpoints.filter(({ prices }) => !isMeasurable(bounds, prices)).map(({ baseURL }) => baseURL)
  if (first === undefined) {
    return yield* new Precondition({
      reason: "PriceUnknown",
      failureReason: "InfrastructureError",
      message: `limits.cost cannot be held: there is no price, or one in another currency, for ${left.join(", ")}; set prices of the Agent, with input and output or with hardwarePerHour alone`
    })
  }
  if (left.length > 0) {
    yield* Effect.logWarning("endpoints without a price are not asked, for limits.cost is set").pipe(
      Effect.annotateLogs({ endpoints: left.join(" ") })
    )
  }
  return [first, ...others] as const
})

/** An Agent without a model uses nothing but time: its run ends where `limits.wallSeconds` does. */
export const withinWallTime = Effect.fnUntraced(function* <E, R>(
  { agent, task }: Run,
  work: Effect.Effect<Result, E, R>
) {
  const startedAt = yield* Clock.currentTimeMillis
  const bounds = agent === undefined ? [] : runBounds(task, agent, startedAt)
  const tightest = tightestWall(bounds)
  if (tightest === undefined) return yield* work
  const { bound, millis } = tightest
  return yield* Effect.timeoutOrElse(work, {
    duration: Duration.millis(Math.max(millis, 0)),
    orElse: () =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const wallSeconds = (now - startedAt) / 1000
        const spent = addSpend(bound.before, { ...noSpend, wallSeconds })
        return toolTimeReached(hitOf("wallSeconds", bound, spent, undefined), wallSeconds)
      })
  })
})
