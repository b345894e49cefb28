/** A decision as the status that is written for it. */
import type { AgenticTask, TaskStatus } from "../../schema/AgenticTask.ts"
import type { Condition } from "../../schema/Meta.ts"
import { formatTime } from "../../schema/Time.ts"
import type { Decision } from "./decision.ts"
import { unparkFields } from "./parking.ts"
import { findCondition, reason, replacing, setCondition, type StatusFields } from "./status.ts"
import { acceptedTask } from "./unread.ts"

/** The same array each time: no change is seen by identity. */
const none: ReadonlyArray<Condition> = []

/** Fields to write, or `undefined` when the task says so already. One patch each: a task that can be placed is never Pending first. */
export const statusFor = (
  task: AgenticTask,
  decision: Decision,
  nowMillis: number
): StatusFields<TaskStatus> | undefined => {
  const conditionOf = (type: string, status: "True" | "False", reason: string, message: string) =>
    [{ type, status, reason, message }, ...acceptedTask(task)].reduce(
      (conditions, update) => setCondition(conditions, update, nowMillis),
      task.status?.conditions ?? none
    )

  switch (decision._tag) {
    case "Assign":
      return {
        phase: "Scheduled",
        assignedNode: decision.node,
        ...(decision.workloadLimits !== task.status?.workloadLimits && {
          workloadLimits: replacing(task.status?.workloadLimits, decision.workloadLimits)
        }),
        ...unparkFields(
          task,
          conditionOf(
            "Scheduled",
            "True",
            reason.fleetNodeAssigned,
            `assigned to FleetNode ${decision.node}`
          ),
          nowMillis
        )
      }
    case "Wait": {
      const conditions = conditionOf("Scheduled", "False", decision.reason, decision.message)
      return task.status?.phase === "Pending" && conditions === task.status.conditions
        ? undefined
        : { phase: "Pending", conditions }
    }
    case "Fail":
      return {
        phase: "Failed",
        verdict: "INCOMPLETE",
        finishedAt: formatTime(nowMillis),
        failureReason: decision.failureReason,
        conditions: conditionOf("Failed", "True", decision.reason, decision.message)
      }
    case "Skip":
      return {
        phase: "Succeeded",
        verdict: "Skipped",
        finishedAt: formatTime(nowMillis),
        conditions: conditionOf("Skipped", "True", reason.upstreamAlreadyResolved, decision.message)
      }
  }
}

/** Whether the reason that a waiting task shows is the one that it has. A message alone may lag a little. */
export const showsReason = (task: AgenticTask, wait: { readonly reason: string }): boolean =>
  task.status?.phase === "Pending" &&
  findCondition(task.status.conditions, "Scheduled")?.reason === wait.reason
