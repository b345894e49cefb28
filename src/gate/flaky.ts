/** Tests that come and go, without the runs: what the outcomes of reruns come to. */
import { Schema } from "effect"

import type { Finding } from "./finding.ts"

/** What reruns of a failed check showed. */
export const FailedCheckVerdict = Schema.Literals([
  /** It fails again and again, and the base does not, or with less: the change's failure. */
  "introduced",
  /** It comes and goes, and on the base it does not fail: the change brought it. */
  "flaky",
  /** All that fails fails on the base too: labelled, and not held against the change. */
  "preexisting",
  /** The base fails too, and what the change adds to that cannot be told apart: nothing was judged. */
  "inconclusive"
])
export type FailedCheckVerdict = typeof FailedCheckVerdict.Type

export const RerunEvidence = Schema.Struct({
  check: Schema.String,
  /** Of a failed check; absent where the tests of the change were run again. */
  verdict: Schema.optionalKey(FailedCheckVerdict),
  /** Runs at the commit, the check's own aside, and how many of them failed. */
  runs: Schema.Int,
  failed: Schema.Int,
  /** The same on the base. */
  baseRuns: Schema.optionalKey(Schema.Int),
  baseFailed: Schema.optionalKey(Schema.Int),
  /** Tests that the base fails too. */
  preexisting: Schema.optionalKey(Schema.Array(Schema.String)),
  seconds: Schema.Finite
})
export type RerunEvidence = typeof RerunEvidence.Type

/**
 * A failure that the base shares is not the author's, and passes with its label, whether it comes and goes there or stays: who works
 * beside a broken test did not break it. But only as far as an exit code, or the runner's whole report, shows that nothing else fails.
 */
export const judgeFailure = (facts: {
  /** Whether the whole check passed in a rerun. */
  readonly comesAndGoes: boolean
  readonly baseFails: boolean
  /** Whether nothing but the tests that the base fails too fails; undefined where neither a run nor a report tells. */
  readonly passesWithoutShared: boolean | undefined
}): FailedCheckVerdict => {
  if (!facts.baseFails) return facts.comesAndGoes ? "flaky" : "introduced"
  if (facts.comesAndGoes || facts.passesWithoutShared === true) return "preexisting"
  return facts.passesWithoutShared === undefined ? "inconclusive" : "introduced"
}

/** The finding of a failed check; none where the change introduced it or nothing is known. `names` are failed tests, as far as they were told. */
export const failureFindings = (
  check: string,
  verdict: FailedCheckVerdict,
  names: ReadonlyArray<string>
): ReadonlyArray<Finding> => {
  const tests = names.slice(0, maxNames).join(", ")
  const what = tests === "" ? `the check ${check}` : `${check}: ${tests}`
  if (verdict === "flaky") {
    return [
      {
        rule: "flaky",
        file: check,
        message: `${what} comes and goes on the branch, and does not fail on the base`
      }
    ]
  }
  return verdict === "preexisting"
    ? [{ rule: "flaky", file: check, message: `${what} fails on the base too`, isNote: true }]
    : []
}
const maxNames = 10

/** What reruns of a change's own tests showed. `exitCodes` are theirs, the run of the check itself, which passed, aside. */
export const changedFindings = (
  files: ReadonlyArray<{ readonly path: string; readonly tests: ReadonlyArray<string> }>,
  exitCodes: ReadonlyArray<number>,
  failedTests: ReadonlyArray<string>
): ReadonlyArray<Finding> => {
  const failed = exitCodes.filter((code) => code !== 0).length
  const [first] = files
  if (failed === 0 || first === undefined) return []
  if (failed === exitCodes.length) {
    const message = `passes within the whole suite and fails alone, ${failed} times of ${failed}`
    return [{ rule: "flaky", file: first.path, message, isNote: true }]
  }
  const times = `fails ${failed} times of ${exitCodes.length} at the same commit`
  const named = files.flatMap(({ path, tests }) =>
    tests.filter((test) => failedTests.includes(test)).map((test) => ({ file: path, test }))
  )
  return (named.length > 0 ? named : [{ file: first.path }]).map((where) => ({
    rule: "flaky" as const,
    ...where,
    message: "test" in where ? `${where.test} ${times}` : `${where.file} ${times}`
  }))
}
