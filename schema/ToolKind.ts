import { Schema } from "effect"

/** What a tool does, as agents name it; what they do not name is `other`. */
export const ToolKind = Schema.Literals([
  "read",
  "edit",
  "delete",
  "move",
  "search",
  "execute",
  "think",
  "fetch",
  "other"
])
export type ToolKind = typeof ToolKind.Type
