/** Nothing was judged, and why. */
import { Schema } from "effect"

import { GateFault } from "../../src/gate/judge.ts"

export class GateStopped extends Schema.TaggedError<GateStopped>()("GateStopped", {
  fault: GateFault,
  message: Schema.String
}) {}
