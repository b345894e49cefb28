/** What becomes of a task whose node is gone or silent (contract §2.2, design §3.5). */
import { Data } from "effect"

import { type AgenticTask, claimExpiriesAnnotation, type TaskStatus } from "../../schema/AgenticTask.ts"
import { formatTime } from "../../schema/Time.ts"
import { isInFlight } from "./capacity.ts"
import type { Liveness } from "./liveness.ts"
import { reason, setCondition, type StatusFields } from "./status.ts"

/** Losses after which a task is tried again; the next one ends it. */
const claimExpiryLimit = 2

export type Expiry = Data.TaggedEnum<{
  Keep: {}
  /** First `annotations`, then `status`: dying in between counts a loss too many, never one too few. */
  Release: {
    readonly annotations: Readonly<Record<string, string>>
    readonly status: StatusFields<TaskStatus>
    readonly message: string
  }
  GiveUp: { readonly status: StatusFields<TaskStatus>; readonly message: string }
}>
export const Expiry = Data.taggedEnum<Expiry>()

/** Losses so far; text that is no count is none. */
const losses = (task: AgenticTask): number => {
  const count = Number.parseInt(task.metadata.annotations?.[claimExpiriesAnnotation] ?? "0", 10)
  return Number.isSafeInteger(count) && count > 0 ? count : 0
}

export const expiryOf = (task: AgenticTask, node: Liveness, nowMillis: number): Expiry => {
  const name = task.status?.assignedNode
  if (name === undefined || !isInFlight(task.status?.phase) || nowMillis < node.silentAtMillis) {
    return Expiry.Keep()
  }
  const message =
    node.lastSeenMillis === Number.NEGATIVE_INFINITY
      ? `FleetNode ${name} is gone`
      : `FleetNode ${name} was last heard of at ${formatTime(node.lastSeenMillis)}`
  const count = losses(task)
  const conditionsWith = (type: string, why: string) =>
    setCondition(task.status?.conditions, { type, status: "True", reason: why, message }, nowMillis)

  if (count >= claimExpiryLimit) {
    return Expiry.GiveUp({
      message,
      status: {
        phase: "Failed",
        verdict: "INCOMPLETE",
        failureReason: "InfrastructureError",
        finishedAt: formatTime(nowMillis),
        conditions: conditionsWith("Failed", reason.claimExpiryLimitReached)
      }
    })
  }
  return Expiry.Release({
    message,
    annotations: { [claimExpiriesAnnotation]: String(count + 1) },
    status: {
      phase: "Pending",
      assignedNode: null,
      claimedAt: null,
      startedAt: null,
      claim: null,
      conditions: conditionsWith("ClaimExpired", reason.claimExpired)
    }
  })
}
