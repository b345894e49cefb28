/** Nothing was judged, and why. */
import { Effect, Schema } from "effect"

import { GateFault } from "../../src/gate/envelope.ts"

export class GateStopped extends Schema.TaggedError<GateStopped>()("GateStopped", {
  fault: GateFault,
  message: Schema.String
}) {}

/** Work on files of the judge's own. A full disk is told apart. */
export const onDisk = (work: () => Promise<unknown>): Effect.Effect<void, GateStopped> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => {
      const isFull = cause instanceof Error && "code" in cause && cause.code === "ENOSPC"
      return new GateStopped({ fault: isFull ? "DiskFull" : "JudgeFailed", message: String(cause) })
    }
  }).pipe(Effect.asVoid)
