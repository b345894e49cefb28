/** Set-up: what installs the dependencies that the checks need. It proves nothing, and its failure is never the author's. */
import { Duration, Effect } from "effect"

import type { Change } from "../gate/change.ts"
import { banner, type Check } from "../gate/checks.ts"
import { matcher } from "../gate/coverage.ts"
import { decidesDependencies } from "../gate/dependencyFiles.ts"
import { type GateError, gateError } from "../services/GateError.ts"
import type { CommandResult } from "../services/GateToolchain.ts"
import type { Environment } from "./environment.ts"
import type { Log } from "./log.ts"

interface SetupWorld {
  readonly toolchain: Environment
  readonly log: Log
  readonly allowance: Effect.Effect<Duration.Duration>
}

/** Whether base and commit may need other dependencies. */
export const changesSetup = (change: Change, setup: ReadonlyArray<Check>): boolean => {
  const globs = setup.flatMap(({ lockFiles = [] }) => lockFiles)
  const isNamed = globs.length === 0 ? () => false : matcher(globs)
  const decides = (path: string) => decidesDependencies(path) || isNamed(path)
  return (
    setup.length > 0 && change.files.some(({ oldPath, path }) => decides(path) || decides(oldPath ?? path))
  )
}

/** A registry may be away for a moment. */
const tries = 2

/** The last line that speaks of a failure: after it installers recommend themselves, and say where their log is. */
const whyOf = (output: string): string => {
  const lines = output.split("\n").filter((line) => line.trim() !== "")
  const telling = lines.findLast(
    (line) =>
      /\b(?:error|fatal|fail(?:ed|ure|s)?|cannot|not found|denied|no such)\b/iu.test(line) &&
      !/complete log/iu.test(line)
  )
  return telling ?? lines.at(-1) ?? ""
}

/** Runs it, once more when it fails; fails with SetupFailed. */
export const setUp = Effect.fn("setUp")(function* (
  { allowance, log, toolchain }: SetupWorld,
  check: Check
): Effect.fn.Return<CommandResult, GateError> {
  if (check.network === false) log.line(`--- ${check.name}: network: false is not enforced yet`)
  let run: CommandResult | undefined
  for (let count = 0; count < tries; count++) {
    log.line(banner(check))
    const timeout =
      check.timeoutSeconds === undefined ? yield* allowance : Duration.seconds(check.timeoutSeconds)
    run = yield* toolchain.setUp(check.command, { timeout })
    if (run.exitCode === 0 && run.limit === undefined) return run
    log.line(`--- ${check.name}: exit ${run.exitCode}`)
  }
  const lastLine = whyOf(run?.logTail ?? "")
  return yield* gateError(
    "SetupFailed",
    `${check.name} exited ${run?.exitCode} (${check.command.split("\n")[0]})${lastLine === "" ? "" : `: ${lastLine.slice(0, 300)}`}. It installs what the checks need; see its part of the log`
  )
})
