/** What the operator knows: a cache of each kind, and when each node last gave a sign of life. */
import { Clock, Context, Deferred, Effect, Layer } from "effect"

import { type Agent, agents } from "../../schema/Agent.ts"
import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { type Lease, leases } from "../../schema/Core.ts"
import { type FleetNode, fleetNodes } from "../../schema/FleetNode.ts"
import { type ObjectRef, refKey } from "../../schema/Meta.ts"
import { parseTime } from "../../schema/Time.ts"
import { type Workload, workloads } from "../../schema/Workload.ts"
import type { Cache } from "../cache/Cache.ts"
import * as Reflector from "../cache/Reflector.ts"
import { isInFlight } from "../decide/capacity.ts"
import { leaseRef, type Liveness, livenessOf, nodeOfLease } from "../decide/liveness.ts"

/** After trouble with the API server silence proves nothing for this long: nodes could not be heard. Longer than a Lease lasts. */
const doubtMillis = 60_000

/** A host whose clock is behind looks silent at first sight. Whoever lives renews in this time, and a list shows it. */
const firstSightMillis = 20_000

/** The wall clock was set, or this host slept, when it moves so much against the one that nobody sets. */
const clockStepMillis = 1_000

/** A Lease is renewed every 10 s and lasts 40 s, so nobody needs to hear of it at once. */
const leasesEvery = "5 seconds"

export class World extends Context.Service<
  World,
  {
    readonly tasks: Cache<AgenticTask>
    readonly nodes: Cache<FleetNode>
    readonly agents: Cache<Agent>
    readonly leases: Cache<Lease>
    readonly workloads: Cache<Workload>
    /** The Lease of a node. */
    readonly leaseOf: (nodeName: string) => ObjectRef
    /** Also takes note of a sign of life that is new, so whoever hears of one asks. */
    readonly liveness: (nodeName: string, nowMillis: number) => Liveness
    /** Until when no node may be called silent, in milliseconds since the epoch. */
    readonly inDoubtUntilMillis: () => number
  }
>()("foreman/reconcile/World") {}

/** A sign of life as the host wrote it, and when we think it was made. */
interface Sign {
  readonly said: string
  readonly atMillis: number
}
interface Signs {
  readonly lease: Sign | undefined
  readonly heartbeat: Sign | undefined
}

/** A change happened when we saw it. What was there before us is as old as it says, but never younger than now. */
const notice = (before: Sign | undefined, said: string | undefined, nowMillis: number): Sign | undefined => {
  if (said === undefined) return undefined
  if (before?.said === said) return before
  const saidMillis = parseTime(said)
  if (saidMillis === undefined) return undefined
  return { said, atMillis: before === undefined ? Math.min(saidMillis, nowMillis) : nowMillis }
}

/** What a node ran once is of no use to anybody who asks for its tasks, and there may be years of it. */
const inFlightOn = ({ status }: AgenticTask): ReadonlyArray<string> =>
  status?.assignedNode !== undefined && isInFlight(status.phase) ? [status.assignedNode] : []

const controllerOf = (task: AgenticTask): ReadonlyArray<string> =>
  (task.metadata.ownerReferences ?? []).filter(({ controller }) => controller === true).map(({ uid }) => uid)

export const layer = (options: { readonly foremanNamespace: string }) =>
  Layer.effect(
    World,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let inDoubtUntil = clock.currentTimeMillisUnsafe() + firstSightMillis
      const onAttempt = (attempt: Reflector.Attempt) =>
        attempt._tag === "Ok"
          ? Effect.void
          : Effect.map(Clock.currentTimeMillis, (now) => {
              inDoubtUntil = now + doubtMillis
            })
      // A watch that is cut and opened again is no trouble: what balancers do to idle connections would be doubt for ever.
      const onNodeAttempt = (attempt: Reflector.Attempt) =>
        attempt._tag === "Failed" && attempt.consecutive === 1 ? Effect.void : onAttempt(attempt)
      const namespace = options.foremanNamespace
      const leaseOf = (nodeName: string) => leaseRef(nodeName, namespace)
      const isDenied = yield* Deferred.make<void>()
      // A right that we lack is no trouble that passes: then nodes are judged by their heartbeats.
      const onLeaseAttempt = (attempt: Reflector.Attempt) =>
        attempt._tag === "Failed" && attempt.error.reason._tag === "Forbidden"
          ? Deferred.succeed(isDenied, undefined)
          : onAttempt(attempt)
      const [tasks, nodes, agentCache, leaseCache, workloadCache] = yield* Effect.all([
        Reflector.make(agenticTasks, {
          indexes: {
            phase: (task) => [task.status?.phase ?? "Pending"],
            node: inFlightOn,
            owner: controllerOf
          }
        }),
        Reflector.make(fleetNodes, { indexes: {}, onAttempt: onNodeAttempt }),
        Reflector.make(agents, { indexes: {} }),
        Reflector.make(leases, {
          namespace,
          indexes: {},
          matches: ({ metadata }) => nodeOfLease(metadata.name) !== undefined,
          listEvery: leasesEvery,
          onAttempt: (attempt) => Effect.asVoid(onLeaseAttempt(attempt))
        }),
        Reflector.make(workloads, { indexes: {} })
      ])

      const signs = new Map<string, Signs>()
      /** By how much the wall clock is ahead of the one that nobody sets. */
      const ahead = () =>
        clock.currentTimeMillisUnsafe() - Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
      let wasAhead = ahead()
      /** What was noticed moves along with the clock, so that it stays as old as it is. */
      const keepAges = (): void => {
        const step = ahead() - wasAhead
        if (Math.abs(step) < clockStepMillis) return
        wasAhead += step
        const moved = (sign: Sign | undefined) => sign && { ...sign, atMillis: sign.atMillis + step }
        for (const [name, { heartbeat, lease }] of signs) {
          signs.set(name, { heartbeat: moved(heartbeat), lease: moved(lease) })
        }
      }
      const liveness = (name: string, nowMillis: number): Liveness => {
        keepAges()
        const node = nodes.get(name)
        const lease = leaseCache.get(refKey(leaseOf(name)))
        const before = signs.get(name)
        const now: Signs = {
          lease: notice(before?.lease, lease?.spec?.renewTime, nowMillis),
          heartbeat: notice(before?.heartbeat, node?.status?.lastHeartbeatTime, nowMillis)
        }
        if (node === undefined && lease === undefined) signs.delete(name)
        else signs.set(name, now)
        return livenessOf(node, lease, {
          leaseMillis: now.lease?.atMillis,
          heartbeatMillis: now.heartbeat?.atMillis
        })
      }
      yield* Effect.all([
        tasks.synced,
        nodes.synced,
        agentCache.synced,
        // Without the right to list Leases (a role of the first implementation) the operator starts all the same.
        Effect.raceFirst(leaseCache.synced, Deferred.await(isDenied)),
        workloadCache.synced
      ])

      return World.of({
        tasks,
        nodes,
        agents: agentCache,
        leases: leaseCache,
        workloads: workloadCache,
        leaseOf,
        liveness,
        inDoubtUntilMillis: () => inDoubtUntil
      })
    })
  )
