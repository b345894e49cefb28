/**
 * Which findings an approval allows, and how one is written on a command line. Pure. An approval reaches findings that ask and nothing
 * else: neither a check that said no nor a finding that the policy fails.
 */
import { Result, Schema } from "effect"

import { allowance, Approval, maxApprovals } from "../../schema/Approval.ts"
import { approvalsFor, fingerprintOf } from "../decide/approval.ts"
import { matcher } from "./coverage.ts"
import { type Finding, Rule, type Standard, weightOf } from "./finding.ts"
import { quoted } from "./quoted.ts"

/** An approval as the judge takes it: that of a task, or one of `--allow`, which names neither commit nor person. */
export const Allowance = Schema.Struct({
  ...allowance,
  commit: Schema.optionalKey(Schema.String),
  by: Schema.optionalKey(Schema.String)
})
export type Allowance = typeof Allowance.Type

/** `APPROVALS` of a gate pod. */
export const Approvals = Schema.fromJsonString(Schema.Array(Approval).check(Schema.isMaxLength(maxApprovals)))

/** An approval that counted, as a result records it. */
export const Counted = Schema.Struct({
  ...Allowance.fields,
  /** Files whose findings it allowed. */
  files: Schema.Array(Schema.String)
})
export type Counted = typeof Counted.Type

const isRule = Schema.is(Rule)

/** Stands for a finding that names no file. */
const anywhere = "**"

const form = `must be RULE:PATH=REASON, such as weakened:test/a.test.ts="the function was removed"`

/** `RULE:PATH=REASON` of `--allow`. The path ends at the first `=`; a path that holds one is written with `?` in its place. */
export const parseAllow = (text: string): Result.Result<Allowance, string> => {
  const [, rule = "", path = "", reason = ""] = /^([^:=]+):([^=]+)=(.*)$/su.exec(text) ?? []
  if (rule === "") return Result.fail(`--allow ${text}: ${form}`)
  if (!isRule(rule)) {
    return Result.fail(`--allow ${text}: ${rule} is not one of ${Rule.literals.join(", ")}`)
  }
  if (path.startsWith("!")) return Result.fail(`--allow ${text}: PATH must not begin with !`)
  return reason.trim() === ""
    ? Result.fail(`--allow ${text}: say why it is right after the =`)
    : Result.succeed({ rule, path, reason: reason.trim() })
}

const covers = ({ path, rule }: Allowance): ((finding: Finding) => boolean) => {
  // `!x` as a glob would match everything but x.
  const matches = path.startsWith("!") ? () => false : matcher([path])
  return ({ file, rule: found }) =>
    found === rule && (path === file || path === anywhere || (file !== "" && matches(file)))
}

/** Whether the approver wrote the change: by a name, an address, or the part of it before the @. Case does not count. */
const isAuthor = (by: string, authors: ReadonlyArray<string>): boolean => {
  const name = by.trim().toLowerCase()
  return authors.some((author) => {
    const known = author.trim().toLowerCase()
    const local = known.replace(/@.*$/su, "").replace(/^\d+\+/u, "")
    return known === name || (known.includes("@") && local === name)
  })
}

export interface Asked extends Omit<Standard, "allowed"> {
  readonly findings: ReadonlyArray<Finding>
  readonly approvals: ReadonlyArray<Allowance>
  /** The commit that is judged. */
  readonly commit: string
  /** Names and addresses of the authors of the change; empty when they are not known. */
  readonly authors: ReadonlyArray<string>
}

export interface Approved {
  readonly allowed: ReadonlySet<Finding>
  readonly counted: ReadonlyArray<Counted>
  /** One line for each approval: what it allowed, or why it does not count. */
  readonly lines: ReadonlyArray<string>
  /** Tells which approvals of this commit were read, so that the operator runs no gate again for the same ones. */
  readonly read: string | undefined
}

/** Why an approval does not count, whatever it covers. Where nobody attends, it must name the judged commit and its author. */
const refusal = (approval: Allowance, { attended, authors, commit }: Asked): string | undefined => {
  if (approval.commit === undefined && attended !== true) return "it names no commit"
  if (approval.commit !== undefined && approval.commit !== commit) {
    return `it is for commit ${approval.commit}, and ${commit} is judged`
  }
  if (approval.by === undefined) return attended === true ? undefined : "it does not say who approves"
  return isAuthor(approval.by, authors) ? `${approval.by} is an author of the change` : undefined
}

/** Holds approvals against what was found. An approval that allows nothing is said, and fails nothing. */
export const approve = (asked: Asked): Approved => {
  const open = asked.findings.filter((finding) => weightOf(finding, asked) === "ask")
  const allowed = new Set<Finding>()
  const counted: Array<Counted> = []
  const lines: Array<string> = []
  for (const approval of asked.approvals) {
    const { by, path, rule } = approval
    const name = `approval of ${rule}:${path}${by === undefined ? "" : ` by ${by}`}`
    const refused = refusal(approval, asked)
    const covered = refused === undefined ? open.filter(covers(approval)) : []
    const [first] = covered
    if (first === undefined) {
      lines.push(`${name} does not count: ${refused ?? "nothing that asks for approval matches it"}`)
      continue
    }
    for (const finding of covered) allowed.add(finding)
    const files = [...new Set(covered.map(({ file }) => file))]
    counted.push({ ...approval, files })
    lines.push(
      `${name} counts for ${covered.length} finding(s), in ${files.slice(0, 5).join(", ")}: ${approval.reason}`
    )
  }
  const complete = asked.approvals.filter(Schema.is(Approval))
  return { allowed, counted, lines, read: fingerprintOf(approvalsFor(complete, asked.commit)) }
}

const globMarks = /[\\*?[\]{}()!+@]/gu

/** The flag that allows a finding, to be pasted into a shell. */
export const allowFlag = ({ file, rule }: Finding): string => {
  const path =
    file === ""
      ? anywhere
      : file.includes("=")
        ? file.replaceAll(globMarks, "\\$&").replaceAll("=", "?")
        : file
  return `--allow ${quoted(`${rule}:${path}=REASON`)}`
}

/** The entry of `spec.approvals` that allows a finding of a commit. */
export const allowEntry = ({ file, rule }: Finding, commit: string): string =>
  JSON.stringify({
    rule,
    path: file === "" ? anywhere : file,
    commit,
    reason: "REASON",
    by: "YOUR USER NAME"
  })
