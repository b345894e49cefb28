/** What was used on a day (UTC), and when the day is over. Pure. */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatTime, parseTime } from "../../schema/Time.ts"
import { isTerminal } from "../../schema/Verdict.ts"
import { noSpend } from "./spend.ts"

const dayMillis = 86_400_000

/** The day of a moment, such as 2026-12-01. */
export const dayOf = (millis: number): string => formatTime(millis).slice(0, 10)

/** When the day of this moment is over, in milliseconds since the epoch. */
export const dayEndMillis = (millis: number): number => (Math.floor(millis / dayMillis) + 1) * dayMillis

export type UsageOfDay = NonNullable<NonNullable<Agent["status"]>["usageOfDay"]>

/** What an Agent's status says was used on this day. */
export const usedOn = (said: UsageOfDay | undefined, day: string): Spend =>
  said?.day === day ? said.usage : noSpend

/** The group of `SpendSums` for an Agent (`namespace/name`) and a day. */
export const dayGroup = (agentKey: string, day: string): string => `${agentKey} ${day}`

export const dayOfGroup = (group: string): string => group.slice(group.indexOf(" ") + 1)
export const agentOfGroup = (group: string): string => group.slice(0, group.indexOf(" "))

/** What an ended task counts with, and on which day of its Agent; `undefined` where a model's run has no part in it. */
export const dayEntryOf = ({ metadata, spec, status }: AgenticTask) => {
  if (status?.usage === undefined || !isTerminal(status.phase) || spec.agentRef === undefined)
    return undefined
  const finishedMillis = parseTime(status.finishedAt)
  if (finishedMillis === undefined) return undefined
  const agentKey = refKey({ namespace: metadata.namespace, name: spec.agentRef.name })
  return { group: dayGroup(agentKey, dayOf(finishedMillis)), spend: status.usage }
}
