/** One gate on this machine or in a pod: the stages of `src/stages/runGate.ts` over a real clone, a real toolchain and real parsers. */
import { dirname } from "node:path"

import { Duration, Effect, Layer, type Redacted } from "effect"
import { Digest } from "effect/crypto"

import type { Envelope } from "../../src/gate/envelope.ts"
import { defaultLimits, type Limits } from "../../src/gate/limits.ts"
import { make as makeLog, type Print } from "../../src/stages/log.ts"
import { type GateRequest, runGate } from "../../src/stages/runGate.ts"
import * as Checkout from "./Checkout.ts"
import * as syntax from "./syntax.ts"
import * as Toolchain from "./Toolchain.ts"

export interface GateSettings extends GateRequest {
  readonly cloneURL: string
  readonly baseBranch?: string | undefined
  readonly upstreamURL?: string | undefined
  readonly token?: Redacted.Redacted<string> | undefined
  readonly watched?: Checkout.CheckoutOptions["watched"]
  readonly workDir: string
  /** Holds all that checks may write to, caches aside; the work folder's own folder when absent. */
  readonly volumeDir?: string | undefined
  readonly exchangeDir: string
  readonly judgeDir: string
  /** Each in place of its default. */
  readonly limits?: Partial<Limits> | undefined
}

/** The sidecar starts before the judge does, so it answers at once or not at all. */
const toolchainPatience = Duration.seconds(30)

export const judgeBranch = (settings: GateSettings, write: Print): Effect.Effect<Envelope> =>
  Effect.suspend(() => {
    const log = makeLog(write)
    return runGate(
      settings,
      log,
      Layer.mergeAll(
        Checkout.layer(settings),
        Toolchain.layer({
          exchangeDir: settings.exchangeDir,
          workDir: settings.workDir,
          volumeDir: settings.volumeDir ?? dirname(settings.workDir),
          print: log.raw,
          patience: toolchainPatience,
          limits: { ...defaultLimits, ...settings.limits }
        }),
        syntax.layer,
        Digest.layerWebCrypto
      )
    )
  })
