/** Word to the model, once in a run, that a limit comes near: a run that knows can hand in what it has. Pure. */
import type { Prices, Spend } from "../../schema/Budget.ts"
import { type Bound, leftOf, limitNames } from "./limits.ts"
import { noSpend } from "./spend.ts"

/** Share of a limit that may be used before the model is told. */
const warnShare = 0.8

/** Requests like the last one for which there must be room, or the model is told. The next one is larger, and a third is none. */
const warnRequests = 2.2

/** What to tell; `undefined` while no limit is near. `last` is what the last request used. */
export const limitWarning = (
  bounds: ReadonlyArray<Bound>,
  spentOf: (bound: Bound) => Spend,
  last: Spend,
  prices: Prices | undefined
): string | undefined => {
  for (const bound of bounds) {
    for (const name of limitNames) {
      const allowed = Number(leftOf(name, bound.limits, noSpend, prices) ?? 0n)
      const left = Number(leftOf(name, bound.limits, spentOf(bound), prices) ?? 0n)
      const request = allowed - Number(leftOf(name, bound.limits, last, prices) ?? 0n)
      if (allowed <= 0 || left > Math.max(allowed * (1 - warnShare), request * warnRequests)) continue
      const percent = Math.min(100, Math.round(100 - (100 * left) / allowed))
      return `${percent} % of what this work may use is used up, by limits.${name} of ${bound.of}. Finish now: call submit_result with what you have.`
    }
  }
  return undefined
}
