/** How a program of ours runs: its errors are logged once, its signals mean a clean end, and its exit code says what happened. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Duration, Effect, Exit, type Layer, Predicate, Result } from "effect"
import * as Runtime from "effect/Runtime"

import { parse, type Parsed, type ParseOptions, type Table } from "./goFlags.ts"
import { KubeError } from "../src/services/KubeClient.ts"
import * as Observability from "../layers/Observability.ts"

export interface Options {
  readonly name: string
  /** How long finalizers may take after a signal before the process ends with 1. Default 25 s: Kubernetes kills after 30. */
  readonly grace?: Duration.Input
  /** For operator, agent and run-task, which are contracted to know 1 only: every failure is 1, not 69 or 78. */
  readonly hasPlainExitCodes?: boolean
  readonly observability?: Layer.Layer<never>
  /** For a program whose work has an end: what a signal before it ends with. Default 0. */
  readonly interruptedExitCode?: number
  /** For commands that people type: an error is one plain sentence, not a log record. */
  readonly isForPeople?: boolean
}

/** sysexits' EX_UNAVAILABLE. */
const unreachable = 69

export const exitCodeOf = (error: unknown): number =>
  error instanceof KubeError && error.reason._tag === "Unavailable"
    ? unreachable
    : Runtime.getErrorExitCode(error)

const sentence = (cause: Cause.Cause<unknown>): string =>
  Cause.prettyErrors(cause)
    .map((error) => error.message)
    .join("; ")

/** The flags of a program; help and misuse are printed and end the process with 0 and 2. */
export const flagsOrExit = <const T extends Table>(options: ParseOptions<T>): Parsed<T> => {
  const parsed = parse(options)
  if (Result.isSuccess(parsed)) return parsed.success
  const { exitCode, stream, text } = parsed.failure
  process[stream].write(`${text}\n`)
  return process.exit(exitCode)
}

export const launch = <A, E>(program: Effect.Effect<A, E>, options: Options): void => {
  const observability = options.observability ?? Observability.layer({ name: options.name })
  watchSignals(Duration.toMillis(options.grace ?? "25 seconds"))
  program.pipe(
    // Logged in here, where the program's logger is; runMain would log outside of it.
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : options.isForPeople === true && !Cause.hasDies(cause)
          ? Effect.sync(() => void process.stderr.write(`foreman ${options.name}: ${sentence(cause)}\n`))
          : Effect.logError(`${options.name} ends with an error`, cause)
    ),
    Effect.provide(observability),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, onExit) => {
        if (Exit.isSuccess(exit)) return onExit(0)
        if (Cause.hasInterruptsOnly(exit.cause)) return onExit(options.interruptedExitCode ?? 0)
        return onExit(options.hasPlainExitCodes === true ? 1 : exitCodeOf(Cause.squash(exit.cause)))
      }
    })
  )
}

/** The runtime interrupts the program at the first signal. We bound how long that may take, and let a second signal end it at once. */
const watchSignals = (graceMillis: number): void => {
  let isEnding = false
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    process.on(signal, () => {
      if (isEnding) process.exit(code)
      isEnding = true
      setTimeout(() => {
        process.stderr.write(`no clean end within ${graceMillis} ms of ${signal}\n`)
        process.exit(1)
      }, graceMillis).unref()
    })
  }
  // A reader that went away (`foreman logs | head`) is no failure of ours.
  process.stdout.on("error", (error) => {
    process.exit(Predicate.hasProperty(error, "code") && error.code === "EPIPE" ? 0 : 1)
  })
}
