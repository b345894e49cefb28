/** The `foreman.v1` envelope: what an executor hands back and what `status.result` holds. */
import { Schema } from "effect"

import { FailureReason, Verdict } from "./Verdict.ts"

/** What one check of a gate may use up; the gate names the one that a check ran into. */
export const GateLimit = Schema.Literals(["time", "memory", "processes", "output", "disk"])
export type GateLimit = typeof GateLimit.Type

/** One check of a gate, as it ran. */
export const GateCheck = Schema.Struct({
  name: Schema.String,
  command: Schema.String,
  exitCode: Schema.Int,
  seconds: Schema.Finite,
  /** The limit that ended it. */
  limit: Schema.optionalKey(GateLimit)
})
export type GateCheck = typeof GateCheck.Type

export const Result = Schema.Struct({
  schemaVersion: Schema.Literal("foreman.v1"),
  /** Which machinery ran: `stub` or `native-agent-loop`. */
  kind: Schema.String,
  verdict: Verdict,
  /** One sentence. */
  summary: Schema.String,
  failureReason: Schema.optionalKey(FailureReason),
  extra: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  elapsedSec: Schema.Finite
})
export type Result = typeof Result.Type
