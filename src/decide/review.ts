/** From what a reviewer read and found to a verdict. Pure. GO needs three things: its own GO, every hunk read, nothing found that blocks. */
import { Schema } from "effect"

import type { Reading } from "./reading.ts"

/** Contract §6; the last three areas are ours. */
export const ReviewFinding = Schema.Struct({
  severity: Schema.Literals(["blocker", "major", "minor"]).annotate({
    description: "blocker and major keep the change from being accepted; minor does not."
  }),
  area: Schema.Literals([
    "scope",
    "style",
    "tests",
    "side-effects",
    "docs",
    "regression",
    "doc-consistency",
    "constants",
    "test-prod-fidelity",
    "wired-up",
    "correctness",
    "security",
    "performance"
  ]).annotate({ description: "What it is about." }),
  file: Schema.String.annotate({ description: "A file of the change." }),
  line: Schema.optionalKey(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
      description: "A changed line, numbered as in the file now; left out for what is missing from the file."
    })
  ),
  message: Schema.String.check(Schema.isMinLength(1)).annotate({ description: "What is wrong." }),
  suggestion: Schema.optionalKey(Schema.String.annotate({ description: "What would be right." }))
})
export type ReviewFinding = typeof ReviewFinding.Type

const isBlocking = ({ severity }: ReviewFinding): boolean => severity !== "minor"

export type Judgement =
  /** Not accepted yet: what the model must do first. */
  | { readonly _tag: "HandBack"; readonly message: string }
  | {
      readonly _tag: "Judged"
      readonly verdict: "GO" | "NO-GO" | "INCOMPLETE"
      /** Why it is not the model's own word. */
      readonly reason?: "BlockingFindings" | "DiffNotRead" | "FindingsNotGrounded" | "NothingToReview"
      readonly message?: string
      readonly findings: ReadonlyArray<ReviewFinding>
      /** Findings that point at nothing in the change: told, and not counted. */
      readonly ungrounded: ReadonlyArray<ReviewFinding>
    }

const maxNamed = 20
const some = (names: ReadonlyArray<string>): string =>
  `${names.slice(0, maxNamed).join(", ")}${names.length > maxNamed ? ` and ${names.length - maxNamed} more` : ""}`

/** `mayHandBack`: the model has another try. */
export const judgeReview = (
  reading: Reading,
  said: { readonly verdict: "GO" | "NO-GO"; readonly findings: ReadonlyArray<ReviewFinding> },
  mayHandBack: boolean
): Judgement => {
  const findings = said.findings.filter(({ file, line }) => reading.isChanged(file, line))
  const ungrounded = said.findings.filter((finding) => !findings.includes(finding))
  const judged = { _tag: "Judged" as const, findings, ungrounded }
  const handBack = (message: string): Judgement => ({ _tag: "HandBack", message })

  if (ungrounded.length > 0 && mayHandBack) {
    const where = some(ungrounded.map(({ file, line }) => (line === undefined ? file : `${file}:${line}`)))
    return handBack(
      `findings must point at changed lines, or without a line at a changed file; these do not: ${where}. Correct or drop them`
    )
  }
  const blocking = findings.filter(isBlocking)
  if (blocking.length > 0) {
    const message = `${blocking.length} finding(s) block it, the first: ${blocking[0]?.message}`
    return {
      ...judged,
      verdict: "NO-GO",
      ...(said.verdict === "GO" && { reason: "BlockingFindings", message })
    }
  }
  if (said.verdict === "NO-GO") {
    if (said.findings.length > 0 && findings.length === 0) {
      const message = "the reviewer said NO-GO, and no finding of its points at the change"
      return { ...judged, verdict: "INCOMPLETE", reason: "FindingsNotGrounded", message }
    }
    return findings.length > 0 && mayHandBack
      ? handBack("NO-GO needs a finding of severity blocker or major; raise one, or submit GO")
      : { ...judged, verdict: "NO-GO" }
  }
  if (reading.diff.hunks.length === 0) {
    const message = "the branch does not differ from its base: there is nothing to accept"
    return mayHandBack
      ? handBack(`${message}; submit NO-GO`)
      : { ...judged, verdict: "NO-GO", reason: "NothingToReview", message }
  }
  const unread = reading.unread.map(({ name }) => name)
  if (unread.length === 0) return { ...judged, verdict: "GO" }
  const message = `${unread.length} of ${reading.diff.hunks.length} hunks were not read: ${some(unread)}`
  return mayHandBack
    ? handBack(`${message}. Read them with read_diff before you say GO`)
    : { ...judged, verdict: "INCOMPLETE", reason: "DiffNotRead", message }
}
