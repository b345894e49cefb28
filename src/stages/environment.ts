/**
 * What a command finds around it besides the files of the commit: the variables of the gate file, `CI=true`, and a home and a folder for
 * temporary files of its own. What one check leaves in them decides nothing about the next; what set-up left in the home is there for all.
 * The services of the gate file begin and end with each check.
 */
import { Effect, Semaphore } from "effect"

import { type GateError, gateError } from "../services/GateError.ts"
import type { CommandResult, GateToolchain, RunOptions } from "../services/GateToolchain.ts"
import { quoted } from "../gate/quoted.ts"
import { type Service, serviceFailure, startServices } from "../gate/services.ts"

type Run = GateToolchain["Service"]["run"]

const exportsOf = (variables: Readonly<Record<string, string>>): string =>
  ["CI=true", ...Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}`)]
    .map((assignment) => `export ${assignment}\n`)
    .join("")

/** The home is copied, not moved: runs that are asked for together begin alike. */
const ownFolders = (run: number, ended: ReadonlyArray<number>): string =>
  [
    `run="$TMPDIR/run-${run}"`,
    ...ended.map((one) => `rm -rf "$TMPDIR/run-${one}" 2>/dev/null`),
    'mkdir -p "$run/tmp" && { cp -R "$HOME" "$run/home" 2>/dev/null || mkdir -p "$run/home"; }',
    'export HOME="$run/home" TMPDIR="$run/tmp"\n'
  ].join("\n")

export interface Environment {
  /** For checks: nothing that they write outside of the work folder and the caches is there for the next one. */
  readonly run: Run
  /** For set-up: the home that it writes is the one that checks begin with. */
  readonly setUp: Run
}

export const make = (
  toolchain: Pick<GateToolchain["Service"], "run">,
  variables: Readonly<Record<string, string>>,
  services: ReadonlyArray<Service> = []
): Environment => {
  const exported = exportsOf(variables)
  const started = startServices(services)
  // Two checks at a time would want the same ports.
  const turns = Semaphore.makeUnsafe(services.length === 0 ? Number.MAX_SAFE_INTEGER : 1)
  let runs = 0
  let ended: ReadonlyArray<number> = []
  const run = Effect.fnUntraced(function* (
    command: string,
    options?: RunOptions
  ): Effect.fn.Return<CommandResult, GateError> {
    const own = ++runs
    const before = ended
    ended = []
    const text = `${exported}${ownFolders(own, before)}${started}unset run\n${command}`
    const result = yield* toolchain.run(text, options).pipe(
      turns.withPermits(1),
      Effect.ensuring(
        Effect.sync(() => {
          ended = [...ended, own]
        })
      )
    )
    const failure = services.length === 0 ? undefined : serviceFailure(result.exitCode, result.logTail)
    return failure === undefined ? result : yield* gateError("ServiceFailed", failure)
  })
  return {
    run,
    setUp: (command, options) =>
      toolchain.run(`${exported}mkdir -p "$HOME" "$TMPDIR" 2>/dev/null\n${command}`, options)
  }
}
