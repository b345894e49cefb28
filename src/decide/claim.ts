/** Who may write a task, and which task is taken next. Design §3.5. */
import type { AgenticTask, Claim, TaskStatus } from "../../schema/AgenticTask.ts"
import { parseTime } from "../../schema/Time.ts"
import { reason, setCondition, type StatusFields } from "./status.ts"

/** A claim as its holder keeps it. */
export interface HeldClaim extends Claim {
  /** False on a cluster whose CRD prunes `status.claim`: node and time are all the fence there is. */
  readonly isFenced: boolean
}

/** What this node may do with a task that it sees. */
export type Standing =
  /** Assigned to us, nobody has begun. */
  | "Claimable"
  /** Running on us by a claim that no run of this process holds: the one before us died over it. */
  | "Orphaned"
  | "NotOurs"

export const standing = (task: AgenticTask, nodeName: string): Standing => {
  const status = task.status
  if (status?.assignedNode !== nodeName || task.metadata.deletionTimestamp !== undefined) return "NotOurs"
  if (status.phase === "Scheduled") return "Claimable"
  return status.phase === "Running" ? "Orphaned" : "NotOurs"
}

/** The claim counts only while node and time equal the two fields that the first implementation knows. */
const effectiveClaim = (status: TaskStatus): Claim | undefined =>
  status.claim !== undefined &&
  status.claim.node === status.assignedNode &&
  status.claim.claimedAt === status.claimedAt
    ? status.claim
    : undefined

/** Whether this claim is the last that was made on the task, running or ended. */
export const isUnder = (status: TaskStatus, claim: HeldClaim): boolean =>
  status.assignedNode === claim.node &&
  status.claimedAt === claim.claimedAt &&
  (!claim.isFenced || effectiveClaim(status)?.id === claim.id)

/** Whether the task, as it is now, is still under this claim. */
export const holds = ({ status }: AgenticTask, claim: HeldClaim): boolean =>
  status?.phase === "Running" && isUnder(status, claim)

/** Whether a run that ended under `before` is the run that the task now waits for. */
export const continues = (
  task: AgenticTask,
  before: { readonly id: string; readonly node: string; readonly claimedAt: string }
): boolean => {
  const status = task.status
  if (status?.phase !== "Running" || status.assignedNode !== before.node) return false
  const claim = effectiveClaim(status)
  return claim === undefined ? status.claimedAt === before.claimedAt : claim.id === before.id
}

/**
 * The node that had a task before its last claim, as the task shows it at the time of that claim; `undefined` where it shows none. The
 * condition keeps the name when the claim itself is gone.
 */
export const earlierNode = ({ status }: AgenticTask): string | undefined => {
  if (status?.phase === "Running") return status.assignedNode
  const words = status?.conditions?.find(({ type }) => type === "Running")?.message
  return /\bnode (\S+)/u.exec(words ?? "")?.[1]
}

/** What a claim writes, in one patch. */
export const claimFields = (
  task: AgenticTask,
  claim: Claim,
  nowMillis: number
): StatusFields<TaskStatus> => ({
  phase: "Running",
  claim,
  claimedAt: claim.claimedAt,
  startedAt: claim.claimedAt,
  conditions: setCondition(
    task.status?.conditions,
    { type: "Running", status: "True", reason: reason.claimed, message: `claimed by node ${claim.node}` },
    nowMillis,
    task.metadata.generation
  )
})

/** What handing a task back writes: it waits for a node again, as if nobody had taken it. */
export const releaseFields = (
  task: AgenticTask,
  why: { readonly reason: string; readonly message: string },
  nowMillis: number
): StatusFields<TaskStatus> => ({
  phase: "Pending",
  assignedNode: null,
  claim: null,
  claimedAt: null,
  startedAt: null,
  conditions: setCondition(
    task.status?.conditions,
    { type: "Running", status: "False", ...why },
    nowMillis,
    task.metadata.generation
  )
})

const rank = (task: AgenticTask): number =>
  ["review", "verify", "issue-fix"].indexOf(task.spec.kind) + 1 || Number.MAX_SAFE_INTEGER

/** Work that finishes something goes first (review, verify, issue-fix, the rest), then what is oldest, then by name. */
export const claimOrder = (a: AgenticTask, b: AgenticTask): number =>
  rank(a) - rank(b) ||
  (parseTime(a.metadata.creationTimestamp) ?? 0) - (parseTime(b.metadata.creationTimestamp) ?? 0) ||
  (a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0)
