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
import { say } from "./assertion.ts"
import { readFile as javascript } from "./javascript.ts"
import { readFile as go } from "./go.ts"
import { type Pair, pairs, type Placed, type Weakening, weakenings } from "./match.ts"
import { mayReach, type Production, productionOf } from "./production.ts"
import { readFile as python } from "./python.ts"
import { readFile as rust } from "./rust.ts"
import { type Grammar, grammarOf, type Parse } from "./syntax.ts"
import { likeness, type TestFile, wordsOf } from "./testCase.ts"
import type { Budget } from "./walk.ts"

const readers = { python, go, rust, javascript, typescript: javascript, tsx: javascript } as const

/** Some seconds of reading; the tests of a large project take a tenth of it. */
const maxVisits = 1_500_000

interface Side {
  readonly tests: Array<Placed>
  /** Functions that no runner collects, by file. */
  readonly others: Array<{
    readonly file: string
    readonly name: string
    readonly words: ReadonlySet<string>
  }>
}

export const weakenedTests = (change: Change, parse: Parse): ReadonlyArray<Finding> => {
  const budget: Budget = { left: maxVisits }
  const base: Side = { tests: [], others: [] }
  const head: Side = { tests: [], others: [] }
  const findings: Array<Finding> = []
  for (const file of change.files) {
    const oldPath = file.oldPath ?? file.path
    const [oldGrammar, grammar] = [grammarOf(oldPath), grammarOf(file.path)]
    const isTest = oldGrammar === "rust" || grammar === "rust" || isTestPath(file.path) || isTestPath(oldPath)
    if (!isTest || isGenerated(file.before) || (file.before === undefined && isGenerated(file.after)))
      continue
    const before = readText(oldGrammar, file.before, parse, budget)
    const after = readText(grammar, file.after, parse, budget)
    if (before === "unreadable" || after === "unreadable") {
      if (grammar !== "rust" || isTestPath(file.path))
        findings.push(unread(file, before === "unreadable" ? "base" : "commit"))
      continue
    }
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
  const production = productionOf(change, parse)
  const matched = pairs(base.tests, head.tests)
  const weak = weakenings(matched, head.tests)
  findings.push(...newOnlyFindings(matched, head))
  for (const pair of matched) {
    findings.push(
      ...findingsOf(
        pair,
        weak.filter((one) => one.pair === pair),
        production,
        head
      )
    )
  }
  return findings
}

const collect = (side: Side, file: string, read: TestFile, isCollected: boolean): void => {
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
  budget: Budget
): TestFile | "unreadable" => {
  if (text === undefined || grammar === undefined) return { tests: [], others: new Map() }
  const root = parse(grammar, text)
  return root === undefined ? "unreadable" : readers[grammar](root, budget)
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
      return /(^|\/)(test_[^/]*|[^/]*_test)\.py$/u.test(path)
    case "rust":
      return true
    default:
      return isTestPath(path)
  }
}

/** A folder of tests holds more than tests: a file that was named as one is believed only under such a name. */
const losesName = ({ oldPath, path }: ChangedFile): boolean =>
  oldPath !== undefined && /\.(?:test|spec)\.[cm]?[jt]sx?$/u.test(oldPath) && !scriptNames.test(path)

/** As Jest, Vitest and node:test look for them. */
const scriptNames = /(?:[._-](?:test|spec)|(?:^|\/)test[-_][^/]*|(?:^|\/)__tests__\/.*)\.[cm]?[jt]sx?$/u

/** Of a file, once: a new test that keeps its others from running. */
const newOnlyFindings = (matched: ReadonlyArray<Pair>, head: Side): ReadonlyArray<Finding> => {
  const known = new Set(matched.flatMap((pair) => pair.head ?? []))
  return [...Map.groupBy(head.tests, ({ file }) => file)].flatMap(([, tests]) => {
    const only = tests.find((one) => one.test.isOnly === true && !known.has(one))
    return only === undefined || tests.every(({ test }) => test.isOnly === true) ? [] : [onlyFinding(only)]
  })
}

const onlyFinding = ({ file, test }: Placed): Finding => ({
  rule: "weakened",
  file,
  line: test.line,
  test: test.name,
  message: `${test.name} is marked to run alone, so the others of its file do not run`
})

const findingsOf = (
  pair: Pair,
  weak: ReadonlyArray<Weakening>,
  production: Production,
  head: Side
): ReadonlyArray<Finding> => {
  const { base } = pair
  const wasSkipped = base.test.skip
  if (wasSkipped?.isConditional === false) return []
  if (pair.head === undefined) return goneFindings(base, weak, production, head)
  const { file, test } = pair.head
  const about = { rule: "weakened", file, line: test.line, test: test.name } as const
  if (test.skip !== undefined && (wasSkipped === undefined || !test.skip.isConditional)) {
    const message = `${test.name} is skipped now: ${test.skip.how}`
    return [{ ...about, message, ...(test.skip.isConditional && { isNote: true as const }) }]
  }
  const found: Array<Finding> = []
  if (test.isOnly === true && base.test.isOnly !== true) found.push(onlyFinding(pair.head))
  const lost = weak.filter((one) => one.kind === "lost" && !isExcused(one, production))
  const always = test.reading.assertions.filter(({ relation }) => relation === "vacuous").length
  if (lost.length > 0) {
    const things = lost.length === 1 ? "1 thing" : `${lost.length} things`
    const why = always > 0 ? "; what stands there now always holds" : ""
    const said = lost
      .slice(0, 3)
      .map((one) => say(one.base))
      .join(", ")
    found.push({
      ...about,
      message: `${test.name} checks ${things} less: ${said}${lost.length > 3 ? " and more" : ""}${why}`
    })
  }
  const fewer = base.test.cases - test.cases
  // Where the rows show in the claims, what is missing was said above.
  if (
    lost.length === 0 &&
    fewer > 0 &&
    test.cases > 1 &&
    base.test.reading.assertions.length < base.test.cases
  ) {
    found.push({ ...about, message: `${test.name} has ${test.cases} cases where it had ${base.test.cases}` })
  }
  const hidden = weak.filter((one) => one.kind === "opaque" && !isExcused(one, production))
  if (hidden.length > 0) {
    const message = `${test.name} leaves ${hidden.length} of its checks to a helper that the change does not show`
    found.push({ ...about, message, isNote: true })
  }
  for (const one of weak) {
    if (one.kind === "lost" || one.kind === "opaque") continue
    const line = one.head.line
    if (one.kind === "looser") {
      const isTiming =
        one.base.relation === "compares" &&
        /time|elapsed|duration|took|since|seconds/iu.test(one.base.subject)
      found.push({
        ...about,
        line,
        message: `${test.name} asks for less: ${one.how}`,
        ...(isTiming && { isNote: true as const })
      })
      continue
    }
    const isSameSetUp = base.test.reading.steps.join("\n") === test.reading.steps.join("\n")
    const isBent =
      one.kind === "bent" && isSameSetUp && !mayReach(production, base.test.words, callsIn(one.base.subject))
    found.push({
      ...about,
      line,
      message: isBent
        ? `${test.name} expects something else although nothing changed that it exercises: ${one.how}`
        : `${test.name} expects something else: ${one.how}. Look whether the issue asks for it`,
      ...(!isBent && { isNote: true as const })
    })
  }
  const asked = base.test.reading.assertions.map(({ subject }) => subject).join(" ")
  const doubled = test.doubles.filter(
    (name) => name !== "" && !base.test.doubles.includes(name) && callsIn(asked).has(name)
  )
  if (doubled.length > 0)
    found.push({
      ...about,
      message: `${test.name} replaces what it tests with a double: ${doubled.join(", ")}`
    })
  return found
}

const goneFindings = (
  base: Placed,
  weak: ReadonlyArray<Weakening>,
  production: Production,
  head: Side
): ReadonlyArray<Finding> => {
  const { file, test } = base
  const lost = weak.filter((one) => one.kind === "lost" || one.kind === "opaque")
  const about = { rule: "weakened", file, line: test.line, test: test.name } as const
  const changed = weak.flatMap((one): ReadonlyArray<Finding> =>
    one.kind !== "lost" && one.kind !== "opaque"
      ? [
          {
            ...about,
            message: `${test.name} is gone, and another test expects something else: ${one.how}. Look whether the issue asks for it`,
            isNote: true
          }
        ]
      : []
  )
  const isEmpty = test.reading.assertions.length === 0
  if (lost.length === 0 && !isEmpty) return changed
  if ([...test.words].some((word) => production.removed.has(word))) return changed
  const now = head.others.find(({ words }) => likeness(words, test.words) >= 0.8)
  if (now !== undefined)
    return [
      ...changed,
      { ...about, message: `${test.name} is no longer collected: it is ${now.name} in ${now.file} now` }
    ]
  if (isEmpty && head.tests.some((other) => likeness(other.test.words, test.words) >= 0.5)) return changed
  return [...changed, { ...about, message: `${test.name} is deleted, and what it exercises is still there` }]
}

/** What a claim speaks of is gone, or no longer can fail. */
const isExcused = ({ base }: Weakening, production: Production): boolean => {
  const words = [...wordsOf(`${base.subject} ${base.expected}`)]
  if (words.some((word) => production.removed.has(word))) return true
  const isAboutFailing = base.relation === "raises" || base.relation === "succeeds" || base.expected === "nil"
  return isAboutFailing && words.some((word) => production.reshaped.has(word))
}

const callsIn = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/([A-Za-z_]\w*)\(/gu)].map(([, name = ""]) => name))
