/** Inside a cluster every node reaches what the cluster serves: a node that was told no models offers the InferenceServices. */
import { Effect, Layer } from "effect"

import { inferenceServices } from "../../schema/InferenceService.ts"
import * as Reflector from "../../src/cache/Reflector.ts"
import { FleetProbe } from "../../src/services/FleetProbe.ts"

/** Adds to the probe below it. A cluster without LLMKube serves none. */
export const layer = Layer.effect(
  FleetProbe,
  Effect.gen(function* () {
    const probe = yield* FleetProbe
    const served = yield* Reflector.make(inferenceServices, { indexes: {} })
    return FleetProbe.of({
      capability: Effect.map(probe.capability, (capability) => {
        const names = Array.from(served.values(), ({ metadata }) => metadata.name)
        const installedModels = [...new Set(names)].toSorted()
        return installedModels.length === 0 ? capability : { ...capability, installedModels }
      })
    })
  })
)
