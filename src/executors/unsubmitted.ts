/** Every end of the loop but a submission, as a Result. */
import type { Result } from "../../schema/Result.ts"
import { formatMillis } from "../../schema/Time.ts"
import type { FailureReason } from "../../schema/Verdict.ts"
import { limitReached, unfinished, type RunFacts } from "../decide/nativeVerdict.ts"
import type { LoopEnd } from "../loop/Progress.ts"
import type { InferenceError } from "../services/InferenceClient.ts"

export const withoutSubmission = (end: Exclude<LoopEnd, { _tag: "Submitted" }>, facts: RunFacts): Result => {
  switch (end._tag) {
    case "EndpointFailed":
      return endpointFailed(end.error, facts)
    case "AgentFailed":
      return unfinished(facts, {
        outcome: "LOOP-INCOMPLETE",
        summary: end.summary,
        failureReason: "InfrastructureError",
        party: end.party,
        extra: { reason: end.reason }
      })
    case "BudgetExhausted":
      return unfinished(facts, {
        outcome: "LOOP-BUDGET-EXHAUSTED",
        summary: `the loop's time was used up after ${facts.turnCount} turns`,
        failureReason: "Timeout",
        party: end.party,
        extra: { reason: "Timeout" }
      })
    case "NotRecorded":
      return unfinished(facts, {
        outcome: "LOOP-INCOMPLETE",
        summary: `the run's journal can be written no further: ${end.error.message}`,
        failureReason: "InfrastructureError",
        party: "workspace",
        extra: { reason: end.error.reason }
      })
    case "LimitReached":
      return limitReached(facts, end.hit)
    case "MaxTurnsExhausted":
      return unfinished(facts, {
        outcome: "LOOP-INCOMPLETE",
        summary: `no result after ${facts.turnCount} turns, the most that the agent may take`,
        failureReason: "MaxTurnsExhausted",
        party: "model",
        extra: { reason: "MaxTurnsExhausted" }
      })
    case "ModelMisunderstood":
      return unfinished(facts, {
        outcome: "LOOP-INCOMPLETE",
        summary: end.summary,
        failureReason: "ModelMisunderstood",
        party: end.party,
        extra: { reason: end.reason }
      })
    case "Stuck":
      return unfinished(facts, {
        outcome: "STUCK-LOOP-DETECTED",
        summary: `the run went in circles: ${end.detail}`,
        failureReason: "ModelMisunderstood",
        party: "model",
        extra: { signal: end.signal, detail: end.detail, terminateTurn: facts.turnCount }
      })
  }
}

/** The machine's word for an endpoint's failure; the rest is the server's own. */
const failureOf = ({ party }: InferenceError["reason"]): FailureReason => {
  switch (party) {
    case "credentials":
      return "AuthUnavailable"
    case "model":
      return "ModelMisunderstood"
    case "configuration":
    case "template":
    case "contentFilter":
      return "InfrastructureError"
    default:
      return "InferenceServiceUnavailable"
  }
}

const endpointFailed = (error: InferenceError, facts: RunFacts): Result => {
  const { reason } = error
  return unfinished(facts, {
    outcome: "LOOP-INCOMPLETE",
    summary: error.message,
    failureReason: failureOf(reason),
    party: reason.party,
    extra: {
      reason: reason._tag,
      ...(reason._tag === "EndpointHeld" && { heldUntil: formatMillis(reason.untilMillis) }),
      ...(reason._tag === "ContextOverflow" && {
        ...(reason.promptTokens !== undefined && { promptTokens: reason.promptTokens }),
        ...(reason.windowTokens !== undefined && { windowTokens: reason.windowTokens })
      })
    }
  })
}
