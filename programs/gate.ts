/** `foreman gate`: the gate of a Job, on this machine, for a person before a push and for a step of CI. */
import { createHash } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { basename, join } from "node:path"

import { Clock, Duration, Effect, Option, Result, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"

import { judgeBranch } from "../layers/gate/judgeBranch.ts"
import * as BaseCache from "../layers/gate/BaseCache.ts"
import * as localToolchain from "../layers/gate/localToolchain.ts"
import { tail } from "../layers/gate/tail.ts"
import * as Observability from "../layers/Observability.ts"
import { wipe } from "../layers/wipe.ts"
import { dispatched } from "../src/decide/verdict.ts"
import { type Allowance, parseAllow } from "../src/gate/approval.ts"
import { type Envelope, exitCodes, GateVerdict } from "../src/gate/envelope.ts"
import { saidBy } from "../src/tools/gateTerminal.ts"
import { baseBranch, type Candidate, find, GateConfigError, makeRemote } from "./gate/candidate.ts"
import { painter, report } from "./gate/report.ts"
import { parseGoDuration } from "./goDuration.ts"
import { launchCommand } from "./launchCommand.ts"

/** The verdict was no GATE-PASS; the program's exit says which. */
class GateNotPassed extends Schema.TaggedError<GateNotPassed>()("GateNotPassed", {
  verdict: GateVerdict,
  message: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = exitCodes[this.verdict]
}

const flags = {
  repo: Flag.String("repo").pipe(
    Flag.withDefault("."),
    Flag.withDescription("Work tree of the repository; what is committed there is judged")
  ),
  base: Flag.String("base").pipe(
    Flag.optional,
    Flag.withDescription("What the change is measured against; the default branch when absent")
  ),
  head: Flag.String("head").pipe(
    Flag.optional,
    Flag.withDescription("Branch or commit to judge; HEAD when absent")
  ),
  timeout: Flag.String("timeout").pipe(
    Flag.withDefault("30m"),
    Flag.withDescription("Wall time of the whole gate, such as 90s, 30m or 1h")
  ),
  memory: Flag.String("memory").pipe(
    Flag.withDefault("8Gi"),
    Flag.withDescription("Memory of the checks together, such as 512Mi or 8Gi")
  ),
  allow: Flag.String("allow").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "RULE:PATH=REASON: allow what a rule asks about in a file (a path or a glob); may be given again"
    )
  ),
  output: Flag.Literals("output", ["table", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDefault("table"),
    Flag.withDescription("table: for people; json: the foreman.v1 envelope, on one line")
  )
}

interface Options {
  readonly repo: string
  readonly base: string | undefined
  readonly head: string | undefined
  readonly timeout: string
  readonly memory: string
  readonly allow: ReadonlyArray<string>
  readonly output: "table" | "json"
}

const units: Readonly<Record<string, number>> = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4 }

/** Of a quantity of Kubernetes: a whole number with or without a binary unit. */
const bytesOf = (text: string): number | undefined => {
  const [, amount, unit = ""] = /^(\d{1,9})(Ki|Mi|Gi|Ti)?$/u.exec(text) ?? []
  return amount === undefined || Number(amount) === 0 ? undefined : Number(amount) * (units[unit] ?? 1)
}

const tell = (text: Uint8Array | string) => void process.stderr.write(text)

/** All that a gate leaves behind is this: what its builds and downloads would make again. One for each repository. */
const cacheOf = (root: string, env: NodeJS.ProcessEnv): string => {
  const id = createHash("sha256").update(root).digest("hex").slice(0, 10)
  const cache = env["XDG_CACHE_HOME"] || join(homedir(), ".cache")
  return join(cache, "foreman", "gate", `${basename(root).replaceAll(/[^\w.-]/gu, "_")}-${id}`)
}

const temporaryFolder = Effect.acquireRelease(
  Effect.tryPromise({
    try: () => mkdtemp(join(tmpdir(), "foreman-gate-")),
    catch: (cause) =>
      new GateConfigError({
        message: `no folder can be made in ${tmpdir()}: ${String(cause)}. Point TMPDIR at one that can be written.`
      })
  }),
  (folder) => Effect.sync(() => wipe(folder))
)

const judged = Effect.fn("gate.judged")(function* (
  candidate: Candidate,
  limits: { readonly deadline: Duration.Duration; readonly memoryBytes: number },
  approvals: ReadonlyArray<Allowance>
) {
  const folder = yield* temporaryFolder
  const remote = join(folder, "remote.git")
  yield* makeRemote(candidate, remote).pipe(
    Effect.mapError(({ message }) => new GateConfigError({ message: `git: ${message}` }))
  )
  const folders = { workDir: join(folder, "work", "repository"), exchangeDir: join(folder, "exchange") }
  const judgeDir = join(folder, "judge")
  const cacheDir = yield* BaseCache.open({
    folder: cacheOf(candidate.root, process.env),
    remote,
    baseBranch,
    scratchDir: join(folder, "base"),
    memoryBytes: limits.memoryBytes,
    patience: Duration.times(limits.deadline, 0.5),
    hidden: [remote, candidate.root],
    env: process.env,
    write: tell
  })
  yield* localToolchain.start(
    {
      ...folders,
      scratchDir: join(folder, "scratch"),
      cacheDir,
      memoryBytes: limits.memoryBytes,
      hidden: [judgeDir, remote, candidate.root]
    },
    process.env
  )
  const end = tail(32 * 1024)
  const settings = {
    ...folders,
    judgeDir,
    repo: candidate.root,
    branch: candidate.name,
    baseBranch,
    cloneURL: remote,
    watched: candidate.ref === undefined ? ("nowhere" as const) : { url: candidate.root, ref: candidate.ref },
    deadline: limits.deadline,
    limits: { memoryBytes: limits.memoryBytes },
    approvals,
    attended: true,
    confinement: "process" as const
  }
  const envelope = yield* judgeBranch(settings, (text) => {
    end.append(Buffer.from(text))
    tell(text)
  })
  return { envelope, logTail: end.text() }
}, Effect.scoped)

/** As the status of a task has it. */
const resultOf = (candidate: Candidate, envelope: Envelope, logTail: string, seconds: number) =>
  dispatched({
    tool: "run_gate_job",
    output: { repo: candidate.root, branch: candidate.name },
    terminal: saidBy(envelope, { logTail }).terminal,
    intendedBranch: candidate.name,
    elapsedSec: seconds
  })

const gate = Effect.fn("gate")(function* (options: Options) {
  const deadline = parseGoDuration(options.timeout)
  if (deadline === undefined || Duration.toMillis(deadline) < 1_000) {
    return yield* new GateConfigError({
      message: `--timeout ${options.timeout}: give a span of a second or more, such as 30m`
    })
  }
  const memoryBytes = bytesOf(options.memory)
  if (memoryBytes === undefined) {
    return yield* new GateConfigError({ message: `--memory ${options.memory}: give a size such as 8Gi` })
  }
  const approvals = yield* Effect.fromResult(Result.all(options.allow.map(parseAllow))).pipe(
    Effect.mapError((message) => new GateConfigError({ message }))
  )
  const candidate = yield* find(options)
  const { base, commit, name, uncommitted } = candidate
  tell(`foreman gate: ${name} at ${commit.slice(0, 12)}, against ${base.slice(0, 12)}\n`)
  if (uncommitted.length > 0) {
    const few = uncommitted.slice(0, 5).join(", ")
    tell(
      `foreman gate: not judged, because not committed: ${JSON.stringify(few).slice(1, -1)}${uncommitted.length > 5 ? ` and ${uncommitted.length - 5} more` : ""}\n`
    )
  }
  const startedAt = yield* Clock.currentTimeMillis
  const { envelope, logTail } = yield* judged(candidate, { deadline, memoryBytes }, approvals)
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  const isColoured = process.stdout.isTTY && !process.env["NO_COLOR"]
  const text =
    options.output === "json"
      ? JSON.stringify(resultOf(candidate, envelope, logTail, seconds))
      : report(envelope, painter(isColoured))
  yield* Effect.callback<void>((resume) => {
    process.stdout.write(`${text}\n`, () => resume(Effect.void))
  })
  if (envelope.verdict !== "GATE-PASS") {
    return yield* new GateNotPassed({
      verdict: envelope.verdict,
      message: `${envelope.verdict}: ${envelope.message}`
    })
  }
})

const command = Command.make("gate", flags, ({ base, head, ...options }) =>
  gate({ ...options, base: Option.getOrUndefined(base), head: Option.getOrUndefined(head) }).pipe(
    Effect.catchTag("GateError", ({ message, reason }) =>
      Effect.fail(noVerdict(`${reason._tag}: ${message}`))
    ),
    Effect.catchDefect((defect) => Effect.fail(noVerdict(defect)))
  )
).pipe(
  Command.withDescription(
    "Judge what is committed here as a gate Job would: the checks that the base asks for, in a clean clone.\n" +
      "The log goes to stderr, the result to stdout. Exit 0: GATE-PASS, 1: GATE-FAIL, 69: GATE-ERROR, 78: wrong configuration."
  ),
  Command.withExamples([
    { command: "foreman gate", description: "Judge HEAD against the default branch" },
    { command: "foreman gate --base v1.2 --head fix/slug", description: "Judge a branch against a tag" },
    { command: "foreman gate -o json > result.json", description: "As a step of CI" }
  ])
)

/** Exit 1 says that a check said no: a fault of ours must not look like it. */
const noVerdict = (defect: unknown) =>
  new GateNotPassed({ verdict: "GATE-ERROR", message: `GATE-ERROR: nothing was judged: ${String(defect)}` })

/** As a shell says it of a program that Ctrl-C ended. */
const interrupted = 130

export const main = (argv: ReadonlyArray<string>): void =>
  launchCommand(command, {
    name: "gate",
    observability: Observability.layer({ name: "gate", level: "Error" }),
    interruptedExitCode: interrupted
  })(argv)
