/** From checks that said no, at the commit and on the base, to whose failure that is. */
import type { GateCheck, GateLimit } from "../../schema/Result.ts"
import { cut, type Envelope } from "./envelope.ts"

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

export const isRed = ({ check }: Ran): boolean =>
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

export type Judged = Pick<Envelope, "verdict" | "message"> & { readonly reason?: string }

/** What ran, and the merge base where there is one. */
export interface Red {
  readonly ran: ReadonlyArray<Ran>
  readonly base?: string | undefined
}

/** Undefined where no check holds anything against the change. */
export const judgeRed = (facts: Red): Judged | undefined => {
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
  return excused === undefined ? undefined : unavailable(excused)
}

/** A build that is red on both sides and no check that passed beside it: nothing was proved. */
export const unprovedBuild = (facts: Red): Judged | undefined => {
  const unproved = facts.ran.find((ran) => ran.rerun === "preexisting" && isFoundation(ran))
  if (unproved !== undefined && !facts.ran.some((ran) => ran.check.exitCode === 0)) {
    return {
      verdict: "GATE-ERROR",
      reason: "BaseFails",
      message: baseFails(unproved, facts, "and no other check passed")
    }
  }
  return undefined
}

/** A failure that is not the change's leaves the rest of its check proved. */
export const isProvedElsewhere = ({ rerun }: Ran): boolean => rerun === "preexisting" || rerun === "flaky"

/** A check on which those after it stand: what they say without it is nobody's. */
const isFoundation = ({ check: { role } }: Ran): boolean => role === "setup" || role === "build"

/** What fails there, and how to go on. */
const baseFails = ({ check: { name } }: Ran, { base }: Red, said: string): string =>
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
