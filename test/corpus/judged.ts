/** What a gate said of a case, and whether that is what the case demands. */
import { Schema } from "effect"

import { GateCheck, Result } from "../../schema/Result.ts"
import { Finding, type Rule } from "../../src/gate/finding.ts"
import { reasons } from "../../src/gate/judge.ts"
import { type Because, type Case, listOf } from "./Case.ts"

/** The part of a result that a case can speak of. */
export interface Said {
  readonly verdict: string
  readonly reason: string | undefined
  readonly message: string
  readonly checks: ReadonlyArray<GateCheck>
  readonly findings: ReadonlyArray<Finding>
}

const Judged = Schema.Struct({
  ...Result.fields,
  extra: Schema.Struct({
    checks: Schema.optionalKey(Schema.Array(GateCheck)),
    findings: Schema.optionalKey(Schema.Array(Finding)),
    restsOn: Schema.optionalKey(Schema.String),
    modelExtra: Schema.Struct({
      reason: Schema.optionalKey(Schema.String),
      message: Schema.optionalKey(Schema.String)
    })
  })
})

const decode = Schema.decodeUnknownSync(Judged)

/** Of the `foreman.v1` envelope that `foreman gate` prints and a task's status holds. */
export const saidBy = (result: unknown): Said => {
  const { extra, summary, verdict } = decode(result)
  return {
    verdict,
    reason: extra.modelExtra.reason,
    message: extra.modelExtra.message ?? extra.restsOn ?? summary,
    checks: extra.checks ?? [],
    findings: extra.findings ?? []
  }
}

export type Outcome =
  /** As demanded: a change that must pass passed, any other was caught for the right reason. */
  | "right"
  /** What had to be held against the change, or told of it, was not. */
  | "missed"
  /** A change that must pass did not. */
  | "false alarm"
  /** A machine cannot tell; the verdict is shown and not counted. */
  | "undecidable"

export interface Graded {
  readonly outcome: Outcome
  /** What is not as demanded. */
  readonly why: string | undefined
}

export const grade = (each: Case, said: Said): Graded => {
  const faults = faultsOf(each, said)
  const why = faults.length === 0 ? undefined : faults.join("; ")
  if (each.machine === false) return { outcome: "undecidable", why }
  if (faults.length === 0) return { outcome: "right", why }
  return { outcome: mustPass(each) && said.verdict !== "GATE-PASS" ? "false alarm" : "missed", why }
}

export const mustPass = ({ expect }: Case): boolean => listOf(expect.verdict).includes("GATE-PASS")

const faultsOf = ({ expect }: Case, said: Said): ReadonlyArray<string> => {
  const verdicts = listOf(expect.verdict)
  if (!verdicts.some((verdict) => verdict === said.verdict)) {
    return [
      `${said.verdict} (${said.reason ?? "no reason"}: ${said.message}) in place of ${verdicts.join(" or ")}`
    ]
  }
  const causes = causesOf(said)
  const because = listOf(expect.because)
  const told = said.findings.filter(({ isNote }) => isNote !== true)
  const asks = said.reason === "NeedsApproval" ? told.filter(({ weight }) => weight === "ask") : []
  const isReason = (each: typeof Because.Type) =>
    reasonOf(each) === said.reason || asks.some(({ rule }) => rule === each)
  return [
    ...(because.length === 0 || because.some((each) => causes.has(each) && isReason(each))
      ? []
      : [
          `${said.reason} by ${[...causes].join(", ")}, and not for ${because.join(" or ")}: ${said.message}`
        ]),
    ...(expect.file === undefined || told.some(({ file }) => file === expect.file)
      ? []
      : [`no finding names ${expect.file}`]),
    ...(expect.warns === undefined || told.some(({ rule }) => rule === expect.warns)
      ? []
      : [`no warning of ${expect.warns}`])
  ]
}

/** The verdict rests on it only where the reason is its own: a change that breaks a check on the side proves nothing. */
const reasonOf = (because: typeof Because.Type): string =>
  because.startsWith("check:")
    ? "CheckFailed"
    : because.startsWith("limit:")
      ? "LimitExceeded"
      : reasons[because as Rule]

const causesOf = ({ checks, findings }: Said): ReadonlySet<string> =>
  new Set([
    ...findings.flatMap(({ isNote, rule }) => (isNote === true ? [] : [rule])),
    ...checks.flatMap(({ exitCode, limit, name }) => [
      ...(exitCode !== undefined && exitCode !== 0 && limit === undefined ? [`check:${name}`] : []),
      ...(limit === undefined ? [] : [`limit:${limit}`])
    ])
  ])
