/** The gate's own analysis, for a workspace. */
import { Effect, Layer } from "effect"

import { plan } from "../src/gate/checks.ts"
import { protectedChanges } from "../src/gate/protectedFiles.ts"
import { GateAnalysis } from "../src/services/GateAnalysis.ts"
import type { GitError } from "../src/services/GitWorkspace.ts"
import { gateError } from "../src/services/GateError.ts"

/** Loaded when a change is handed in: a run starts sooner without them. */
const planning = Effect.promise(() => import("../src/stages/planChecks.ts"))
const protecting = Effect.promise(() => import("../src/stages/protected.ts"))
const weakening = Effect.promise(() => import("../src/stages/weakened.ts"))

const stopped = Effect.mapError((error: GitError) => gateError("CloneFailed", error.message))

const parsing = Effect.promise(() => import("./gate/syntax.ts"))

type Base = Parameters<GateAnalysis["Service"]["checksOf"]>[0]

const asCheckout = ({ baseFiles, readBase }: Base) => ({
  baseFiles: baseFiles.pipe(stopped),
  readBase: (path: string) => readBase(path).pipe(stopped)
})

export const layer = Layer.succeed(
  GateAnalysis,
  GateAnalysis.of({
    checksOf: (base, gateProfile) =>
      planning.pipe(
        Effect.flatMap(({ planChecks }) => planChecks(asCheckout(base), plan({ gateProfile }).checks)),
        Effect.map(({ checks }) => checks),
        Effect.catchTag("GateError", (error) =>
          Effect.as(Effect.logInfo(`no checks of the coder's own: ${error.message}`), [])
        )
      ),
    findProtected: (base, change, checks) =>
      protecting.pipe(
        Effect.flatMap(({ findProtected }) => findProtected(asCheckout(base), change, checks)),
        Effect.catchTag("GateError", () => Effect.succeed(protectedChanges(change, checks)))
      ),
    findWeakened: (change) =>
      Effect.all([weakening, parsing]).pipe(
        Effect.flatMap(([{ findWeakened }, { layer }]) => Effect.provide(findWeakened(change), layer))
      )
  })
)
