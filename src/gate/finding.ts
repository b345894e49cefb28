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
  /** The check passes where a test must fail, and elsewhere it does not: its exit status is not to be believed. */
  "exitForged",
  /** Code changed, and nothing examined any of it. */
  "unexamined",
  /** No test could show that the runner reports a failure as one. */
  "unproved",
  /** A setting or a hook of a runner, a linter or a type checker changed so that less is tested or checked. */
  "settings",
  /** Stored expectations changed: golden files, snapshots, test data. */
  "stored",
  /** A comment was added that silences a linter or a type checker. */
  "suppressed",
  /** A changed source file does not parse. */
  "unparsable"
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
  isNote: Schema.optionalKey(Schema.Literal(true)),
  /** The rule cannot know what the author meant: where the policy says `fail`, this finding asks. */
  asks: Schema.optionalKey(Schema.Literal(true)),
  /** What it weighs in this verdict; written by the judge, never by a rule. A note has none. */
  weight: Schema.optionalKey(Schema.Literals(["fail", "ask", "allowed", "warn"]))
})
export type Finding = typeof Finding.Type

/**
 * The words of a policy: `fail` is GATE-FAIL; `ask` is GATE-FAIL `NeedsApproval` until somebody other than the author allows it; `warn` is
 * told and passes.
 */
export const Answer = Schema.Literals(["fail", "ask", "warn"])
export type Answer = typeof Answer.Type

export type Policy = { readonly [R in Rule]: Answer }

export const defaultPolicy: Policy = {
  hollow: "fail",
  weakened: "fail",
  protected: "fail",
  dirty: "fail",
  flaky: "fail",
  untested: "warn",
  unused: "warn",
  exitForged: "fail",
  unexamined: "warn",
  unproved: "ask",
  settings: "fail",
  stored: "warn",
  suppressed: "warn",
  unparsable: "fail"
}

/** What findings are held against. */
export interface Standard {
  readonly policy: Policy
  /** A person reads the result at once, as at `foreman gate`: `unproved: ask` then only warns. False when absent. */
  readonly attended?: boolean | undefined
  /** Findings that an approval covers (`approval.ts`). */
  readonly allowed?: ReadonlySet<Finding> | undefined
}

/** What a finding weighs; `note` counts for nothing. Only an `ask` can be allowed. */
export const weightOf = (
  finding: Finding,
  { allowed, attended = false, policy }: Standard
): Answer | "allowed" | "note" => {
  if (finding.isNote === true) return "note"
  const answer = policy[finding.rule]
  if (answer === "ask" && attended && finding.rule === "unproved") return "warn"
  const isAsked = answer === "ask" || (answer === "fail" && finding.asks === true)
  return !isAsked ? answer : allowed?.has(finding) === true ? "allowed" : "ask"
}
