/** What upstream and Agent decide for a task, before a place is looked for. */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { Decision } from "./decision.ts"
import { type Lookup, upstreamOf } from "./dependencies.ts"
import { reason } from "./status.ts"

/** An Agent that is applied a moment after its task is no mistake. */
export const agentGraceMillis = 30_000
/** A dependency that does not appear for this long never will. Contract §9.1.12. */
export const missingDependencyMillis = 3_600_000

export interface Surroundings {
  readonly task: Lookup
  /** The Agent that the task names. */
  readonly agent: Agent | undefined
  /** The dependency cycle that the task lies on, as `a → b → a`. */
  readonly cycle: string | undefined
  /** For how long the task has waited for this reason, in milliseconds. */
  readonly waitedMillis: (reason: string) => number
}

/** `undefined` when only a place is left to be found. */
export const readinessOf = (
  task: AgenticTask,
  around: Surroundings
): Exclude<Decision, { _tag: "Assign" }> | undefined => {
  if (around.cycle !== undefined) {
    return Decision.Fail({ reason: reason.dependencyCycle, message: `dependsOn is a cycle: ${around.cycle}` })
  }
  const wait = (why: string, message: string) => Decision.Wait({ reason: why, message, isShort: false })
  const upstream = upstreamOf(task, around.task)
  switch (upstream._tag) {
    case "OnTarget":
      break
    case "Wait":
      return wait(upstream.reason, upstream.message)
    case "Failed":
      return Decision.Fail({ reason: reason.upstreamFailed, message: upstream.message })
    case "Resolved":
      return Decision.Skip({ message: upstream.message })
    case "Missing":
      return around.waitedMillis(reason.dependencyNotFound) < missingDependencyMillis
        ? wait(reason.dependencyNotFound, `waiting for ${upstream.name}, which does not exist`)
        : Decision.Fail({
            reason: reason.dependencyNotFound,
            message: `dependency ${upstream.name} did not appear within an hour`
          })
  }
  const agentName = task.spec.agentRef?.name
  if (agentName === undefined || around.agent !== undefined) return undefined
  return around.waitedMillis(reason.waitingForAgent) < agentGraceMillis
    ? wait(reason.waitingForAgent, `waiting for Agent ${agentName}, which does not exist`)
    : Decision.Fail({
        reason: reason.agentNotFound,
        message: `Agent ${agentName} does not exist in namespace ${task.metadata.namespace}`,
        failureReason: "AgentNotFound"
      })
}

/** How long a wait may last before time decides it. */
export const graceMillis = (why: string): number =>
  why === reason.waitingForAgent
    ? agentGraceMillis
    : why === reason.dependencyNotFound
      ? missingDependencyMillis
      : Number.POSITIVE_INFINITY
