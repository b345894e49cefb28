/** Who goes first. One number a task, which time does not change: an order that is sorted once stays sorted. */
import type { AgenticTask, TaskKind } from "../../schema/AgenticTask.ts"
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

interface Place {
  /** Lower goes first: when the task would have been made, had it neither priority nor head start. */
  readonly rank: number
  readonly key: string
}

/** Passes see the same task objects again and again, and reading a time costs more than all the rest. */
const places = new WeakMap<AgenticTask, Place>()

const placeOf = (task: AgenticTask): Place => {
  const known = places.get(task)
  if (known !== undefined) return known
  const { metadata, spec } = task
  const place = {
    rank:
      (parseTime(metadata.creationTimestamp) ?? 0) -
      (spec.priority ?? 0) * priorityMillis -
      headStartMillis[spec.kind],
    key: `${metadata.namespace ?? ""}/${metadata.name}`
  }
  places.set(task, place)
  return place
}

/** The tasks in the order in which they are served; equals are ordered by namespace and name. */
export const inOrder = (tasks: Iterable<AgenticTask>): ReadonlyArray<AgenticTask> =>
  Array.from(tasks, (task) => ({ task, ...placeOf(task) }))
    .sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1))
    .map(({ task }) => task)
