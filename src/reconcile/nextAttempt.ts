/** Makes a gate run again once somebody allowed what it asked about. The judge, not this, decides which approvals count. */
import { Clock, Effect } from "effect"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { awaitsApproval, nextAttempt } from "../decide/approval.ts"
import { statusPatch } from "../decide/status.ts"
import { KubeClient } from "../services/KubeClient.ts"
import * as Controller from "./Controller.ts"
import { World } from "./world.ts"

/** Approvals are written by people. */
const workers = 1

export const run = Effect.gen(function* () {
  const world = yield* World
  const kube = yield* KubeClient

  const reconcile = Effect.fn("nextAttempt.reconcile")(function* (key: string) {
    const task = world.tasks.get(key)
    const status = task && nextAttempt(task, yield* Clock.currentTimeMillis)
    if (task === undefined || status === undefined) return undefined
    const ref = refOf(task)
    return yield* kube
      .patch(agenticTasks, ref, { type: "merge", body: statusPatch(task, status) }, { subresource: "status" })
      .pipe(
        Effect.flatMap(world.tasks.observe),
        Effect.andThen(Effect.logInfo("gate runs again after an approval")),
        Effect.annotateLogs({ task: key }),
        Effect.as(undefined),
        Effect.catchReason("KubeError", "Conflict", () =>
          kube.get(agenticTasks, ref).pipe(Effect.flatMap(world.tasks.observe), Effect.as(0))
        ),
        Effect.catchReason("KubeError", "NotFound", () => Effect.as(world.tasks.forget(key), undefined))
      )
  })

  const controller = yield* Controller.makeQuiet({
    name: "next-attempt",
    kind: "AgenticTask",
    workers,
    reconcile
  })
  const consider = (task: AgenticTask): void => {
    if (task.spec.approvals !== undefined && awaitsApproval(task)) controller.enqueue(refKey(refOf(task)))
  }
  yield* Controller.listen(world.tasks.subscribe, (event) => {
    if (event.type === "put") consider(event.after)
  })
  for (const task of world.tasks.values()) consider(task)
})
