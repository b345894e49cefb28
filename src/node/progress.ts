/** Shows how far a run is in its task's status: seldom, and at no cost for the run where the API server is slow or away. */
import { Clock, Duration, Effect } from "effect"

import type { RunProgress } from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import { formatTime } from "../../schema/Time.ts"
import type { RunEvent } from "../executors/Executor.ts"

/** Between two writes of one run. A run that is shorter is not shown. */
const interval = Duration.seconds(15)

export interface Progress {
  /** The turn that ended last is what is shown next. */
  readonly ended: (
    turn: Extract<RunEvent, { type: "TurnEnded" }>,
    spent: Spend | undefined
  ) => Effect.Effect<void>
  /** Shows it from time to time, until it is interrupted. */
  readonly showing: Effect.Effect<never>
}

export const make = (show: (progress: RunProgress) => Effect.Effect<void>): Progress => {
  let latest: RunProgress | undefined
  const look = Effect.suspend(() => {
    const progress = latest
    latest = undefined
    return progress === undefined ? Effect.void : show(progress)
  })
  return {
    ended: ({ action, maxTurns, turn }, spent) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        latest = {
          turn,
          maxTurns,
          inputTokens: spent?.inputTokens ?? 0,
          outputTokens: spent?.outputTokens ?? 0,
          lastAction: action,
          at: formatTime(now)
        }
      }),
    showing: Effect.sleep(interval).pipe(Effect.andThen(look), Effect.forever)
  }
}
