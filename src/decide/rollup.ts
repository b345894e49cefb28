/** What a Workload's tasks come to: phase, counts and one sentence (contract §2.5). */
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import type { Condition } from "../../schema/Meta.ts"
import { isOnTarget, isTerminal } from "../../schema/Verdict.ts"
import type { Workload, WorkloadStatus } from "../../schema/Workload.ts"
import { askedBy, awaitsApproval } from "./approval.ts"
import { isAlreadyResolved } from "./dependencies.ts"
import { boundsOf, reached } from "./limits.ts"
import { addSpend, isSameSpend, noSpend, sumOf } from "./spend.ts"
import {
  type ConditionUpdate,
  findCondition,
  reason,
  replacing,
  setCondition,
  type StatusFields
} from "./status.ts"
import { stopOf } from "./stop.ts"

/**
 * Status fields, or `undefined` when the Workload shows them already. `deleted` names tasks that were made and are gone: before the end
 * they count as incomplete, after it they are someone's tidying up and change nothing.
 */
export const rollup = (
  workload: Workload,
  children: ReadonlyArray<AgenticTask>,
  deleted: ReadonlyArray<string>,
  nowMillis: number,
  /** What tasks used that were seen to be deleted and are not written yet. */
  newlyDeleted?: Spend
): StatusFields<WorkloadStatus> | undefined => {
  const { status } = workload
  const isOver = status?.phase === "Completed" || status?.phase === "Failed"
  if (isOver && deleted.length > 0) return undefined

  const asking = children.filter(awaitsApproval)
  const inFlight = children.filter((task) => !isTerminal(task.status?.phase) || asking.includes(task))
  const succeeded = children.filter((task) => isOnTarget(task.status))
  const failed = children.filter((task) => task.status?.phase === "Failed")
  const resolved = children.filter((task) => isAlreadyResolved(task) || task.status?.verdict === "Skipped")
  const incomplete = [
    ...children
      .filter(
        (task) =>
          task.status?.phase === "Succeeded" &&
          !isOnTarget(task.status) &&
          !resolved.includes(task) &&
          !asking.includes(task)
      )
      .map(say),
    ...deleted.map((name) => `${name} was deleted`)
  ]
  const counts = {
    succeededTasks: succeeded.length,
    failedTasks: failed.length,
    incompleteTasks: incomplete.length
  }

  const stopped = children.filter((task) => stopOf(task) !== undefined)

  const end = (): { readonly phase: "Completed" | "Failed"; readonly condition: ConditionUpdate } => {
    // Where nothing failed but what waited for them, a person is asked for, not a mechanic.
    if (stopped.length > 0 && incomplete.length === stopped.length && failed.every(isUpstreamFailed)) {
      return { phase: "Failed", condition: done("False", reason.needsPerson, list(stopped.map(say))) }
    }
    if (failed.length > 0) {
      return { phase: "Failed", condition: done("False", reason.childrenFailed, list(failed.map(say))) }
    }
    if (incomplete.length > 0) {
      return { phase: "Failed", condition: done("False", reason.childrenIncomplete, list(incomplete)) }
    }
    return succeeded.length === 0
      ? {
          phase: "Completed",
          condition: done("True", reason.allAlreadyResolved, "all issues were resolved already")
        }
      : {
          phase: "Completed",
          condition: done("True", reason.allChildrenSucceeded, `all ${children.length} tasks are done`)
        }
  }
  const { phase, condition } =
    inFlight.length > 0
      ? {
          phase: "Dispatched" as const,
          condition: {
            type: "Dispatched",
            status: "True",
            reason: reason.childrenInFlight,
            message: [`${children.length} tasks were made`, ...asking.slice(0, 3).map(askedBy)].join("; ")
          } as const
        }
      : end()

  const used = usageOf(workload, children, newlyDeleted)
  const conditions = [condition, ...limitWords(workload, used.usage)].reduce(
    (all, update) => setCondition(all, update, nowMillis, workload.metadata.generation),
    status?.conditions ?? none
  )
  return status?.phase === phase &&
    conditions === status.conditions &&
    status.succeededTasks === counts.succeededTasks &&
    status.failedTasks === counts.failedTasks &&
    status.incompleteTasks === counts.incompleteTasks &&
    isSameSpend(status.usage, used.usage) &&
    isSameSpend(status.usageOfDeletedTasks, used.usageOfDeletedTasks)
    ? undefined
    : {
        phase,
        conditions,
        ...counts,
        ...(used.usage !== undefined && { usage: replacing(status?.usage, used.usage) }),
        ...(used.usageOfDeletedTasks !== undefined && {
          usageOfDeletedTasks: replacing(status?.usageOfDeletedTasks, used.usageOfDeletedTasks)
        })
      }
}

/** The same array each time: no change is seen by identity. */
const none: ReadonlyArray<Condition> = []

/** What the tasks used, those that are deleted too; nothing where no model ran. */
const usageOf = (
  { status }: Workload,
  children: ReadonlyArray<AgenticTask>,
  newlyDeleted: Spend | undefined
): Pick<WorkloadStatus, "usage" | "usageOfDeletedTasks"> => {
  const gone =
    newlyDeleted === undefined
      ? status?.usageOfDeletedTasks
      : addSpend(status?.usageOfDeletedTasks ?? noSpend, newlyDeleted)
  const usages = children.flatMap((task) => task.status?.usage ?? [])
  return {
    ...((gone !== undefined || usages.length > 0) && { usage: sumOf([...usages, gone]) }),
    ...(gone !== undefined && { usageOfDeletedTasks: gone })
  }
}

/** Whether a limit is reached; False only after a True, so that what is right costs nothing. */
const limitWords = (
  { metadata, spec, status }: Workload,
  usage: Spend | undefined
): ReadonlyArray<ConditionUpdate> => {
  const type = "LimitReached"
  const [bound] = boundsOf([{ of: `Workload ${metadata.name}`, limits: spec.limits }])
  const hit = bound && usage && reached(bound, usage)
  if (hit !== undefined) {
    const message = `${hit.message}; no further task starts until it is raised`
    return [{ type, status: "True", reason: reason.limitReached, message }]
  }
  if (findCondition(status?.conditions, type)?.status !== "True") return []
  return [{ type, status: "False", reason: reason.withinLimits, message: "tasks may start" }]
}

const say = (task: AgenticTask): string => {
  const { metadata, status } = task
  const how = stopOf(task) ?? `ended ${status?.phase} with verdict ${status?.verdict ?? "none"}`
  return `${metadata.name} ${how}`
}

const isUpstreamFailed = ({ status }: AgenticTask): boolean =>
  findCondition(status?.conditions, "Failed")?.reason === reason.upstreamFailed

/** The first few; a count stands for the rest. */
const list = (sentences: ReadonlyArray<string>): string =>
  sentences.length <= 5
    ? sentences.join("; ")
    : `${sentences.slice(0, 5).join("; ")}; and ${sentences.length - 5} more`

const done = (status: "True" | "False", why: string, message: string): ConditionUpdate => ({
  type: "Completed",
  status,
  reason: why,
  message
})
