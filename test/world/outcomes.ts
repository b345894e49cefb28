/** What each run found, kept line by line, so that a run that ends early loses nothing and the next goes on where it was. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

import { Schema } from "effect"

const opt = Schema.optionalKey

/** Halves of a run: what is found without running, real fixes through the whole gate, bad changes made from them. */
export const Kind = Schema.Literals(["static", "whole", "derived", "bare"])
export type Kind = typeof Kind.Type

const Found = Schema.Struct({
  rule: Schema.String,
  file: Schema.String,
  line: opt(Schema.Union([Schema.Finite, Schema.Undefined])),
  message: Schema.String,
  counts: Schema.Literals(["fail", "ask", "warn"])
})

export const Outcome = Schema.Struct({
  kind: Kind,
  /** SHA-256 of the program that was asked, 12 digits. */
  build: Schema.String,
  repository: Schema.String,
  language: Schema.String,
  commit: Schema.String,
  subject: Schema.String,
  isFix: opt(Schema.Boolean),
  /** Of a derived change: how it was made, and where. Of bare checks: the hash of the recipe. */
  made: opt(Schema.String),
  detail: opt(Schema.String),
  /** Absent where only findings count. */
  expected: opt(Schema.String),
  verdict: opt(Schema.String),
  reason: opt(Schema.String),
  message: opt(Schema.String),
  found: Schema.Array(Found),
  /** Seconds of wall time: of the program, set-up included, or of the bare checks without it. */
  seconds: Schema.Finite,
  /** Of these, how many set-up took. */
  setupSeconds: opt(Schema.Finite),
  /** The derived change turned out to be no bad one: the project's own tests pass with it. */
  equivalent: opt(Schema.Literal(true)),
  error: opt(Schema.String)
})
export type Outcome = typeof Outcome.Type

/** What two runs of one build need not ask twice. */
export const keyOf = ({
  build,
  commit,
  detail = "",
  kind,
  made = "",
  repository
}: Pick<Outcome, "kind" | "build" | "repository" | "commit" | "made" | "detail">): string =>
  [kind, build, repository, commit, made, detail].join(" ")

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Outcome))

export interface Store {
  readonly get: (key: string) => Outcome | undefined
  readonly add: (outcome: Outcome) => void
  readonly all: () => ReadonlyArray<Outcome>
}

/** A file of one JSON object a line. The last of a key counts; a last line that was cut off is dropped. */
export const openStore = (file: string): Store => {
  const byKey = new Map<string, Outcome>()
  mkdirSync(dirname(file), { recursive: true })
  const text = existsSync(file) ? readFileSync(file, "utf8") : ""
  const whole = text.slice(0, text.lastIndexOf("\n") + 1)
  if (whole !== text) writeFileSync(file, whole)
  for (const line of whole.split("\n")) {
    if (line === "") continue
    const outcome = decode(line)
    byKey.set(keyOf(outcome), outcome)
  }
  return {
    get: (key) => byKey.get(key),
    add: (outcome) => {
      byKey.set(keyOf(outcome), outcome)
      appendFileSync(file, `${JSON.stringify(outcome)}\n`)
    },
    all: () => [...byKey.values()]
  }
}
