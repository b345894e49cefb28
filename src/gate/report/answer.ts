/** A verdict in the words of a tool that a model calls: bounded, so that an answer leaves room for the work that it asks for. */
import { Schema } from "effect"

import type { GateCheck } from "../../../schema/Result.ts"
import { cut, type Envelope, GateVerdict } from "../envelope.ts"
import type { Finding, Policy } from "../finding.ts"
import { isRed, levelOf, resultOf } from "./items.ts"
import { manyLines, oneLine } from "./text.ts"

const opt = Schema.optionalKey

const ToolFinding = Schema.Struct({
  rule: Schema.String,
  level: Schema.Literals(["error", "warning", "note"]),
  file: Schema.String,
  line: opt(Schema.Int),
  test: opt(Schema.String),
  message: Schema.String
})

const ToolCheck = Schema.Struct({
  name: Schema.String,
  role: opt(Schema.String),
  result: Schema.String,
  seconds: Schema.Finite,
  message: opt(Schema.String),
  logTail: opt(Schema.String)
})

const about = {
  commit: opt(Schema.String),
  base: opt(Schema.String),
  findings: Schema.Array(ToolFinding),
  checks: Schema.Array(ToolCheck),
  /** Paths that differ from the commit: commit them to have them judged. */
  notCommitted: Schema.Array(Schema.String)
}

export const GateAnswer = Schema.Struct({
  verdict: GateVerdict,
  reason: opt(Schema.String),
  message: Schema.String,
  ...about,
  /** Changed files that nothing examined. */
  notExamined: Schema.Array(Schema.String)
})

export const StaticAnswer = Schema.Struct({
  /** Whether the gate would refuse the change for this alone. `false` is no GATE-PASS: nothing ran. */
  refused: Schema.Boolean,
  ...about
})

const maxFindings = 50
const maxPaths = 20
const maxTail = 2_000
const maxMessage = 500

const findingsOf = (
  findings: ReadonlyArray<Finding>,
  judged: Pick<Envelope, "policy" | "verdict">
): ReadonlyArray<typeof ToolFinding.Type> =>
  findings.slice(0, maxFindings).map(({ file, isNote: _, line, message, test, ...rest }) => ({
    rule: rest.rule,
    level: levelOf({ ...rest, file, message, ...(_ === true && { isNote: _ }) }, judged),
    file: oneLine(file),
    ...(line !== undefined && { line }),
    ...(test !== undefined && { test: oneLine(cut(test, maxMessage)) }),
    message: oneLine(cut(message, maxMessage))
  }))

/** Output only of what failed. */
const checkOf = (check: GateCheck): typeof ToolCheck.Type => {
  const said = check.skipped ?? check.message
  const tail = isRed(check) ? manyLines((check.logTail ?? "").slice(-maxTail)) : ""
  return {
    name: check.name,
    ...(check.role !== undefined && { role: check.role }),
    result: resultOf(check),
    seconds: check.seconds,
    ...(said !== undefined && { message: oneLine(cut(said, maxMessage)) }),
    ...(tail !== "" && { logTail: tail })
  }
}

const paths = (all: ReadonlyArray<string>): ReadonlyArray<string> => all.slice(0, maxPaths).map(oneLine)

export const gateAnswer = (
  envelope: Envelope,
  uncommitted: ReadonlyArray<string>
): typeof GateAnswer.Type => ({
  verdict: envelope.verdict,
  ...(envelope.reason !== undefined && { reason: envelope.reason }),
  message: oneLine(cut(envelope.message, 4 * maxMessage)),
  ...(envelope.commit !== undefined && { commit: envelope.commit }),
  ...(envelope.base !== undefined && { base: envelope.base }),
  findings: findingsOf(envelope.findings ?? [], envelope),
  checks: envelope.checks.map(checkOf),
  notCommitted: paths(uncommitted),
  notExamined: paths(envelope.coverage?.uncovered ?? [])
})

export const staticAnswer = (
  half: {
    readonly findings: ReadonlyArray<Finding>
    readonly documents: ReadonlyArray<GateCheck>
    readonly policy: Policy
  },
  candidate: {
    readonly commit: string
    readonly base: string
    readonly uncommitted: ReadonlyArray<string>
  }
): typeof StaticAnswer.Type => {
  // As far as its own levels go it is a refusal: what the policy fails is an error.
  const findings = findingsOf(half.findings, { verdict: "GATE-FAIL", policy: half.policy })
  return {
    refused: findings.some(({ level }) => level === "error") || half.documents.some(isRed),
    commit: candidate.commit,
    base: candidate.base,
    findings,
    checks: half.documents.map(checkOf),
    notCommitted: paths(candidate.uncommitted)
  }
}
