/** From what the checks did and what was found to one verdict, one reason and one sentence. Pure: the judge's program brings the facts. */
import type { GateCheck, GateLimit } from "../../schema/Result.ts"
import { reason as waitReason } from "../decide/status.ts"
import { allowEntry, allowFlag } from "./approval.ts"
import type { Coverage } from "./coverage.ts"
import { cut, type Envelope } from "./envelope.ts"
import { type Finding, type Rule, type Standard, weightOf } from "./finding.ts"

/** A check as it ran. `base` is what the same command did on the base, where that was asked. */
export interface Ran {
  readonly check: GateCheck
  readonly base?: number | undefined
  /** The limit that ended it there. */
  readonly baseLimit?: GateLimit | undefined
  /** What the base and reruns of a failed check showed (`flaky.ts`). Absent: the change introduced the failure. */
  readonly rerun?: "preexisting" | "flaky" | "inconclusive" | undefined
  /** Of a check that the base fails as well: what it says at the commit alone, lines or names of tests. */
  readonly added?: ReadonlyArray<string> | undefined
}

/** Exit codes by which a command says that it never began, and the one of a process that the kernel killed for memory. */
const notFound = 127
const notExecutable = 126
const killed = 137

/** Whether an exit code says that the command never began, or was killed. */
export const neverRan = (exitCode: number): boolean =>
  exitCode === notFound || exitCode === notExecutable || exitCode === killed

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
  neverRan(exitCode) ||
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

/** Lines that a sentence names of what a change adds, and characters of each. */
const maxAdded = 3
const maxAddedLength = 160

const addedTo = (added: ReadonlyArray<string>): string => {
  const lines = added.slice(0, maxAdded).map((line) => cut(line, maxAddedLength))
  const more = added.length > maxAdded ? ` (and ${added.length - maxAdded} more)` : ""
  return `, and adds to what the base fails with: ${lines.join("; ")}${more}`
}

const failureOf = ({ added = [], base, check }: Ran): string =>
  check.limit !== undefined
    ? `${check.name} ${atLimit[check.limit].message}${base === undefined ? "" : ", and on the base it does not"} (limit: ${check.limit})`
    : check.exitCode === killed
      ? `${check.name} was killed, as it is for want of memory, and is not on the base`
      : `${check.name} exited ${check.exitCode}${check.message === undefined ? "" : `: ${check.message}`}${added.length === 0 ? "" : addedTo(added)}`

/** Reason of a GATE-FAIL by a finding. */
export const reasons: Readonly<Record<Rule, string>> = {
  protected: "ProtectedChanged",
  dirty: "TreeDirty",
  weakened: "TestsWeakened",
  hollow: "TestsHollow",
  flaky: "TestsFlaky",
  untested: "Untested",
  unused: "CodeUnused",
  unexamined: "Unexamined",
  unproved: "Unproved"
}

/** Whose reason is named where several rules fail: what touches the judge first. */
const order: ReadonlyArray<Rule> = [
  "protected",
  "dirty",
  "weakened",
  "hollow",
  "flaky",
  "unproved",
  "untested",
  "unused",
  "unexamined"
]

const weights = ["fail", "ask", "allowed", "warn", "note"]

/** Failing ones first, then those that ask, those that were allowed, warnings, notes. */
export const sorted = (findings: ReadonlyArray<Finding>, standard: Standard): ReadonlyArray<Finding> => {
  const rank = (finding: Finding) => weights.indexOf(weightOf(finding, standard))
  return findings.toSorted((a, b) => rank(a) - rank(b) || order.indexOf(a.rule) - order.indexOf(b.rule))
}

/** Findings with the weight that they had in a verdict. */
export const weighed = (findings: ReadonlyArray<Finding>, standard: Standard): ReadonlyArray<Finding> =>
  findings.map((finding) => {
    const weight = weightOf(finding, standard)
    return weight === "note" ? finding : { ...finding, weight }
  })

export type Judged = Pick<Envelope, "verdict" | "message"> & { readonly reason?: string }

export interface Facts extends Standard {
  readonly ran: ReadonlyArray<Ran>
  readonly findings: ReadonlyArray<Finding>
  readonly coverage: Coverage
  /** What the bite check has to say for the tests of the change, in a few words. */
  readonly tests?: string | undefined
  /** The commit that is judged: an approval must name it. */
  readonly commit?: string | undefined
  /** The merge base, where there is one. */
  readonly base?: string | undefined
}

/** GATE-FAIL needs a check that ran and said no, or a finding that the policy holds against the change or asks about. */
export const judge = (facts: Facts): Judged => {
  const stopped = facts.ran.findIndex(
    (ran) => isRed(ran) && ran.rerun === "inconclusive" && isFoundation(ran)
  )
  const failed = facts.ran.filter(
    (ran, index) =>
      isRed(ran) && !isExcused(ran) && ran.rerun === undefined && (stopped < 0 || index < stopped)
  )
  if (failed.length > 0) {
    const isLimit = failed.every(({ check }) => check.limit !== undefined)
    return {
      verdict: "GATE-FAIL",
      reason: isLimit ? "LimitExceeded" : "CheckFailed",
      message: failed.map(failureOf).join("; ")
    }
  }
  const inconclusive =
    facts.ran[stopped] ?? facts.ran.find((ran) => isRed(ran) && ran.rerun === "inconclusive")
  if (inconclusive !== undefined) {
    const said = "and what the change adds to that cannot be told apart"
    return { verdict: "GATE-ERROR", reason: "BaseFails", message: baseFails(inconclusive, facts, said) }
  }
  const excused = facts.ran.find((ran) => isRed(ran) && isExcused(ran) && ran.rerun === undefined)
  if (excused !== undefined) return unavailable(excused)
  const findings = sorted(facts.findings, facts)
  const held = findings.filter((finding) => weightOf(finding, facts) === "fail")
  const [first] = held
  if (first !== undefined) {
    return {
      verdict: "GATE-FAIL",
      reason: reasons[first.rule],
      message: held.slice(0, 3).map(said).join("; ")
    }
  }
  const asking = findings.filter((finding) => weightOf(finding, facts) === "ask")
  if (asking.length > 0) {
    return { verdict: "GATE-FAIL", reason: waitReason.needsApproval, message: question(asking, facts) }
  }
  const unproved = facts.ran.find((ran) => ran.rerun === "preexisting" && isFoundation(ran))
  if (unproved !== undefined && !facts.ran.some((ran) => ran.check.exitCode === 0)) {
    return {
      verdict: "GATE-ERROR",
      reason: "BaseFails",
      message: baseFails(unproved, facts, "and no other check passed")
    }
  }
  return { verdict: "GATE-PASS", message: rests(facts) }
}

/** A check on which those after it stand: what they say without it is nobody's. */
const isFoundation = ({ check: { role } }: Ran): boolean => role === "setup" || role === "build"

/** What fails there, and how to go on. */
const baseFails = ({ check: { name } }: Ran, { base }: Facts, said: string): string =>
  `${name} fails on the base${base === undefined ? "" : ` ${base.slice(0, 12)}`} too, ${said}: fix the base, give the check \`paths\` in .foreman/gate.yaml, or set up what it needs`

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

/** Findings that a sentence names; more are counted. */
const maxNamed = 3

/** What somebody must allow, and the line that allows it: one for each rule and file. */
const question = (asking: ReadonlyArray<Finding>, { attended, commit }: Facts): string => {
  const places = new Map<string, Finding>()
  for (const finding of asking) {
    const place = `${finding.rule} ${finding.file}`
    if (!places.has(place)) places.set(place, finding)
  }
  const named = [...places.values()].slice(0, maxNamed)
  const more = places.size - named.length
  const how =
    attended === true || commit === undefined
      ? named.map(allowFlag).join(" ")
      : `spec.approvals: [${named.map((finding) => allowEntry(finding, commit)).join(", ")}]`
  return [
    ...named.map((finding) => `${finding.rule}: ${said(finding)}`),
    ...(more > 0 ? [`and ${more} more`] : []),
    `somebody other than the author may allow it with ${how}`
  ].join("; ")
}

const said = ({ file, line, message, test }: Finding): string =>
  `${file}${line === undefined ? "" : `:${line}`}${test === undefined ? "" : ` ${test}`}: ${message}`

/** What a GATE-PASS rests on. */
const rests = (facts: Facts): string => {
  const { coverage } = facts
  const green = facts.ran.filter((ran) => ran.check.skipped === undefined && !isRed(ran)).length
  const skipped = facts.ran.filter(({ check }) => check.skipped !== undefined).length
  const labelled = facts.ran.flatMap(({ check, rerun }) =>
    rerun === undefined ? [] : [`${check.name}: ${rerun}`]
  )
  const rulesOf = (weight: "warn" | "allowed") => {
    const findings = facts.findings.filter((finding) => weightOf(finding, facts) === weight)
    const rules = [...new Set(findings.map(({ rule }) => rule))]
    return findings.length === 0
      ? []
      : [
          `${findings.length} ${weight === "warn" ? "warning(s)" : "allowed by approval"}: ${rules.join(", ")}`
        ]
  }
  return [
    `${green} check(s) passed${skipped === 0 ? "" : ` and ${skipped} had nothing to do`}`,
    ...(labelled.length === 0 ? [] : [`failing, and not held against the change (${labelled.join(", ")})`]),
    ...(coverage.files === 0
      ? ["no file was added or changed"]
      : [`${coverage.examined} of ${coverage.files} changed file(s) examined`]),
    ...(facts.tests === undefined ? [] : [facts.tests]),
    ...rulesOf("allowed"),
    ...rulesOf("warn")
  ].join("; ")
}

/** Lines of the log for what was found, and for what nothing looked at. */
export const told = (
  findings: ReadonlyArray<Finding>,
  standard: Standard,
  { examined, files, uncovered }: Coverage
): ReadonlyArray<string> => [
  ...(findings.length === 0 ? [] : ["--- findings:"]),
  ...findings.map((finding) => `${weightOf(finding, standard)} ${finding.rule}: ${said(finding)}`),
  ...(uncovered.length === 0
    ? []
    : [
        `--- ${examined} of ${files} changed files were examined; not: ${uncovered.slice(0, 20).join(", ")}${uncovered.length > 20 ? ", …" : ""}`
      ])
]

export const dirtyLine = "GATE FAIL: tree dirty after checks (unformatted or stale codegen)"
