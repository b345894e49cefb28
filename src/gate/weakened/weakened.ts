/**
 * Weakened tests: what the tests of the base claim and those of the commit no longer do, by syntax (Go, Python, Rust, JavaScript, TypeScript).
 *
 * Each test is read as the list of its claims (`walk.ts`), the claims of base and commit are matched (`match.ts`), and what remains is a
 * finding: claims lost or made looser, tests skipped, deleted while what they exercise lives, or no longer collected. Moving, renaming,
 * folding into tables and helpers, and changing the library of assertions leave no remainder.
 *
 * A changed expectation is decided by what else changed. It is a finding where the code that the test reaches is the same in base and commit:
 * nothing but tests changed, or what it asks is defined in the changed files and all that it reaches there is as it was. Old and new expectation cannot both hold then,
 * so the test was made to agree with what the code does. Where the code did change, the issue must say which is right, and no syntax
 * does: it is a note for the reviewer, and the bite check says whether the base fails it.
 *
 * A file that does not parse is not judged and named in a note. So is whatever depends on the platform, an expectation under another name,
 * and longer timeouts.
 */
import type { Change, ChangedFile } from "../change.ts"
import { isGenerated, isTestPath } from "../files.ts"
import type { Finding } from "../finding.ts"
import { readFile as javascript } from "./javascript.ts"
import { readFile as go } from "./go.ts"
import { pairs, weakenings } from "./match.ts"
import { productionOf } from "./production.ts"
import { readFile as python } from "./python.ts"
import { doubleFindings, findingsOf, newOnlyFindings } from "./report.ts"
import { readFile as rust } from "./rust.ts"
import type { Load } from "./scriptModules.ts"
import { shadowFindings, sourcesOf } from "./sources.ts"
import { specialCases } from "./special.ts"
import { type Grammar, grammarOf, type Parse, type SyntaxNode } from "./syntax.ts"
import type { TestFile } from "./testCase.ts"
import type { Budget } from "./walk.ts"
import type { Side } from "./weight.ts"

const readers = { python, go, rust, javascript, typescript: javascript, tsx: javascript } as const

/** Some seconds of reading; the tests of a large project take a tenth of it. */
const maxVisits = 1_500_000

export const weakenedTests = (change: Change, parse: Parse): ReadonlyArray<Finding> => {
  const budget: Budget = { left: maxVisits }
  const base: Side = { tests: [], files: new Set(), others: [] }
  const head: Side = { tests: [], files: new Set(), others: [] }
  const findings: Array<Finding> = []
  const trees = { base: treesOf(change, "before", parse), head: treesOf(change, "after", parse) }
  for (const file of change.files) {
    const oldPath = file.oldPath ?? file.path
    const [oldGrammar, grammar] = [grammarOf(oldPath), grammarOf(file.path)]
    const isTest =
      oldGrammar === "rust" ||
      grammar === "rust" ||
      [file.path, oldPath].some((one) => isTestPath(one) || isByName(one))
    if (!isTest || isGenerated(file.before) || (file.before === undefined && isGenerated(file.after)))
      continue
    const before = readText(oldGrammar, file.before, parse, budget, loadOf(oldPath, trees.base))
    const after = readText(grammar, file.after, parse, budget, loadOf(file.path, trees.head))
    if (before === "unreadable" || after === "unreadable") {
      if (grammar !== "rust" || isTestPath(file.path))
        findings.push(unread(file, before === "unreadable" ? "base" : "commit"))
      continue
    }
    if (before.tests.length > 0 && after.tests.length > 0)
      findings.push(
        ...shadowFindings(file.path, before.sources ?? new Map(), after.sources ?? new Map(), change)
      )
    collect(base, oldPath, before, true)
    const hasOwnNames = change.files.some(
      (one) =>
        one.before !== undefined &&
        isTestPath(one.oldPath ?? one.path) &&
        !collects(one.oldPath ?? one.path, grammar)
    )
    collect(head, file.path, after, (collects(file.path, grammar) && !losesName(file)) || hasOwnNames)
    if (before.tests.length > 0 && before.excluded === undefined && after.excluded !== undefined) {
      findings.push({
        rule: "weakened",
        file: file.path,
        line: 1,
        message: `none of its tests runs any more by default: ${after.excluded}`
      })
    }
  }
  if (budget.left < 0) {
    const message = "there are more tests in the change than can be compared: read them"
    return [...findings, { rule: "weakened", file: ".", message, isNote: true }]
  }
  const matched = pairs(base.tests, head.tests)
  const { fresh, weak } = weakenings(matched, head.tests)
  findings.push(...newOnlyFindings(matched, head), ...doubleFindings(matched, head))
  const claims = head.tests.flatMap(({ test }) => test.reading.assertions)
  findings.push(...specialCases(change, claims, parse))
  const headWords = new Set(head.tests.flatMap(({ test }) => [...test.words]))
  const context = {
    headWords,
    production: productionOf(change, parse),
    base,
    head,
    isOnlyLess: fresh === 0
  }
  const byPair = Map.groupBy(weak, ({ pair }) => pair)
  for (const pair of matched) findings.push(...findingsOf(pair, byPair.get(pair) ?? [], context))
  return findings
}

const collect = (side: Side, file: string, read: TestFile, isCollected: boolean): void => {
  if (read.tests.length > 0) side.files.add(file)
  if (isCollected && read.excluded === undefined)
    side.tests.push(...read.tests.map((test) => ({ file, test })))
  else if (!isCollected)
    side.others.push(...read.tests.map((test) => ({ file, name: test.name, words: test.words })))
  side.others.push(...[...read.others].map(([name, words]) => ({ file, name, words })))
}

const readText = (
  grammar: Grammar | undefined,
  text: string | undefined,
  parse: Parse,
  budget: Budget,
  load: Load
): TestFile | "unreadable" => {
  if (text === undefined || grammar === undefined) return { tests: [], others: new Map() }
  const root = parse(grammar, text)
  if (root === undefined) return "unreadable"
  return { ...readers[grammar](root, budget, load), sources: sourcesOf(root, grammar) }
}

/** Trees of the change's scripts by path, each read when it is first asked for. */
const treesOf = (
  { files }: Change,
  side: "before" | "after",
  parse: Parse
): ((path: string) => SyntaxNode | undefined) => {
  const texts = new Map(
    files.map((file) => [side === "before" ? (file.oldPath ?? file.path) : file.path, file[side]] as const)
  )
  const known = new Map<string, SyntaxNode | undefined>()
  return (path) => {
    const [grammar, text] = [grammarOf(path), texts.get(path)]
    if (known.has(path) || text === undefined || grammar === undefined) return known.get(path)
    const tree = parse(grammar, text)
    known.set(path, tree)
    return tree
  }
}

const endings = ["", ".js", ".cjs", ".mjs", ".ts", ".mts", ".cts", "/index.js", "/index.ts"]

/** Files as another one names them: `./rows`, `../fixtures/rows.js`. */
const loadOf =
  (from: string, treeAt: (path: string) => SyntaxNode | undefined): Load =>
  (specifier) => {
    const words = [...from.split("/").slice(0, -1), ...specifier.split("/")]
    const path: Array<string> = []
    for (const word of words) {
      if (word === "..") path.pop()
      else if (word !== "." && word !== "") path.push(word)
    }
    const name = path.join("/")
    const tries = [...endings.map((ending) => name + ending), name.replace(/\.([cm]?)js$/u, ".$1ts")]
    return tries.map(treeAt).find((tree) => tree !== undefined)
  }

const unread = ({ path }: ChangedFile, where: string): Finding => ({
  rule: "weakened",
  file: path,
  message: `its text in the ${where} does not parse, so its tests were not compared: read them`,
  isNote: true
})

/** Whether the language's usual runner looks into the file. */
const collects = (path: string, grammar: Grammar | undefined): boolean => {
  switch (grammar) {
    case "go":
      return path.endsWith("_test.go")
    case "python":
      return /(^|\/)(test_[^/]*|[^/]*_test|tests?)\.py$/u.test(path)
    case "rust":
      return true
    default:
      return isTestPath(path) || isByName(path)
  }
}

/** `test.js`, `tests.py`, `specs/a.js`: small projects have their tests where they like. */
const isByName = (path: string): boolean =>
  /(^|\/)(?:tests?|specs?)\.(?:[cm]?[jt]sx?|py)$|(^|\/)specs?\/.*\.[cm]?[jt]sx?$|[._-](?:test|spec)s?\.[cm]?[jt]sx?$/u.test(
    path
  )

/** A folder of tests holds more than tests: a file that was named as one is believed only under such a name. */
const losesName = ({ oldPath, path }: ChangedFile): boolean =>
  oldPath !== undefined && /\.(?:test|spec)\.[cm]?[jt]sx?$/u.test(oldPath) && !scriptNames.test(path)

/** As Jest, Vitest and node:test look for them. */
const scriptNames = /(?:[._-](?:test|spec)|(?:^|\/)test[-_][^/]*|(?:^|\/)__tests__\/.*)\.[cm]?[jt]sx?$/u
