/** A task whose endpoint is away for long gives its slot back and keeps its place: Pending, parked, with its paths (design §3.15). */
import { Option, Schema } from "effect"

import type { AgenticTask, TaskStatus } from "../../schema/AgenticTask.ts"
import type { Result } from "../../schema/Result.ts"
import { formatTime, parseTime } from "../../schema/Time.ts"
import { releaseFields } from "./claim.ts"
import { Decision, type Wait } from "./decision.ts"
import { findCondition, reason, setCondition, type StatusFields } from "./status.ts"

const Held = Schema.Struct({
  reason: Schema.Literal("EndpointHeld"),
  heldUntil: Schema.String,
  party: Schema.optionalKey(Schema.String)
})
const decodeHeld = Schema.decodeUnknownOption(Held)

export interface Parking {
  readonly untilMillis: number
  /** Whose doing it is. */
  readonly party: string
  readonly message: string
}

/** Until when a run that came to this may not go on; `undefined` for a result that is an end. */
export const parkingOf = ({ extra, summary, verdict }: Result): Parking | undefined => {
  const held = verdict === "INCOMPLETE" ? Option.getOrUndefined(decodeHeld(extra)) : undefined
  const untilMillis = parseTime(held?.heldUntil)
  if (held === undefined || untilMillis === undefined) return undefined
  return { untilMillis, party: held.party ?? "server", message: summary }
}

/** What parking writes. No loss and no attempt is counted, and neither slot nor claim is held. */
export const parkFields = (
  task: AgenticTask,
  { message, untilMillis }: Parking,
  nowMillis: number
): StatusFields<TaskStatus> => {
  const released = releaseFields(task, { reason: reason.endpointHeld, message }, nowMillis)
  const parked = { type: "Parked", status: "True", reason: reason.endpointHeld, message } as const
  return {
    ...released,
    parkedUntil: formatTime(Math.ceil(untilMillis / 1000) * 1000),
    conditions: setCondition(released.conditions ?? undefined, parked, nowMillis, task.metadata.generation)
  }
}

/** Until when a task is parked, in milliseconds; 0 where its time cannot be read, `undefined` when it is not parked. */
export const parkedUntilOf = ({ status }: AgenticTask): number | undefined =>
  (status?.phase ?? "Pending") === "Pending" && findCondition(status?.conditions, "Parked")?.status === "True"
    ? (parseTime(status?.parkedUntil) ?? 0)
    : undefined

/** Why a parked task waits. */
export const parkedWait = ({ status }: AgenticTask): Wait => {
  const words = findCondition(status?.conditions, "Parked")?.message
  return Decision.Wait({
    reason: reason.endpointHeld,
    message: `parked until ${status?.parkedUntil}${words === undefined ? "" : `: ${words}`}`,
    isShort: false
  })
}

/** What placing a parked task writes besides. */
export const unparkFields = (
  task: AgenticTask,
  conditions: TaskStatus["conditions"],
  nowMillis: number
): StatusFields<TaskStatus> =>
  findCondition(task.status?.conditions, "Parked")?.status !== "True"
    ? { conditions }
    : {
        parkedUntil: null,
        conditions: setCondition(
          conditions,
          {
            type: "Parked",
            status: "False",
            reason: reason.fleetNodeAssigned,
            message: "the task goes on"
          },
          nowMillis,
          task.metadata.generation
        )
      }
