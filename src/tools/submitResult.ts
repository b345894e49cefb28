import { Effect, Schema } from "effect"

import { boundedSummary, commitMessageOf, tooMuch } from "../decide/submission.ts"
import { wordyReasons } from "../decide/stop.ts"
import { make, type Terminal, ToolError } from "./AgentTool.ts"
import { endOf, stopArguments, stopper } from "./stopping.ts"

/** The verdicts of who may stop, too. */
export const stoppable = Schema.Literals(["GO", "NO-GO", "ERROR", "STOP"])

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

/** `submit_result` of who has no rails. There is no base to hold evidence against, so it stops by words only. */
export const submitResult = () => {
  const stop = stopper(() => Effect.succeed({}))
  return make({
    name: "submit_result",
    description:
      "End the run. GO when the work is done, NO-GO when it should not or cannot be done, STOP when a person has to act first, ERROR when something here is broken.",
    parameters: Schema.Struct({
      ...submission,
      verdict: stoppable,
      ...stopArguments(
        wordyReasons,
        "With STOP. Ambiguous: two readings or questions. NeedsPerson: what is needed."
      ),
      commit_message: Schema.optionalKey(
        Schema.String.annotate({
          description: "Message of the commit; needed with GO when files were changed."
        })
      )
    }),
    run: Effect.fn("submit_result")(function* (args, context) {
      const { commit_message, extra = {}, summary } = args
      if (summary.trim() === "") return yield* new ToolError({ message: "summary must say something" })
      const bounded = boundedSummary(summary)
      const ended = (terminal: Terminal) => ({ output: { accepted: true }, terminal })
      const verdict = yield* endOf(args)
      if (typeof verdict !== "string")
        return ended(yield* stop(verdict, { summary: bounded, extra }, context))
      return ended({
        verdict,
        summary: bounded,
        commitMessage: commitMessageOf(commit_message, bounded),
        extra
      })
    })
  })
}
