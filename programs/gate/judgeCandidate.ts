/** One gate on this machine: clean clones, the local toolchain, the judge of a Job. What `foreman gate` and its subcommands share. */
import { createHash } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { basename, join } from "node:path"

import { Clock, Duration, Effect } from "effect"

import * as BaseCache from "../../layers/gate/BaseCache.ts"
import { judgeBranch } from "../../layers/gate/judgeBranch.ts"
import * as localToolchain from "../../layers/gate/localToolchain.ts"
import { tail } from "../../layers/gate/tail.ts"
import { wipe } from "../../layers/wipe.ts"
import { dispatched } from "../../src/decide/verdict.ts"
import type { Allowance } from "../../src/gate/approval.ts"
import type { Check } from "../../src/gate/checks.ts"
import type { Envelope } from "../../src/gate/envelope.ts"
import { saidBy } from "../../src/tools/gateTerminal.ts"
import { baseBranch, type Candidate } from "./candidate.ts"
import { GateConfigError, GateNotPassed } from "./errors.ts"
import { makeRemote } from "./remote.ts"

export interface Limits {
  /** Wall time of the whole gate. */
  readonly deadline: Duration.Duration
  /** Memory of the checks together. */
  readonly memoryBytes: number
  /** What the person at hand allows of what the rules ask about. */
  readonly approvals: ReadonlyArray<Allowance>
}

export interface Judgement {
  readonly envelope: Envelope
  /** The last of the log: at most 32 KiB. */
  readonly logTail: string
  /** Wall time of all of it, clones included. */
  readonly seconds: number
}

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

const maxLogTail = 32 * 1024

const judge = Effect.fn("gate.judge")(
  function* (
    candidate: Candidate,
    limits: Limits,
    print: (text: Uint8Array | string) => void,
    /** Runs these, whatever the base says; without a base, so that nothing is compared and nothing runs twice. */
    checks?: ReadonlyArray<Check>
  ) {
    const startedAt = yield* Clock.currentTimeMillis
    const folder = yield* temporaryFolder
    const remote = join(folder, "remote.git")
    yield* makeRemote(candidate, remote).pipe(
      Effect.mapError(({ message }) => new GateConfigError({ message: `git: ${message}` }))
    )
    const folders = { workDir: join(folder, "work", "repository"), exchangeDir: join(folder, "exchange") }
    const judgeDir = join(folder, "judge")
    const caches = cacheOf(candidate.root, process.env)
    const cacheDir =
      checks === undefined
        ? yield* BaseCache.open({
            folder: caches,
            remote,
            baseBranch,
            scratchDir: join(folder, "base"),
            memoryBytes: limits.memoryBytes,
            patience: Duration.times(limits.deadline, 0.5),
            hidden: [remote, candidate.root],
            env: process.env,
            write: print
          })
        : // Nothing but commits of the default branch runs with these.
          join(caches, "init")
    yield* localToolchain.start(
      {
        ...folders,
        scratchDir: join(folder, "scratch"),
        cacheDir,
        writesCache: checks !== undefined,
        memoryBytes: limits.memoryBytes,
        hidden: [judgeDir, remote, candidate.root]
      },
      process.env
    )
    const end = tail(maxLogTail)
    const settings = {
      ...folders,
      judgeDir,
      repo: candidate.root,
      branch: candidate.name,
      ...(checks === undefined ? { baseBranch } : { checks }),
      cloneURL: remote,
      watched:
        candidate.ref === undefined ? ("nowhere" as const) : { url: candidate.root, ref: candidate.ref },
      deadline: limits.deadline,
      limits: { memoryBytes: limits.memoryBytes },
      approvals: limits.approvals,
      attended: true,
      confinement: "process" as const
    }
    const envelope = yield* judgeBranch(settings, (text) => {
      end.append(Buffer.from(text))
      print(text)
    })
    const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
    return { envelope, logTail: end.text(), seconds } satisfies Judgement
  },
  Effect.scoped,
  Effect.catchTag("GateError", ({ message, reason }) =>
    Effect.fail(nothingJudged(`${reason._tag}: ${message}`))
  ),
  Effect.catchDefect((defect) => Effect.fail(nothingJudged(defect)))
)

/**
 * Fails with exit 69 where the toolchain cannot be started; every other end is a verdict. `print` is handed the log as it is written. A
 * toolchain that never answered has run nothing: on a busy machine another one may, once.
 */
export const judgeCandidate = (...asked: Parameters<typeof judge>): ReturnType<typeof judge> =>
  Effect.flatMap(judge(...asked), (first) => {
    const { checks, reason } = first.envelope
    if (reason !== "ToolchainSilent" || checks.length > 0) return Effect.succeed(first)
    const [, , print] = asked
    print("=== the toolchain did not answer: once more ===\n")
    return judge(...asked)
  })

/** Exit 1 says that a check said no: a fault of ours must not look like it. */
const nothingJudged = (defect: unknown) =>
  new GateNotPassed({ verdict: "GATE-ERROR", message: `GATE-ERROR: nothing was judged: ${String(defect)}` })

/** As the status of a task has it. */
export const resultOf = (candidate: Candidate, { envelope, logTail, seconds }: Judgement) =>
  dispatched({
    tool: "run_gate_job",
    output: { repo: candidate.root, branch: candidate.name },
    terminal: saidBy(envelope, { logTail }).terminal,
    intendedBranch: candidate.name,
    elapsedSec: seconds
  })
