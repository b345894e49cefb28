/** One daemon for each node name, and a sign of life that costs the FleetNode nothing. Design §3.5. */
import { Clock, Duration, Effect, Schedule, Schema, SubscriptionRef } from "effect"

import { type Lease, leases } from "../../schema/Core.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatMicroTime, parseTime } from "../../schema/Time.ts"
import * as Reflector from "../cache/Reflector.ts"
import { asking, bellAnnotation } from "../decide/bell.ts"
import { leaseRef } from "../decide/liveness.ts"
import { KubeClient, type KubeError } from "../services/KubeClient.ts"
import type { Heard } from "./bell.ts"

export const durationSeconds = 40
export const renewSeconds = 10
/** A dead connection must leave time for another one; a server that is slow needs the time that it takes. */
const renewTimeout = (failures: number) => Duration.seconds(Math.min(5 * 2 ** failures, 20))
/** 1, 2, 4, 8 and then 10 s. */
const renewAgain = Schedule.min([
  Schedule.exponential("1 second"),
  Schedule.spaced(`${renewSeconds} seconds`)
])
/** About a minute. Afterwards the Lease shows that something was told; a thousand nodes that list at once would cost far more. */
const failuresUntilUnwatched = 9
/** How often a Lease of somebody else is looked at while we wait for it to expire. */
const watchSeconds = 2

/** Another daemon runs under this node name. */
export class NodeNameTaken extends Schema.TaggedError<NodeNameTaken>()("NodeNameTaken", {
  nodeName: Schema.String,
  holder: Schema.String
}) {
  override get message(): string {
    return `another daemon (${this.holder}) runs as node ${this.nodeName}: give this one another --fleet-node-name, or stop that one`
  }
}

/** We were silent for so long that another daemon took our name; what runs here is no longer ours. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", {
  nodeName: Schema.String,
  holder: Schema.String
}) {
  override get message(): string {
    return `node ${this.nodeName} is now held by ${this.holder}`
  }
}

export interface Options {
  readonly nodeName: string
  /** Namespace of the Lease. */
  readonly namespace: string
  /** Tells this process from an earlier or later one of the same node. */
  readonly processToken: string
}

const heldBy = (lease: Lease): string => lease.spec?.holderIdentity ?? ""

const expiresAt = (lease: Lease): number =>
  (parseTime(lease.spec?.renewTime) ?? 0) + (lease.spec?.leaseDurationSeconds ?? durationSeconds) * 1000

/** Clash of two first writes. */
const lostRace = Schedule.spaced("100 millis").pipe(
  Schedule.upTo({ times: 5 }),
  Schedule.setInputType<KubeError | NodeNameTaken>(),
  Schedule.while(
    ({ input }) =>
      input._tag === "KubeError" && ["AlreadyExists", "Conflict", "NotFound"].includes(input.reason._tag)
  )
)

/**
 * Takes the Lease. A fresh one of another process is waited for: when that process renews it, we refuse to start; when it does not, it
 * is dead and the Lease is ours at its end (at most `durationSeconds`). Without the right to write Leases this says so once and the
 * daemon goes on with heartbeats alone.
 */
export const hold = Effect.fnUntraced(function* (options: Options) {
  const kube = yield* KubeClient
  const holderIdentity = `${options.nodeName}_${options.processToken}`
  const ref = leaseRef(options.nodeName, options.namespace)
  const key = refKey(ref)
  const isOurs = (lease: Lease | undefined): boolean =>
    lease !== undefined && heldBy(lease) === holderIdentity

  const spec = (now: number, before: Lease | undefined) => ({
    holderIdentity,
    leaseDurationSeconds: durationSeconds,
    renewTime: formatMicroTime(now),
    ...(isOurs(before)
      ? {}
      : {
          acquireTime: formatMicroTime(now),
          leaseTransitions: before === undefined ? 0 : (before.spec?.leaseTransitions ?? 0) + 1
        })
  })

  // Whoever told the daemon before us told that one.
  const asked = { annotations: { [bellAnnotation]: asking } }

  const write = Effect.fnUntraced(function* (before: Lease | undefined) {
    const now = yield* Clock.currentTimeMillis
    return yield* before === undefined
      ? kube.create(leases, { metadata: { ...ref, ...asked }, spec: spec(now, undefined) })
      : kube.patch(leases, ref, {
          type: "merge",
          body: {
            metadata: {
              resourceVersion: before.metadata.resourceVersion,
              ...(isOurs(before) ? {} : asked)
            },
            spec: spec(now, before)
          }
        })
  })

  const read = kube
    .get(leases, ref)
    .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.succeed(undefined)))

  const acquire = Effect.gen(function* () {
    const first = yield* read
    const holder = first === undefined ? "" : heldBy(first)
    let lease = first
    if (holder !== "" && holder !== holderIdentity && first !== undefined) {
      let now = yield* Clock.currentTimeMillis
      if (expiresAt(first) > now) {
        yield* Effect.logInfo("the node's Lease is held; waiting to see whether its holder is alive").pipe(
          Effect.annotateLogs({ holder })
        )
      }
      // A clock that runs ahead of ours must not hold us for ever: silence for one duration is death, too.
      const latest = now + durationSeconds * 1000
      while (lease !== undefined && Math.min(expiresAt(lease), latest) > now) {
        yield* Effect.sleep(`${watchSeconds} seconds`)
        lease = yield* read
        now = yield* Clock.currentTimeMillis
        if (lease === undefined || heldBy(lease) === "") break
        if (lease.spec?.renewTime !== first.spec?.renewTime) {
          return yield* new NodeNameTaken({ nodeName: options.nodeName, holder: heldBy(lease) })
        }
      }
    }
    return yield* write(lease)
  }).pipe(Effect.retry(lostRace))

  const acquired: Lease | undefined = yield* acquire.pipe(
    Effect.catchReasons("KubeError", {
      Forbidden: () =>
        Effect.as(
          Effect.logWarning(
            `no right to write Lease ${ref.namespace}/${ref.name}: the operator sees this node by its heartbeat alone`
          ),
          undefined
        ),
      // The namespace of the Lease may not exist on a cluster that never had an operator.
      NotFound: (_, error) =>
        Effect.as(Effect.logWarning("no Lease; going on with heartbeats", error), undefined)
    })
  )
  if (acquired === undefined) return { renew: Effect.never, release: Effect.void, heard: undefined }

  const isWatched = yield* SubscriptionRef.make(false)
  // A watch of one object by its name costs an API server next to nothing, however many nodes have one.
  const held = yield* Reflector.make(leases, {
    namespace: ref.namespace,
    fieldSelector: `metadata.name=${ref.name}`,
    matches: ({ metadata }) => metadata.name === ref.name,
    indexes: {},
    onAttempt: (attempt) =>
      attempt._tag === "Failed" && attempt.consecutive < failuresUntilUnwatched
        ? Effect.void
        : SubscriptionRef.set(isWatched, attempt._tag === "Ok")
  })
  yield* held.observe(acquired)

  /** Fenced by who holds the Lease, not by its version: an operator writes on it, too. Refused as Invalid when it is another's. */
  const change = (fields: Readonly<Record<string, unknown>>) =>
    kube.patch(leases, ref, {
      type: "json",
      body: [
        { op: "test", path: "/spec/holderIdentity", value: holderIdentity },
        ...Object.entries(fields).map(([field, value]) => ({
          op: "add" as const,
          path: `/spec/${field}`,
          value
        }))
      ]
    })

  const retake = Effect.gen(function* () {
    const now = yield* read
    if (now !== undefined && heldBy(now) !== "" && !isOurs(now)) {
      return yield* new LeaseLost({ nodeName: options.nodeName, holder: heldBy(now) })
    }
    return yield* write(now)
  })
  const renewOnce = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    change({ renewTime: formatMicroTime(now) })
  ).pipe(
    Effect.catchReasons("KubeError", { Invalid: () => retake, NotFound: () => retake }),
    Effect.flatMap(held.observe)
  )

  let failures = 0
  const renew = Effect.suspend(() => Effect.timeout(renewOnce, renewTimeout(failures))).pipe(
    Effect.tap(() =>
      Effect.sync(() => {
        failures = 0
      })
    ),
    Effect.tapErrorTag(["KubeError", "TimeoutError"], (error) =>
      Effect.suspend(() => {
        failures += 1
        return Effect.logWarning("the node's Lease was not renewed; trying again", error)
      })
    ),
    Effect.retry({ schedule: renewAgain, while: ({ _tag }) => _tag !== "LeaseLost" }),
    Effect.repeat(Schedule.spaced(`${renewSeconds} seconds`)),
    Effect.delay(`${renewSeconds} seconds`),
    Effect.andThen(Effect.never)
  )

  /** Gives the name free at once, for the process that comes after us. */
  const release = change({ holderIdentity: "", leaseDurationSeconds: 1 }).pipe(
    Effect.timeout("5 seconds"),
    Effect.catch((error) => Effect.logWarning("the node's Lease was not released", error)),
    Effect.asVoid
  )

  const ask = kube.patch(leases, ref, { type: "merge", body: { metadata: asked } }).pipe(
    Effect.flatMap(held.observe),
    Effect.catch((error) => Effect.logWarning("nobody could be asked to tell of tasks", error))
  )

  const heard: Heard = { held, key, isWatched, ask }
  return { renew, release, heard }
})
