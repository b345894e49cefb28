/**
 * The bite check, without its runs: which files of a change are its tests and which its product, what must be asked, what the answers
 * come to. A test bites when it fails with the product as it was before the change.
 */
import { Schema } from "effect"

import type { Change, ChangedFile } from "./change.ts"
import { isForAnotherMachine } from "./elsewhere.ts"
import { isGenerated, isTestPath, languageOf } from "./files.ts"
import type { Finding } from "./finding.ts"
import { claimsNothingNew } from "./knownClaims.ts"
import { isRestructuring } from "./restructuring.ts"
import { isNamed, type TestFile, type TestOutcome } from "./runners/TestRunner.ts"
import {
  asksNothingNew,
  assertsNothing,
  declaredTests,
  type DeclaredTest,
  differs,
  inlineTests
} from "./testText.ts"
import type { Parse } from "./weakened/syntax.ts"

/** A changed or added file that declares tests. */
export interface Subject extends TestFile {
  readonly text: string
  /** The text in the base, if there is one. */
  readonly before?: string | undefined
  /** Those of its tests that the change touched. */
  readonly changed: ReadonlyArray<DeclaredTest>
  /** Where code and its tests share a file: the code of the base with the tests of the commit, at the place that it had. */
  readonly withoutChange?: { readonly path: string; readonly text: string } | undefined
  readonly isAdded: boolean
  /** Whether it must fail without the change. Tests that were folded, split, renamed or moved ask nothing new, and need not. */
  readonly mustBite: boolean
}

export interface BitePlan {
  readonly subjects: ReadonlyArray<Subject>
  /** What is put back, by path: the product, which fixtures, dependencies and settings are not part of. Empty: nothing to bite. */
  readonly product: ReadonlyArray<string>
  /** The product is put together otherwise and does nothing new: tests that hold what it does pass either way, as they should. */
  readonly isRestructured: boolean
  /** Every other changed file of tests that the commit has, helpers and fixtures not among them. */
  readonly tests: ReadonlyArray<string>
}

const fixtureFolders =
  /(^|\/)(?:tests?|__tests__|specs?|testdata|fixtures?|__fixtures__|__snapshots__|__mocks__|e2e)\//u
/** What tests need to run at all stays as the commit has it: its tests may need a new dependency. */
const settings =
  /(^|\/)(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|go\.(?:mod|sum|work)|Cargo\.(?:toml|lock)|pyproject\.toml|setup\.(?:py|cfg)|(?:requirements|constraints)[^/]*\.(?:txt|in)|uv\.lock|poetry\.lock|Pipfile(?:\.lock)?|tox\.ini|pytest\.ini|tsconfig[^/]*\.json|(?:vitest|vite|jest|babel)\.config\.[cm]?[jt]s|\.mocharc\.\w+|(?:GNU)?[Mm]akefile|pom\.xml|(?:build|settings)\.gradle(?:\.kts)?)$/u
/** What nothing runs. */
const silent =
  /\.(?:md|mdx|rst|adoc|png|jpe?g|gif|svg|ico|pdf)$|(^|\/)(?:LICENSE|NOTICE|CODEOWNERS|CHANGELOG)[^/]*$|(^|\/)\.[^/]+(\/|$)|(^|\/)docs?\//u

/** What Go compiles with the tests beside it, whether it runs any of it or not. */
const examples = /(?:^|\/)example\w*_test\.go$/u

/** What measures, shows or types, and asks nothing of what the code does. */
const noTests =
  /(?:^|\/)(?:benches|benchmarks?|examples)\/|(?:^|\/)bench_[^/]*\.py$|\.bench\.[cm]?[jt]sx?$|\.test-d\.[cm]?tsx?$|\.spec-d\.[cm]?tsx?$/u

/**
 * `named` are paths that a check of tests names in its command: `test.sh` in `sh test.sh`. Without a parser what a file asks is read from its
 * words alone.
 */
export const planBite = (change: Change, named: ReadonlySet<string>, parse?: Parse): BitePlan => {
  const isTest = (path: string) => isTestPath(path) || named.has(path)
  const ofTests = change.files.filter(({ path }) => isTest(path))
  const isReshaped = reshaping(ofTests, parse)
  const subjects = change.files.flatMap((file) =>
    noTests.test(file.path) && !named.has(file.path)
      ? []
      : isTest(file.path)
        ? subjectOf(file, named, isReshaped)
        : languageOf(file.path) === "rust"
          ? inlineSubject(file)
          : []
  )
  const product = change.files.filter(
    (file) =>
      !isTest(file.path) &&
      !fixtureFolders.test(file.path) &&
      !settings.test(file.path) &&
      !silent.test(file.path) &&
      isProductChanged(file)
  )
  const tests = ofTests.filter(
    ({ path, status }) =>
      status !== "deleted" && (examples.test(path) || subjects.some((subject) => subject.path === path))
  )
  return {
    subjects,
    isRestructured: parse !== undefined && isRestructuring(product, parse),
    tests: tests.map(({ path }) => path),
    product: product.flatMap(({ path, oldPath }) => [path, ...(oldPath === undefined ? [] : [oldPath])])
  }
}

/** Whether the product itself changed in a file: more than its layout, its comments and, in Rust, its tests. */
const isProductChanged = ({ path, oldPath, status, before, after }: ChangedFile): boolean => {
  if (oldPath !== undefined || status === "added" || status === "deleted") return true
  if (languageOf(path) === undefined || before === undefined || after === undefined) return true
  return languageOf(path) === "rust"
    ? differs(path, inlineTests(before).code, inlineTests(after).code)
    : differs(path, before, after)
}

/** Tests may move between files: what all of them ask together counts as well. */
const reshaping = (files: ReadonlyArray<ChangedFile>, parse: Parse | undefined) => {
  const known = parse === undefined ? undefined : claimsNothingNew(files, parse)
  const all = (side: "before" | "after", language: ReturnType<typeof languageOf>) =>
    files
      .filter(({ path }) => languageOf(path) === language)
      .map((file) => file[side] ?? "")
      .join("\n")
  return ({ path, before, after }: ChangedFile): boolean => {
    const language = languageOf(path)
    // By its claims where they can be read: words that are known may be put together to a new one.
    const byClaims = known?.(path)
    if (byClaims !== undefined) return byClaims
    return (
      language !== undefined &&
      ((before !== undefined && asksNothingNew(path, before, after ?? "")) ||
        (all("before", language) !== "" &&
          asksNothingNew(path, all("before", language), all("after", language))))
    )
  }
}

const subjectOf = (
  file: ChangedFile,
  named: ReadonlySet<string>,
  isReshaped: (file: ChangedFile) => boolean
): ReadonlyArray<Subject> => {
  const { path, before, after } = file
  if (file.status === "deleted" || after === undefined || isGenerated(after)) return []
  if (!differs(path, before, after)) return []
  const declared = declaredTests(path, after)
  const declaresByName = ["go", "rust", "java", "kotlin", "c", "cpp"].includes(languageOf(path) ?? "")
  const isScript = !declaresByName && (named.has(path) || isCollected(path, after))
  if (declared.length === 0 && !isScript) return []
  return [
    {
      path,
      text: after,
      before,
      tests: declared.map(({ name }) => name),
      changed: touched(file, declared),
      isAdded: before === undefined,
      mustBite: !isReshaped(file)
    }
  ]
}

/** Names that a runner of the language collects, whatever the file declares. */
const collected =
  /(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$|(?:[._-](?:test|spec)|(?:^|\/)test(?:-[^/]*)?)\.[cm]?[jt]sx?$|(?:^|[/._-])tests?[._-](?:[^/]*\.)?(?:ba)?sh$/u
const ofHelpers = /conftest|helpers?|utils?\.|fixtures?|setup|support/u

/** Whether a file that declares no test is run as one. A helper asserts as well, but in the name of others. */
const isCollected = (path: string, text: string): boolean => {
  if (ofHelpers.test(path)) return false
  if (languageOf(path) === "shell") return collected.test(path) || text.startsWith("#!")
  // Node runs whatever lies in a folder of that name.
  const isOfNode = /(?:^|\/)test\/.*\.[cm]?[jt]s$/u.test(path) && !/\bexports?\b/u.test(text)
  return (collected.test(path) || isOfNode) && /\b(?:assert|expect|exit)\b/u.test(text)
}

const touched = (file: ChangedFile, declared: ReadonlyArray<DeclaredTest>): ReadonlyArray<DeclaredTest> =>
  declared.filter(({ from, to }) => file.addedLines.some((line) => line >= from && line <= to))

const inlineSubject = (file: ChangedFile): ReadonlyArray<Subject> => {
  const { path, before = "", after } = file
  if (file.status === "deleted" || after === undefined) return []
  const now = inlineTests(after)
  const was = inlineTests(before)
  const declared = declaredTests(path, after)
  if (now.tests === "" || declared.length === 0 || !differs(path, was.tests, now.tests)) return []
  return [
    {
      path,
      text: after,
      before: file.before,
      tests: declared.map(({ name }) => name),
      changed: touched(file, declared),
      withoutChange: { path: file.oldPath ?? path, text: `${was.code.trimEnd()}\n\n${now.tests}\n` },
      isAdded: file.status === "added",
      mustBite: was.tests === "" || !asksNothingNew(path, was.tests, now.tests)
    }
  ]
}

export const BiteEvidence = Schema.Struct({
  file: Schema.String,
  /** The runner that ran the file alone; absent where the whole command ran. */
  runner: Schema.optionalKey(Schema.String),
  result: Schema.Literals([
    /** Fails without the change. */
    "bites",
    "hollow",
    /** No test of it ran, or no check collects it. */
    "neverRan",
    /** Need not bite: nothing was put back, or it asks nothing that the base did not. */
    "excused",
    /** The runs said nothing, or there was no time for them. */
    "undecided"
  ]),
  /** How many of its tests ran at the commit, as its runner printed it. */
  tests: Schema.optionalKey(Schema.Int),
  /** Exit code without the change. */
  exitCode: Schema.optionalKey(Schema.Int),
  /** Wall time of its runs. */
  seconds: Schema.Finite
})
export type BiteEvidence = typeof BiteEvidence.Type

export const hollow = (file: string, message: string): Finding => ({ rule: "hollow", file, message })
export const hollowNote = (file: string, message: string): Finding => ({
  ...hollow(file, message),
  isNote: true
})

/** Whether a test was like that before the change. */
const assertedNothing = ({ before, path }: Subject, name: string): boolean => {
  const test =
    before === undefined ? undefined : declaredTests(path, before).find((each) => each.name === name)
  return before !== undefined && test !== undefined && assertsNothing(path, before, test)
}

/** Changed tests that did not run, since they are for another machine: what they would say without the change is not known here. */
export const testsElsewhere = (
  { changed, text }: Subject,
  atCommit: ReadonlyArray<TestOutcome> | undefined
): ReadonlyArray<string> =>
  changed.flatMap((test) => {
    const now = atCommit?.filter(isNamed(test.name)) ?? []
    const isSkipped = now.every(({ outcome }) => outcome === "skipped")
    return isSkipped && isForAnotherMachine(text, test) ? [test.name] : []
  })

/** What is wrong with single tests of a file that bites as a whole. */
export const judgeTests = (
  subject: Subject,
  atCommit: ReadonlyArray<TestOutcome> | undefined,
  withoutChange: ReadonlyArray<TestOutcome> | undefined
): ReadonlyArray<Finding> =>
  subject.changed.flatMap((test): ReadonlyArray<Finding> => {
    const at = { file: subject.path, line: test.from, test: test.name, rule: "hollow" as const }
    const now = atCommit?.filter(isNamed(test.name)) ?? []
    const before = withoutChange?.filter(isNamed(test.name)) ?? []
    if (assertsNothing(subject.path, subject.text, test)) {
      const message = `${test.name} asserts nothing: no outcome of the code that it calls would fail it`
      return [{ ...at, message, ...(assertedNothing(subject, test.name) && { isNote: true as const }) }]
    }
    if (now.length > 0 && now.every(({ outcome }) => outcome === "skipped")) {
      return isForAnotherMachine(subject.text, test)
        ? [{ ...at, message: `${test.name} is for another machine: it did not run here`, isNote: true }]
        : [{ ...at, message: `${test.name} never ran: its runner skips it` }]
    }
    return subject.mustBite &&
      before.length > 0 &&
      [...now, ...before].every(({ outcome }) => outcome === "passed")
      ? [{ ...at, message: `${test.name} passes with and without the change`, isNote: true }]
      : []
  })

/** A text that no runner of the file's language gets past. */
export const poisonFor = (path: string): string =>
  languageOf(path) === "rust" ? `compile_error!("broken on purpose");\n` : "((( broken on purpose\n"
