/** The probe of this platform; on one that has none, what flags stated is all there is. */
import { Effect, Layer } from "effect"

import { FleetProbe } from "../../src/services/FleetProbe.ts"
import type { Stated } from "./capability.ts"
import * as DarwinFleetProbe from "./DarwinFleetProbe.ts"
import * as LinuxFleetProbe from "./LinuxFleetProbe.ts"

export const layer = (stated: Stated, platform: NodeJS.Platform = process.platform) => {
  if (platform === "linux") return LinuxFleetProbe.layer({ stated })
  if (platform === "darwin") return DarwinFleetProbe.layer({ stated })
  return Layer.succeed(
    FleetProbe,
    FleetProbe.of({
      capability: Effect.succeed(
        stated.totalRAMGB === undefined ? stated : { ...stated, availableRAMGB: stated.totalRAMGB }
      )
    })
  )
}
