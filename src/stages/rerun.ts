/**
 * Runs tests again. Those of the change, when everything passed, to see whether they come and go; those of a failed check, on the branch
 * and on the base, to see whose failure it is. Names of failed tests choose what is run; exit codes decide.
 */
import { type Duration, Effect } from "effect"

import { planBite, type Subject } from "../gate/bite.ts"
import type { Check } from "../gate/checks.ts"
import type { Finding } from "../gate/finding.ts"
import {
  changedFindings,
  type FailedCheckVerdict,
  failureFindings,
  judgeFailure,
  type RerunEvidence
} from "../gate/flaky.ts"
import { failedIn, idOf, isWithin, located } from "../gate/runners/report.ts"
import type { Failure, TestRunner } from "../gate/runners/TestRunner.ts"
import { inRoom } from "../gate/room.ts"
import { namedBy } from "../gate/testRunner.ts"
import type { GateError } from "../services/GateError.ts"
import type { CommandResult } from "../services/GateToolchain.ts"
import {
  countdown,
  isOver,
  type Meter,
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
const timesForFailed = 2
const timesOnBase = 3
/** Twice as often: what came once must come again. */
const timesInRoom = 6

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

/** A command that could not start or was killed failed no test. */
const hasFailed = ({ exitCode }: { readonly exitCode: number }): boolean => exitCode > 0 && exitCode < 126

interface World extends TestStageContext {
  readonly show: ReturnType<typeof stage>
  readonly left: Effect.Effect<Duration.Duration>
  readonly subjects: ReadonlyArray<Subject>
}

interface Part {
  readonly check: Check
  readonly findings: ReadonlyArray<Finding>
  readonly evidence: RerunEvidence
  readonly added?: ReadonlyArray<string> | undefined
}

/** The tests of the change, several times, by themselves where their runner can. */
const rerunChanged = Effect.fnUntraced(function* (
  world: World,
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

const rerunFailed = Effect.fnUntraced(function* (
  world: World,
  { check, runner }: TestCheck
): Effect.fn.Return<Part, GateError> {
  world.print(`=== ${check.name}, again ===`)
  const { run, seconds } = meter(world)
  const first = world.ran.find((ran) => ran.check === check)
  const failures = runner?.failures(first?.output ?? "") ?? []
  const narrowed = (failures.length > 0 ? runner?.only(failures) : undefined) ?? check.command
  /** Runs a command until it ends as wanted, but at most so often. */
  const until = Effect.fnUntraced(function* (
    command: string,
    times: number,
    isWanted: (exitCode: number) => boolean
  ) {
    const runs = []
    for (let count = 0; count < times && !(yield* isOver(world.left)); count++) {
      const one = yield* run(command)
      runs.push(one)
      if (isWanted(one.exitCode)) break
    }
    return runs
  })
  const isGreen = (exitCode: number) => exitCode === 0

  // The base first: where it fails with the same, the tests at the commit need not come and go.
  yield* world.show("base")
  const onBase = yield* until(narrowed, timesOnBase, (exitCode) => !isGreen(exitCode))
  const red = onBase.filter(hasFailed)
  const isOurs = isTouched(world)
  const shared = red
    .flatMap(({ logTail }) => runner?.failures(logTail) ?? [])
    .filter(({ name }) => !isOurs(name))
  // A test that the base does not have fails there by its absence.
  const baseFails = runner === undefined || narrowed === check.command ? red.length > 0 : shared.length > 0
  const ids = new Set(shared.map(idOf))
  const isCovered = failures.length > 0 && failures.every((failure) => ids.has(idOf(failure)))

  const runs: Array<CommandResult> = []
  let comesAndGoes = false
  yield* world.show("commit")
  if (!isCovered) {
    const again = yield* until(narrowed, timesForFailed, isGreen)
    // What the names left out may still fail: only the whole check can show that it comes and goes.
    const whole =
      narrowed !== check.command && again.some(({ exitCode }) => isGreen(exitCode))
        ? yield* until(check.command, timesForFailed, isGreen)
        : []
    runs.push(...again, ...whole)
    const rest = narrowed === check.command ? again : whole
    comesAndGoes = rest.some(({ exitCode }) => isGreen(exitCode))
  }
  const without = shared.length > 0 ? runner?.except(shared) : undefined
  let passesWithoutShared: boolean | undefined
  if (!comesAndGoes && baseFails && shared.length > 0) {
    const rest = without === undefined ? [] : yield* until(without, timesForFailed, isGreen)
    runs.push(...rest)
    // A file that cannot be loaded fails whatever tests are left out, and too many tests fit into no command: then the reports tell.
    passesWithoutShared =
      rest.some(({ exitCode }) => isGreen(exitCode)) ||
      (isCovered
        ? reportTells(first?.output, red, runner, isOurs)
        : without === undefined
          ? undefined
          : false)
  }
  const judged = judgeFailure({ comesAndGoes, baseFails, passesWithoutShared })
  const isBelieved =
    judged !== "preexisting" || (yield* failsInRoom(world, { check, runner, run, command: narrowed, shared }))
  const verdict = isBelieved ? judged : "inconclusive"
  world.print(`--- ${check.name}: ${verdict}`)
  const names = (verdict === "preexisting" && shared.length > 0 ? shared : failures).map(({ name }) => located(name))
  const added = failures.filter((failure) => !ids.has(idOf(failure))).map(({ name }) => located(name))
  return {
    check,
    ...(verdict === "introduced" && baseFails && { added: [...new Set(added)] }),
    findings: failureFindings(check.name, verdict, [...new Set(names)]),
    evidence: {
      check: check.name,
      verdict,
      runs: runs.length,
      failed: runs.filter(({ exitCode }) => !isGreen(exitCode)).length,
      baseRuns: onBase.length,
      baseFailed: red.length,
      ...(shared.length > 0 && { preexisting: [...ids] }),
      seconds: seconds()
    }
  }
})

/**
 * Whether the base fails so where nothing of the candidate has run: what it left for the base to trip over excuses nothing. The checks
 * before this one run there first, for what they install. Where no names are told, red alone could be the room's own (no network to fill
 * its caches by), so it must come and go.
 */
const failsInRoom = Effect.fnUntraced(function* (
  world: World,
  of: TestCheck & Pick<Meter, "run"> & { readonly command: string; readonly shared: ReadonlyArray<Failure> }
) {
  world.print(`--- ${of.check.name}: the base in a room of its own`)
  const room = yield* world.clean.before(of.check)
  const seen = new Set<string>()
  const isOneOf = { red: false, green: false }
  for (let count = 0; count < timesInRoom && !(yield* isOver(world.left)); count++) {
    const one = yield* of.run(inRoom(room, of.command))
    if (hasFailed(one)) isOneOf.red = true
    else if (one.exitCode === 0) isOneOf.green = true
    for (const failure of hasFailed(one) ? (of.runner?.failures(one.logTail) ?? []) : [])
      seen.add(idOf(failure))
    const isSeen =
      of.shared.length > 0
        ? of.shared.every((failure) => seen.has(idOf(failure)))
        : isOneOf.red && isOneOf.green
    if (isSeen) return true
  }
  return false
})

/** Whether the whole check's own report, and the base's, name everything that failed, and nothing at the commit alone. */
const reportTells = (
  output: string | undefined,
  red: ReadonlyArray<CommandResult>,
  runner: TestRunner | undefined,
  isOurs: (name: string) => boolean
): boolean | undefined => {
  if (output === undefined || runner === undefined) return undefined
  const commit = failedIn(runner, output)
  const answers = red.map(({ logTail }) => isWithin(commit, failedIn(runner, logTail), isOurs))
  return answers.includes(true) ? true : answers.includes(undefined) ? undefined : false
}

/** What the change touched is its own: a test or a file of that name on the base excuses nothing. */
const isTouched =
  ({ subjects }: World) =>
  (name: string): boolean =>
    subjects.some(
      ({ changed, path }) =>
        path === name.replace(/^file:/u, "") ||
        name.endsWith(`/${path}`) ||
        changed.some((test) => test.name === name || test.name.endsWith(` ${name}`))
    )
