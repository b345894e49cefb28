/**
 * How the result of `run-task` comes home: written last in its log and in the pod's termination message, marked with a nonce that only
 * its first line told, so that nothing a model or a test prints can pass for it. Writer and reader in one file. Pure; design §3.7.
 */
import { Option, Schema } from "effect"

import { Result } from "../../schema/Result.ts"
import { Verdict } from "../../schema/Verdict.ts"

const opt = Schema.optionalKey

/** Contract §3.7. Empty fields are left out. */
export const TaskEnvelope = Schema.Struct({
  verdict: Verdict,
  summary: Schema.String,
  commitMessage: opt(Schema.String),
  branch: opt(Schema.String),
  commitSHA: opt(Schema.String),
  result: opt(Result)
})
export type TaskEnvelope = typeof TaskEnvelope.Type

/** Kubernetes keeps so much of a termination message. */
export const maxMessageBytes = 4096
/** A reader keeps the last 32 KiB of a log, and the envelope stands there twice. */
const maxLineBytes = 12 * 1024

const bytesOf = (text: string): number => new TextEncoder().encode(text).byteLength

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

export const envelopeOf = (result: Result): TaskEnvelope => {
  const { branch, commitMessage, commitSHA, intendedBranch } = result.extra ?? {}
  const fields = {
    commitMessage: text(commitMessage),
    branch: text(branch) ?? text(intendedBranch),
    commitSHA: text(commitSHA)
  }
  return {
    verdict: result.verdict,
    summary: result.summary,
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    result
  }
}

const cut = (value: string, length: number): string => value.slice(0, length).toWellFormed()

/** The result without what the model said beside its verdict. */
const slimmed = (result: Result): Result => {
  const { modelExtra: _, modelSummary: __, ...extra } = result.extra ?? {}
  return { ...result, extra }
}

/** Ever shorter forms: what a reader can do without goes first. */
const smaller = (envelope: TaskEnvelope): ReadonlyArray<TaskEnvelope> => {
  const { commitMessage, result, ...rest } = envelope
  const slim = result === undefined ? {} : { result: slimmed(result) }
  const subject = commitMessage === undefined ? {} : { commitMessage: cut(commitMessage, 500) }
  return [
    envelope,
    { ...envelope, ...slim },
    { ...rest, ...subject, ...slim },
    { ...rest, ...subject },
    { ...rest, summary: cut(rest.summary, 280) },
    { verdict: rest.verdict, summary: cut(rest.summary, 280) }
  ]
}

/** The JSON of the fullest form that fits. */
const compact = (envelope: TaskEnvelope, maxBytes: number, more: object = {}): string => {
  const forms = smaller(envelope).map((form) => JSON.stringify({ ...more, ...form }))
  return forms.find((form) => bytesOf(form) <= maxBytes) ?? forms.at(-1) ?? "{}"
}

const sentinels: { readonly [V in Verdict]: string } = {
  GO: "GO",
  "GATE-PASS": "GO",
  "NO-GO": "NO-GO",
  "GATE-FAIL": "NO-GO",
  "GATE-ERROR": "ERROR",
  INCOMPLETE: "INCOMPLETE",
  Skipped: "INCOMPLETE"
}
const oneLine = (value: string): string => value.replace(/\s+/gu, " ").trim()

export const nonceLine = (nonce: string): string => `FOREMAN-NONCE: ${nonce}\n`

/** The last three lines of a log. */
export const resultLines = (nonce: string, envelope: TaskEnvelope): string => {
  const json = compact(envelope, maxLineBytes)
  return `FOREMAN-${nonce}: ${json}\nFOREMAN-RESULT: ${json}\nFOREMAN ${sentinels[envelope.verdict]}: ${oneLine(envelope.summary)}\n`
}

/** The last line when there is no Result: the process ends with 1. */
export const errorLine = (message: string): string => `FOREMAN ERROR: ${oneLine(message)}\n`

/** At most 4,096 bytes. */
export const terminationMessage = (nonce: string, envelope: TaskEnvelope): string =>
  compact(envelope, maxMessageBytes, { nonce })

const decodeMessage = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ nonce: Schema.String, ...TaskEnvelope.fields }))
)
const decodeEnvelope = Schema.decodeUnknownOption(Schema.fromJsonString(TaskEnvelope))

/** The last line with the prefix whose rest is an envelope. */
const lastMarked = (lines: ReadonlyArray<string>, prefix: string): TaskEnvelope | undefined => {
  for (const line of lines.toReversed()) {
    const at = line.indexOf(prefix)
    const found = at < 0 ? Option.none() : decodeEnvelope(line.slice(at + prefix.length))
    if (Option.isSome(found)) return found.value
  }
  return undefined
}

/** What a pod left behind. `logHead` is the first line of its log, `logTail` the last of it. */
export interface PodWords {
  readonly terminationMessage: string
  readonly logHead: string
  readonly logTail: string
}

/** The envelope, or `undefined` when the pod ended without one. */
export const readEnvelope = (words: PodWords): TaskEnvelope | undefined => {
  const lines = words.logTail.split("\n")
  const nonce = /^FOREMAN-NONCE: ([0-9a-f]{32})\s*$/u.exec(words.logHead)?.[1]
  if (nonce !== undefined) {
    const message = decodeMessage(words.terminationMessage)
    if (Option.isSome(message) && message.value.nonce === nonce) {
      const { nonce: _, ...envelope } = message.value
      // What had no room in the message may be in the log, where it is the same runner's word.
      const logged = envelope.result === undefined ? lastMarked(lines, `FOREMAN-${nonce}: `) : undefined
      return logged?.verdict === envelope.verdict ? logged : envelope
    }
    return lastMarked(lines, `FOREMAN-${nonce}: `)
  }
  // An older runner: its plain line, else the bare word, which it prints last of all.
  const plain = lastMarked(lines, "FOREMAN-RESULT: ")
  if (plain !== undefined) return plain
  const bare = /FOREMAN (GO|NO-GO|INCOMPLETE)(?:: (.*))?$/u
  const last = lines.map((line) => bare.exec(line)).findLast((match) => match !== null)
  const verdict = Schema.decodeUnknownOption(Verdict)(last?.[1])
  return Option.isSome(verdict) ? { verdict: verdict.value, summary: last?.[2] ?? "" } : undefined
}
