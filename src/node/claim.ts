/** Takes a task for this node: a write that fails if the version moved. Design §3.5. */
import { Clock, Effect } from "effect"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { refOf } from "../../schema/Meta.ts"
import { formatTime, parseTime } from "../../schema/Time.ts"
import { claimFields, type HeldClaim, standing } from "../decide/claim.ts"
import { statusPatch } from "../decide/status.ts"
import { KubeClient } from "../services/KubeClient.ts"

/** A task that is ours until somebody takes it away. */
export interface Claimed {
  readonly claim: HeldClaim
  /** As the server answered the claim. */
  readonly task: AgenticTask
  /** As it was when we claimed it: an orphan shows the claim of the process before us. */
  readonly before: AgenticTask
}

/** Writers that are faster than us this many times in a row may have the task. */
const maxTries = 5

/** `undefined` when the task is no longer ours to take. */
export const take = Effect.fn("node.claim")(function* (
  seen: AgenticTask,
  options: { readonly nodeName: string; readonly newClaimId: Effect.Effect<string> }
) {
  const kube = yield* KubeClient
  let task = seen
  for (let tries = 0; tries < maxTries; tries += 1) {
    if (standing(task, options.nodeName) === "NotOurs") return undefined
    const now = yield* Clock.currentTimeMillis
    // Times have whole seconds. Where they are the only fence, two claims of one second must not look equal.
    const previous = parseTime(task.status?.claimedAt)
    const at = previous === undefined ? now : Math.max(now, previous + 1000)
    const claim = { id: yield* options.newClaimId, node: options.nodeName, claimedAt: formatTime(at) }
    const answer = yield* kube
      .patch(
        agenticTasks,
        refOf(task),
        { type: "merge", body: statusPatch(task, claimFields(task, claim, now)) },
        { subresource: "status" }
      )
      .pipe(
        Effect.catchReasons("KubeError", {
          Conflict: () => Effect.succeed("moved" as const),
          NotFound: () => Effect.succeed("gone" as const)
        })
      )
    if (answer === "gone") return undefined
    if (answer !== "moved") {
      const claimed: Claimed = {
        task: answer,
        before: task,
        claim: { ...claim, isFenced: answer.status?.claim?.id === claim.id }
      }
      return claimed
    }
    const fresh = yield* kube
      .get(agenticTasks, refOf(task))
      .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.succeed(undefined)))
    // Same name, other object: what we saw is gone.
    if (fresh === undefined || fresh.metadata.uid !== task.metadata.uid) return undefined
    task = fresh
  }
  return undefined
})
