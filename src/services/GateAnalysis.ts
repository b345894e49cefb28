/** What a gate would ask of a change, for the one who is about to hand it in. It decides nothing: the gate asks again. */
import { Context, type Effect } from "effect"

import type { GateProfile } from "../../schema/GateProfile.ts"
import type { Change } from "../gate/change.ts"
import type { Check } from "../gate/checks.ts"
import type { Finding } from "../gate/finding.ts"
import type { Workspace } from "./GitWorkspace.ts"

export class GateAnalysis extends Context.Service<
  GateAnalysis,
  {
    /** The checks that the profile names, else those of the base. None where neither names any, or the base's file is broken. */
    readonly checksOf: (
      base: Pick<Workspace, "readBase" | "baseFiles">,
      profile: GateProfile | undefined
    ) => Effect.Effect<ReadonlyArray<Check>>
    /** What decides about changes and is touched by this one (rule `protected`). Files of the base that cannot be read lead nowhere. */
    readonly findProtected: (
      base: Pick<Workspace, "readBase" | "baseFiles">,
      change: Change,
      checks: ReadonlyArray<Check>
    ) => Effect.Effect<ReadonlyArray<Finding>>
    /** Tests that check less than they did (rule `weakened`). What cannot be read is a note, so this never fails. */
    readonly findWeakened: (change: Change) => Effect.Effect<ReadonlyArray<Finding>>
  }
>()("foreman/services/GateAnalysis") {}
