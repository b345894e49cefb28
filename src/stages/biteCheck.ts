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
  type Subject,
  testsElsewhere
} from "../gate/bite.ts"
import { doubtOf } from "../gate/doubt.ts"
import type { Finding } from "../gate/finding.ts"
import { outcomesOfFile, type TestOutcome } from "../gate/runners/TestRunner.ts"
import type { GateError } from "../services/GateError.ts"
import type { CommandResult } from "../services/GateToolchain.ts"
import type { Alone, Asked } from "./canary.ts"
import { hasRun } from "./testRuns.ts"
import {
  isOver,
  type Meter,
  meter,
  outcomesOf,
  type ProofContext,
  type State,
  timeoutAfter
} from "./TestStageContext.ts"

export interface Bitten {
  readonly findings: ReadonlyArray<Finding>
  readonly evidence: ReadonlyArray<BiteEvidence>
}

type Answer = Pick<BiteEvidence, "result" | "exitCode"> & { readonly findings: ReadonlyArray<Finding> }

/** A file that passes at the commit, and has to fail without the change. */
interface ToBite extends Asked {
  readonly alone: Alone
}

/** What all that must bite said without the change, in one run of each runner. */
interface Together {
  readonly files: ReadonlyArray<ToBite>
  readonly run: CommandResult
}

/** `asked` are the files of tests as they ran at the commit (`canary.ts`): what a test says that fails there is not known. */
export const biteCheck = Effect.fn("biteCheck")(function* (
  world: ProofContext,
  asked: ReadonlyArray<Asked>
): Effect.fn.Return<Bitten, GateError> {
  const { plan } = world
  if (world.tests.length === 0 || plan.subjects.length === 0) return { findings: [], evidence: [] }
  world.print("=== bite check ===")
  const together = yield* runTogether(world, asked)
  const answers: Array<{
    readonly subject: Subject
    readonly one: Asked | undefined
    readonly answer: Answer
    readonly seconds: number
  }> = []
  for (const subject of plan.subjects) {
    const one = asked.find((each) => each.subject === subject)
    const group = together.find(({ files }) => files.some((each) => each.subject === subject))
    const own = meter(world)
    const isLate =
      one === undefined || (group === undefined && needsRun(world, one) && (yield* isOver(world.left)))
    const answer = isLate
      ? undecided(subject, "there was no time for its runs")
      : yield* answerOf(world, one, group, own)
    answers.push({
      subject,
      one,
      answer,
      seconds: own.seconds() + (group === undefined ? 0 : group.run.seconds / group.files.length)
    })
    world.print(`${subject.path}: ${answer.result}`)
  }
  const doubt = doubtOf(world.change)
  const hasBite = answers.some(({ answer }) => answer.result === "bites")
  return {
    findings: [
      ...(plan.product.length === 0 || plan.isRestructured ? [nothingToBite(plan)] : []),
      // Beside tests that bite, files that pass either way hold what works already.
      ...answers.flatMap(({ answer: { findings, result } }) =>
        result !== "hollow"
          ? findings
          : findings.map((one) => (hasBite ? { ...one, isNote: true as const } : asking(one, doubt)))
      )
    ],
    evidence: answers.map(({ answer, one, seconds, subject }) => evidenceOf(subject, one, answer, seconds))
  }
})

/** What passes without the change by no fault of the test's: the author's intent is a person's to judge. */
const asking = (finding: Finding, doubt: string | undefined): Finding =>
  doubt === undefined ? finding : { ...finding, message: `${finding.message}: ${doubt}`, asks: true }

const nothingToBite = ({ product, subjects }: BitePlan): Finding =>
  hollowNote(
    subjects[0]?.path ?? "",
    product.length === 0
      ? "tests changed and the product did not: there is nothing that they could bite"
      : "the product is put together otherwise and does nothing new: there is nothing that they could bite"
  )

const undecided = ({ path }: Subject, why: string): Answer => ({
  result: "undecided",
  findings: [hollowNote(path, `whether ${path} passes without the change is not known: ${why}`)]
})

const evidenceOf = (
  subject: Subject,
  asked: Asked | undefined,
  answer: Answer,
  seconds: number
): BiteEvidence => ({
  file: subject.path,
  ...(asked?.alone !== undefined && { runner: asked.alone.runner.name }),
  result: answer.result,
  ...(asked?.alone?.outcomes !== undefined && { tests: asked.alone.outcomes.filter(hasRun).length }),
  ...(answer.exitCode !== undefined && { exitCode: answer.exitCode }),
  seconds
})

const mustBite = ({ plan }: ProofContext, { mustBite }: Subject): boolean =>
  plan.product.length > 0 && mustBite && !plan.isRestructured

const needsRun = (world: ProofContext, { silence, subject }: Asked): boolean =>
  silence === undefined && mustBite(world, subject)

/** A module of Rust that the change adds goes without its own code alone: its state is no other file's. */
const hasOwnState = ({ isAdded, withoutChange }: Subject): boolean => isAdded && withoutChange !== undefined

/** What moved is asked where it was. */
const askedAt = (subject: Subject) => ({ ...subject, path: subject.withoutChange?.path ?? subject.path })

/** All files of a runner without the change, in one run. */
const runTogether = Effect.fnUntraced(function* (
  world: ProofContext,
  asked: ReadonlyArray<Asked>
): Effect.fn.Return<ReadonlyArray<Together>, GateError> {
  const files = asked.filter(
    (one): one is ToBite => one.alone !== undefined && needsRun(world, one) && !hasOwnState(one.subject)
  )
  const groups = Map.groupBy(files, ({ alone }) => alone.runner)
  const ran: Array<Together> = []
  for (const [runner, mine] of groups) {
    const places = mine.map(({ subject }) => askedAt(subject))
    const command = places.every(({ path }) => runner.takes(path)) ? runner.narrow(places) : undefined
    if (command === undefined || (yield* isOver(world.left))) continue
    yield* world.show({
      paths: [...world.plan.product],
      texts: mine.flatMap(({ subject }) => ownText(subject))
    })
    const seconds = Math.max(...mine.map(({ alone }) => alone.run.seconds))
    ran.push({ files: mine, run: yield* meter(world).run(command, timeoutAfter(seconds)) })
  }
  return ran
})

const ownText = ({ withoutChange: own }: Subject): ReadonlyArray<readonly [string, string]> =>
  own === undefined ? [] : [[own.path, own.text] as const]

/**
 * The commit with the product of the base, and with `others` of the base. Of a new module its own code alone is taken away: without the
 * file that names it no test of it would be there to fail.
 */
const withoutChange = (
  { plan }: ProofContext,
  subject: Subject,
  others: ReadonlyArray<string> = []
): State => ({
  paths: [...(hasOwnState(subject) ? [] : plan.product), ...others],
  texts: ownText(subject)
})

const answerOf = Effect.fnUntraced(function* (
  world: ProofContext,
  asked: Asked,
  together: Together | undefined,
  own: Meter
): Effect.fn.Return<Answer, GateError> {
  const { alone, silence, subject } = asked
  if (alone === undefined && silence !== undefined) {
    return {
      result: "neverRan",
      findings: [hollow(subject.path, `no test of ${subject.path} ran: ${silence}`)]
    }
  }
  if (!mustBite(world, subject)) {
    const findings = judgeTests({ ...subject, mustBite: false }, alone?.outcomes, undefined)
    return { result: "excused", findings }
  }
  if (alone === undefined) return yield* byWholeCommand(world, subject, own)
  return (
    (together === undefined ? undefined : fromReport(subject, alone, together)) ??
    (yield* byItself(world, subject, alone, own))
  )
})

/** What the run of all files says of one; undefined where it is not clear. */
const fromReport = (
  subject: Subject,
  { outcomes, runner }: Alone,
  { files, run }: Together
): Answer | undefined => {
  if (run.exitCode === 0) return isHollow(subject, outcomes)
  const report = outcomesOf(runner, run)
  const place = askedAt(subject)
  const said = outcomesOfFile(
    report,
    place,
    files.map((each) => askedAt(each.subject))
  )
  const failed = said?.filter(({ outcome }) => outcome === "failed") ?? []
  // What does not compile may be a neighbour's fault.
  const isOwn = !runner.isShared || failed.some(({ name }) => subject.tests.includes(name))
  if (failed.length > 0 && isOwn) return bites(run.exitCode, judgeTests(subject, outcomes, said))
  if (files.length === 1 && !(runner.isShared && failed.length === 0))
    return bites(run.exitCode, judgeTests(subject, outcomes, said))
  return said !== undefined && said.some(hasRun) && said.every(({ outcome }) => outcome !== "failed")
    ? isHollow(subject, outcomes)
    : undefined
}

const bites = (exitCode: number, findings: ReadonlyArray<Finding>): Answer => ({
  result: "bites",
  exitCode,
  findings
})

const isHollow = (subject: Subject, atCommit?: ReadonlyArray<TestOutcome>): Answer => {
  const { path } = subject
  const elsewhere = testsElsewhere(subject, atCommit)
  if (elsewhere.length > 0) {
    const named = elsewhere.slice(0, 3).join(", ")
    return undecided(subject, `tests of the change are for another machine, and did not run here: ${named}`)
  }
  const message = `${path} passes without the change: nothing in it fails with the product as it was`
  return { result: "hollow", exitCode: 0, findings: [hollow(path, message)] }
}

/** The file by itself, in its own state. */
const byItself = Effect.fnUntraced(function* (
  world: ProofContext,
  subject: Subject,
  { outcomes, run, runner }: Alone,
  { run: ask, seconds }: Meter
): Effect.fn.Return<Answer, GateError> {
  const place = askedAt(subject)
  const command = runner.takes(place.path) ? runner.narrow([place]) : undefined
  if (command === undefined) return yield* byWholeCommand(world, subject, { run: ask, seconds })
  const timeout = timeoutAfter(run.seconds)
  yield* world.show(withoutChange(world, subject))
  const without = yield* ask(command, timeout)
  if (without.exitCode === 0) return isHollow(subject, outcomes)
  const said = outcomesOf(runner, without)
  const failsItself = said?.some(({ name, outcome }) => outcome === "failed" && subject.tests.includes(name))
  const others = world.plan.tests.filter((path) => path !== subject.path)
  if (runner.isShared && failsItself !== true && others.length > 0) {
    // What does not compile may be a neighbour's fault: as of the base the neighbours have none.
    yield* world.show(withoutChange(world, subject, others))
    if ((yield* ask(command, timeout)).exitCode === 0) return isHollow(subject, outcomes)
  }
  return bites(without.exitCode, judgeTests(subject, outcomes, said))
})

/** Where a file cannot be run by itself: the whole command, with this file alone as the commit has it. It costs what the check costs. */
const byWholeCommand = Effect.fnUntraced(function* (
  world: ProofContext,
  subject: Subject,
  { run }: Meter
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
