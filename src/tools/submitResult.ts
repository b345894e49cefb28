import { Effect, Schema } from "effect"

import { boundedSummary, commitMessageOf, tooMuch } from "../decide/submission.ts"
import { make, ToolError } from "./AgentTool.ts"

/** What every submission says. */
export const submission = {
  verdict: Schema.Literals(["GO", "NO-GO", "ERROR"]).annotate({ description: "What the work came to." }),
  summary: Schema.String.annotate({
    description: "One or two sentences for a person, at most 280 characters."
  }),
  extra: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Json)
      .check(Schema.makeFilter((extra) => tooMuch(extra) ?? true))
      .annotate({ description: "Further findings, as a JSON object." })
  )
}

export const submitResult = make({
  name: "submit_result",
  description:
    "End the run. GO when the work is done, NO-GO when it should not or cannot be done, ERROR when something here is broken.",
  parameters: Schema.Struct({
    ...submission,
    commit_message: Schema.optionalKey(
      Schema.String.annotate({
        description: "Message of the commit; needed with GO when files were changed."
      })
    )
  }),
  run: Effect.fn("submit_result")(function* ({ commit_message, extra = {}, summary, verdict }) {
    if (summary.trim() === "") return yield* new ToolError({ message: "summary must say something" })
    const bounded = boundedSummary(summary)
    return {
      output: { accepted: true },
      terminal: {
        verdict,
        summary: bounded,
        commitMessage: commitMessageOf(commit_message, bounded),
        extra
      }
    }
  })
})
