/**
 * Runs set-up and build checks of a base where nothing of a candidate has run: what they leave in the caches is the project's own, and later
 * gates may read it.
 */
import { Duration, Effect } from "effect"

import { banner, type Check } from "../gate/checks.ts"
import { GateCheckout } from "../services/GateCheckout.ts"
import type { GateError } from "../services/GateError.ts"
import { GateToolchain } from "../services/GateToolchain.ts"
import * as environment from "./environment.ts"
import type { Log } from "./log.ts"
import { planChecks } from "./planChecks.ts"

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
  for (const check of checks.filter(prepares)) {
    log.line(banner(check))
    const timeout = check.timeoutSeconds === undefined ? patience : Duration.seconds(check.timeoutSeconds)
    const { exitCode } = yield* (check.role === "setup" ? setUp : run)(check.command, { timeout })
    if (exitCode !== 0) log.line(`--- ${check.name}: exit ${exitCode}`)
    if (exitCode !== 0 && check.role === "setup") return false
  }
  return true
})
