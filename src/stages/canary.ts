/**
 * Whether a failing test would have been told: the tests of the change once with a comment more, and once with an assertion negated in each
 * file, in an order that is drawn. Nothing else differs between the two. Only what nobody noticed costs more runs.
 */
import { Effect, Random } from "effect"

import type { Subject } from "../gate/bite.ts"
import type { Canary, CanaryEvidence } from "../gate/canary/canary.ts"
import { evidenceOf, type Reaction, reactionTo } from "../gate/canary/judgeCanary.ts"
import {
  isNamed,
  outcomesOfFile,
  saysNothing,
  type TestOutcome,
  type TestRunner
} from "../gate/runners/TestRunner.ts"
import type { GateError } from "../services/GateError.ts"
import type { CommandResult } from "../services/GateToolchain.ts"
import { candidateIn, type Candidate, confirmed, withTexts } from "./canaryConfirm.ts"
import { standInFor } from "./standIn.ts"
import { hasRun, passesBroken } from "./testRuns.ts"
import {
  isOver,
  meter,
  outcomesOf,
  type ProofContext,
  type State,
  type TestCheck
} from "./TestStageContext.ts"

/** A file's run at the commit, with others or alone. */
export interface Alone {
  readonly runner: TestRunner
  readonly run: CommandResult
  readonly outcomes: ReadonlyArray<TestOutcome> | undefined
}

/** What is known of a test file once it ran at the commit. */
export interface Asked {
  readonly subject: Subject
  /** Undefined where it does not pass by itself. */
  readonly alone?: Alone | undefined
  /** Why no test of it ran, where that is known. */
  readonly silence?: string | undefined
}

export interface Proof {
  readonly asked: ReadonlyArray<Asked>
  readonly evidence: ReadonlyArray<CanaryEvidence>
}

/** To be asked once the checks passed. */
export const canary = Effect.fn("canary")(function* (
  world: ProofContext
): Effect.fn.Return<Proof, GateError> {
  const asked: Array<Asked> = []
  const evidence: Array<CanaryEvidence> = []
  // 1. Files whose runner is known, all those of one check together.
  let rest: ReadonlyArray<Candidate> = world.plan.subjects.map(candidateIn(world))
  const silences = new Map<string, string>()
  for (const { check, runner } of world.tests) {
    if (runner === undefined || (yield* isOver(world.left))) continue
    const mine = withoutHelpers(rest.filter(({ subject }) => runner.takes(subject.path)))
    const command = mine.length === 0 ? undefined : runner.narrow(mine.map(({ subject }) => subject))
    if (command === undefined) continue
    const pair = yield* runPair(world, command, mine)
    const answers = yield* Effect.forEach(mine, (each) =>
      atCommit(world, { check, runner }, each, mine, pair.control)
    )
    for (const one of answers) {
      if (one.silence !== undefined) silences.set(one.subject.path, one.silence)
      if (one.silence !== undefined && one.alone === undefined) continue
      rest = rest.filter(({ subject }) => subject !== one.subject)
      asked.push(one)
    }
    for (const each of mine) {
      const one = answers.find(({ subject }) => subject === each.subject)
      if (one?.alone === undefined || pair.canary === undefined) continue
      evidence.push(yield* noticed(world, { check, runner }, each, mine, pair.canary))
    }
  }
  asked.push(...rest.map(({ subject }) => ({ subject, silence: silences.get(subject.path) })))

  // 2. Files that only a whole command runs.
  const whole = asked.filter(({ alone, silence }) => alone === undefined && silence === undefined)
  if (whole.length > 0)
    evidence.push(
      ...(yield* byWholeCommands(
        world,
        whole.map(({ subject }) => candidateIn(world)(subject))
      ))
    )

  // 3. Without a changed test, one that the change may reach.
  if (evidence.every(({ result }) => result === "none")) evidence.push(...(yield* byStandIn(world)))
  return { asked, evidence }
})

/** Control and canary of the same files, by the same command. No canary where nothing can be negated. */
const runPair = Effect.fnUntraced(function* (
  world: ProofContext,
  command: string,
  files: ReadonlyArray<Candidate>
) {
  const control = yield* withTexts(files.map(({ subject }) => [subject.path, subject.text] as const))
  const negated = yield* withTexts(
    files.map(({ canaries: [first], subject }) => [subject.path, first?.text ?? subject.text] as const)
  )
  const { run } = meter(world)
  const ask = (state: State) => Effect.andThen(world.show(state), run(command))
  if (files.every(({ canaries }) => canaries.length === 0))
    return { control: yield* ask(control), canary: undefined }
  if (yield* Random.nextBoolean) {
    const before = yield* ask(control)
    return { control: before, canary: yield* ask(negated) }
  }
  const first = yield* ask(negated)
  return { control: yield* ask(control), canary: first }
})

/** A file that declares no test may be what the others load: made to fail, it would fail for all of them. */
const withoutHelpers = (files: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> =>
  files.some(({ canaries, subject }) => subject.tests.length > 0 && canaries.length > 0)
    ? files.map((one) => (one.subject.tests.length > 0 ? one : { ...one, canaries: [] }))
    : files

const filesOf = (candidates: ReadonlyArray<Candidate>) => candidates.map(({ subject }) => subject)

/** What the control run says of one file; where it is not clear, the file runs by itself. */
const atCommit = Effect.fnUntraced(function* (
  world: ProofContext,
  { check, runner }: TestCheck & { readonly runner: TestRunner },
  { subject }: Candidate,
  files: ReadonlyArray<Candidate>,
  together: CommandResult
): Effect.fn.Return<Asked, GateError> {
  let run = together
  let outcomes = outcomesOfFile(outcomesOf(runner, run), subject, filesOf(files))
  const isClear = run.exitCode === 0 || files.length === 1 || outcomes?.some(hasRun) === true
  const alone = isClear ? undefined : runner.narrow([subject])
  if (alone !== undefined) {
    yield* world.show(yield* withTexts([[subject.path, subject.text]]))
    run = yield* meter(world).run(alone)
    outcomes = outcomesOf(runner, run)
  }
  const isEmpty = outcomes?.length === 0
  if (outcomes !== undefined && !isEmpty && !outcomes.some(hasRun))
    return { subject, silence: `${runner.name} skips all of them` }
  if ((isEmpty && saysNothing(run.logTail)) || runner.isNothing?.(run.exitCode) === true)
    return { subject, silence: `${runner.name} finds none in it` }
  const isDoubtful = !runner.surelyCollects(subject.path) && !(yield* isOver(world.left))
  if (isDoubtful && (yield* passesBroken(world, subject, check.command)))
    return { subject, silence: `${check.name} does not collect it` }
  const isRed =
    run.exitCode !== 0 &&
    (outcomes?.some(({ outcome }) => outcome === "failed") !== false ||
      alone !== undefined ||
      files.length === 1)
  // It may need what runs before it in the whole suite.
  return isRed ? { subject } : { subject, alone: { runner, run, outcomes } }
})

/** What the canary's run says of one file, and what a closer look does. */
const noticed = Effect.fnUntraced(function* (
  world: ProofContext,
  { check, runner }: TestCheck & { readonly runner: TestRunner },
  { canaries, subject }: Candidate,
  files: ReadonlyArray<Candidate>,
  together: CommandResult
): Effect.fn.Return<CanaryEvidence, GateError> {
  const command = runner.narrow([subject]) ?? check.command
  const { run } = meter(world)
  /** Whether the run that was last looked at names the test. */
  let isReported = false
  const looked = (
    tried: Canary,
    { exitCode }: CommandResult,
    outcomes: ReadonlyArray<TestOutcome> | undefined,
    isAlone: boolean
  ) => {
    isReported = outcomes?.some(isNamed(tried.test)) === true
    return reactionTo(tried, exitCode, outcomes, isAlone)
  }
  const ask = Effect.fnUntraced(function* (tried: Canary, text: string) {
    yield* world.show(yield* withTexts([[subject.path, text]]))
    const one = yield* run(command)
    return looked(tried, one, outcomesOf(runner, one), true)
  })
  const skipped = new Set<string>()
  for (const [index, tried] of canaries.entries()) {
    if (skipped.has(tried.test)) continue
    let reaction: Reaction
    if (index === 0) {
      const outcomes = outcomesOfFile(outcomesOf(runner, together), subject, filesOf(files))
      reaction = looked(tried, together, outcomes, files.length === 1)
      if (reaction === "unclear" && !(yield* isOver(world.left))) reaction = yield* ask(tried, tried.text)
    } else {
      if (yield* isOver(world.left)) break
      reaction = yield* ask(tried, tried.text)
    }
    if (reaction === "failed") return evidenceOf(check.name, tried, "failed")
    if (reaction === "skipped") skipped.add(tried.test)
    if (reaction === "unnoticed") {
      const wasReported = isReported
      const { failing } = tried
      const answer = yield* confirmed(
        world,
        { check, runner },
        tried,
        failing === undefined ? undefined : ask(tried, failing)
      )
      // The runner names a test that fails at once, and passed this one without a word of it.
      const isLost = answer.result === "ignored" && tried.test !== "" && isReported && !wasReported
      return isLost ? { ...answer, result: "forged" } : answer
    }
  }
  return evidenceOf(check.name, canaries[0] ?? { line: 0, path: subject.path, test: "" }, "none")
})

/** The whole command of a check, with the first canary of each file: some check must fail. */
const byWholeCommands = Effect.fnUntraced(function* (
  world: ProofContext,
  files: ReadonlyArray<Candidate>
): Effect.fn.Return<ReadonlyArray<CanaryEvidence>, GateError> {
  const mine = files.filter(({ canaries }) => canaries.length > 0)
  const [first] = mine
  const checks = world.tests.filter(
    ({ runner }) => runner === undefined || files.some(({ subject }) => runner.takes(subject.path))
  )
  const [last] = checks.slice(-1)
  const [of] = first?.canaries ?? []
  if (of === undefined || last === undefined) {
    const path = files[0]?.subject.path ?? ""
    return last === undefined ? [] : [evidenceOf(last.check.name, { line: 0, path, test: "" }, "none")]
  }
  const { run } = meter(world)
  const textsOf = (pick: (canary: Canary) => string | undefined) =>
    mine.map(({ canaries: [one], subject }) => [subject.path, (one && pick(one)) ?? subject.text] as const)
  const ask = Effect.fnUntraced(function* (
    check: TestCheck["check"],
    pick: (canary: Canary) => string | undefined
  ) {
    yield* world.show(yield* withTexts(textsOf(pick)))
    return (yield* run(check.command)).exitCode === 0 ? ("unnoticed" as const) : ("failed" as const)
  })
  for (const { check } of checks) {
    if (yield* isOver(world.left)) return [evidenceOf(check.name, { ...of, line: 0 }, "none")]
    if ((yield* ask(check, ({ text }) => text)) === "failed")
      return mine.flatMap(({ canaries }) =>
        canaries.slice(0, 1).map((one) => evidenceOf(check.name, one, "failed"))
      )
  }
  const failing = Effect.gen(function* () {
    for (const { check } of checks)
      if ((yield* ask(check, (one) => one.failing ?? one.text)) === "failed") return "failed" as const
    return "unnoticed" as const
  })
  return [yield* confirmed(world, { check: last.check, runner: undefined }, of, failing)]
})

/** An unchanged test that the change may reach, of the first check that has one. */
const byStandIn = Effect.fnUntraced(function* (
  world: ProofContext
): Effect.fn.Return<ReadonlyArray<CanaryEvidence>, GateError> {
  for (const test of world.tests) {
    if (yield* isOver(world.left)) break
    const file = yield* standInFor(world, test, "commit")
    if (file === undefined) continue
    const subject: Subject = { ...file, before: file.text, changed: [], isAdded: false, mustBite: false }
    const one = candidateIn(world)(subject)
    const [first] = one.canaries
    const { check, runner } = test
    if (first === undefined) continue
    if (runner === undefined) return yield* byWholeCommands({ ...world, tests: [test] }, [one])
    const command = runner.narrow([subject])
    if (command === undefined) continue
    yield* world.show(yield* withTexts([[subject.path, first.text]]))
    return [yield* noticed(world, { check, runner }, one, [one], yield* meter(world).run(command))]
  }
  return []
})
