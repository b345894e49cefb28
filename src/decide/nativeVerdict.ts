/** From how a model's run ended to the `foreman.v1` envelope. Pure; contract §4.4. */
import type { Schema } from "effect"

import type { Spend } from "../../schema/Budget.ts"
import type { Result } from "../../schema/Result.ts"
import type { Party } from "../../schema/Party.ts"
import type { FailureReason, Verdict } from "../../schema/Verdict.ts"
import type { LimitHit } from "./limits.ts"

type JsonObject = { readonly [key: string]: Schema.Json }

/** What every Result of a model's run tells. */
export interface RunFacts {
  readonly intendedBranch: string | undefined
  readonly transcriptRef: JsonObject | undefined
  readonly turnCount: number
  /** Of all requests; absent where there was none. */
  readonly usage?: Spend | undefined
  readonly elapsedSec: number
  /** How often another process went on with the run. */
  readonly resumes?: number
  /** Why a run that was interrupted began anew. */
  readonly beganAnew?: string
  /** Who did the work, where it was not our own loop. */
  readonly executor?: JsonObject
}

/** The model's own last word. */
export interface Submission {
  readonly verdict: Verdict | "ERROR"
  readonly summary: string
  readonly failureReason?: FailureReason
  readonly extra: JsonObject
  /** What the harness found out, beside what the model says. */
  readonly facts?: JsonObject
}

const common = (facts: RunFacts): JsonObject => {
  const { beganAnew, executor, intendedBranch, resumes, transcriptRef, turnCount, usage } = facts
  return {
    ...(intendedBranch === undefined ? {} : { intendedBranch }),
    ...(transcriptRef === undefined ? {} : { transcriptRef }),
    turnCount,
    ...(usage === undefined ? {} : { usage }),
    ...(resumes === undefined ? {} : { resumes }),
    ...(beganAnew === undefined ? {} : { beganAnew }),
    ...(executor === undefined ? {} : { executor })
  }
}

const envelope = (
  verdict: Verdict,
  summary: string,
  extra: JsonObject,
  elapsedSec: number,
  failureReason?: FailureReason
): Result => ({
  schemaVersion: "foreman.v1",
  kind: "native-agent-loop",
  verdict,
  summary,
  ...(failureReason === undefined ? {} : { failureReason }),
  extra,
  elapsedSec
})

/** The loop ended without a submission. */
export const unfinished = (
  facts: RunFacts,
  end: {
    readonly outcome: "LOOP-INCOMPLETE" | "LOOP-BUDGET-EXHAUSTED" | "STUCK-LOOP-DETECTED"
    readonly summary: string
    readonly failureReason: FailureReason
    readonly party: Party
    /** Further facts: `reason`, or `signal`, `detail` and `terminateTurn`. */
    readonly extra: JsonObject
  }
): Result =>
  envelope(
    "INCOMPLETE",
    end.summary,
    { outcome: end.outcome, party: end.party, ...end.extra, ...common(facts) },
    facts.elapsedSec,
    end.failureReason
  )

/** A limit on tokens, money or time was reached: whoever set it decides whether the run may use more. */
export const limitReached = (facts: RunFacts, hit: LimitHit): Result => {
  const { allowed, limit, message, spent } = hit
  const isTime = limit === "modelSeconds" || limit === "wallSeconds"
  return unfinished(facts, {
    outcome: "LOOP-BUDGET-EXHAUSTED",
    summary: `${message}, after ${facts.turnCount} turns`,
    failureReason: isTime ? "Timeout" : "ConstraintViolated",
    party: "configuration",
    extra: { reason: "LimitReached", limit, spent, allowed }
  })
}

/** The same of an Agent without a model, which can run into its time only. */
export const toolTimeReached = ({ allowed, limit, message, spent }: LimitHit, elapsedSec: number): Result =>
  envelope(
    "INCOMPLETE",
    message,
    {
      outcome: "LOOP-BUDGET-EXHAUSTED",
      party: "configuration" satisfies Party,
      reason: "LimitReached",
      limit,
      spent,
      allowed
    },
    elapsedSec,
    "Timeout"
  )

/** Outcomes that a model may name itself, with the finding that belongs to each. */
const promoted: { readonly [outcome: string]: string } = {
  "ALREADY-RESOLVED": "resolvedBy",
  "NEEDS-VERIFICATION": "unverified"
}

/** The model's word stands as it is: NO-GO, ERROR, or the GO of one who does not commit. */
export const decided = (facts: RunFacts, submission: Submission): Result => {
  const { extra, failureReason, summary, verdict } = submission
  const named = typeof extra["outcome"] === "string" ? extra["outcome"] : ""
  const finding = Object.hasOwn(promoted, named) ? promoted[named] : undefined
  const isPromoted = verdict === "NO-GO" && finding !== undefined
  const found = finding === undefined ? undefined : extra[finding]
  return envelope(
    verdict === "ERROR" ? "INCOMPLETE" : verdict,
    summary,
    {
      outcome: isPromoted ? named : "MODEL-DECIDED",
      ...(isPromoted && finding !== undefined && found !== undefined ? { [finding]: found } : {}),
      // An issue that is resolved already is nobody's failure; somebody closes it.
      ...(isMissed(verdict) && {
        party: (named === "ALREADY-RESOLVED" ? "person" : "model") satisfies Party
      }),
      modelExtra: extra,
      ...submission.facts,
      ...common(facts)
    },
    facts.elapsedSec,
    failureReason ?? (verdict === "ERROR" ? "ModelReportedError" : undefined)
  )
}

/** Whether a submission says that the work is not done. */
const isMissed = (verdict: Submission["verdict"]): boolean =>
  verdict === "NO-GO" || verdict === "INCOMPLETE" || verdict === "ERROR"

/** A GO of a coder that did not reach a branch, and why. */
export type Refusal =
  | { readonly outcome: "NO-CHANGES" }
  | { readonly outcome: "COMMIT-REJECTED"; readonly error: string }
  | { readonly outcome: "PUSH-FAILED"; readonly error: string; readonly commitSHA: string }

const parties: { readonly [O in Refusal["outcome"]]: Party } = {
  "NO-CHANGES": "model",
  "COMMIT-REJECTED": "workspace",
  "PUSH-FAILED": "workspace"
}

const refusalSummary = (refusal: Refusal): string => {
  switch (refusal.outcome) {
    case "NO-CHANGES":
      return "the model said GO but changed nothing"
    case "COMMIT-REJECTED":
      return `git refused the commit: ${refusal.error.slice(0, 200)}`
    case "PUSH-FAILED":
      return `the remote refused the push: ${refusal.error.slice(0, 200)}`
  }
}

export const refused = (facts: RunFacts, submission: Submission, refusal: Refusal): Result =>
  envelope(
    "NO-GO",
    refusalSummary(refusal),
    {
      ...refusal,
      party: parties[refusal.outcome],
      modelSummary: submission.summary,
      modelExtra: submission.extra,
      ...submission.facts,
      ...common(facts)
    },
    facts.elapsedSec
  )

/** The commit is on its branch. */
export const pushed = (
  facts: RunFacts,
  submission: Submission,
  commit: { readonly branch: string; readonly commitSHA: string; readonly commitMessage: string }
): Result => {
  const { intendedBranch: _, ...rest } = facts
  return envelope(
    "GO",
    submission.summary,
    {
      outcome: "",
      ...commit,
      modelExtra: submission.extra,
      ...submission.facts,
      ...common({ ...rest, intendedBranch: undefined })
    },
    facts.elapsedSec
  )
}
