/** What was used on a day (UTC). Pure. */
import type { Agent } from "../../schema/Agent.ts"
import type { Spend } from "../../schema/Budget.ts"
import { formatTime } from "../../schema/Time.ts"
import { noSpend } from "./spend.ts"

const dayMillis = 86_400_000

/** The day of a moment, such as 2026-12-01. */
export const dayOf = (millis: number): string => formatTime(millis).slice(0, 10)

/** When the day after that of this moment begins, in milliseconds since the epoch. */
export const nextDayMillis = (millis: number): number => (Math.floor(millis / dayMillis) + 1) * dayMillis

type UsageOfDay = NonNullable<NonNullable<Agent["status"]>["usageOfDay"]>

/** What an Agent's status says was used on this day. */
export const usedOn = (said: UsageOfDay | undefined, day: string): Spend =>
  said?.day === day ? said.usage : noSpend
