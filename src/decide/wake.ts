/** Which changes can alter what the scheduler decides. What is not said here wakes nobody (design §3.4). */
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { FleetNode } from "../../schema/FleetNode.ts"
import { isInFlight } from "./capacity.ts"

const isWaiting = (task: AgenticTask): boolean =>
  task.status?.phase === undefined || task.status.phase === "Pending"

/** A task that is new or was changed while it waits, one that ends, and one that gives its place back. */
export const taskChangeMatters = (
  before: AgenticTask | undefined,
  after: AgenticTask | undefined
): boolean => {
  if (after === undefined) return true
  if (before === undefined) return isWaiting(after)
  if (before.metadata.generation !== after.metadata.generation) return true
  const from = before.status?.phase
  const to = after.status?.phase
  if (from !== to && !(isWaiting(before) && isWaiting(after)) && to !== "Running" && to !== "Scheduled") {
    return true
  }
  return isInFlight(from) && before.status?.assignedNode !== after.status?.assignedNode
}

/** `ramDemands`: how much free memory the tasks that fit nowhere ask for, in GiB. Growth that passes none of them is no news. */
export const nodeChangeMatters = (
  before: FleetNode | undefined,
  after: FleetNode | undefined,
  ramDemands: ReadonlySet<number>
): boolean => {
  if (before === undefined || after === undefined) return true
  if (offer(before) !== offer(after)) return true
  const had = before.status?.capability?.availableRAMGB ?? 0
  const has = after.status?.capability?.availableRAMGB ?? 0
  for (const asked of ramDemands) {
    if (had < asked && asked <= has) return true
  }
  return false
}

/** Everything that placement reads of a node, but its free memory. */
const offer = ({ metadata, spec, status }: FleetNode): string => {
  const { availableRAMGB: _, tokensPerSecond: __, ...capability } = status?.capability ?? {}
  return JSON.stringify([metadata.labels, spec.roles, status?.phase, status?.currentTask, capability])
}
