/**
 * Who goes first. Within a workload, the task with the least rank: when it would have been made, had it neither priority nor head start.
 * Between workloads, the one that waits longest, where a task waits since it was made or since its workload was last given a place,
 * whichever is later: a workload of a thousand tasks takes turns with one of three. A task's rank never changes and every new task's is
 * later, so nothing starves.
 */
import { type AgenticTask, label, type TaskKind } from "../../schema/AgenticTask.ts"
import { parseTime } from "../../schema/Time.ts"

const hourMillis = 3_600_000
/** One level of priority is worth this much waiting, so a low priority waits longer but not for ever. */
const priorityMillis = 4 * hourMillis

/** Finish first: work that is closer to its end has a head start. The sum of all steps stays below one level of priority. */
const headStartMillis: Readonly<Record<TaskKind, number>> = {
  review: 3 * hourMillis,
  verify: 2 * hourMillis,
  integrate: hourMillis,
  "issue-fix": 0,
  freeform: 0,
  reconcile: 0
}

export interface Order {
  readonly key: string
  readonly madeMillis: number
  /** What priority and kind are worth. */
  readonly leadMillis: number
}

export const orderOf = (key: string, { metadata, spec }: AgenticTask): Order => ({
  key,
  madeMillis: parseTime(metadata.creationTimestamp) ?? 0,
  leadMillis: (spec.priority ?? 0) * priorityMillis + headStartMillis[spec.kind]
})

const rankOf = (order: Order): number => order.madeMillis - order.leadMillis

/** Within a workload. Equals are ordered by namespace and name. */
export const goesBefore = (a: Order, b: Order): boolean => {
  const difference = rankOf(a) - rankOf(b)
  return difference === 0 ? a.key < b.key : difference < 0
}

/** When a workload was last given a place, for tasks that ask for the same: the moment, and the count of all places given by then. */
export interface LastStart {
  readonly millis: number
  readonly count: number
}
export const neverStarted: LastStart = { millis: Number.NEGATIVE_INFINITY, count: 0 }

/** Between workloads: the first task of each, with its workload's last start. */
export const takesTurnBefore = (a: Order, aLast: LastStart, b: Order, bLast: LastStart): boolean => {
  const turn =
    Math.max(a.madeMillis, aLast.millis) -
    a.leadMillis -
    (Math.max(b.madeMillis, bLast.millis) - b.leadMillis)
  if (turn !== 0) return turn < 0
  return aLast.count === bLast.count ? goesBefore(a, b) : aLast.count < bLast.count
}

/** Tasks that no Workload made count as one workload for each namespace. */
export const workloadOf = ({ metadata }: AgenticTask): string =>
  `${metadata.namespace ?? ""}/${metadata.labels?.[label.workload] ?? ""}`
