/** A tool's word that the run is over. */
import { Schema } from "effect"

import { FailureReason, Verdict } from "./Verdict.ts"

const opt = Schema.optionalKey
const JsonObject = Schema.Record(Schema.String, Schema.Json)

export const Terminal = Schema.Struct({
  /** `ERROR` is the model's own word for "I could not"; it becomes INCOMPLETE with ModelReportedError. */
  verdict: Schema.Union([Verdict, Schema.Literal("ERROR")]),
  summary: Schema.String,
  failureReason: opt(FailureReason),
  commitMessage: opt(Schema.String),
  /** Id of the tree that was looked at before a GO was accepted. */
  tree: opt(Schema.String),
  /** The model's own words; becomes `extra.modelExtra`. */
  extra: JsonObject,
  /** What the harness found out about the run; becomes part of `extra` itself. */
  facts: opt(JsonObject)
})
export type Terminal = typeof Terminal.Type
