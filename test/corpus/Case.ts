/** A case of the corpus: a change, and what a gate must make of it. Its form is told in README.md. */
import { globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

import { Schema } from "effect"
import { parse } from "yaml"

import { GateLimit } from "../../schema/Result.ts"
import { GateVerdict } from "../../src/gate/envelope.ts"
import { Rule } from "../../src/gate/finding.ts"

/** Kinds of changes, and whether the gate must hold all of a kind against their author. */
export const classes = {
  good: "a change that must pass",
  hollow: "a test that passes without the change, or never runs",
  weakened: "a test that asks less than it did",
  bent: "an expectation that was bent to what the product does",
  skip: "a test that is skipped now",
  "deleted-test": "a test that is gone while its subject lives",
  "wrong-file": "a change in a file that nothing uses",
  "invented-number": "documents that claim what is not so",
  unformatted: "a file that is not formatted",
  "dirty-codegen": "generated code that is stale, or a check that leaves something behind",
  policy: "a change of what decides about changes",
  unreachable: "code that nothing reaches",
  untested: "behaviour that changes, and no test does",
  "syntax-error": "code that does not parse or compile",
  "not-code": "a broken workflow, script, document or setting",
  broken: "a test that fails",
  "red-base": "a test that the base fails, too",
  flaky: "a test that comes and goes",
  slow: "a check that does not end in time",
  hog: "a check that eats memory, processes, disk or the log",
  forged: "a check that prints, kills or replaces its way to another verdict"
} as const

const opt = Schema.optionalKey
const oneOrMore = <S extends Schema.Top>(schema: S) => Schema.Union([schema, Schema.NonEmptyArray(schema)])

const Texts = Schema.Record(Schema.String, Schema.String)
const Edits = Schema.Record(
  Schema.String,
  Schema.NonEmptyArray(Schema.Struct({ old: Schema.NonEmptyString, new: Schema.String }))
)

/** A rule, a failed check, or the limit that ended one. */
export const Because = Schema.Union([
  Rule,
  Schema.TemplateLiteral(["check:", Schema.String]),
  Schema.TemplateLiteral(["limit:", GateLimit])
])

const Case = Schema.Struct({
  class: Schema.Literals(Object.keys(classes) as ReadonlyArray<keyof typeof classes>),
  title: Schema.NonEmptyString,
  base: opt(Texts),
  change: opt(Texts),
  edit: opt(Edits),
  delete: opt(Schema.NonEmptyArray(Schema.String)),
  rename: opt(Texts),
  limits: opt(Schema.Struct({ check: opt(Schema.String), memory: opt(Schema.String) })),
  machine: opt(Schema.Literal(false)),
  expect: Schema.Struct({
    verdict: oneOrMore(GateVerdict),
    because: opt(oneOrMore(Because)),
    file: opt(Schema.String),
    warns: opt(Rule)
  })
})

export interface Case extends Schema.Schema.Type<typeof Case> {
  /** `<language>/<file>`. */
  readonly name: string
  readonly language: string
}

const decode = Schema.decodeUnknownSync(Case, { onExcessProperty: "error", errors: "all" })

const folder = import.meta.dirname

/** The repository that a language's cases begin with. */
export const baseOf = (language: string): string => join(folder, language, "base")

/** One or several, as a list. */
export const listOf = <A>(value: A | ReadonlyArray<A> | undefined): ReadonlyArray<A> =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as A]

/** All cases, by name. Throws on one that is not in form. */
export const loadCases = (): ReadonlyArray<Case> =>
  globSync("*/*.yaml", { cwd: folder })
    .toSorted()
    .map((file) => {
      const language = dirname(file)
      const name = `${language}/${basename(file, ".yaml")}`
      try {
        return { ...decode(parse(readFileSync(join(folder, file), "utf8"))), name, language }
      } catch (cause) {
        throw new Error(`${file} is no case: ${cause instanceof Error ? cause.message : cause}`, { cause })
      }
    })
