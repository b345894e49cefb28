/** From what the checks did and what was found to one verdict, one reason and one sentence. Pure: the judge's program brings the facts. */
import type { GateCheck, GateLimit } from "../../schema/Result.ts"
import type { Coverage } from "./coverage.ts"
import type { Envelope } from "./envelope.ts"
import { type Finding, type Policy, type Rule } from "./finding.ts"

/** A check as it ran. `base` is what the same command did on the base, where that was asked. */
export interface Ran {
  readonly check: GateCheck
  readonly base?: number | undefined
  /** The limit that ended it there. */
  readonly baseLimit?: GateLimit | undefined
  /** What reruns of a failed check showed (`flaky.ts`). Absent: it stands. */
  readonly rerun?: "shared" | "flaky" | "unclear" | undefined
}

/** Exit codes by which a command says that it never began, and the one of a process that the kernel killed for memory. */
const notFound = 127
const notExecutable = 126
const killed = 137

/** What make says when a command of a recipe could not start; it exits 2 itself. */
const neverBegan = /^make(?:\[\d+\])?: \*\*\* .*\bError 12[67]$/mu

/**
 * Whether a failure must be tried on the base before it is held against the author: the command could not start, by itself or by make, the
 * make target is not declared at the base, something killed it, or it ran into a limit.
 */
export const isSuspect = (
  { exitCode = 0, limit, logTail = "" }: Pick<GateCheck, "exitCode" | "limit" | "logTail">,
  isUndeclared: boolean
): boolean =>
  limit !== undefined ||
  (exitCode === 2 && neverBegan.test(logTail)) ||
  exitCode === notFound ||
  exitCode === notExecutable ||
  exitCode === killed ||
  (exitCode !== 0 && isUndeclared)

const isRed = ({ check }: Ran): boolean =>
  check.skipped === undefined && (check.exitCode !== 0 || check.limit !== undefined)

/** The limit that the base runs into. At that of memory the kernel may be faster than the judge's look, and then it is who kills. */
const limitOfBase = ({ base, baseLimit, check }: Ran): GateLimit | undefined =>
  baseLimit ?? (check.limit === "memory" && base === killed ? "memory" : undefined)

const isExcused = (ran: Ran): boolean =>
  ran.check.limit === undefined
    ? ran.check.exitCode !== 0 && ran.base !== undefined && ran.base === ran.check.exitCode
    : limitOfBase(ran) !== undefined

/** Reason and sentence of a check that runs into a limit with the change and without it: the limit is too low, whoever set it. */
const atLimit: Readonly<Record<GateLimit, { readonly reason: string; readonly message: string }>> = {
  time: { reason: "CheckTimedOut", message: "takes longer than its time limit" },
  memory: { reason: "OutOfMemory", message: "needs more than its memory" },
  processes: { reason: "TooManyProcesses", message: "starts more processes than it may" },
  output: { reason: "TooMuchOutput", message: "prints more than it may" },
  disk: { reason: "DiskFull", message: "needs more disk than there is" }
}

const failureOf = ({ base, check }: Ran): string =>
  check.limit !== undefined
    ? `${check.name} ${atLimit[check.limit].message}${base === undefined ? "" : ", and on the base it does not"} (limit: ${check.limit})`
    : check.exitCode === killed
      ? `${check.name} was killed, as it is for want of memory, and is not on the base`
      : `${check.name} exited ${check.exitCode}${check.message === undefined ? "" : `: ${check.message}`}`

/** Reason of a GATE-FAIL by a finding. */
export const reasons: Readonly<Record<Rule, string>> = {
  protected: "ProtectedChanged",
  dirty: "TreeDirty",
  weakened: "TestsWeakened",
  hollow: "TestsHollow",
  flaky: "TestsFlaky",
  untested: "Untested",
  unused: "CodeUnused",
  exitForged: "ExitForged",
  unproved: "Unproved"
}
/** Whose reason is named where several rules fail: what touches the judge first. */
const order: ReadonlyArray<Rule> = [
  "exitForged",
  "protected",
  "dirty",
  "weakened",
  "hollow",
  "flaky",
  "unproved",
  "untested",
  "unused"
]

const isHeld = (policy: Policy) => (finding: Finding) =>
  finding.isNote !== true && policy[finding.rule] === "fail"

/** Failing ones first, then warnings, then notes. */
export const sorted = (findings: ReadonlyArray<Finding>, policy: Policy): ReadonlyArray<Finding> => {
  const rank = (finding: Finding) => (isHeld(policy)(finding) ? 0 : finding.isNote === true ? 2 : 1)
  return findings.toSorted((a, b) => rank(a) - rank(b) || order.indexOf(a.rule) - order.indexOf(b.rule))
}

export type Judged = Pick<Envelope, "verdict" | "message"> & { readonly reason?: string }

/** GATE-FAIL needs a check that ran and said no, or a finding that the policy holds against the change. */
export const judge = (facts: {
  readonly ran: ReadonlyArray<Ran>
  readonly findings: ReadonlyArray<Finding>
  readonly policy: Policy
  readonly coverage: Coverage
  /** What the bite check has to say for the tests of the change, in a few words. */
  readonly tests?: string | undefined
}): Judged => {
  const failed = facts.ran.filter((ran) => isRed(ran) && !isExcused(ran) && ran.rerun === undefined)
  if (failed.length > 0) {
    const isLimit = failed.every(({ check }) => check.limit !== undefined)
    return {
      verdict: "GATE-FAIL",
      reason: isLimit ? "LimitExceeded" : "CheckFailed",
      message: failed.map(failureOf).join("; ")
    }
  }
  const unclear = facts.ran.find((ran) => isRed(ran) && ran.rerun === "unclear")
  if (unclear !== undefined) {
    return {
      verdict: "GATE-ERROR",
      reason: "BaseFails",
      message: `${unclear.check.name} fails on the base too, and what the change adds to that cannot be told apart`
    }
  }
  const excused = facts.ran.find((ran) => isRed(ran) && isExcused(ran) && ran.rerun === undefined)
  if (excused !== undefined) return unavailable(excused)
  const held = sorted(facts.findings, facts.policy).filter(isHeld(facts.policy))
  const [first] = held
  if (first !== undefined) {
    return {
      verdict: "GATE-FAIL",
      reason: reasons[first.rule],
      message: held.slice(0, 3).map(said).join("; ")
    }
  }
  return { verdict: "GATE-PASS", message: rests(facts) }
}

const unavailable = (ran: Ran): Judged => {
  const { exitCode, limit, name } = ran.check
  if (limit !== undefined) {
    const shared = limitOfBase(ran) ?? limit
    const { message, reason } = atLimit[shared]
    return {
      verdict: "GATE-ERROR",
      reason,
      message: `${name} ${message}, on the base too (limit: ${shared})`
    }
  }
  return exitCode === killed
    ? { verdict: "GATE-ERROR", reason: "OutOfMemory", message: `${name} is killed on the base too` }
    : {
        verdict: "GATE-ERROR",
        reason: "CheckUnavailable",
        message: `${name} cannot start on the base either (exit ${exitCode})`
      }
}

const said = ({ file, line, message, test }: Finding): string =>
  `${file}${line === undefined ? "" : `:${line}`}${test === undefined ? "" : ` ${test}`}: ${message}`

/** What a GATE-PASS rests on. */
const rests = (facts: Parameters<typeof judge>[0]): string => {
  const { coverage } = facts
  const green = facts.ran.filter((ran) => ran.check.skipped === undefined && !isRed(ran)).length
  const skipped = facts.ran.filter(({ check }) => check.skipped !== undefined).length
  const labelled = facts.ran.flatMap(({ check, rerun }) =>
    rerun === undefined ? [] : [`${check.name}: ${rerun}`]
  )
  const warnings = facts.findings.filter(({ isNote }) => isNote !== true)
  const rules = [...new Set(warnings.map(({ rule }) => rule))]
  return [
    `${green} check(s) passed${skipped === 0 ? "" : ` and ${skipped} had nothing to do`}`,
    ...(labelled.length === 0 ? [] : [`failing, and not held against the change (${labelled.join(", ")})`]),
    ...(coverage.files === 0
      ? ["no file was added or changed"]
      : [`${coverage.examined} of ${coverage.files} changed file(s) examined`]),
    ...(facts.tests === undefined ? [] : [facts.tests]),
    ...(warnings.length === 0 ? [] : [`${warnings.length} warning(s): ${rules.join(", ")}`])
  ].join("; ")
}

/** Lines of the log for what was found, and for what nothing looked at. */
export const told = (
  findings: ReadonlyArray<Finding>,
  policy: Policy,
  { examined, files, uncovered }: Coverage
): ReadonlyArray<string> => [
  ...(findings.length === 0 ? [] : ["--- findings:"]),
  ...findings.map((finding) => {
    const weight = finding.isNote === true ? "note" : policy[finding.rule]
    return `${weight} ${finding.rule}: ${said(finding)}`
  }),
  ...(uncovered.length === 0
    ? []
    : [
        `--- ${examined} of ${files} changed files were examined; not: ${uncovered.slice(0, 20).join(", ")}${uncovered.length > 20 ? ", …" : ""}`
      ])
]

export const dirtyLine = "GATE FAIL: tree dirty after checks (unformatted or stale codegen)"
