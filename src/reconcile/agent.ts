/** Says of each Agent whether it can do its work as it is written. */
import { Clock, Effect } from "effect"

import { agents } from "../../schema/Agent.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { validate } from "../decide/agent.ts"
import { setCondition, statusPatch } from "../decide/status.ts"
import { KubeClient } from "../services/KubeClient.ts"
import * as Controller from "./Controller.ts"
import { World } from "./world.ts"

/** `toolNames`: what the tool catalogue holds, handed in because the operator runs no tools itself. */
export const run = Effect.fnUntraced(function* (options: { readonly toolNames: ReadonlySet<string> }) {
  const world = yield* World
  const kube = yield* KubeClient

  const reconcile = Effect.fn("agent.reconcile")(function* (key: string) {
    const agent = world.agents.get(key)
    if (agent === undefined || agent.metadata.deletionTimestamp !== undefined) return undefined
    const { generation } = agent.metadata
    const before = agent.status?.conditions
    const conditions = setCondition(
      before,
      validate(agent, options.toolNames),
      yield* Clock.currentTimeMillis,
      generation
    )
    if (conditions === before && agent.status?.observedGeneration === generation) return undefined
    yield* kube
      .patch(
        agents,
        refOf(agent),
        { type: "merge", body: statusPatch(agent, { conditions, observedGeneration: generation }) },
        { subresource: "status" }
      )
      .pipe(
        Effect.flatMap(world.agents.observe),
        // The change that got there first arrives as an event, which brings us back here.
        Effect.catchReason("KubeError", "Conflict", () => Effect.void),
        Effect.catchReason("KubeError", "NotFound", () => world.agents.forget(key))
      )
    return undefined
  })

  const controller = yield* Controller.make({ name: "agent", kind: "Agent", workers: 1, reconcile })
  yield* Controller.listen(world.agents.subscribe, (event) => {
    if (event.type === "put") controller.enqueue(event.key)
  })
  for (const agent of world.agents.values()) controller.enqueue(refKey(refOf(agent)))
})
