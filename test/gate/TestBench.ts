/** The stages after the checks, on a real repository: git, the toolchains of this machine, and a shell without a judge around it. */
import { spawn } from "node:child_process"

import { Duration, Effect, Option } from "effect"

import * as syntax from "../../layers/gate/syntax.ts"
import * as Checkout from "../../layers/gate/Checkout.ts"
import type { Check } from "../../src/gate/checks.ts"
import type { CommandResult } from "../../src/services/GateToolchain.ts"
import { biteCheck } from "../../src/stages/biteCheck.ts"
import { canary } from "../../src/stages/canary.ts"
import { cleanEnvironment } from "../../src/stages/cleanEnvironment.ts"
import { openProof, type TestStageContext } from "../../src/stages/TestStageContext.ts"
import { environment, type Files, make } from "./GateWorld.ts"

export interface TestBench extends TestStageContext {
  /** Commands that ran so far. */
  readonly commands: ReadonlyArray<string>
  /** Runs the checks at the commit, as the judge does before the stages. */
  readonly checked: Effect.Effect<TestBench>
}

/** `BENCH_STATE` is a folder that outlives a run, for tests that come and go by turns. */
const shell = (
  { root, workDir }: { readonly root: string; readonly workDir: string },
  command: string,
  timeout: Duration.Duration
): Effect.Effect<CommandResult> =>
  Effect.callback<CommandResult>((resume) => {
    const startedAt = performance.now()
    let output = ""
    const child = spawn("/bin/sh", ["-c", `(${command}\n) 2>&1`], {
      cwd: workDir,
      env: { ...environment, BENCH_STATE: root },
      detached: true,
      stdio: ["ignore", "pipe", "ignore"]
    })
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8")
    })
    child.on("close", (code) =>
      resume(
        Effect.succeed({
          exitCode: code ?? 137,
          seconds: (performance.now() - startedAt) / 1000,
          logTail: output
        })
      )
    )
    return Effect.sync(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    })
  }).pipe(
    Effect.timeoutOption(timeout),
    Effect.map(
      Option.getOrElse((): CommandResult => ({
        exitCode: 137,
        seconds: Duration.toSeconds(timeout),
        logTail: "",
        limit: "time"
      }))
    )
  )

export const bench = Effect.fnUntraced(function* (options: {
  readonly base: Files
  readonly change: Files
  readonly checks: ReadonlyArray<Check>
  readonly patience?: Duration.Duration
}) {
  const world = yield* make(options.base)
  const commit = world.commit("work", options.change)
  const settings = world.settings()
  const checkout = yield* Checkout.open(settings)
  const commands: Array<string> = []
  const run: TestStageContext["run"] = (command, { timeout }) => {
    commands.push(command)
    return shell({ root: world.root, workDir: settings.workDir }, command, timeout)
  }
  const patience = options.patience ?? Duration.minutes(2)
  const made: TestBench = {
    commit,
    base: checkout.base ?? "",
    change: yield* checkout.change,
    checkout,
    ran: options.checks.map((check) => ({ check, exitCode: 0, output: "" })),
    builders: [],
    setUp: Effect.void,
    run,
    print: () => undefined,
    patience,
    clean: yield* cleanEnvironment({
      checkout,
      base: checkout.base ?? "",
      run,
      checks: options.checks,
      patience: Effect.succeed(patience)
    }),
    commands,
    checked: Effect.gen(function* () {
      yield* checkout.place(commit)
      const ran = yield* Effect.forEach(options.checks, (check) =>
        shell({ root: world.root, workDir: settings.workDir }, check.command, Duration.seconds(60)).pipe(
          Effect.map(({ exitCode, logTail }) => ({ check, exitCode, output: logTail }))
        )
      )
      return { ...made, ran }
    }).pipe(Effect.orDie)
  }
  return made
})

/** Canary and bite check, as a gate asks them one after the other. */
export const prove = Effect.fnUntraced(function* (world: TestStageContext) {
  const proof = yield* openProof(world)
  const { asked, evidence: canaries } = yield* canary(proof)
  return { canaries, bitten: yield* biteCheck(proof, asked) }
}, Effect.provide(syntax.layer))
