/** The `foreman.v1` envelope: what an executor hands back and what `status.result` holds. */
import { Schema } from "effect"

import { FailureReason, Verdict } from "./Verdict.ts"

/** What one check of a gate may use up; the gate names the one that a check ran into. */
export const GateLimit = Schema.Literals(["time", "memory", "processes", "output", "disk"])
export type GateLimit = typeof GateLimit.Type

const opt = Schema.optionalKey

/** One check of a gate, as it ran. */
export const GateCheck = Schema.Struct({
  name: Schema.String,
  /** What it proves: format, lint, build, test or codegen. */
  role: opt(Schema.String),
  /** As it was given to the shell; of what the judge looks at by itself, what that is. */
  command: Schema.String,
  /** Absent when it was skipped. */
  exitCode: opt(Schema.Int),
  /** Wall time. */
  seconds: Schema.Finite,
  /** The limit that ended it. */
  limit: opt(GateLimit),
  /** Why it did not run. */
  skipped: opt(Schema.String),
  /** What it says in one sentence, where that is known. */
  message: opt(Schema.String),
  /** Globs of what it covers, where it has them. */
  paths: opt(Schema.Array(Schema.String)),
  /** Changed files that it covers. */
  covered: opt(Schema.Int),
  /** The last of what it printed. */
  logTail: opt(Schema.String)
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
