/** macOS: memory from sysctl and vm_stat, read afresh each time; the accelerator is Metal unless a flag says otherwise. */
import { Effect, Layer } from "effect"

import { FleetProbe, ProbeError } from "../../src/services/FleetProbe.ts"
import { capabilityOf, type Stated } from "./capability.ts"
import { output } from "./command.ts"
import { vmStatAvailableBytes } from "./vmStat.ts"

export interface Options {
  readonly stated: Stated
  /** Reads a program's output; the host's own programs when absent. */
  readonly run?: (program: string, args: ReadonlyArray<string>) => Effect.Effect<string, ProbeError>
}

const numberOr = (source: string, value: number | undefined) =>
  value === undefined || !Number.isFinite(value) || value <= 0
    ? Effect.fail(new ProbeError({ source, cause: new Error("no number in its output") }))
    : Effect.succeed(value)

export const make = (options: Options): FleetProbe["Service"] => {
  const run = options.run ?? output
  const capability = Effect.gen(function* () {
    const totalBytes = yield* Effect.flatMap(run("sysctl", ["-n", "hw.memsize"]), (text) =>
      numberOr("sysctl", Number(text.trim()))
    )
    const availableBytes = yield* Effect.flatMap(run("vm_stat", []), (text) =>
      numberOr("vm_stat", vmStatAvailableBytes(text))
    )
    return capabilityOf({ totalBytes, availableBytes }, "metal", options.stated)
  }).pipe(Effect.withSpan("DarwinFleetProbe.capability"))
  return FleetProbe.of({ capability })
}

export const layer = (options: Options) => Layer.succeed(FleetProbe, make(options))
