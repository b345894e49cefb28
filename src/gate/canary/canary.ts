/**
 * The canary: a test file with one assertion turned into its opposite. A runner whose word counts fails it. `failing` is the same test made to
 * fail in its first statement: what nobody notices there is no question of which assertion was chosen.
 */
import { Schema } from "effect"

import { declaredTests } from "../testText.ts"
import { languageOf } from "../files.ts"
import { type Grammar, grammarOf, type Parse } from "../weakened/syntax.ts"
import { edited, type Negatable, type ReadNegatable } from "./edits.ts"
import { go } from "./go.ts"
import { javascript } from "./javascript.ts"
import { python } from "./python.ts"
import { rust } from "./rust.ts"

export interface Canary {
  readonly path: string
  /** As its runner names it; empty for a file that is one test, and for a name that is made when the tests run. */
  readonly test: string
  readonly line: number
  /** The whole file with the assertion negated. */
  readonly text: string
  /** The assertion runs whenever the test does. False also where none could be negated, and `text` is `failing`. */
  readonly isSure: boolean
  /** The whole file with the test failing at once; undefined where that cannot be written. */
  readonly failing: string | undefined
}

const readers: Readonly<Record<Grammar, ReadNegatable>> = {
  python,
  go,
  rust,
  javascript: javascript(false),
  typescript: javascript(true),
  tsx: javascript(true)
}

/** More than these are never tried. */
const maxCanaries = 4

/** Those that surely run first, then those of `changed` tests, in the order of the file. Empty where nothing in it can be negated. */
export const canariesOf = (
  { path, text }: { readonly path: string; readonly text: string },
  changed: ReadonlyArray<string>,
  parse: Parse
): ReadonlyArray<Canary> => {
  const grammar = grammarOf(path)
  const tree = grammar === undefined ? undefined : parse(grammar, text)
  const tests =
    grammar === undefined || tree === undefined ? textual(path, text) : readers[grammar](tree, text)
  const twice = definedTwice(text)
  const made = tests.flatMap((test) => (twice.has(test.name) ? [] : canariesOfTest(path, text, test)))
  const rank = (one: Canary) =>
    (changed.includes(one.test) ? 0 : 1) + (one.isSure ? 0 : one.text === one.failing ? 4 : 2)
  return made.toSorted((a, b) => rank(a) - rank(b)).slice(0, maxCanaries)
}

/** Functions of Python of which the later one takes the place of the first: which of them runs is no matter of the runner's word. */
const definedTwice = (text: string): ReadonlySet<string> => {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const [, name = ""] of text.matchAll(/^(?:async )?def (\w+)\(/gmu)) {
    if (seen.has(name)) twice.add(name)
    seen.add(name)
  }
  return twice
}

/** The first assertion that surely runs, or the first there is; besides, the test made to fail. */
const canariesOfTest = (path: string, text: string, test: Negatable): ReadonlyArray<Canary> => {
  const failing = test.failure.length === 0 ? undefined : edited(text, test.failure)
  const negation = test.negations.find(({ isSure }) => isSure) ?? test.negations[0]
  const one = { path, test: test.name, failing }
  return [
    ...(negation === undefined
      ? []
      : [{ ...one, line: negation.line, text: edited(text, negation.edits), isSure: negation.isSure }]),
    ...(failing === undefined ? [] : [{ ...one, line: test.line, text: failing, isSure: false }])
  ]
}

/** Languages without a grammar: scripts of a shell, and methods of JUnit. */
const textual = (path: string, text: string): ReadonlyArray<Negatable> => {
  const language = languageOf(path)
  if (language === "shell") {
    const at = /^#![^\n]*\n/u.exec(text)?.[0].length ?? 0
    return [{ name: "", line: 1, negations: [], failure: [{ from: at, to: at, text: "exit 1\n" }] }]
  }
  if (language !== "java") return []
  const lines = text.split("\n")
  return declaredTests(path, text).flatMap(({ from, name }) => {
    const before = lines.slice(0, from - 1).join("\n").length
    const declared = text.indexOf(`${name}(`, before)
    const at = declared < 0 ? -1 : text.indexOf("{", declared) + 1
    const statement = ' if ("canary".length() > 0) throw new AssertionError("canary");'
    return at <= 0
      ? []
      : [{ name, line: from, negations: [], failure: [{ from: at, to: at, text: statement }] }]
  })
}

/**
 * The text with a comment more at its end: what the control run has beside the canary, so that a product that knows its tests by their
 * text cannot tell which run it is. `word` is drawn anew for each.
 */
export const marked = (path: string, text: string, word: string): string => {
  const language = languageOf(path)
  if (language === undefined) return text
  const sign = language === "python" || language === "shell" ? "#" : "//"
  return `${text}${text.endsWith("\n") ? "" : "\n"}${sign} ${word}\n`
}

export const CanaryEvidence = Schema.Struct({
  /** The check whose runner was asked. */
  check: Schema.String,
  file: Schema.String,
  /** The test that had an assertion negated; absent for a file that is one test. */
  test: Schema.optionalKey(Schema.String),
  line: Schema.optionalKey(Schema.Int),
  result: Schema.Literals([
    /** It failed, as it must. */
    "failed",
    /** It passed with the assertion negated, and fails where it is made to fail: the assertion asks nothing. */
    "ignored",
    /** It passed though made to fail, or was never named, and elsewhere the same command fails: the exit is not to be believed. */
    "forged",
    /** It passed though made to fail, and so it does on the base. */
    "unproved",
    /** Nothing could be negated, there was no time, or it did not run. */
    "none"
  ])
})
export type CanaryEvidence = typeof CanaryEvidence.Type
