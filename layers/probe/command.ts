/** What a program of the host prints. */
import { execFile } from "node:child_process"

import { Effect } from "effect"

import { ProbeError } from "../../src/services/FleetProbe.ts"

/** A probe that takes longer than this has hung: a GPU that fell off its bus does that. */
const timeoutMillis = 5_000
const maxBytes = 1_048_576

export const output = (program: string, args: ReadonlyArray<string>): Effect.Effect<string, ProbeError> =>
  Effect.callback((resume, signal) => {
    execFile(
      program,
      [...args],
      { timeout: timeoutMillis, killSignal: "SIGKILL", maxBuffer: maxBytes, signal },
      (cause, stdout) =>
        resume(
          cause === null ? Effect.succeed(stdout) : Effect.fail(new ProbeError({ source: program, cause }))
        )
    )
  })
