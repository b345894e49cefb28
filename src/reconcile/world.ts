/** What the operator knows: a cache of each kind, and when each node last gave a sign of life. */
import { Clock, Context, Effect, Layer } from "effect"

import { type Agent, agents } from "../../schema/Agent.ts"
import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { type Lease, leases } from "../../schema/Core.ts"
import { type FleetNode, fleetNodes } from "../../schema/FleetNode.ts"
import { refKey } from "../../schema/Meta.ts"
import { parseTime } from "../../schema/Time.ts"
import { type Workload, workloads } from "../../schema/Workload.ts"
import type { Cache } from "../cache/Cache.ts"
import * as Reflector from "../cache/Reflector.ts"
import { leaseNameOf, type Liveness, livenessOf, nodeOfLease, type Seen } from "../decide/liveness.ts"
import { listen } from "./Controller.ts"

/** After trouble with the API server silence proves nothing for this long: nodes could not be heard. Longer than a Lease lasts. */
const doubtMillis = 60_000

export class World extends Context.Service<
  World,
  {
    readonly tasks: Cache<AgenticTask>
    readonly nodes: Cache<FleetNode>
    readonly agents: Cache<Agent>
    readonly leases: Cache<Lease>
    readonly workloads: Cache<Workload>
    /** Where the nodes' Leases are. */
    readonly foremanNamespace: string
    readonly liveness: (nodeName: string) => Liveness
    /** Until when no node may be called silent, in milliseconds since the epoch. */
    readonly inDoubtUntilMillis: () => number
  }
>()("foreman/reconcile/World") {}

/** A change happened when we saw it. What was there before us is as old as it says, but never younger than now. */
const noticed = (
  before: string | undefined,
  after: string | undefined,
  nowMillis: number
): number | undefined => {
  const said = parseTime(after)
  if (said === undefined || before === after) return undefined
  return before === undefined ? Math.min(said, nowMillis) : nowMillis
}

const controllerOf = (task: AgenticTask): ReadonlyArray<string> =>
  (task.metadata.ownerReferences ?? []).filter(({ controller }) => controller === true).map(({ uid }) => uid)

export const layer = (options: { readonly foremanNamespace: string }) =>
  Layer.effect(
    World,
    Effect.gen(function* () {
      let inDoubtUntil = Number.NEGATIVE_INFINITY
      const onAttempt = (attempt: Reflector.Attempt) =>
        attempt._tag === "Ok"
          ? Effect.void
          : Effect.map(Clock.currentTimeMillis, (now) => {
              inDoubtUntil = now + doubtMillis
            })
      const namespace = options.foremanNamespace
      const [tasks, nodes, agentCache, leaseCache, workloadCache] = yield* Effect.all([
        Reflector.make(agenticTasks, {
          indexes: {
            phase: (task) => [task.status?.phase ?? "Pending"],
            node: (task) => (task.status?.assignedNode === undefined ? [] : [task.status.assignedNode]),
            owner: controllerOf
          }
        }),
        Reflector.make(fleetNodes, { indexes: {}, onAttempt }),
        Reflector.make(agents, { indexes: {} }),
        Reflector.make(leases, {
          namespace,
          indexes: {},
          matches: ({ metadata }) => nodeOfLease(metadata.name) !== undefined,
          onAttempt
        }),
        Reflector.make(workloads, { indexes: {} })
      ])

      const seen = new Map<string, Seen>()
      yield* listen(nodes.subscribe, (event, now) => {
        if (event.type === "delete") return void seen.delete(event.key)
        const heartbeatMillis = noticed(
          event.before?.status?.lastHeartbeatTime,
          event.after.status?.lastHeartbeatTime,
          now
        )
        if (heartbeatMillis !== undefined) {
          seen.set(event.key, { ...seen.get(event.key), heartbeatMillis })
        }
      })
      yield* listen(leaseCache.subscribe, (event, now) => {
        const lease = event.type === "delete" ? event.before : event.after
        const name = nodeOfLease(lease.metadata.name)
        if (name === undefined) return
        if (event.type === "delete") {
          seen.set(name, { heartbeatMillis: seen.get(name)?.heartbeatMillis })
          return
        }
        const leaseMillis = noticed(event.before?.spec?.renewTime, event.after.spec?.renewTime, now)
        if (leaseMillis !== undefined) seen.set(name, { ...seen.get(name), leaseMillis })
      })
      yield* Effect.all([
        tasks.synced,
        nodes.synced,
        agentCache.synced,
        leaseCache.synced,
        workloadCache.synced
      ])

      return World.of({
        tasks,
        nodes,
        agents: agentCache,
        leases: leaseCache,
        workloads: workloadCache,
        foremanNamespace: namespace,
        liveness: (name) =>
          livenessOf(
            nodes.get(name),
            leaseCache.get(refKey({ namespace, name: leaseNameOf(name) })),
            seen.get(name)
          ),
        inDoubtUntilMillis: () => inDoubtUntil
      })
    })
  )
