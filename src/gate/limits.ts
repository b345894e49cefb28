/** What one check may use up. Each limit lies below what would stop the judge, so that the judge is there to name it. */
import { Schema } from "effect"

/** Which limit ended a check. */
export const Limit = Schema.Literals(["time", "memory", "processes", "output", "disk"])
export type Limit = typeof Limit.Type
