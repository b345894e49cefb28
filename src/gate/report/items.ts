/** What a report points at, one by one: failed checks, findings, and a gate that judged nothing. Every format but the table shows these. */
import type { GateCheck } from "../../../schema/Result.ts"
import type { Envelope } from "../envelope.ts"
import { defaultPolicy, type Finding } from "../finding.ts"

/** `error`: the verdict rests on it. `warning`: the policy only warns. `note`: told, and never held against the change. */
export type Level = "error" | "warning" | "note"

export interface Item {
  /** A word of the policy, `check/<role>`, or `gate`. */
  readonly rule: string
  readonly level: Level
  /** Undefined where it is about no single file. */
  readonly file: string | undefined
  readonly line: number | undefined
  /** The check or the test that it is about. */
  readonly subject: string | undefined
  readonly message: string
}

export const isRed = ({ exitCode, limit, skipped }: GateCheck): boolean =>
  skipped === undefined && (limit !== undefined || exitCode !== 0)

/** Whether failed checks are why the verdict is what it is. Elsewhere the base shares their failure, or they come and go. */
const areChecksHeld = ({ reason, verdict }: Envelope): boolean =>
  verdict === "GATE-ERROR" ||
  (verdict === "GATE-FAIL" && (reason === "CheckFailed" || reason === "LimitExceeded"))

/** How much the verdict makes of a failed check. */
export const levelOfCheck = (envelope: Envelope): Level => (areChecksHeld(envelope) ? "error" : "note")

/** What a check came to, in a few words. */
export const resultOf = ({ exitCode, limit, skipped }: GateCheck): string =>
  skipped !== undefined
    ? "skipped"
    : limit !== undefined
      ? `limit: ${limit}`
      : exitCode === 0
        ? "ok"
        : `exit ${exitCode}`

export const ruleOfCheck = ({ role }: GateCheck): string => `check/${role ?? "other"}`

/** As the judge weighed it; without its word, as the policy says. What passed all the same is no error. */
export const levelOf = (
  finding: Finding,
  { policy = defaultPolicy, verdict }: Pick<Envelope, "policy" | "verdict">
): Level => {
  const words: { readonly [rule: string]: string } = policy
  const weight = finding.weight ?? words[finding.rule]
  if (finding.isNote === true || weight === "allowed") return "note"
  return weight === "warn" || verdict === "GATE-PASS" ? "warning" : "error"
}

/** The judge's own looks at documents write their faults so (`src/stages/staticChecks.ts`). */
const builtIn = "(built in) "
const sharedMark = " (on the base too)"
const faultForm = /^(.+?)(?::(\d{1,9}))?: (.*)$/u

const itemsOfDocuments = (check: GateCheck, level: Level): ReadonlyArray<Item> =>
  (check.logTail ?? "").split("\n").flatMap((text): ReadonlyArray<Item> => {
    const [, file, line, message = ""] = faultForm.exec(text) ?? []
    return file === undefined
      ? []
      : [
          {
            rule: ruleOfCheck(check),
            level: message.endsWith(sharedMark) ? "note" : level,
            file,
            line: line === undefined ? undefined : Number(line),
            subject: check.name,
            message
          }
        ]
  })

const itemsOfCheck = (check: GateCheck, level: Level): ReadonlyArray<Item> => {
  if (!isRed(check)) return []
  const faults = check.command.startsWith(builtIn) ? itemsOfDocuments(check, level) : []
  if (faults.length > 0) return faults
  const about = level === "error" ? "" : ", which is not held against the change"
  return [
    {
      rule: ruleOfCheck(check),
      level,
      file: undefined,
      line: undefined,
      subject: check.name,
      message: `${resultOf(check)}${about}${check.message === undefined ? "" : `: ${check.message}`}`
    }
  ]
}

/** Failed checks first, then findings as the gate sorted them, failing ones first. */
export const itemsOf = (envelope: Envelope): ReadonlyArray<Item> => {
  const { checks, findings = [], message, reason, verdict } = envelope
  const level = levelOfCheck(envelope)
  const nothingJudged: Item = {
    rule: "gate",
    level: "error",
    file: undefined,
    line: undefined,
    subject: reason,
    message
  }
  return [
    ...(verdict === "GATE-ERROR" ? [nothingJudged] : []),
    ...checks.flatMap((check) => itemsOfCheck(check, level)),
    ...findings.map((finding): Item => ({
      rule: finding.rule,
      level: levelOf(finding, envelope),
      file: finding.file,
      line: finding.line,
      subject: finding.test,
      message: finding.message
    }))
  ]
}
