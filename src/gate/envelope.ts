/** The forms in which a verdict travels: a compact one in the termination message, the whole in the log. Writer and reader in one file. */
import { Option, Schema } from "effect"

import { GateCheck } from "../../schema/Result.ts"
import { Counted } from "./approval.ts"
import { Finding } from "./finding.ts"

export const GateVerdict = Schema.Literals(["GATE-PASS", "GATE-FAIL", "GATE-ERROR"])
export type GateVerdict = typeof GateVerdict.Type

export const exitCodes: Readonly<Record<GateVerdict, number>> = {
  "GATE-PASS": 0,
  "GATE-FAIL": 1,
  "GATE-ERROR": 69
}

const opt = Schema.optionalKey

/** The verdict bound to what was judged. */
export const Envelope = Schema.Struct({
  verdict: GateVerdict,
  reason: opt(Schema.String),
  /** One sentence for a person: what the verdict rests on. */
  message: Schema.String,
  commit: opt(Schema.String),
  tree: opt(Schema.String),
  /** The merge base with the base branch. */
  base: opt(Schema.String),
  /** SHA-256 of the checks and the policy that were in force. */
  profile: opt(Schema.String),
  /** Who named the checks. */
  source: opt(Schema.String),
  /** What the repository wants done about each rule. */
  policy: opt(Schema.Record(Schema.String, Schema.String)),
  /** What the branch was when the verdict was there, if that is another commit; `gone` for a branch that was deleted. */
  moved: opt(Schema.String),
  checks: Schema.Array(GateCheck),
  /** What was found besides, failing ones first. */
  findings: opt(Schema.Array(Finding)),
  /** Approvals that counted: what was allowed, by whom and why. */
  approvals: opt(Schema.Array(Counted)),
  /** Which approvals of the commit the judge read (`approve`). */
  approvalsRead: opt(Schema.String),
  /** Changed files, how many of them something examined, and which not. */
  coverage: opt(
    Schema.Struct({ files: Schema.Int, examined: Schema.Int, uncovered: Schema.Array(Schema.String) })
  ),
  /** What the bite check and the reruns did, for who wants to know more. */
  evidence: opt(Schema.Record(Schema.String, Schema.Json)),
  /** Paths that differed from the commit after the checks; the first few. */
  dirty: opt(Schema.Array(Schema.String)),
  /** What held the candidate: `container`, `namespaces` of its own, or no more than a `process` group. */
  confinement: opt(Schema.String)
})
export type Envelope = typeof Envelope.Type

/** As much as Kubernetes keeps of a termination message. */
export const maxEnvelopeBytes = 4_096
/** A reader keeps the last 32 KiB of a log: most of it is to be the checks'. */
const maxLineBytes = 12 * 1024

const Message = Schema.fromJsonString(Schema.Struct({ nonce: Schema.String, ...Envelope.fields }))
const encode = Schema.encodeSync(Schema.fromJsonString(Envelope))
const size = (text: string): number => new TextEncoder().encode(text).length

/** The first characters of a text, never half of one; the last is an ellipsis where something was left out. */
export const cut = (text: string, length: number): string => {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`
}

const isRed = ({ exitCode, limit }: GateCheck): boolean =>
  (exitCode !== undefined && exitCode !== 0) || limit !== undefined

const withTails = (envelope: Envelope, bytes: number): Envelope => ({
  ...envelope,
  checks: envelope.checks.map(({ logTail, ...check }) => {
    const kept = Array.from(logTail ?? "")
      .slice(isRed(check) ? -bytes : -Math.floor(bytes / 8))
      .join("")
    return kept === "" ? check : { ...check, logTail: kept }
  })
})

/** Without what only details: tails, globs and evidence; lists and words cut short. */
const brief = (whole: Envelope, rows: number): Envelope => {
  const { evidence: _, policy: ____, ...envelope } = whole
  const { approvals, checks, coverage, dirty, findings } = envelope
  return {
    ...envelope,
    message: cut(envelope.message, 300),
    checks: checks.map(({ logTail: __, paths: ___, ...check }) => ({
      ...check,
      name: cut(check.name, 63),
      command: cut(check.command, 80),
      ...(check.message !== undefined && { message: cut(check.message, 100) })
    })),
    ...(findings !== undefined && {
      findings: findings
        .slice(0, rows)
        .map((finding) => ({ ...finding, file: cut(finding.file, 100), message: cut(finding.message, 120) }))
    }),
    ...(approvals !== undefined && {
      approvals: approvals.slice(0, rows).map((approval) => ({
        ...approval,
        path: cut(approval.path, 100),
        reason: cut(approval.reason, 100),
        files: approval.files.slice(0, rows).map((path) => cut(path, 100))
      }))
    }),
    ...(coverage !== undefined && {
      coverage: { ...coverage, uncovered: coverage.uncovered.slice(0, rows).map((path) => cut(path, 100)) }
    }),
    ...(dirty !== undefined && { dirty: dirty.slice(0, rows).map((path) => cut(path, 100)) })
  }
}

/** Ever shorter forms: the tails give way first, then the wording, then lists, then checks that passed, then the last ones. */
const forms = function* (envelope: Envelope): Generator<Envelope> {
  for (const bytes of [4_000, 1_000, 200, 0]) yield withTails(envelope, bytes)
  for (const rows of [50, 10, 3]) yield brief(envelope, rows)
  const { approvals: _, coverage: __, dirty: ___, findings: ____, ...bare } = brief(envelope, 0)
  yield bare
  yield { ...bare, checks: bare.checks.filter(isRed).slice(0, 10) }
  yield { ...bare, checks: [] }
}

/** The JSON of the fullest form that fits. */
const fit = (envelope: Envelope, nonce: string | undefined, maxBytes: number): string => {
  const write = (form: Envelope) => {
    const json = encode(form)
    return nonce === undefined ? json : `{"nonce":${JSON.stringify(nonce)},${json.slice(1)}`
  }
  let text = ""
  for (const form of forms(envelope)) {
    text = write(form)
    if (size(text) <= maxBytes) break
  }
  return text
}

/** The termination message of a gate pod: at most 4,096 bytes. */
export const encodeEnvelope = (envelope: Envelope, nonce?: string): string =>
  fit(envelope, nonce, maxEnvelopeBytes)

/** The first line of the log, printed before anything of the candidate's is read. */
export const nonceLine = (nonce: string): string => `FOREMAN-NONCE: ${nonce}`

/** Almost the last line of the log. It has no line feed inside: JSON writes them out. */
export const resultLine = (envelope: Envelope, nonce: string): string =>
  `FOREMAN-${nonce}: ${fit(envelope, undefined, maxLineBytes)}`

/** The last line of the log. It tells a reader; it decides nothing. */
export const lastLine = (verdict: GateVerdict): string => verdict.replace("-", " ")

const decodeMessage = Schema.decodeUnknownOption(Message)
const decodeEnvelope = Schema.decodeUnknownOption(Schema.fromJsonString(Envelope))

/** The log without the two lines that are there for machines. */
export const forPeople = (log: string, nonce: string | undefined): string =>
  nonce === undefined
    ? log
    : log
        .split("\n")
        .filter((line) => !line.startsWith(`FOREMAN-${nonce}: `) && line !== nonceLine(nonce))
        .join("\n")

/**
 * What a gate pod left behind. The message decides: the candidate has no way to write it. The log adds what did not fit into it, where
 * both are of the same judge and say the same; alone it counts only where the message was lost on the way, and its first line, which
 * was there before the candidate was, told the nonce.
 */
export const readEnvelope = (words: {
  readonly terminationMessage: string
  readonly logHead: string
  readonly logTail: string
}): { readonly envelope: Envelope; readonly nonce: string | undefined } | undefined => {
  const message = Option.getOrUndefined(decodeMessage(words.terminationMessage))
  const older = Option.getOrUndefined(decodeEnvelope(words.terminationMessage))
  if (message === undefined && older !== undefined) return { envelope: older, nonce: undefined }
  if (message === undefined && words.terminationMessage.trim() !== "") return undefined
  const nonce = message?.nonce ?? /^FOREMAN-NONCE: ([0-9a-f-]{32,36})\s*$/u.exec(words.logHead)?.[1]
  if (nonce === undefined) return undefined
  const mark = `FOREMAN-${nonce}: `
  const line = words.logTail.split("\n").findLast((each) => each.startsWith(mark))
  const whole = Option.getOrUndefined(decodeEnvelope(line?.slice(mark.length)))
  if (message === undefined) return whole === undefined ? undefined : { envelope: whole, nonce }
  const { nonce: _, ...compact } = message
  const isSame =
    whole !== undefined &&
    whole.verdict === compact.verdict &&
    whole.reason === compact.reason &&
    whole.commit === compact.commit
  return { envelope: isSame ? whole : compact, nonce }
}
