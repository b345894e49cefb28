/** What this host can offer now. */
import { Context, type Effect, Schema } from "effect"

import type { NodeCapability } from "../../schema/Capability.ts"

/** A source on the host could not be read. The last known values stay in force. */
export class ProbeError extends Schema.TaggedError<ProbeError>()("ProbeError", {
  source: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.source}: ${String(this.cause)}`
  }
}

export class FleetProbe extends Context.Service<
  FleetProbe,
  {
    /** Probed anew each time; what a flag stated wins over what was found. */
    readonly capability: Effect.Effect<NodeCapability, ProbeError>
  }
>()("foreman/services/FleetProbe") {}
