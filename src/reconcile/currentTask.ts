/**
 * Shows on each FleetNode a task that runs there. For people only: placement counts the tasks themselves. A task is shown once two looks
 * have found it, so that one that is over within the pause between them costs no write.
 */
import { Effect, Latch } from "effect"

import { fleetNodes } from "../../schema/FleetNode.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { KubeClient } from "../services/KubeClient.ts"
import { listen } from "./Controller.ts"
import { World } from "./world.ts"

/** Between two looks, and so between two writes to one node. */
const pause = "5 seconds"
const writers = 4

export const run = Effect.gen(function* () {
  const world = yield* World
  const kube = yield* KubeClient
  const changed = new Set<string>()
  /** What the last look found on a node that does not show it yet. */
  const found = new Map<string, string>()
  const wake = Latch.makeUnsafe(false)

  yield* listen(world.tasks.subscribe, (event) => {
    const before = event.before?.status
    const after = event.type === "put" ? event.after.status : undefined
    if (before?.phase === after?.phase && before?.assignedNode === after?.assignedNode) return
    for (const status of [before, after]) {
      if (status?.assignedNode !== undefined) changed.add(status.assignedNode)
    }
    wake.openUnsafe()
  })

  const running = (nodeName: string): string | undefined =>
    world.tasks
      .byIndex("node", nodeName)
      .filter(({ status }) => status?.phase === "Running")
      .map((task) => refKey(refOf(task)))
      .toSorted()[0]

  const show = Effect.fnUntraced(function* (name: string) {
    const node = world.nodes.get(name)
    const now = running(name)
    const isFoundAgain = found.get(name) === now
    found.delete(name)
    if (node === undefined || node.status?.currentTask === now) return
    if (now !== undefined && !isFoundAgain) {
      found.set(name, now)
      changed.add(name)
    }
    // Until then none is shown: the one that was is over.
    const currentTask = isFoundAgain ? now : undefined
    if (node.status?.currentTask === currentTask) return
    const body = { status: { currentTask: currentTask ?? null } }
    yield* kube.patch(fleetNodes, { name }, { type: "merge", body }, { subresource: "status" }).pipe(
      Effect.flatMap(world.nodes.observe),
      // The next change of a task there tries again.
      Effect.ignore({ log: "Debug" })
    )
  })

  yield* Effect.gen(function* () {
    yield* wake.await
    yield* Effect.sleep(pause)
    wake.closeUnsafe()
    const names = [...changed]
    changed.clear()
    yield* Effect.forEach(names, show, { concurrency: writers, discard: true })
    if (changed.size > 0) wake.openUnsafe()
  }).pipe(Effect.forever, Effect.forkScoped)
})
