/** What the stages after the checks stand on: the tests' runs of one gate, one after another in the same work folder. */
import { Clock, Duration, Effect } from "effect"

import type { Change } from "../gate/change.ts"
import type { Check } from "../gate/checks.ts"
import { type BitePlan, planBite } from "../gate/bite.ts"
import { makefileNames } from "../gate/make.ts"
import type { TestOutcome, TestRunner } from "../gate/runners/TestRunner.ts"
import { isTestCheck, layersOf, namedBy, runnerOf } from "../gate/testRunner.ts"
import { type Grammar, grammarOf, type Parse } from "../gate/weakened/syntax.ts"
import type { Checkout } from "../services/GateCheckout.ts"
import type { GateError } from "../services/GateError.ts"
import type { CommandResult, RunOptions } from "../services/GateToolchain.ts"
import { SyntaxParser } from "../services/SyntaxParser.ts"
import type { CleanEnvironment } from "./cleanEnvironment.ts"

interface Ran {
  readonly check: Check
  readonly exitCode: number
  readonly output: string
  /** Whether it is known already whose failure it is, or that it is none. */
  readonly isSettled?: boolean
}

export interface TestStageContext {
  readonly commit: string
  /** The merge base. */
  readonly base: string
  readonly change: Change
  /** The checks that ran, with the end of what they printed. */
  readonly ran: ReadonlyArray<Ran>
  /** Checks that run again wherever another commit is placed: the tests need what they build. */
  readonly builders: ReadonlyArray<Check>
  /** Installs the dependencies of what is placed; to be run when the base is placed, and when the commit is after it. */
  readonly setUp: Effect.Effect<void, GateError>
  readonly checkout: Pick<Checkout, "readBase" | "baseFiles" | "files" | "place" | "placeMixed" | "room">
  readonly run: (
    command: string,
    options: RunOptions & { readonly timeout: Duration.Duration }
  ) => Effect.Effect<CommandResult, GateError>
  /** The base where nothing of the candidate has run. */
  readonly clean: CleanEnvironment
  readonly print: (line: string) => void
  /** Wall time after which a stage starts no further run. */
  readonly patience: Duration.Duration
}

/** A check of tests, and its runner where that is known. */
export interface TestCheck {
  readonly check: Check
  readonly runner: TestRunner | undefined
}

export interface LayeredCheck extends TestCheck {
  /** The command, and those behind it: of a make target, of a package script. */
  readonly layers: ReadonlyArray<string>
}

export const testChecks = Effect.fnUntraced(function* (
  world: { readonly checkout: Pick<Checkout, "readBase"> } & {
    readonly ran: ReadonlyArray<Pick<Ran, "check">>
  }
): Effect.fn.Return<ReadonlyArray<LayeredCheck>, GateError> {
  const checks = world.ran.map(({ check }) => check).filter(isTestCheck)
  if (checks.length === 0) return []
  const { readBase } = world.checkout
  const packageJson = yield* readBase("package.json")
  let makefile: string | undefined
  for (const name of makefileNames) makefile ??= yield* readBase(name)
  const recipes = { makefile, packageJson }
  return checks.map((check) => ({
    check,
    runner: runnerOf(check, recipes),
    layers: layersOf(check, recipes)
  }))
})

/** A run shorter than this is never cut off: machines stumble. */
const leastTimeout = Duration.seconds(60)
/** What a run for one of the stages keeps of its output: the reports of some thousand tests. */
const keepBytes = 4 * 1024 * 1024

/** As long as the same took before, five times. What a change brought to an end may wait for ever without it. */
export const timeoutAfter = (seconds: number): Duration.Duration =>
  Duration.max(leastTimeout, Duration.seconds(seconds * 5))

/** What a run said of each test; undefined when it says nothing, or the beginning of it is gone. */
export const outcomesOf = (runner: TestRunner, run: CommandResult): ReadonlyArray<TestOutcome> | undefined =>
  new TextEncoder().encode(run.logTail).length < keepBytes - 4 ? runner.read(run.logTail) : undefined

/** Says how much of a span is left, from now on, by a clock that nobody sets. */
export const countdown = (span: Duration.Duration): Effect.Effect<Effect.Effect<Duration.Duration>> =>
  Effect.map(Clock.monotonicTimeNanos, (start) =>
    Effect.map(Clock.monotonicTimeNanos, (now) =>
      Duration.max(Duration.zero, Duration.subtract(span, Duration.nanos(now - start)))
    )
  )

export const isOver = (left: Effect.Effect<Duration.Duration>): Effect.Effect<boolean> =>
  Effect.map(left, (span) => Duration.toMillis(span) === 0)

/** Runs for one file, without a word of them in the log, and what they cost. */
export interface Meter {
  readonly run: (command: string, timeout?: Duration.Duration) => Effect.Effect<CommandResult, GateError>
  readonly seconds: () => number
}

/** A command may take as long as a whole gate does; a file's own run takes less. */
export const meter = (world: Pick<TestStageContext, "run" | "patience">): Meter => {
  let seconds = 0
  return {
    run: (command, timeout = Duration.max(leastTimeout, world.patience)) =>
      world.run(command, { timeout, echo: false, keepBytes }).pipe(
        Effect.tap((run) =>
          Effect.sync(() => {
            seconds += run.seconds
          })
        )
      ),
    seconds: () => seconds
  }
}

/** What the work folder shows. */
export type State =
  | "commit"
  | "base"
  | {
      /** Whose other files it shows; the commit's when absent. */
      readonly of?: "base"
      /** Files that are as the base has them. */
      readonly paths: ReadonlyArray<string>
      readonly texts: ReadonlyArray<readonly [string, string]>
    }

const isOfBase = (state: State | undefined): boolean =>
  state === "base" || (typeof state === "object" && state.of === "base")

/**
 * Puts states of the change into the work folder, with what its builders make of them: the commit, its base, or one of them with some paths
 * as of the base or with other texts. A builder that fails says nothing here: the tests that need it fail.
 */
export const stage = (
  world: Pick<TestStageContext, "checkout" | "commit" | "base" | "builders" | "setUp" | "run" | "patience">
) => {
  let shown: State | undefined
  const timeout = Duration.max(leastTimeout, world.patience)
  return Effect.fnUntraced(function* (state: State): Effect.fn.Return<void, GateError> {
    if (JSON.stringify(state) === JSON.stringify(shown)) return
    const isOfOtherSetup = isOfBase(state) !== isOfBase(shown)
    shown = state
    if (typeof state === "string") yield* world.checkout.place(world[state])
    else {
      const { of = "commit", paths, texts } = state
      yield* world.checkout.placeMixed(world[of], { paths, from: world.base, texts: new Map(texts) })
    }
    if (isOfOtherSetup) yield* world.setUp
    for (const { command } of world.builders) yield* world.run(command, { timeout, echo: false })
  })
}

/** What canary and bite check share. */
export interface ProofContext extends TestStageContext {
  readonly plan: BitePlan
  readonly tests: ReadonlyArray<LayeredCheck>
  readonly show: ReturnType<typeof stage>
  /** Time in which another run may begin. */
  readonly left: Effect.Effect<Duration.Duration>
  readonly parse: Parse
}

/** Parsers for the files of the change; a file has no tree where they cannot be loaded. */
export const openProof = Effect.fnUntraced(function* (
  world: TestStageContext
): Effect.fn.Return<ProofContext, GateError, SyntaxParser> {
  const tests = yield* testChecks(world)
  const grammars = new Set<Grammar>((yield* world.checkout.files).flatMap((path) => grammarOf(path) ?? []))
  const { open } = yield* SyntaxParser
  const parse = yield* tests.length === 0
    ? Effect.succeed<Parse>(() => undefined)
    : open(grammars).pipe(Effect.orElseSucceed((): Parse => () => undefined))
  return {
    ...world,
    tests,
    parse,
    plan: planBite(
      world.change,
      namedBy(tests.flatMap(({ layers }) => layers.map((command) => ({ command })))),
      parse
    ),
    show: stage(world),
    left: yield* countdown(world.patience)
  }
})
