/** Keeps this host's FleetNode current: the time at each beat, the rest when it changed. Design §3.5. */
import { Clock, type Duration, Effect, Schedule } from "effect"

import type { NodeCapability } from "../../schema/Capability.ts"
import { type FleetNode, fleetNodes, type FleetNodeStatus } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { FleetProbe } from "../services/FleetProbe.ts"
import { KubeClient } from "../services/KubeClient.ts"
import { type Identity, register } from "./register.ts"

/** What the daemon says about itself. */
export interface Self {
  readonly agentVersion: string
  readonly os: string
  readonly arch: string
}

export interface Options {
  readonly identity: Identity
  readonly self: Self
  readonly interval: Duration.Duration
}

/** Drain is announced before anything else on the way down, so it must not eat the time that the runs need. */
const drainBudget = "5 seconds"

/** A merge patch keeps what it does not name, so a value that is gone must be said to be gone. */
const capabilityPatch = (capability: NodeCapability) => ({
  accelerator: null,
  totalRAMGB: null,
  availableRAMGB: null,
  maxContextTokens: null,
  tokensPerSecond: null,
  installedModels: null,
  slots: null,
  ...capability
})

export const make = Effect.fnUntraced(function* (options: Options) {
  const kube = yield* KubeClient
  const probe = yield* FleetProbe
  const ref = { name: options.identity.nodeName }

  /** What the server last took from us besides the time; absent until the first whole beat. */
  let written: string | undefined
  let known: NodeCapability = {}

  const write = (status: { readonly [K in keyof FleetNodeStatus]?: unknown }) =>
    kube.patch(fleetNodes, ref, { type: "merge", body: { status } }, { subresource: "status" })

  const look = probe.capability.pipe(
    Effect.catch((error) =>
      Effect.as(Effect.logWarning("probe failed; the last known values stay", error), known)
    )
  )

  const writeAll = Effect.fnUntraced(function* (state: string, lastHeartbeatTime: string) {
    const node = yield* write({
      phase: "Ready",
      lastHeartbeatTime,
      capability: capabilityPatch(known),
      agentKind: "foreman-agent",
      ...options.self
    })
    written = state
    return node
  })

  const beat = Effect.gen(function* () {
    known = yield* look
    const lastHeartbeatTime = formatTime(yield* Clock.currentTimeMillis)
    const state = JSON.stringify(known)
    if (written !== state) return yield* writeAll(state, lastHeartbeatTime)
    const node: FleetNode = yield* write({ lastHeartbeatTime })
    // The operator gave us up while we were silent, or a person set another phase: we are here, so say it whole.
    return node.status?.phase === "Ready" ? node : yield* writeAll(state, lastHeartbeatTime)
  }).pipe(
    Effect.catchReason("KubeError", "NotFound", () => {
      written = undefined
      return Effect.gen(function* () {
        yield* Effect.logWarning("FleetNode is gone; registering again")
        yield* register(options.identity).pipe(Effect.provideService(KubeClient, kube))
        return yield* writeAll(JSON.stringify(known), formatTime(yield* Clock.currentTimeMillis))
      })
    }),
    Effect.withSpan("heartbeat.beat")
  )

  /** The first beat has passed; this is every further one. A missed beat is weather: the next tick tries again. */
  const loop = beat.pipe(
    Effect.catch((error) => Effect.logWarning("heartbeat missed", error)),
    Effect.repeat(Schedule.fixed(options.interval)),
    Effect.delay(options.interval),
    Effect.andThen(Effect.never)
  )

  const drain = Effect.suspend(() => write({ phase: "Draining" })).pipe(
    Effect.timeout(drainBudget),
    Effect.catch((error) => Effect.logWarning("Draining could not be announced", error)),
    Effect.asVoid,
    Effect.withSpan("heartbeat.drain")
  )

  return { beat, loop, drain }
})
