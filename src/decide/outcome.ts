/** How a run's end is written into a task's status. Contract §3.5, §4.4. */
import { Option, Schema } from "effect"

import type { AgenticTask, TaskStatus } from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import type { Result } from "../../schema/Result.ts"
import { formatTime } from "../../schema/Time.ts"
import { addSpend, noSpend, spendIn } from "./spend.ts"
import { reason, setCondition, type StatusFields } from "./status.ts"

export type Outcome =
  | { readonly type: "Finished"; readonly result: Result }
  /** The machinery failed; there is no Result. */
  | { readonly type: "ExecutorError"; readonly message: string; readonly spent?: Spend }
  /** The executor ended without an error and without a Result that the schema knows. */
  | { readonly type: "ContractViolation"; readonly message: string; readonly spent?: Spend }

/** The outcome with what its run used, as far as the outcome does not say it itself. */
export const withSpent = (outcome: Outcome, spent: Spend | undefined): Outcome => {
  if (spent === undefined) return outcome
  if (outcome.type !== "Finished") return { ...outcome, spent }
  const { result } = outcome
  return result.extra?.["usage"] === undefined
    ? { ...outcome, result: { ...result, extra: { ...result.extra, usage: spent } } }
    : outcome
}

/** The task's usage with that of a run that is over; nothing to write where a run used nothing. */
export const usageAfter = (
  { status }: AgenticTask,
  spent: Spend | undefined
): Pick<StatusFields<TaskStatus>, "usage"> =>
  spent === undefined ? {} : { usage: addSpend(status?.usage ?? noSpend, spent) }

const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(schema)

/** The parts of `extra` that the status shows too. What does not fit is left where it is. */
const Lifted = Schema.Struct({
  branch: optional(Schema.String),
  intendedBranch: optional(Schema.String),
  commitSHA: optional(Schema.String),
  jobName: optional(Schema.String)
})
const WithJob = Schema.Struct({ jobName: Schema.String })
const TranscriptRef = Schema.Struct({
  kind: optional(Schema.String),
  apiVersion: optional(Schema.String),
  namespace: optional(Schema.String),
  name: optional(Schema.String)
})
const pick = <A>(schema: Schema.ConstraintDecoder<A>, value: unknown): A | undefined =>
  Option.getOrUndefined(Schema.decodeUnknownOption(schema)(value))

const lift = (extra: Result["extra"]): StatusFields<TaskStatus> => {
  const known = pick(Lifted, extra)
  return {
    branch: known?.branch ?? known?.intendedBranch,
    commitSHA: known?.commitSHA,
    jobName:
      known?.jobName ??
      pick(WithJob, extra?.["toolOutput"])?.jobName ??
      pick(WithJob, extra?.["modelExtra"])?.jobName,
    transcriptRef: pick(TranscriptRef, extra?.["transcriptRef"])
  }
}

const failed = (
  task: AgenticTask,
  why: { readonly reason: string; readonly message: string },
  nowMillis: number
): StatusFields<TaskStatus> => ({
  phase: "Failed",
  verdict: "INCOMPLETE",
  finishedAt: formatTime(nowMillis),
  failureReason: "InfrastructureError",
  conditions: setCondition(
    task.status?.conditions,
    { type: "Completed", status: "False", ...why },
    nowMillis,
    task.metadata.generation
  )
})

/** The one write that ends a run. */
export const terminalFields = (
  task: AgenticTask,
  outcome: Outcome,
  nowMillis: number
): StatusFields<TaskStatus> => {
  switch (outcome.type) {
    case "Finished":
      return {
        phase: "Succeeded",
        verdict: outcome.result.verdict,
        result: { ...outcome.result },
        finishedAt: formatTime(nowMillis),
        failureReason: outcome.result.failureReason,
        ...lift(outcome.result.extra),
        ...usageAfter(task, spendIn(outcome.result.extra)),
        conditions: setCondition(
          task.status?.conditions,
          {
            type: "Completed",
            status: "True",
            reason: reason.executorSucceeded,
            message: outcome.result.summary
          },
          nowMillis,
          task.metadata.generation
        )
      }
    case "ExecutorError":
      return {
        ...failed(task, { reason: reason.executorError, message: outcome.message }, nowMillis),
        ...usageAfter(task, outcome.spent)
      }
    case "ContractViolation":
      return {
        ...failed(task, { reason: reason.executorContractViolation, message: outcome.message }, nowMillis),
        ...usageAfter(task, outcome.spent)
      }
  }
}

/** Characters of a refusal that are kept. */
const maxRejectionLength = 512

/** What is written when the server refuses the terminal patch itself: the raw result stays readable. */
export const rejectedFields = (
  task: AgenticTask,
  outcome: Outcome,
  rejection: string,
  nowMillis: number
): StatusFields<TaskStatus> => ({
  ...failed(
    task,
    { reason: reason.terminalPatchRejected, message: rejection.slice(0, maxRejectionLength) },
    nowMillis
  ),
  ...(outcome.type === "Finished" ? { result: { ...outcome.result } } : {})
})

/** A run that used up the task's `timeoutSeconds`. */
export const timedOut = (kind: string, timeoutSeconds: number): Result => ({
  schemaVersion: "foreman.v1",
  kind,
  verdict: "INCOMPLETE",
  summary: `the run was ended after ${timeoutSeconds} s, the task's timeoutSeconds`,
  failureReason: "Timeout",
  extra: { outcome: "LOOP-INCOMPLETE", reason: "Timeout", party: "configuration" },
  elapsedSec: timeoutSeconds
})
