/** When a waiting task is told so. A short wait is not worth a write; a reason is said once; its numbers may lag a little. */
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { agentGraceMillis, type Decision, missingDependencyMillis } from "./schedule.ts"
import { reason } from "./status.ts"
import { showsReason } from "./taskStatus.ts"

/** A task that only waits for its turn is told after this long: most of them are placed before. */
const shortWaitMillis = 2_000
/** The numbers in a message are brought up to date this often. */
const refreshMillis = 30_000

/** What is remembered of a waiting task between passes. A restart forgets it, and graces begin anew. */
export interface Waiting {
  readonly reason: string
  readonly sinceMillis: number
  /** When the task was last written to; minus infinity for never. */
  readonly saidMillis: number
}

export const whenToSay = (
  task: AgenticTask,
  wait: Extract<Decision, { readonly _tag: "Wait" }>,
  before: Waiting | undefined,
  nowMillis: number
): {
  readonly entry: Waiting
  /** When the words may be written. */
  readonly sayAtMillis: number
  /** When time alone may change the decision. */
  readonly lookAtMillis: number
} => {
  const entry: Waiting =
    before?.reason === wait.reason
      ? before
      : {
          reason: wait.reason,
          sinceMillis: nowMillis,
          saidMillis: before?.saidMillis ?? Number.NEGATIVE_INFINITY
        }
  const sayAtMillis = showsReason(task, wait)
    ? entry.saidMillis + refreshMillis
    : wait.isShort
      ? entry.sinceMillis + shortWaitMillis
      : nowMillis
  const graceMillis =
    wait.reason === reason.waitingForAgent
      ? agentGraceMillis
      : wait.reason === reason.dependencyNotFound
        ? missingDependencyMillis
        : Number.POSITIVE_INFINITY
  return { entry, sayAtMillis, lookAtMillis: entry.sinceMillis + graceMillis }
}
