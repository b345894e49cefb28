/** What a call does, in one short line for people. */
import { Option, Schema } from "effect"

import type { ToolCall } from "../../schema/Chat.ts"
import { oneLine } from "./oneLine.ts"

const maxChars = 120

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** The arguments that say most, the first that a call has. */
const telling = ["path", "command", "pattern", "from", "verdict"]

/** `str_replace src/a.ts`, `bash npm test`: the tool, and what it is about. */
export const actionOf = ({ function: { arguments: text, name } }: ToolCall): string => {
  const args = Option.getOrElse(decode(text), (): { readonly [key: string]: unknown } => ({}))
  const about = telling.map((key) => args[key]).find((value) => typeof value === "string")
  return oneLine(`${name} ${typeof about === "string" ? about : ""}`, maxChars)
}
