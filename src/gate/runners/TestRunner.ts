/** What a gate knows of a test runner: how to run some files only, and how to read what it prints. */
import type { Invocation } from "./invocation.ts"

export interface TestFile {
  /** Relative to the root of the repository. */
  readonly path: string
  /** Names of the tests that it declares, as far as they could be read. */
  readonly tests: ReadonlyArray<string>
}

/** What became of one test. A test that is to do cannot fail: it counts as skipped. */
export interface TestOutcome {
  /** As the runner names it within its file. */
  readonly name: string
  readonly outcome: "passed" | "failed" | "skipped"
  /** The file as the runner names it, where it does: absolute, or relative to its own folder. */
  readonly file?: string | undefined
}

export interface TestRunner {
  /** For people: `go test`. */
  readonly name: string
  /** Whether a file is of a kind that this runner runs at all. */
  readonly takes: (path: string) => boolean
  /** Whether the check's own command is sure to collect a file. When not, it takes a run to know. */
  readonly surelyCollects: (path: string) => boolean
  /** Whether files are compiled together, so that a broken one makes its neighbours fail. */
  readonly isShared: boolean
  /** The command for some files, all of which it takes; undefined when it would be longer than a toolchain takes. */
  readonly narrow: (files: ReadonlyArray<TestFile>) => string | undefined
  /**
   * What the narrowed command said of each test; undefined when it printed nothing that reads as this runner's. The candidate prints it:
   * it tells, and where an exit code can decide it decides nothing.
   */
  readonly read: (output: string) => ReadonlyArray<TestOutcome> | undefined
  /** Whether an exit code says that nothing was collected. */
  readonly isNothing?: (exitCode: number) => boolean
  /** What the check's own command reported as failed. Empty when it does not say. */
  readonly failures: (output: string) => ReadonlyArray<Failure>
  /** The command for some failed tests only; undefined when it would be too long. */
  readonly only: (failures: ReadonlyArray<Failure>) => string | undefined
  /** The check's own command without some tests; undefined where the runner cannot leave out a test by its name, or it would be too long. */
  readonly except: (failures: ReadonlyArray<Failure>) => string | undefined
  /** A command that compiles all that the tests need and runs none, where a cache keeps that for another folder. */
  readonly compile?: string | undefined
}

export interface Failure {
  /** As the runner takes it back: `tests/test_a.py::test_b`, `TestB`, `a::tests::b`. */
  readonly id: string
  /** The test's own name. */
  readonly name: string
  /** Where it is: a file, or a package as the runner calls it. */
  readonly place?: string | undefined
}

/** Whether a run says itself that there was no test for it to run. */
export const saysNothing = (output: string): boolean =>
  /\bno tests? (?:to run|ran|files?|found|were found)|\[no test files\]|^Ran 0 tests|^running 0 tests/imu.test(
    output
  ) &&
  // Cargo runs several programs, of which most may have none.
  !/^running [1-9]\d* tests?$/mu.test(output)

const isSameFile = (path: string, said: string): boolean => {
  const file = said.replace(/^\.\//u, "")
  return path === file || path.endsWith(`/${file}`) || file.endsWith(`/${path}`)
}

/** A runner's name of a test beside the name in its text: subtests, parameters and enclosing suites do not count. */
export const isNamed =
  (name: string) =>
  ({ name: said }: TestOutcome): boolean =>
    said === name || said.startsWith(`${name}/`) || said.startsWith(`${name}[`) || said.endsWith(` ${name}`)

/**
 * What a run of several files said of one of them: by the file that the runner names, else by the names that only this file declares.
 * Undefined when that is not clear.
 */
export const outcomesOfFile = (
  outcomes: ReadonlyArray<TestOutcome> | undefined,
  file: TestFile,
  files: ReadonlyArray<TestFile>
): ReadonlyArray<TestOutcome> | undefined => {
  if (outcomes === undefined || files.length < 2) return outcomes
  const others = new Set(files.flatMap((other) => (other.path === file.path ? [] : other.tests)))
  const isUnnamed = outcomes.some((outcome) => outcome.file === undefined)
  if (isUnnamed && (file.tests.length === 0 || file.tests.some((name) => others.has(name)))) return undefined
  return outcomes.filter((outcome) =>
    outcome.file === undefined
      ? file.tests.some((name) => isNamed(name)(outcome))
      : isSameFile(file.path, outcome.file)
  )
}

/** Each once. */
export const distinct = (failures: ReadonlyArray<Failure>): ReadonlyArray<Failure> => [
  ...new Map(failures.map((failure) => [`${failure.place ?? ""} ${failure.id}`, failure])).values()
]

/** A text as it stands, in a regular expression of any runner. */
export const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/gu, "\\$&")

/** A row of the table: what a command comes to, if it is this runner's. */
export type Recognise = (invocation: Invocation) => TestRunner | undefined

/** Terminal colours, which some runners print into a pipe as well. */
export const plain = (text: string): string =>
  text.replaceAll("\r", "").replace(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "gu"), "")

/** A path as a command sees it that runs in `folder`; undefined outside it. */
export const within = (folder: string, path: string): string | undefined =>
  path.startsWith(folder) ? path.slice(folder.length) : undefined
