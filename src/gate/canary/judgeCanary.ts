/** What the run of a canary says, without the run. */
import type { Finding } from "../finding.ts"
import { isNamed, type TestOutcome } from "../runners/TestRunner.ts"
import type { Canary, CanaryEvidence } from "./canary.ts"

export type Reaction =
  /** The runner failed the canary. */
  | "failed"
  /** It did not, though the test ran. */
  | "unnoticed"
  /** The test was skipped, or is none of those that ran: it says nothing. */
  | "skipped"
  /** The run failed, and its report does not say by which test. */
  | "unclear"

/**
 * `outcomes` are of the canary's own file, undefined where they cannot be told apart; `isAlone` says that no other file ran with it. An exit
 * of 0 is a canary unnoticed whatever the report says: the exit is what a check is judged by.
 */
export const reactionTo = (
  { path, test }: Pick<Canary, "path" | "test">,
  exitCode: number,
  outcomes: ReadonlyArray<TestOutcome> | undefined,
  isAlone: boolean
): Reaction => {
  // Elsewhere a runner may put more words before or after a name.
  const isStatic = /\.(?:py|go|rs)$/u.test(path)
  const own = test === "" ? [] : (outcomes?.filter(isNamed(test)) ?? [])
  if (own.length > 0 && own.every(({ outcome }) => outcome === "skipped")) return "skipped"
  const others = outcomes?.filter(({ outcome }) => outcome === "passed") ?? []
  // Settings may leave out a test by a mark of it.
  if (exitCode === 0 && own.length === 0 && test !== "" && isStatic && others.length > 0) return "skipped"
  if (exitCode === 0) return "unnoticed"
  if ((own.length > 0 ? own : (outcomes ?? [])).some(({ outcome }) => outcome === "failed")) return "failed"
  if (own.length > 0) return "unnoticed"
  if (isAlone) return "failed"
  return outcomes === undefined || outcomes.length === 0 ? "unclear" : "unnoticed"
}

export const evidenceOf = (
  check: string,
  { line, path, test }: Pick<Canary, "line" | "path" | "test">,
  result: CanaryEvidence["result"]
): CanaryEvidence => ({ check, file: path, ...(test !== "" && { test }), ...(line > 0 && { line }), result })

/** What is held against the change. What nobody could prove is one finding for all, as long as no canary failed. */
export const canaryFindings = (evidence: ReadonlyArray<CanaryEvidence>): ReadonlyArray<Finding> => {
  const said = evidence.flatMap(({ check, file, line, result, test }): ReadonlyArray<Finding> => {
    const where = { file, ...(line !== undefined && { line }), ...(test !== undefined && { test }) }
    const what = test ?? file
    if (result === "forged") {
      const message = `${check} passes where ${what} must fail, and without the change, or for another failure, it does not: its exit status is not to be believed`
      return [{ rule: "exitForged", ...where, message }]
    }
    return result === "ignored"
      ? [
          {
            rule: "hollow",
            ...where,
            message: `${what} passes with its assertion negated: it asserts nothing`
          }
        ]
      : []
  })
  const isProved = evidence.some(({ result }) => result === "failed" || result === "ignored")
  const [first] = evidence.filter(({ result }) => result === "unproved" || result === "none")
  if (said.length > 0 || isProved || first === undefined) return said
  const why =
    first.result === "unproved"
      ? `it passes with a test made to fail, on the base too`
      : "no test of it could be made to fail for a try"
  return [
    {
      rule: "unproved",
      file: first.file,
      message: `that ${first.check} fails where a test fails is not proved: ${why}`
    }
  ]
}
