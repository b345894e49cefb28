/** From what the checks did to a verdict, and the forms that a verdict travels in. Pure: the judge's program brings the facts. */
import { Schema } from "effect"

import { GateCheck, type GateLimit } from "../../schema/Result.ts"

/** Why nothing was judged, as the judge itself can know it. What only Kubernetes knows is a `JobFault`. */
export const GateFault = Schema.Literals([
  "CloneFailed",
  "BranchNotFound",
  "BranchMoved",
  "RemoteUnreachable",
  "ConfigInvalid",
  "NothingToCheck",
  "CheckUnavailable",
  "ToolchainSilent",
  "ToolchainDied",
  "OutOfMemory",
  "DiskFull",
  "DeadlineExceeded",
  "Terminated",
  "JudgeFailed"
])
export type GateFault = typeof GateFault.Type

export const GateVerdict = Schema.Literals(["GATE-PASS", "GATE-FAIL", "GATE-ERROR"])
export type GateVerdict = typeof GateVerdict.Type

export const exitCodes: Readonly<Record<GateVerdict, number>> = {
  "GATE-PASS": 0,
  "GATE-FAIL": 1,
  "GATE-ERROR": 69
}

/** The verdict bound to what was judged: the termination message of a gate pod. */
export const Envelope = Schema.Struct({
  verdict: GateVerdict,
  reason: Schema.optionalKey(Schema.String),
  /** One sentence for a person. */
  message: Schema.String,
  commit: Schema.optionalKey(Schema.String),
  tree: Schema.optionalKey(Schema.String),
  base: Schema.optionalKey(Schema.String),
  checks: Schema.Array(GateCheck),
  /** Paths that differed from the commit after the checks; the first few. */
  dirty: Schema.optionalKey(Schema.Array(Schema.String)),
  /** What held the candidate: `container`, or `process` where there is no kubelet but ours. */
  confinement: Schema.optionalKey(Schema.String)
})
export type Envelope = typeof Envelope.Type

/** A check as it ran. `base` is what the same command did on the base, where that was asked. */
export interface Ran {
  readonly check: GateCheck
  readonly base?: number | undefined
  /** The limit that ended it there. */
  readonly baseLimit?: GateLimit | undefined
}

/** Exit codes by which a command says that it never began, and the one of a process that the kernel killed for memory. */
const notFound = 127
const notExecutable = 126
const killed = 137

/**
 * Whether a failure must be tried on the base before it is held against the author: the command could not start, the make target is
 * not declared at the base, something killed it, or it ran into a limit.
 */
export const isSuspect = (exitCode: number, isUndeclared: boolean, limit?: GateLimit): boolean =>
  limit !== undefined ||
  exitCode === notFound ||
  exitCode === notExecutable ||
  exitCode === killed ||
  (exitCode !== 0 && isUndeclared)

const isExcused = ({ base, baseLimit, check }: Ran): boolean =>
  check.limit === undefined ? check.exitCode !== 0 && base === check.exitCode : baseLimit !== undefined

/** Reason and sentence of a check that runs into a limit with the change and without it: the limit is too low, whoever set it. */
const atLimit: Readonly<Record<GateLimit, { readonly reason: string; readonly message: string }>> = {
  time: { reason: "CheckTimedOut", message: "takes longer than its time limit" },
  memory: { reason: "OutOfMemory", message: "needs more than its memory" },
  processes: { reason: "TooManyProcesses", message: "starts more processes than it may" },
  output: { reason: "TooMuchOutput", message: "prints more than it may" },
  disk: { reason: "DiskFull", message: "needs more disk than there is" }
}

/** What the checks and the tree came to. GATE-FAIL needs a check that ran and said no, or a tree that the checks changed. */
export const judge = (facts: {
  readonly ran: ReadonlyArray<Ran>
  readonly dirty: ReadonlyArray<string>
}): Pick<Envelope, "verdict" | "message"> & { readonly reason?: string } => {
  const failed = facts.ran.filter(
    (ran) => (ran.check.exitCode !== 0 || ran.check.limit !== undefined) && !isExcused(ran)
  )
  if (failed.length > 0) {
    const said = failed.map(({ base, check }) =>
      check.limit !== undefined
        ? `${check.name} ${atLimit[check.limit].message}${base === undefined ? "" : ", and on the base it does not"} (limit: ${check.limit})`
        : check.exitCode === killed
          ? `${check.name} was killed, as it is for want of memory, and is not on the base`
          : `${check.name} exited ${check.exitCode}`
    )
    const isLimit = failed.every(({ check }) => check.limit !== undefined)
    return {
      verdict: "GATE-FAIL",
      reason: isLimit ? "LimitExceeded" : "CheckFailed",
      message: said.join("; ")
    }
  }
  const excused = facts.ran.find(isExcused)
  if (excused !== undefined) {
    const { exitCode, limit, name } = excused.check
    if (limit !== undefined) {
      const { message, reason } = atLimit[excused.baseLimit ?? limit]
      return {
        verdict: "GATE-ERROR",
        reason,
        message: `${name} ${message}, on the base too (limit: ${excused.baseLimit ?? limit})`
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
  if (facts.dirty.length > 0) {
    const [first] = facts.dirty
    return {
      verdict: "GATE-FAIL",
      reason: "TreeDirty",
      message: `the checks left ${facts.dirty.length} path(s) that differ from the commit, ${first} among them`
    }
  }
  return { verdict: "GATE-PASS", message: `${facts.ran.length} check(s) passed` }
}

export const dirtyLine = "GATE FAIL: tree dirty after checks (unformatted or stale codegen)"

/** The last line of the log. It tells a reader; it decides nothing. */
export const lastLine = (verdict: GateVerdict): string => verdict.replace("-", " ")

/** As much as Kubernetes keeps of a termination message. */
export const maxEnvelopeBytes = 4_096

const encode = Schema.encodeSync(Schema.fromJsonString(Envelope))
const size = (text: string): number => new TextEncoder().encode(text).length

/** The envelope in at most 4,096 bytes: the wording gives way first, then the paths, then checks that passed, then the last ones. */
export const encodeEnvelope = (envelope: Envelope): string => {
  const short = {
    ...envelope,
    message: cut(envelope.message, 300),
    checks: envelope.checks.map((check) => ({
      ...check,
      name: cut(check.name, 63),
      command: cut(check.command, 80)
    }))
  }
  const { dirty: _, ...bare } = short
  const failing = bare.checks.filter(({ exitCode }) => exitCode !== 0)
  const candidates: Array<Envelope> = [
    envelope,
    short,
    { ...short, ...(short.dirty && { dirty: short.dirty.slice(0, 5).map((path) => cut(path, 100)) }) },
    bare,
    { ...bare, checks: failing.slice(0, 10) }
  ]
  const last = { ...bare, checks: [] }
  return encode(candidates.find((candidate) => size(encode(candidate)) <= maxEnvelopeBytes) ?? last)
}

/** The first characters of a text, never half of one. */
const cut = (text: string, length: number): string => {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`
}
