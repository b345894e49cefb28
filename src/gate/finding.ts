/** What a gate says about a change besides what its checks said, and what a repository wants done about it. */
import { Schema } from "effect"

/** The words of `policy` in `.foreman/gate.yaml`. */
export const Rule = Schema.Literals([
  /** A changed or added test that passes without the change. */
  "hollow",
  /** A test that checks less than it did: assertions removed, tolerance widened, expectation bent, skip added, test deleted with its subject alive. */
  "weakened",
  /** What decides about changes was changed: CI, release, gate and policy files, the build file that the checks run. */
  "protected",
  /** A check left the tree changed, untracked files included. */
  "dirty",
  /** A test that comes and goes, and the change brought it. */
  "flaky",
  /** Production changed, and no test did. */
  "untested",
  /** New code that nothing reaches. */
  "unused",
  /** The check passes although a test was made to fail, and on the base it does not: its exit status is not to be believed. */
  "exitForged",
  /** That a check fails where a test fails could not be proved. */
  "unproved"
])
export type Rule = typeof Rule.Type

export const Finding = Schema.Struct({
  rule: Rule,
  file: Schema.String,
  /** In the commit, from 1; of what was removed, in the base. */
  line: Schema.optionalKey(Schema.Int),
  /** The test it is about, as its runner names it. */
  test: Schema.optionalKey(Schema.String),
  /** One sentence for a person. */
  message: Schema.String,
  /** Told, and never held against the change: what the base shares, or a lesser form of the rule. */
  isNote: Schema.optionalKey(Schema.Literal(true))
})
export type Finding = typeof Finding.Type

export const Answer = Schema.Literals(["fail", "warn"])

export type Policy = { readonly [R in Rule]: typeof Answer.Type }

export const defaultPolicy: Policy = {
  hollow: "fail",
  weakened: "fail",
  protected: "fail",
  dirty: "fail",
  flaky: "fail",
  untested: "warn",
  unused: "warn",
  exitForged: "fail",
  unproved: "warn"
}
