/** Ids of tool calls: servers leave them out, give the same one twice, or again in the next turn; others refuse a history with such. */
import type { ToolCall } from "../../schema/Chat.ts"

/** Nine letters and digits, the form that the strictest servers demand (Mistral's). */
const madeId = (count: number): string => `f${count.toString(36).padStart(8, "0")}`

/** The calls with an id each that no call of the run has; `used` takes them in. */
export const withOwnIds = (calls: ReadonlyArray<ToolCall>, used: Set<string>): ReadonlyArray<ToolCall> =>
  calls.map((call) => {
    let { id } = call
    for (let count = used.size; id === "" || used.has(id); count++) id = madeId(count)
    used.add(id)
    return id === call.id ? call : { ...call, id }
  })
