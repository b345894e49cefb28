/** Takes tasks back from nodes that fell silent. Before anything is written the node's sign of life is read afresh. */
import { Clock, Effect } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { leases } from "../../schema/Core.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { isInFlight } from "../decide/capacity.ts"
import { Expiry, expiryOf } from "../decide/claimExpiry.ts"
import { statusPatch } from "../decide/status.ts"
import { KubeClient } from "../services/KubeClient.ts"
import * as Controller from "./Controller.ts"
import { World } from "./world.ts"

const workers = 8

export const run = Effect.gen(function* () {
  const world = yield* World
  const kube = yield* KubeClient

  /** What the server says now, put into the caches: a watch may be silent without knowing. */
  const ask = Effect.fnUntraced(function* (nodeName: string) {
    const lease = world.leaseOf(nodeName)
    yield* kube.get(leases, lease).pipe(
      Effect.flatMap(world.leases.observe),
      Effect.catchReasons("KubeError", {
        NotFound: () => world.leases.forget(refKey(lease)),
        // Without the right to read Leases a node is judged by its heartbeat.
        Forbidden: () => Effect.void
      })
    )
    yield* kube.get(fleetNodes, { name: nodeName }).pipe(
      Effect.flatMap(world.nodes.observe),
      Effect.catchReason("KubeError", "NotFound", () => world.nodes.forget(nodeName))
    )
  })

  const reconcile = Effect.fn("claimExpiry.reconcile")(function* (key: string) {
    const task = world.tasks.get(key)
    const nodeName = task?.status?.assignedNode
    if (task === undefined || nodeName === undefined || task.metadata.deletionTimestamp !== undefined)
      return undefined
    const now = yield* Clock.currentTimeMillis
    const liveness = world.liveness(nodeName, now)
    const { silentAtMillis } = liveness
    if (expiryOf(task, liveness, now)._tag === "Keep") {
      // Of a FleetNode that is deleted nobody hears any more, not even that its Lease has run out.
      const isDeleted = world.nodes.get(nodeName) === undefined && isInFlight(task.status?.phase)
      return isDeleted ? silentAtMillis - now : undefined
    }
    // Of whom there is no sign at all, nobody waits for one.
    const doubt = world.inDoubtUntilMillis() - now
    if (doubt > 0 && Number.isFinite(silentAtMillis)) return doubt
    yield* ask(nodeName)

    const ref = refOf(task)
    const write = (resourceVersion: string | undefined, status: object) =>
      kube
        .patch(
          agenticTasks,
          ref,
          {
            type: "merge",
            body: {
              ...statusPatch(task, status),
              metadata: resourceVersion === undefined ? {} : { resourceVersion }
            }
          },
          { subresource: "status" }
        )
        .pipe(Effect.flatMap(world.tasks.observe))

    return yield* Expiry.$match(expiryOf(task, world.liveness(nodeName, now), now), {
      Keep: () => Effect.void,
      Release: ({ annotations, status, message }) =>
        Effect.gen(function* () {
          const counted = yield* kube.patch(agenticTasks, ref, {
            type: "merge",
            body: { metadata: { resourceVersion: task.metadata.resourceVersion, annotations } }
          })
          yield* write(counted.metadata.resourceVersion, status)
          yield* Effect.logWarning("claim expired").pipe(
            Effect.annotateLogs({ task: key, node: nodeName, message })
          )
        }),
      GiveUp: ({ status, message }) =>
        Effect.andThen(
          write(task.metadata.resourceVersion, status),
          Effect.logWarning("task failed").pipe(Effect.annotateLogs({ task: key, node: nodeName, message }))
        )
    }).pipe(
      Effect.as(undefined),
      // Someone wrote: the daemon that came back, or a person. Look again at what it says now.
      Effect.catchReason("KubeError", "Conflict", () =>
        kube.get(agenticTasks, ref).pipe(Effect.flatMap(world.tasks.observe), Effect.as(0))
      ),
      Effect.catchReason("KubeError", "NotFound", () => Effect.as(world.tasks.forget(key), undefined))
    )
  })

  const controller = yield* Controller.makeQuiet({
    name: "claim-expiry",
    kind: "AgenticTask",
    workers,
    reconcile
  })

  const consider = (key: string, nodeName: string | undefined, now: number): void => {
    if (nodeName !== undefined && now >= world.liveness(nodeName, now).silentAtMillis) controller.enqueue(key)
  }
  yield* Controller.listen(world.tasks.subscribe, (event, now) => {
    if (event.type !== "put" || !isInFlight(event.after.status?.phase)) return
    consider(event.key, event.after.status?.assignedNode, now)
  })
  const now = yield* Clock.currentTimeMillis
  for (const task of world.tasks.values()) {
    if (isInFlight(task.status?.phase)) consider(refKey(refOf(task)), task.status?.assignedNode, now)
  }
  return {
    /** Looks at all tasks of a node that fell silent. */
    onSilent: (nodeName: string): void => {
      for (const task of world.tasks.byIndex("node", nodeName)) {
        controller.enqueue(refKey(refOf(task)))
      }
    }
  }
})
