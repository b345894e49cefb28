import { Effect, Schema } from "effect"

import type { Reading } from "../decide/reading.ts"
import { judgeReview, ReviewFinding } from "../decide/review.ts"
import { boundedSummary } from "../decide/submission.ts"
import { make, type Terminal, ToolError } from "./AgentTool.ts"
import { submission } from "./submitResult.ts"

/** How often a reviewer is told what is missing before its word is judged as it is; in its last turn not at all. */
const maxHandBacks = 3
const maxFindings = 100

/** `submit_result` of a review: the verdict follows from what was read and found, and not from the model's word alone. */
export const submitReview = (reading: Reading) => {
  let handBacks = 0
  return make({
    name: "submit_result",
    description:
      "End the review. GO when nothing blocks the change, NO-GO with at least one finding of severity blocker or major, ERROR when something here is broken.",
    parameters: Schema.Struct({
      ...submission,
      findings: Schema.optionalKey(
        Schema.Array(ReviewFinding).check(Schema.isMaxLength(maxFindings)).annotate({
          description: "What was found, each at a changed line."
        })
      )
    }),
    run: Effect.fn("submit_result")(function* (args, { isLastTurn }) {
      const { extra = {}, findings = [], summary, verdict } = args
      if (summary.trim() === "") return yield* new ToolError({ message: "summary must say something" })
      const bounded = boundedSummary(summary)
      const accepted = (terminal: Terminal) => ({ output: { accepted: true }, terminal })
      if (verdict === "ERROR") return accepted({ verdict, summary: bounded, extra })

      const judged = judgeReview(
        reading,
        { verdict, findings },
        handBacks < maxHandBacks && isLastTurn !== true
      )
      if (judged._tag === "HandBack") {
        handBacks++
        return yield* new ToolError({ message: judged.message, triesLeft: maxHandBacks - handBacks })
      }
      const { unread, excused } = reading
      const review = {
        findings: judged.findings.map((finding) => ({ ...finding })),
        ...(judged.ungrounded.length > 0 && {
          ungrounded: judged.ungrounded.map((finding) => ({ ...finding }))
        }),
        hunks: reading.diff.hunks.length,
        unread: unread.map(({ name }) => name),
        ...(excused.length > 0 && { lockFiles: [...excused] }),
        handBacks,
        said: verdict
      }
      return accepted({
        verdict: judged.verdict,
        summary: judged.message === undefined ? bounded : boundedSummary(judged.message),
        ...(judged.verdict === "INCOMPLETE" && { failureReason: "ConstraintViolated" as const }),
        extra,
        facts: {
          review,
          ...(judged.reason !== undefined && { reason: judged.reason, modelSummary: bounded })
        }
      })
    }),
    recall: ({ tries_left: left }) => {
      if (typeof left === "number") handBacks = maxHandBacks - left
    }
  })
}
