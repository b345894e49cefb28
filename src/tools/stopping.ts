/** The part of `submit_result` by which a model stops, in place of a GO that would not be honest. */
import { Effect, Schema } from "effect"

import {
  lacking,
  maxEvidence,
  maxEvidenceLength,
  outcomeOf,
  type Stop,
  type StopReason
} from "../decide/stop.ts"
import { boundedSummary } from "../decide/submission.ts"
import { type Terminal, type ToolContext, ToolError } from "./AgentTool.ts"

const text = Schema.String.check(Schema.isMaxLength(maxEvidenceLength))

/** The arguments of a stop for one of these reasons. */
export const stopArguments = <const Reasons extends ReadonlyArray<StopReason>>(
  reasons: Reasons,
  evidence: string
) => ({
  stop_reason: Schema.optionalKey(Schema.Literals(reasons)),
  evidence: Schema.optionalKey(
    Schema.Array(text).check(Schema.isMaxLength(maxEvidence)).annotate({ description: evidence })
  )
})

/** How often a model hears that its evidence does not hold before the run ends with that; in its last turn not at all. */
const maxHandBacks = 3

/** What was looked at and held, for the result. */
export type Checked = { readonly [key: string]: Schema.Json }

interface Given {
  readonly verdict: Verdict | "STOP"
  readonly stop_reason?: StopReason
  readonly evidence?: ReadonlyArray<string>
  readonly command?: string
}

type Verdict = "GO" | "NO-GO" | "ERROR"

/** The end that the arguments ask for: a verdict, or a stop. What would have no effect is refused. */
export const endOf = (given: Given): Effect.Effect<Stop | Verdict, ToolError> => {
  const { command, evidence = [], stop_reason: reason, verdict } = given
  if (verdict === "STOP") {
    return reason === undefined
      ? Effect.fail(new ToolError({ message: "verdict STOP needs a stop_reason" }))
      : Effect.succeed({ reason, evidence, command })
  }
  const beside = [
    ...(reason === undefined ? [] : ["stop_reason"]),
    ...(evidence.length === 0 ? [] : ["evidence"]),
    ...(command === undefined ? [] : ["command"])
  ]
  return beside.length === 0
    ? Effect.succeed(verdict)
    : Effect.fail(
        new ToolError({
          message: `${beside.join(" and ")} belong to verdict STOP, not to ${verdict}: say STOP, or leave them out`
        })
      )
}

/**
 * Ends runs by stops. `check` looks at what the evidence names, and fails with a sentence where it does not hold: that goes back to the
 * model. The run's last word is never a stop whose evidence does not hold.
 */
export const stopper = <R>(
  check: (stop: Stop, context: ToolContext) => Effect.Effect<Checked, ToolError, R>
) => {
  let handBacks = 0
  return Effect.fnUntraced(function* (
    stop: Stop,
    said: { readonly summary: string; readonly extra: Terminal["extra"] },
    context: ToolContext
  ) {
    const { extra, summary } = said
    const lack = lacking(stop)
    const checked = yield* Effect.result(
      lack === undefined ? check(stop, context) : Effect.fail(new ToolError({ message: lack }))
    )
    const { command, evidence, reason } = stop
    const claim = {
      evidence: [...evidence],
      ...(command !== undefined && { command }),
      handBacks
    }
    if (checked._tag === "Success") {
      const outcome = outcomeOf(reason)
      const isDone = outcome === "ALREADY-RESOLVED"
      const facts = {
        outcome,
        reason,
        party: "person",
        ...(isDone && { resolvedBy: [...evidence, ...(command === undefined ? [] : [`$ ${command}`])] }),
        stop: { ...claim, ...checked.success }
      }
      return { verdict: isDone ? "NO-GO" : "INCOMPLETE", summary, extra, facts } satisfies Terminal
    }
    const { message } = checked.failure
    if (handBacks < maxHandBacks && context.isLastTurn !== true) {
      handBacks++
      return yield* new ToolError({ message: `the stop is not accepted: ${message}` })
    }
    return {
      verdict: "INCOMPLETE",
      summary: boundedSummary(`the model stopped (${reason}) without evidence that holds: ${message}`),
      failureReason: "ConstraintViolated",
      extra,
      facts: {
        reason: "EvidenceUnproven",
        party: "model",
        stop: { ...claim, reason, refused: message },
        modelSummary: summary
      }
    } satisfies Terminal
  })
}
