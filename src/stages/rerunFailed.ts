/** Runs a failed check of tests again, on the base and on the branch, to see whose failure it is. */
import { type Duration, Effect } from "effect"

import type { Subject } from "../gate/bite.ts"
import type { Check } from "../gate/checks.ts"
import type { Finding } from "../gate/finding.ts"
import { failureFindings, judgeFailure, type RerunEvidence } from "../gate/flaky.ts"
import { failedIn, idOf, isWithin, located } from "../gate/runners/report.ts"
import type { Failure, TestRunner } from "../gate/runners/TestRunner.ts"
import { inRoom } from "../gate/room.ts"
import type { GateError } from "../services/GateError.ts"
import type { CommandResult } from "../services/GateToolchain.ts"
import {
  isOver,
  type Meter,
  meter,
  type stage,
  type TestCheck,
  type TestStageContext
} from "./TestStageContext.ts"

const timesForFailed = 2
const timesOnBase = 3
/** Twice as often: what came once must come again. */
const timesInRoom = 6

/** A command that could not start or was killed failed no test. */
export const hasFailed = ({ exitCode }: { readonly exitCode: number }): boolean =>
  exitCode > 0 && exitCode < 126

export interface RerunContext extends TestStageContext {
  readonly show: ReturnType<typeof stage>
  readonly left: Effect.Effect<Duration.Duration>
  readonly subjects: ReadonlyArray<Subject>
}

export interface Part {
  readonly check: Check
  readonly findings: ReadonlyArray<Finding>
  readonly evidence: RerunEvidence
  readonly added?: ReadonlyArray<string> | undefined
}

export const rerunFailed = Effect.fnUntraced(function* (
  world: RerunContext,
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
  yield* world.show("commit")
  const passesWithout = Effect.gen(function* () {
    const without = shared.length > 0 ? runner?.except(shared) : undefined
    const rest = without === undefined ? [] : yield* until(without, timesForFailed, isGreen)
    runs.push(...rest)
    if (rest.some(({ exitCode }) => isGreen(exitCode))) return true
    // A file that cannot be loaded fails whatever tests are left out, and too many tests fit into no command: then the reports tell.
    if (without !== undefined && !isCovered) return false
    return reportTells({ check, runner, failures, output: first?.output, red, isOurs })
  })
  const comesAndGoes = Effect.gen(function* () {
    const again = yield* until(narrowed, timesForFailed, isGreen)
    // What the names left out may still fail: only the whole check can show that it comes and goes.
    const whole =
      narrowed !== check.command && again.some(({ exitCode }) => isGreen(exitCode))
        ? yield* until(check.command, timesForFailed, isGreen)
        : []
    runs.push(...again, ...whole)
    return (narrowed === check.command ? again : whole).some(({ exitCode }) => isGreen(exitCode))
  })
  // Where the base fails with all of it, the tests at the commit need not come and go.
  const early = isCovered ? yield* passesWithout : undefined
  const facts = { comesAndGoes: early === true ? false : yield* comesAndGoes, baseFails }
  const passesWithoutShared =
    isCovered || facts.comesAndGoes || shared.length === 0 ? early : yield* passesWithout
  const judged = judgeFailure({ ...facts, passesWithoutShared })
  const isBelieved =
    judged !== "preexisting" || (yield* failsInRoom(world, { check, runner, run, command: narrowed, shared }))
  const verdict = isBelieved ? judged : "inconclusive"
  world.print(`--- ${check.name}: ${verdict}`)
  const names = (verdict === "preexisting" && shared.length > 0 ? shared : failures).map(({ name }) =>
    located(name)
  )
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
  world: RerunContext,
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

/** With these a runner stops at the first failure, and reports of what it left out say nothing. */
const stopsEarly = /(?:^|\s)(?:-x|-f|-?-fail-?fast|--exitfirst|--maxfail\S*|--bail\S*|-b)(?=\s|$)/u

/** Whether the whole check's own report, and the base's, name everything that failed, and nothing at the commit alone. */
const reportTells = (of: {
  readonly check: Check
  readonly runner: TestRunner | undefined
  readonly failures: ReadonlyArray<Failure>
  readonly output: string | undefined
  readonly red: ReadonlyArray<CommandResult>
  readonly isOurs: (name: string) => boolean
}): boolean | undefined => {
  const { check, failures, isOurs, output, red, runner } = of
  if (output === undefined || runner === undefined) return undefined
  const commit = failedIn(runner, output)
  const answers = red.map(({ logTail }) => isWithin(commit, failedIn(runner, logTail), isOurs))
  // Several runners behind one command may stop after the first of them.
  const isAll = !stopsEarly.test(check.command) && runner.except(failures.slice(0, 1)) !== undefined
  if (answers.includes(true)) return isAll ? true : undefined
  return answers.length === 0 || answers.includes(undefined) ? undefined : false
}

/** What the change touched is its own: a test or a file of that name on the base excuses nothing. */
const isTouched =
  ({ subjects }: RerunContext) =>
  (name: string): boolean =>
    subjects.some(
      ({ changed, path }) =>
        path === name.replace(/^file:/u, "") ||
        name.endsWith(`/${path}`) ||
        changed.some((test) => test.name === name || test.name.endsWith(` ${name}`))
    )
