/**
 * The part of the Agent Client Protocol (version 1, JSON-RPC 2.0, one message a line) that Foreman speaks as the client. What an agent sends
 * beside these fields is ignored: agents add their own, and later versions add more.
 */
import { Schema } from "effect"

const opt = Schema.optionalKey

export const protocolVersion = 1

/** Codes of JSON-RPC, and the protocol's own for "log in first". */
export const errorCode = {
  parse: -32_700,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  internal: -32_603,
  authRequired: -32_000
} as const

export const agentMethod = {
  initialize: "initialize",
  newSession: "session/new",
  loadSession: "session/load",
  prompt: "session/prompt",
  cancel: "session/cancel"
} as const

export const clientMethod = {
  update: "session/update",
  requestPermission: "session/request_permission",
  readTextFile: "fs/read_text_file",
  writeTextFile: "fs/write_text_file"
} as const

const Id = Schema.Union([Schema.Finite, Schema.String])
export type Id = typeof Id.Type

/** Any message: a request has method and id, a notification a method alone, an answer an id alone. */
export const Message = Schema.Struct({
  jsonrpc: Schema.Literal("2.0"),
  id: opt(Schema.NullOr(Id)),
  method: opt(Schema.String),
  params: opt(Schema.Unknown),
  result: opt(Schema.Unknown),
  error: opt(Schema.Struct({ code: Schema.Finite, message: Schema.String, data: opt(Schema.Unknown) }))
})
export type Message = typeof Message.Type

/** The answer to `initialize`. */
export const Initialized = Schema.Struct({
  protocolVersion: Schema.Finite,
  agentCapabilities: opt(Schema.Struct({ loadSession: opt(Schema.Boolean) })),
  agentInfo: opt(Schema.NullOr(Schema.Struct({ name: Schema.String, version: opt(Schema.String) })))
})

/** The answer to `session/new`. */
export const NewSession = Schema.Struct({ sessionId: Schema.String })

export const StopReason = Schema.Literals([
  "end_turn",
  "max_tokens",
  "max_turn_requests",
  "refusal",
  "cancelled"
])
export type StopReason = typeof StopReason.Type

/** The answer to `session/prompt`. */
export const Prompted = Schema.Struct({ stopReason: StopReason })

const text = opt(Schema.NullOr(Schema.String))

/** Fields of a tool call, all of them optional in an update and in a request for permission. */
const toolCall = {
  toolCallId: Schema.String,
  title: text,
  kind: text,
  status: text,
  rawInput: opt(Schema.Unknown),
  rawOutput: opt(Schema.Unknown),
  content: opt(Schema.Unknown)
}
const ToolCall = Schema.Struct(toolCall)

/** A piece of a message; what is not text is not shown. */
const chunk = { content: Schema.Struct({ type: Schema.String, text: opt(Schema.String) }) }

/** The updates that are read; all others are ignored. */
export const Update = Schema.Union([
  Schema.Struct({ sessionUpdate: Schema.Literal("agent_message_chunk"), messageId: text, ...chunk }),
  Schema.Struct({ sessionUpdate: Schema.Literal("agent_thought_chunk"), ...chunk }),
  Schema.Struct({ sessionUpdate: Schema.Literal("tool_call"), ...toolCall }),
  Schema.Struct({ sessionUpdate: Schema.Literal("tool_call_update"), ...toolCall })
])
export type Update = typeof Update.Type

export const SessionUpdate = Schema.Struct({ sessionId: Schema.String, update: Schema.Unknown })

export const PermissionRequest = Schema.Struct({
  sessionId: Schema.String,
  toolCall: ToolCall,
  options: Schema.Array(
    Schema.Struct({ optionId: Schema.String, name: opt(Schema.String), kind: Schema.String })
  )
})
export type PermissionRequest = typeof PermissionRequest.Type

export const ReadTextFile = Schema.Struct({
  path: Schema.String,
  /** From 1. */
  line: opt(Schema.NullOr(Schema.Finite)),
  /** Lines. */
  limit: opt(Schema.NullOr(Schema.Finite))
})

export const WriteTextFile = Schema.Struct({ path: Schema.String, content: Schema.String })
