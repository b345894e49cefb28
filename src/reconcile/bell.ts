/**
 * Tells nodes on their Leases which tasks to look at, once the fleet is large. A node that was told once is told for good, for it has no
 * watch of its tasks any more. What a text says the next one replaces, so texts are counted: a node that missed one looks at all it runs.
 * Tasks that wait for it are named in each.
 */
import { Effect } from "effect"

import { leases } from "../../schema/Core.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import {
  Bell,
  bellAnnotation,
  bellOf,
  deleted,
  nextText,
  nodesToTell,
  type Rung,
  rungOf
} from "../decide/bell.ts"
import { nodeOfLease } from "../decide/liveness.ts"
import { KubeClient } from "../services/KubeClient.ts"
import * as Controller from "./Controller.ts"
import { World } from "./world.ts"

/** A telling is a write and a read more for each task. A watch of each node is cheaper until there are this many. */
const largeFleet = 50

const workers = 8

/** Tasks of one telling. All annotations of an object together may have 256 KiB. */
const most = 500
/** Tasks that are named once more, in case that the node missed when it was told. */
const named = 32

export const run = Effect.gen(function* () {
  const world = yield* World
  const kube = yield* KubeClient
  /** Nodes whose daemons listen. */
  const listening = new Set<string>()
  const bellNow = (node: string) => bellOf(world.leases.get(refKey(world.leaseOf(node))))
  const isTold = (node: string): boolean =>
    Bell.$match(bellNow(node), {
      Absent: () => false,
      Asked: () => listening.size >= largeFleet,
      Told: () => true
    })
  /** By node and by key of the task, what it was not told yet. */
  const untold = new Map<string, Map<string, Rung>>()

  const scheduledOn = (node: string): ReadonlyArray<Rung> =>
    world.tasks
      .byIndex("node", node)
      .filter(({ status }) => status?.phase === "Scheduled")
      .slice(0, named)
      .map(rungOf)

  /** Nodes that must be told that they may have missed something. */
  const doubtful = new Set<string>()

  const reconcile = Effect.fn("bell.reconcile")(function* (node: string) {
    const all = [...(untold.get(node) ?? [])]
    const news = all.slice(0, most)
    const rest = all.slice(most)
    untold.delete(node)
    if (!isTold(node)) return undefined
    if (rest.length > 0) untold.set(node, new Map(rest))

    const text = nextText(bellNow(node), {
      scheduled: scheduledOn(node),
      news: news.map(([, rung]) => rung),
      mayHaveMissed: doubtful.has(node)
    })
    if (text === undefined) return undefined
    const lease = world.leaseOf(node)
    const body = { metadata: { annotations: { [bellAnnotation]: text } } }
    yield* kube.patch(leases, lease, { type: "merge", body }).pipe(
      Effect.tap(() => Effect.sync(() => doubtful.delete(node))),
      Effect.flatMap(world.leases.observe),
      Effect.catchReason("KubeError", "NotFound", () => world.leases.forget(refKey(lease))),
      Effect.tapError((error) =>
        Effect.sync(() => {
          // What is refused for good the node's own list must show.
          if (error.isTransient) untold.set(node, new Map([...news, ...(untold.get(node) ?? [])]))
        })
      )
    )
    return rest.length > 0 ? 0 : undefined
  })

  const controller = yield* Controller.makeQuiet({ name: "bell", kind: "Lease", workers, reconcile })

  const tell = (node: string, rung: Rung): void => {
    if (!isTold(node)) return
    const news = untold.get(node) ?? new Map<string, Rung>()
    untold.set(node, news.set(refKey(rung.ref), rung))
    controller.enqueue(node)
  }

  /** A node that listens, or was told by somebody else. A renewal alone is no reason to look: there are a hundred a second. */
  const hear = (node: string, before: Bell): void => {
    const wasLarge = listening.size >= largeFleet
    const bell = bellNow(node)
    if (bell._tag === "Absent") listening.delete(node)
    else listening.add(node)
    const isLarge = listening.size >= largeFleet
    if (isLarge && !wasLarge) for (const one of listening) controller.enqueue(one)
    else if (bell._tag !== "Absent" && bell._tag !== before._tag) controller.enqueue(node)
  }

  yield* Controller.listen(world.leases.subscribe, (event) => {
    const node = nodeOfLease((event.type === "put" ? event.after : event.before).metadata.name)
    if (node !== undefined) hear(node, bellOf(event.before))
  })
  yield* Controller.listen(world.tasks.subscribe, (event) => {
    const [after, rung] =
      event.type === "put"
        ? [event.after, rungOf(event.after)]
        : [undefined, { ref: refOf(event.before), version: deleted }]
    for (const node of nodesToTell(event.before, after)) tell(node, rung)
  })
  // What an operator before us wrote last it may not have told.
  for (const { metadata } of world.leases.values()) {
    const node = nodeOfLease(metadata.name)
    if (node === undefined) continue
    if (bellNow(node)._tag === "Told") doubtful.add(node)
    hear(node, Bell.Absent())
  }
  for (const task of world.tasks.values()) {
    for (const node of nodesToTell(undefined, task)) tell(node, rungOf(task))
  }
})
