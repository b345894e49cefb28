/** Work on files of the judge's own. */
import { Effect } from "effect"

import { type GateError, gateError } from "../../src/services/GateError.ts"

/** Fails with DiskFull for a full disk, with JudgeFailed for everything else. */
export const onDisk = (work: () => Promise<unknown>): Effect.Effect<void, GateError> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => {
      const isFull = cause instanceof Error && "code" in cause && cause.code === "ENOSPC"
      return gateError(isFull ? "DiskFull" : "JudgeFailed", String(cause))
    }
  }).pipe(Effect.asVoid)
