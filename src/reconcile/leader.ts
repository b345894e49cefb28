/** Holds the Lease that says which operator leads. One name for both implementations, so that two never lead together (design §3.13). */
import { Clock, Duration, Effect, Schedule, Schema, type Scope } from "effect"

import { type Lease, leases } from "../../schema/Core.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatMicroTime } from "../../schema/Time.ts"
import { KubeClient } from "../services/KubeClient.ts"

export const leaseName = "foreman-operator.llmkube.dev"

/** As client-go: how long a Lease counts, how long its holder tries to renew it, how often anyone tries. */
const leaseSeconds = 15
const renewDeadline = Duration.seconds(10)
const retryEvery = Duration.seconds(2)
/** A connection that died without a word must leave time for another one. */
const attemptTimeout = Duration.seconds(4)
/** What giving it back may take at shutdown. */
const releaseTimeout = Duration.seconds(2)

/** The Lease could not be renewed in time, or somebody else has it: this process must stop, for it no longer leads. */
export class LeadershipLost extends Schema.TaggedError<LeadershipLost>()("LeadershipLost", {
  message: Schema.String
}) {}

export interface Options {
  readonly namespace: string
  /** Unique to this process: host name and a random part. */
  readonly identity: string
}

/**
 * Waits until this process leads; the effect that it returns never succeeds, and fails when leadership is lost. When the scope closes
 * the Lease is given back, so that the next one need not wait it out.
 */
export const lead = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Effect.Effect<never, LeadershipLost>, never, KubeClient | Scope.Scope> {
  const kube = yield* KubeClient
  const ref = { namespace: options.namespace, name: leaseName }
  /** The Lease as we last saw it change, and when, by a clock that nobody sets: other hosts' clocks prove nothing, nor does ours. */
  let observed: { readonly version: string; readonly atMillis: number } | undefined
  const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

  const specFor = (now: number, before: Lease["spec"]) => {
    const isOurs = before?.holderIdentity === options.identity
    return {
      holderIdentity: options.identity,
      leaseDurationSeconds: leaseSeconds,
      renewTime: formatMicroTime(now),
      acquireTime: isOurs ? (before.acquireTime ?? formatMicroTime(now)) : formatMicroTime(now),
      leaseTransitions: (before?.leaseTransitions ?? 0) + (isOurs || before === undefined ? 0 : 1)
    }
  }

  /** `contended`: somebody else wrote at the same moment, or the server did not answer; try again. */
  const attempt: Effect.Effect<"ours" | "theirs" | "contended"> = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const atMillis = yield* monotonicMillis
    const found = yield* kube
      .get(leases, ref)
      .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.succeed(undefined)))
    const { holderIdentity = "", leaseDurationSeconds = leaseSeconds } = found?.spec ?? {}
    const version = found?.metadata.resourceVersion ?? ""
    if (observed?.version !== version) observed = { version, atMillis }
    const isHeld = holderIdentity !== "" && atMillis < observed.atMillis + leaseDurationSeconds * 1000
    if (isHeld && holderIdentity !== options.identity) return "theirs" as const

    const written =
      found === undefined
        ? yield* kube.create(leases, { metadata: ref, spec: specFor(now, undefined) })
        : yield* kube.patch(leases, ref, {
            type: "merge",
            body: { metadata: { resourceVersion: version }, spec: specFor(now, found.spec) }
          })
    observed = { version: written.metadata.resourceVersion ?? "", atMillis }
    return "ours" as const
  }).pipe(
    Effect.timeout(attemptTimeout),
    Effect.catchTag(["KubeError", "TimeoutError"], (error) =>
      Effect.as(
        Effect.logWarning("leader lease not written").pipe(Effect.annotateLogs({ error: error.message })),
        "contended" as const
      )
    )
  )

  const release = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    yield* kube.patch(leases, ref, {
      type: "merge",
      body: {
        metadata: { resourceVersion: observed?.version },
        spec: { holderIdentity: "", leaseDurationSeconds: 1, renewTime: formatMicroTime(now) }
      }
    })
  }).pipe(Effect.timeout(releaseTimeout), Effect.ignore({ log: "Warn" }))

  yield* Effect.logInfo("attempting to acquire leader lease").pipe(
    Effect.annotateLogs({ lease: refKey(ref) })
  )
  yield* attempt.pipe(
    Effect.repeat({ schedule: Schedule.spaced(retryEvery), until: (outcome) => outcome === "ours" })
  )
  let isLost = false
  yield* Effect.addFinalizer(() => (isLost ? Effect.void : release))
  yield* Effect.logInfo("successfully acquired lease").pipe(
    Effect.annotateLogs({ lease: refKey(ref), identity: options.identity })
  )

  const lost = (why: string) =>
    Effect.suspend(() => {
      isLost = true
      return Effect.fail(new LeadershipLost({ message: `leader lease ${refKey(ref)} is lost: ${why}` }))
    })
  const renew = attempt.pipe(
    Effect.repeat({ schedule: Schedule.spaced(retryEvery), until: (outcome) => outcome !== "contended" }),
    Effect.timeoutOrElse({
      duration: renewDeadline,
      orElse: () => lost("it could not be renewed in time")
    }),
    Effect.flatMap((outcome) => (outcome === "theirs" ? lost("somebody else holds it") : Effect.void))
  )
  return Effect.andThen(Effect.sleep(retryEvery), renew).pipe(Effect.forever)
})
