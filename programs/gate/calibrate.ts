/** `foreman gate calibrate`: what the gate would have said of a repository's own last merges, and what that means for its policy. */
import { Cause, Clock, Effect, Exit } from "effect"
import { Command, Flag } from "effect/cli"

import { git } from "../../layers/git/runGit.ts"
import * as staticHalf from "../../layers/gate/staticHalf.ts"
import { advise, type Calibration, type Examined, type Run, spread, tally } from "../../src/gate/calibrate.ts"
import type { Policy } from "../../src/gate/finding.ts"
import { calibrationMarkdown, calibrationTable } from "../../src/gate/report/calibration.ts"
import { GateConfigError, type GateNotPassed } from "./errors.ts"
import * as flags from "./flags.ts"
import { judgeCandidate, type Limits } from "./judgeCandidate.ts"
import { say } from "./output.ts"
import { type PastCommit, pastCommits } from "./pastCommits.ts"
import * as Progress from "./progress.ts"

interface Options {
  readonly repo: string
  readonly head: string
  readonly last: number
  readonly run: number
  readonly limits: Limits
  readonly format: "table" | "json" | "markdown"
}

/** Git is waited for half of the time, so two at once keep one core busy. */
const concurrency = 2

const rootOf = Effect.fnUntraced(function* ({ head, repo }: Options) {
  const answer = (...args: ReadonlyArray<string>) =>
    git(["-C", repo, "rev-parse", "--path-format=absolute", ...args]).pipe(Effect.map((text) => text.trim()))
  // A bare repository has no work tree, and needs none.
  const root = yield* answer("--show-toplevel").pipe(
    Effect.catchTag("GitFailed", () => answer("--git-dir")),
    Effect.mapError(() => new GateConfigError({ message: `--repo ${repo} is not a git repository` }))
  )
  const commit = yield* answer("--verify", "-q", "--end-of-options", `${head}^{commit}`).pipe(
    Effect.mapError(() => new GateConfigError({ message: `--head ${head} is not a commit of ${root}` }))
  )
  return { root, commit }
})

const secondsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(effect)
    return { exit, seconds: ((yield* Clock.currentTimeMillis) - startedAt) / 1000 }
  })

/** The static half of all of them. What git or a rule cannot read is named, and counts nowhere. */
const examineAll = Effect.fn("gate.calibrate.examineAll")(function* (
  half: Effect.Success<ReturnType<typeof staticHalf.open>>["half"],
  commits: ReadonlyArray<PastCommit>,
  progress: Progress.Progress
) {
  const unreadable: Array<{ readonly commit: string; readonly message: string }> = []
  let done = 0
  const examined = yield* Effect.forEach(
    commits,
    Effect.fnUntraced(function* ({ base, commit, subject }) {
      const { exit, seconds } = yield* secondsOf(half(base, commit))
      done++
      yield* progress.show(`${done} of ${commits.length} commits looked at`)
      if (Exit.isSuccess(exit)) {
        const { documents, findings } = exit.value
        return [{ commit, subject, findings, documents, seconds } satisfies Examined]
      }
      if (Cause.hasInterrupts(exit.cause)) return yield* Effect.failCause(exit.cause)
      unreadable.push({ commit, message: Cause.prettyErrors(exit.cause)[0]?.message ?? "unknown" })
      return []
    }),
    { concurrency }
  )
  return { examined: examined.flat(), unreadable }
})

const runWhole = Effect.fn("gate.calibrate.runWhole")(function* (
  root: string,
  { base, commit, subject }: PastCommit,
  limits: Limits
) {
  const name = commit.slice(0, 12)
  const candidate = { root, name, commit, base, ref: undefined, uncommitted: [] }
  return yield* judgeCandidate(candidate, limits, () => {}).pipe(
    Effect.map(({ envelope: { message, reason, verdict }, seconds }): Run => ({
      commit,
      subject,
      verdict,
      ...(reason !== undefined && { reason }),
      message,
      seconds
    })),
    Effect.catchTag("GateNotPassed", ({ message, verdict }: GateNotPassed) =>
      Effect.succeed<Run>({ commit, subject, verdict, message, seconds: 0 })
    )
  )
})

const calibrate = Effect.fn("gate.calibrate")(function* (options: Options) {
  const { root, commit: head } = yield* rootOf(options)
  const progress = Progress.make()
  const commits = yield* pastCommits(root, head, options.last)
  if (commits.length === 0) {
    return yield* new GateConfigError({
      message: `${root} has no commit that changes code: a shallow clone has no past, git fetch --unshallow first`
    })
  }
  const { half, policyAt } = yield* staticHalf.open(root)
  const policy: Policy = yield* policyAt(head).pipe(
    Effect.mapError(({ message }) => new GateConfigError({ message }))
  )
  const { exit, seconds } = yield* secondsOf(examineAll(half, commits, progress))
  const { examined, unreadable } = yield* exit
  const runs: Array<Run> = []
  for (const commit of spread(commits, options.run)) {
    yield* progress.show(
      `${runs.length} of ${Math.min(options.run, commits.length)} whole gates, now ${commit.commit.slice(0, 10)}`
    )
    runs.push(yield* runWhole(root, commit, options.limits))
  }
  yield* progress.clear
  const tallied = tally(examined, policy)
  const calibration: Calibration = {
    repository: root,
    head,
    tally: tallied,
    advice: advise(tallied),
    runs,
    unreadable,
    seconds
  }
  const text =
    options.format === "json"
      ? JSON.stringify(calibration)
      : options.format === "markdown"
        ? calibrationMarkdown(calibration)
        : calibrationTable(calibration)
  yield* say(`${text}\n`)
})

const positive = (flag: Flag.Flag<number>, least: number, name: string) =>
  flag.pipe(
    Flag.filter(
      (value) => value >= least && value <= 100_000,
      (value) => `--${name} ${value}: give a whole number from ${least} to 100000`
    )
  )

export const command = Command.make(
  "calibrate",
  {
    repo: Flag.String("repo").pipe(
      Flag.withDefault("."),
      Flag.withDescription("The repository: a work tree or a bare one")
    ),
    head: Flag.String("head").pipe(
      Flag.withDefault("HEAD"),
      Flag.withDescription("Where its main line ends")
    ),
    last: positive(Flag.Int("last"), 1, "last").pipe(
      Flag.withDefault(200),
      Flag.withDescription("How many commits of the main line, those that change code, are looked at")
    ),
    run: positive(Flag.Int("run"), 0, "run").pipe(
      Flag.withDefault(0),
      Flag.withDescription("How many of them, spread evenly, get a whole gate as well")
    ),
    ...flags.limits,
    format: Flag.Literals("format", ["table", "json", "markdown"]).pipe(
      Flag.withAlias("o"),
      Flag.withDefault("table"),
      Flag.withDescription("What stdout gets")
    )
  },
  Effect.fnUntraced(function* ({ memory, timeout, ...options }) {
    yield* calibrate({ ...options, limits: yield* flags.limitsOf({ memory, timeout }) })
  })
).pipe(
  Command.withDescription(
    "What the gate would have said of this repository's own last merges: alarms by rule, with the commits, their share\n" +
      "and its 95 % interval, and what to put into the policy. Progress goes to stderr. Exit 0, 78: wrong configuration."
  ),
  Command.withExamples([
    { command: "foreman gate calibrate", description: "The last 200 commits, without running anything" },
    {
      command: "foreman gate calibrate --last 1000 --run 5 --format markdown > calibration.md",
      description: "A page with five whole gates in it"
    }
  ])
)
