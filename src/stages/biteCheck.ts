/**
 * Runs the tests of a change against the product as it was before the change. Exit codes decide what bites; what a runner prints tells
 * tests apart inside a file, and whether any ran. The candidate's code prints it: it is evidence, and said to be no more.
 */
import { Effect } from "effect"

import {
  type BiteEvidence,
  type BitePlan,
  hollow,
  hollowNote,
  judgeTests,
  planBite,
  poisonFor,
  type Subject
} from "../gate/bite.ts"
import type { Finding } from "../gate/finding.ts"
import type { TestOutcome, TestRunner } from "../gate/runners/TestRunner.ts"
import { namedBy } from "../gate/testRunner.ts"
import type { GateError } from "../services/GateError.ts"
import {
  countdown,
  isOver,
  type Meter,
  meter,
  outcomesOf,
  stage,
  type TestCheck,
  testChecks,
  type TestStageContext,
  timeoutAfter
} from "./TestStageContext.ts"
import type { CommandResult } from "../services/GateToolchain.ts"

export interface Bitten {
  readonly findings: ReadonlyArray<Finding>
  readonly evidence: ReadonlyArray<BiteEvidence>
}

/** A file's own run at the commit. */
interface Alone {
  readonly runner: TestRunner
  readonly run: CommandResult
  readonly outcomes: ReadonlyArray<TestOutcome> | undefined
}

interface Asked {
  readonly subject: Subject
  readonly meter: Meter
  /** Undefined where it cannot be run by itself. */
  readonly alone?: Alone | undefined
  /** Why no test of it ran, where that is known. */
  readonly silence?: string | undefined
}

type Answer = Pick<BiteEvidence, "result" | "exitCode"> & { readonly findings: ReadonlyArray<Finding> }

interface World extends TestStageContext {
  readonly plan: BitePlan
  readonly tests: ReadonlyArray<TestCheck>
  readonly show: ReturnType<typeof stage>
}

/** To be asked once the checks passed: what a test says that fails at the commit is not known. */
export const biteCheck = Effect.fn("biteCheck")(function* (
  outer: TestStageContext
): Effect.fn.Return<Bitten, GateError> {
  const tests = yield* testChecks(outer)
  const plan = planBite(outer.change, namedBy(tests.map(({ check }) => check)))
  if (tests.length === 0 || plan.subjects.length === 0) return { findings: [], evidence: [] }
  const world = { ...outer, plan, tests, show: stage(outer) }
  world.print("=== bite check ===")
  const left = yield* countdown(world.patience)
  const asked: Array<Asked> = []
  for (const subject of plan.subjects) {
    if (!(yield* isOver(left))) asked.push(yield* atCommit(world, subject))
  }
  const findings: Array<Finding> = plan.product.length === 0 ? [nothingToBite(plan)] : []
  const evidence: Array<BiteEvidence> = []
  for (const subject of plan.subjects) {
    const one = asked.find((each) => each.subject === subject)
    const isLate = one === undefined || (yield* isOver(left))
    const answer = isLate ? undecided(subject, "there was no time for its runs") : yield* answerOf(world, one)
    findings.push(...answer.findings)
    evidence.push(evidenceOf(subject, one, answer))
    world.print(`${subject.path}: ${answer.result}`)
  }
  return { findings, evidence }
})

const nothingToBite = ({ subjects }: BitePlan): Finding =>
  hollowNote(
    subjects[0]?.path ?? "",
    "tests changed and the product did not: there is nothing that they could bite"
  )

const undecided = ({ path }: Subject, why: string): Answer => ({
  result: "undecided",
  findings: [hollowNote(path, `whether ${path} passes without the change is not known: ${why}`)]
})

const evidenceOf = (subject: Subject, asked: Asked | undefined, answer: Answer): BiteEvidence => ({
  file: subject.path,
  ...(asked?.alone !== undefined && { runner: asked.alone.runner.name }),
  result: answer.result,
  ...(asked?.alone?.outcomes !== undefined && { tests: asked.alone.outcomes.filter(hasRun).length }),
  ...(answer.exitCode !== undefined && { exitCode: answer.exitCode }),
  seconds: asked?.meter.seconds() ?? 0
})

const hasRun = ({ outcome }: TestOutcome): boolean => outcome !== "skipped"

/** The file by itself, with the first check that runs a test of it. */
const atCommit = Effect.fnUntraced(function* (
  world: World,
  subject: Subject
): Effect.fn.Return<Asked, GateError> {
  const own = { subject, meter: meter(world) }
  let silence: string | undefined
  for (const { check, runner } of world.tests) {
    if (runner?.takes(subject.path) !== true) continue
    const command = runner.narrow([subject])
    if (command === undefined) return own
    yield* world.show("commit")
    const run = yield* own.meter.run(command)
    const outcomes = outcomesOf(runner, run)
    const isSilent = outcomes !== undefined && !outcomes.some(hasRun)
    if (isSilent || runner.isNothing?.(run.exitCode) === true) {
      silence ??=
        outcomes !== undefined && outcomes.length > 0
          ? `${runner.name} skips all of them`
          : `${runner.name} finds none in it`
      continue
    }
    if (!runner.surelyCollects(subject.path) && (yield* passesBroken(world, own, check.command))) {
      silence ??= `${check.name} does not collect it`
      continue
    }
    // It may need what runs before it in the whole suite.
    if (run.exitCode !== 0) return own
    return { ...own, alone: { runner, run, outcomes } }
  }
  return { ...own, silence }
})

/** Whether a whole command passes although a file of its tests is broken: then it does not run that file. */
const passesBroken = Effect.fnUntraced(function* (
  world: World,
  { subject, meter: { run } }: Asked,
  command: string
): Effect.fn.Return<boolean, GateError> {
  yield* world.show({ paths: [], texts: [[subject.path, poisonFor(subject.path)]] })
  const { exitCode } = yield* run(command)
  return exitCode === 0
})

/**
 * The commit with the product of the base, and with `others` of the base. Of a new module its own code alone is taken away: without the
 * file that names it no test of it would be there to fail.
 */
const withoutChange = (
  { plan }: World,
  { isAdded, withoutChange: own }: Subject,
  others: ReadonlyArray<string> = []
) => ({
  paths: [...(own !== undefined && isAdded ? [] : plan.product), ...others],
  texts: own === undefined ? [] : [[own.path, own.text] as const]
})

const answerOf = Effect.fnUntraced(function* (
  world: World,
  asked: Asked
): Effect.fn.Return<Answer, GateError> {
  const { alone, silence, subject } = asked
  if (alone === undefined && silence !== undefined) {
    return {
      result: "neverRan",
      findings: [hollow(subject.path, `no test of ${subject.path} ran: ${silence}`)]
    }
  }
  if (world.plan.product.length === 0 || !subject.mustBite) {
    return { result: "excused", findings: judgeTests(subject, alone?.outcomes, undefined) }
  }
  return alone === undefined ? yield* byWholeCommand(world, asked) : yield* byItself(world, asked, alone)
})

const bites = (exitCode: number, findings: ReadonlyArray<Finding>): Answer => ({
  result: "bites",
  exitCode,
  findings
})

const isHollow = ({ path }: Subject): Answer => ({
  result: "hollow",
  exitCode: 0,
  findings: [
    hollow(path, `${path} passes without the change: nothing in it fails with the product as it was`)
  ]
})

const byItself = Effect.fnUntraced(function* (
  world: World,
  asked: Asked,
  { outcomes, run, runner }: Alone
): Effect.fn.Return<Answer, GateError> {
  const {
    meter: { run: ask },
    subject
  } = asked
  // What moved is asked where it was.
  const path = subject.withoutChange?.path ?? subject.path
  const command = runner.takes(path) ? runner.narrow([{ ...subject, path }]) : undefined
  if (command === undefined) return yield* byWholeCommand(world, asked)
  const timeout = timeoutAfter(run.seconds)
  yield* world.show(withoutChange(world, subject))
  const without = yield* ask(command, timeout)
  if (without.exitCode === 0) return isHollow(subject)
  const said = outcomesOf(runner, without)
  const failsItself = said?.some(({ name, outcome }) => outcome === "failed" && subject.tests.includes(name))
  const others = world.plan.tests.filter((path) => path !== subject.path)
  if (runner.isShared && failsItself !== true && others.length > 0) {
    // What does not compile may be a neighbour's fault: as of the base the neighbours have none.
    yield* world.show(withoutChange(world, subject, others))
    if ((yield* ask(command, timeout)).exitCode === 0) return isHollow(subject)
  }
  return bites(without.exitCode, judgeTests(subject, outcomes, said))
})

/** Where a file cannot be run by itself: the whole command, with this file alone as the commit has it. It costs what the check costs. */
const byWholeCommand = Effect.fnUntraced(function* (
  world: World,
  { meter: { run }, subject }: Asked
): Effect.fn.Return<Answer, GateError> {
  const candidates = world.tests.filter(({ runner }) => runner === undefined || runner.takes(subject.path))
  if (candidates.length === 0) return undecided(subject, "no check runs tests of its kind")
  const others = world.plan.tests.filter((path) => path !== subject.path)
  let answer = undecided(
    subject,
    `${candidates.map(({ check }) => check.name).join(", ")} fails on the base too`
  )
  for (const { check } of candidates) {
    yield* world.show("base")
    if ((yield* run(check.command)).exitCode !== 0) continue
    yield* world.show(withoutChange(world, subject, others))
    const { exitCode } = yield* run(check.command)
    if (exitCode !== 0) return bites(exitCode, judgeTests(subject, undefined, undefined))
    answer = isHollow(subject)
  }
  return answer
})
