/** What a change of conditions is worth telling people: waits, refusals and failures, each once. Design §3.10. */
import type { Condition } from "../../schema/Meta.ts"
import { reason } from "./status.ts"

export interface News {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

/** Waits that pass by themselves; every other word here asks for somebody. */
const patient: ReadonlySet<string> = new Set([
  reason.waitingForDependency,
  reason.waitingForAgent,
  reason.agentBusy,
  reason.endpointBusy,
  reason.endpointHeld,
  reason.pathsLocked,
  reason.dayLimitReached
])

/** Conditions that tell of a failure when they hold, and of a wait or failure when they do not. */
const failures: ReadonlySet<string> = new Set(["Failed", "ClaimExpired", "Truncated"])
const promises: ReadonlySet<string> = new Set(["Scheduled", "Running", "Completed", "Planned"])

const isNews = ({ type, status }: Condition): boolean =>
  (status === "True" && failures.has(type)) || (status === "False" && promises.has(type))

/** A condition that only changed its message is no news: a wait's numbers move all the time. */
export const newsOf = (
  before: ReadonlyArray<Condition> | undefined,
  after: ReadonlyArray<Condition> | undefined
): ReadonlyArray<News> =>
  (after ?? []).filter(isNews).flatMap((condition): ReadonlyArray<News> => {
    const old = before?.find(({ type }) => type === condition.type)
    if (old?.status === condition.status && old.reason === condition.reason) return []
    return [
      {
        type: condition.type !== "Completed" && patient.has(condition.reason) ? "Normal" : "Warning",
        reason: condition.reason,
        message: condition.message
      }
    ]
  })
