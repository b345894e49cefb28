/** Changes to what decides about changes, with the build files of the base at hand. */
import { Effect } from "effect"

import type { Change } from "../gate/change.ts"
import type { Check } from "../gate/checks.ts"
import type { Finding } from "../gate/finding.ts"
import { makefileNames } from "../gate/make.ts"
import { type BuildFiles, foldersOf, protectedChanges } from "../gate/protectedFiles.ts"
import type { Checkout } from "../services/GateCheckout.ts"
import type { GateError } from "../services/GateError.ts"

export const findProtected = Effect.fn("findProtected")(function* (
  base: Pick<Checkout, "readBase" | "baseFiles">,
  change: Change,
  checks: ReadonlyArray<Check>
): Effect.fn.Return<ReadonlyArray<Finding>, GateError> {
  const files = new Set(yield* base.baseFiles)
  const read = (path: string) => (files.has(path) ? base.readBase(path) : Effect.undefined)
  const build = new Map<string, BuildFiles>()
  for (const folder of foldersOf(checks)) {
    // The first that make would take.
    const makefile = makefileNames.find((name) => files.has(`${folder}${name}`)) ?? ""
    build.set(folder, {
      makefile: yield* read(`${folder}${makefile}`),
      manifest: yield* read(`${folder}package.json`)
    })
  }
  return protectedChanges(change, checks, build)
})
