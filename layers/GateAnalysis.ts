/** The gate's own analysis, for a workspace. */
import { Effect, Layer } from "effect"

import { plan } from "../src/gate/checks.ts"
import { protectedChanges } from "../src/gate/protectedFiles.ts"
import { GateAnalysis } from "../src/services/GateAnalysis.ts"
import type { GitError } from "../src/services/GitWorkspace.ts"
import { GateStopped } from "./gate/GateStopped.ts"

/** Loaded when a change is handed in: a run starts sooner without them. */
const planning = Effect.promise(() => import("./gate/planChecks.ts"))
const protecting = Effect.promise(() => import("./gate/protected.ts"))
const weakening = Effect.promise(() => import("./gate/weakened.ts"))

const stopped = Effect.mapError(
  (error: GitError) => new GateStopped({ fault: "CloneFailed", message: error.message })
)

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
        Effect.catchTag("GateStopped", (error) =>
          Effect.as(Effect.logInfo(`no checks of the coder's own: ${error.message}`), [])
        )
      ),
    findProtected: (base, change, checks) =>
      protecting.pipe(
        Effect.flatMap(({ findProtected }) => findProtected(asCheckout(base), change, checks)),
        Effect.catchTag("GateStopped", () => Effect.succeed(protectedChanges(change, checks)))
      ),
    findWeakened: (change) => Effect.flatMap(weakening, ({ findWeakened }) => findWeakened(change))
  })
)
