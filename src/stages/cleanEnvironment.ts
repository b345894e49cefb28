/**
 * A clean environment with the base in it (`room.ts`), made when somebody first asks for it and shared by all that is red: installing what
 * the checks need may take longer than the checks.
 */
import { type Duration, Effect, Scope } from "effect"

import type { Check } from "../gate/checks.ts"
import { inRoom } from "../gate/room.ts"
import type { Checkout } from "../services/GateCheckout.ts"
import type { GateError } from "../services/GateError.ts"
import type { CommandResult, RunOptions } from "../services/GateToolchain.ts"

export interface CleanEnvironment {
  /**
   * Its name, once the checks before this one have run there, for what they install; each runs there once. Who asks runs the check itself.
   * Without a check: as it was made.
   */
  readonly before: (check?: Check) => Effect.Effect<string, GateError>
}

/** Goes with the scope. */
export const cleanEnvironment = Effect.fnUntraced(function* (of: {
  readonly checkout: Pick<Checkout, "room">
  readonly base: string
  readonly run: (
    command: string,
    options: RunOptions & { readonly timeout: Duration.Duration }
  ) => Effect.Effect<CommandResult, GateError>
  /** The checks that ran, in their order. */
  readonly checks: ReadonlyArray<Check>
  readonly patience: Effect.Effect<Duration.Duration>
}): Effect.fn.Return<CleanEnvironment, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const done = new Set<Check>()
  let name: string | undefined
  return {
    before: Effect.fnUntraced(function* (check): Effect.fn.Return<string, GateError> {
      name ??= yield* of.checkout.room(of.base).pipe(Scope.provide(scope))
      if (check === undefined) return name
      for (const each of of.checks.slice(0, Math.max(0, of.checks.indexOf(check)))) {
        if (done.has(each)) continue
        done.add(each)
        yield* of.run(inRoom(name, each.command), { timeout: yield* of.patience, echo: false })
      }
      done.add(check)
      return name
    })
  }
})
