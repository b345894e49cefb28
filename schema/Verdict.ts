/** The words that every other file uses: how far a task got, what it came to, and why it did not come further. */
import { Schema } from "effect"

/** How far the machinery got. `Verifying` is in the first implementation's enum; nobody writes it. */
export const TaskPhase = Schema.Literals([
  "Pending",
  "Scheduled",
  "Running",
  "Verifying",
  "Succeeded",
  "Failed"
])
export type TaskPhase = typeof TaskPhase.Type

/** What the work came to. Whoever builds on a task pivots on this, not on the phase. */
export const Verdict = Schema.Literals([
  "GO",
  "NO-GO",
  "INCOMPLETE",
  "GATE-PASS",
  "GATE-FAIL",
  "GATE-ERROR",
  "Skipped"
])
export type Verdict = typeof Verdict.Type

/** The machine's word for why a task did not reach its target. */
export const FailureReason = Schema.Literals([
  "AgentNotFound",
  "InferenceServiceUnavailable",
  "AuthUnavailable",
  "GitRemoteNotConfigured",
  "CloneFailed",
  "ModelMisunderstood",
  "ToolFailed",
  "MaxTurnsExhausted",
  "ConstraintViolated",
  "Timeout",
  "InfrastructureError",
  "GateFailed",
  "GateError",
  "ModelReportedError"
])
export type FailureReason = typeof FailureReason.Type

export const isTerminal = (phase: TaskPhase | undefined): boolean =>
  phase === "Succeeded" || phase === "Failed"

/** Phase Succeeded and verdict GO or GATE-PASS: the only thing that a dependent may build on. */
export const isOnTarget = (
  status: { readonly phase?: TaskPhase; readonly verdict?: Verdict } | undefined
): boolean => status?.phase === "Succeeded" && (status.verdict === "GO" || status.verdict === "GATE-PASS")
