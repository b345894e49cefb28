/** Marks nodes that fall silent or come back, takes leave of those that drained, and says whose tasks must be looked at. */
import { Clock, Duration, Effect, Latch } from "effect"

import { fleetNodes } from "../../schema/FleetNode.ts"
import { decideNode, NodeDecision, nextLookMillis } from "../decide/fleetNode.ts"
import { isRenewal, nodeOfLease } from "../decide/liveness.ts"
import { statusPatch } from "../decide/status.ts"
import { KubeClient } from "../services/KubeClient.ts"
import * as Controller from "./Controller.ts"
import { World } from "./world.ts"

const workers = 8

export interface Options {
  /** A node fell silent, is gone, or came back: placement may differ. */
  readonly onLiveness: (nodeName: string, nowMillis: number) => void
  /** A node fell silent or is gone: its tasks may be lost. */
  readonly onSilent: (nodeName: string) => void
}

export const run = Effect.fnUntraced(function* (options: Options) {
  const world = yield* World
  const kube = yield* KubeClient

  const reconcile = Effect.fn("fleetNode.reconcile")(function* (name: string) {
    const node = world.nodes.get(name)
    if (node === undefined || node.metadata.deletionTimestamp !== undefined) return undefined
    const now = yield* Clock.currentTimeMillis
    const liveness = world.liveness(name, now)
    if (now >= liveness.silentAtMillis && now < world.inDoubtUntilMillis()) {
      return world.inDoubtUntilMillis() - now
    }
    yield* NodeDecision.$match(decideNode(node, liveness, now), {
      Leave: () => Effect.void,
      Mark: ({ status }) =>
        kube
          .patch(
            fleetNodes,
            { name },
            { type: "merge", body: statusPatch(node, status) },
            { subresource: "status" }
          )
          .pipe(
            Effect.flatMap(world.nodes.observe),
            Effect.andThen(
              Effect.logInfo("node marked").pipe(Effect.annotateLogs({ node: name, phase: status.phase }))
            ),
            // The daemon wrote in between; its write arrives as an event, which brings us back here.
            Effect.catchReason("KubeError", "Conflict", () => Effect.void),
            Effect.catchReason("KubeError", "NotFound", () => world.nodes.forget(name))
          ),
      Delete: () =>
        kube
          .delete(
            fleetNodes,
            { name },
            {
              preconditions: {
                ...(node.metadata.uid === undefined ? {} : { uid: node.metadata.uid }),
                ...(node.metadata.resourceVersion === undefined
                  ? {}
                  : { resourceVersion: node.metadata.resourceVersion })
              }
            }
          )
          .pipe(
            Effect.andThen(Effect.logInfo("drained node removed").pipe(Effect.annotateLogs({ node: name }))),
            Effect.catchReasons("KubeError", {
              Conflict: () => Effect.void,
              NotFound: () => world.nodes.forget(name)
            })
          )
    })
    return undefined
  })

  const controller = yield* Controller.make({ name: "fleetnode", kind: "FleetNode", workers, reconcile })
  const known = Latch.makeUnsafe(true)
  /** Nodes that were silent when we last looked. */
  const silent = new Set<string>()

  /** Called for each sign of life, so it does as little as it can. */
  const consider = (name: string, now: number): void => {
    const node = world.nodes.get(name)
    if (node === undefined) return
    const liveness = world.liveness(name, now)
    const isSilent = now >= liveness.silentAtMillis
    if (isSilent !== silent.has(name)) {
      if (isSilent) silent.add(name)
      else {
        silent.delete(name)
        // The sweep counts on no silent node: this one has a deadline again.
        known.openUnsafe()
      }
      options.onLiveness(name, now)
    }
    if (isSilent) options.onSilent(name)
    if (decideNode(node, liveness, now)._tag !== "Leave") controller.enqueue(name)
  }

  /** Looks at every node, and returns the moment at which the next can fall silent. */
  const sweep = (now: number): number => {
    let next = Number.POSITIVE_INFINITY
    for (const node of world.nodes.values()) {
      const { name } = node.metadata
      consider(name, now)
      next = Math.min(next, nextLookMillis(node, world.liveness(name, now), now) ?? next)
    }
    return next
  }

  yield* Controller.listen(world.nodes.subscribe, (event, now) => {
    if (event.type === "delete") {
      silent.delete(event.key)
      options.onSilent(event.key)
      return
    }
    consider(event.key, now)
    // A new node has a deadline that the sweep does not know yet; a renewed one only moves further away.
    if (event.before === undefined || event.before.status?.phase !== event.after.status?.phase) {
      known.openUnsafe()
    }
  })
  yield* Controller.listen(world.leases.subscribe, (event, now) => {
    const lease = event.type === "put" ? event.after : event.before
    const name = nodeOfLease(lease.metadata.name)
    if (name === undefined) return
    consider(name, now)
    // A new holder's silence may count from earlier than the sweep knows; a renewal only moves it further away.
    if (event.type === "delete" || !isRenewal(event.before, event.after)) known.openUnsafe()
  })

  yield* Effect.gen(function* () {
    known.closeUnsafe()
    const now = yield* Clock.currentTimeMillis
    const next = sweep(now)
    const wait = Number.isFinite(next)
      ? known.await.pipe(Effect.timeoutOption(Duration.millis(next - now)))
      : known.await
    yield* wait
  }).pipe(Effect.forever, Effect.forkScoped)
})
