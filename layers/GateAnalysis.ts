/** The gate's own analysis, for a workspace. */
import { Effect, Layer } from "effect"

import { plan } from "../src/gate/checks.ts"
import { GateAnalysis } from "../src/services/GateAnalysis.ts"
import type { GitError } from "../src/services/GitWorkspace.ts"
import { GateStopped } from "./gate/GateStopped.ts"

/** Loaded when a change is handed in: a run starts sooner without them. */
const planning = Effect.promise(() => import("./gate/planChecks.ts"))
const weakening = Effect.promise(() => import("./gate/weakened.ts"))

const stopped = Effect.mapError(
  (error: GitError) => new GateStopped({ fault: "CloneFailed", message: error.message })
)

export const layer = Layer.succeed(
  GateAnalysis,
  GateAnalysis.of({
    checksOf: ({ baseFiles, readBase }, gateProfile) =>
      planning.pipe(
        Effect.flatMap(({ planChecks }) =>
          planChecks(
            { baseFiles: baseFiles.pipe(stopped), readBase: (path) => readBase(path).pipe(stopped) },
            plan({ gateProfile }).checks
          )
        ),
        Effect.map(({ checks }) => checks),
        Effect.catchTag("GateStopped", (error) =>
          Effect.as(Effect.logInfo(`no checks of the coder's own: ${error.message}`), [])
        )
      ),
    findWeakened: (change) => Effect.flatMap(weakening, ({ findWeakened }) => findWeakened(change))
  })
)
