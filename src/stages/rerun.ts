/**
 * Runs tests again. Those of the change, when everything passed, to see whether they come and go; those of a failed check, on the branch
 * and on the base, to see whose failure it is. Names of failed tests choose what is run; exit codes decide.
 */
import { Effect } from "effect"

import { planBite } from "../gate/bite.ts"
import type { Check } from "../gate/checks.ts"
import type { Finding } from "../gate/finding.ts"
import { changedFindings, type FailedCheckVerdict, type RerunEvidence } from "../gate/flaky.ts"
import { namedBy } from "../gate/testRunner.ts"
import type { GateError } from "../services/GateError.ts"
import { hasFailed, type Part, type RerunContext, rerunFailed } from "./rerunFailed.ts"
import {
  countdown,
  isOver,
  meter,
  outcomesOf,
  stage,
  type TestCheck,
  testChecks,
  type TestStageContext
} from "./TestStageContext.ts"

export interface Rerun {
  readonly findings: ReadonlyArray<Finding>
  readonly evidence: ReadonlyArray<RerunEvidence>
  /** Of the failed checks of tests. A failed check that is not here stands. */
  readonly verdicts: ReadonlyMap<Check, FailedCheckVerdict>
  /** Tests that fail at the commit and not on the base, of checks that the base fails as well. */
  readonly added: ReadonlyMap<Check, ReadonlyArray<string>>
}

/** One in three runs is found out nine times of ten by the check's own run and five more; by three more seven times of ten. */
const timesForChanged = 3

export const rerun = Effect.fn("rerun")(function* (
  world: TestStageContext
): Effect.fn.Return<Rerun, GateError> {
  const tests = yield* testChecks(world)
  const plan = planBite(world.change, namedBy(tests.map(({ check }) => check)))
  const rerunning = {
    ...world,
    show: stage(world),
    left: yield* countdown(world.patience),
    subjects: plan.subjects
  }
  if (world.ran.every(({ exitCode }) => exitCode === 0)) {
    const parts = yield* rerunChanged(rerunning, tests)
    return { ...told(parts), verdicts: new Map(), added: new Map() }
  }
  const failed = tests.filter(({ check }) =>
    world.ran.some((ran) => ran.check === check && hasFailed(ran) && ran.isSettled !== true)
  )
  const parts = yield* Effect.forEach(failed, (test) => rerunFailed(rerunning, test))
  return {
    ...told(parts),
    verdicts: new Map(
      parts.flatMap(({ check, evidence: { verdict } }) => (verdict === undefined ? [] : [[check, verdict]]))
    ),
    added: new Map(parts.flatMap(({ added, check }) => (added === undefined ? [] : [[check, added]])))
  }
})

const told = (parts: ReadonlyArray<Part>) => ({
  findings: parts.flatMap(({ findings }) => findings),
  evidence: parts.map(({ evidence }) => evidence)
})

/** The tests of the change, several times, by themselves where their runner can. */
const rerunChanged = Effect.fnUntraced(function* (
  world: RerunContext,
  tests: ReadonlyArray<TestCheck>
): Effect.fn.Return<ReadonlyArray<Part>, GateError> {
  const parts: Array<Part> = []
  let rest = world.subjects
  for (const { check, runner } of tests) {
    const mine = runner === undefined ? rest : rest.filter(({ path }) => runner.takes(path))
    rest = rest.filter((subject) => !mine.includes(subject))
    if (mine.length === 0) continue
    const command = runner?.narrow(mine) ?? check.command
    const { run, seconds } = meter(world)
    const exitCodes: Array<number> = []
    const failedTests: Array<string> = []
    yield* world.show("commit")
    while (exitCodes.length < timesForChanged && !(yield* isOver(world.left))) {
      const again = yield* run(command)
      exitCodes.push(again.exitCode)
      const outcomes = runner === undefined ? [] : (outcomesOf(runner, again) ?? [])
      failedTests.push(...outcomes.flatMap(({ name, outcome }) => (outcome === "failed" ? [name] : [])))
    }
    const failed = exitCodes.filter((code) => code !== 0).length
    parts.push({
      check,
      findings: changedFindings(mine, exitCodes, failedTests),
      evidence: { check: check.name, runs: exitCodes.length, failed, seconds: seconds() }
    })
  }
  return parts
})
