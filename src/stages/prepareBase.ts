/**
 * Runs set-up and build checks of a base where nothing of a candidate has run, and compiles its tests where a cache keeps that (the standard
 * library of Go takes longer than most tests): what they leave in the caches is the project's own, and later gates may read it.
 */
import { Duration, Effect } from "effect"

import { banner, type Check } from "../gate/checks.ts"
import { GateCheckout } from "../services/GateCheckout.ts"
import type { GateError } from "../services/GateError.ts"
import { GateToolchain } from "../services/GateToolchain.ts"
import * as environment from "./environment.ts"
import type { Log } from "./log.ts"
import { planChecks } from "./planChecks.ts"
import { testChecks } from "./TestStageContext.ts"

const prepares = ({ role }: Check): boolean => role === "setup" || role === "build"

/** Whether set-up passed; a build that fails is the base's own affair. The checkout's commit is the base. */
export const prepareBase = Effect.fn("prepareBase")(function* (
  log: Log,
  patience: Duration.Duration
): Effect.fn.Return<boolean, GateError, GateCheckout | GateToolchain> {
  const checkout = yield* GateCheckout
  const toolchain = yield* GateToolchain
  const { checks, env } = yield* planChecks(checkout, undefined)
  const { run, setUp } = environment.make(toolchain, env)
  const timeoutOf = ({ timeoutSeconds }: Check) =>
    timeoutSeconds === undefined ? patience : Duration.seconds(timeoutSeconds)
  for (const check of checks.filter(prepares)) {
    log.line(banner(check))
    const timeout = timeoutOf(check)
    const { exitCode } = yield* (check.role === "setup" ? setUp : run)(check.command, { timeout })
    if (exitCode !== 0) log.line(`--- ${check.name}: exit ${exitCode}`)
    if (exitCode !== 0 && check.role === "setup") return false
  }
  for (const { check, runner } of yield* testChecks({ ran: checks.map((check) => ({ check })), checkout })) {
    if (runner?.compile === undefined) continue
    log.line(`=== compile for ${check.name} ===`)
    const { exitCode } = yield* run(runner.compile, { timeout: timeoutOf(check) })
    if (exitCode !== 0) log.line(`--- ${check.name}: exit ${exitCode}`)
  }
  return true
})
