/** OpenAI chat completions on the wire, as far as Foreman reads and writes them. Contract §4.1. */
import { Schema } from "effect"

import type { Usage } from "./Usage.ts"

const opt = Schema.optionalKey

/** A tool as the model sees it. */
export interface ChatTool {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments. */
  readonly parameters: { readonly [key: string]: unknown }
}

export const ToolCall = Schema.Struct({
  id: Schema.String,
  type: Schema.Literal("function"),
  /** `arguments` is JSON text, as the model wrote it. */
  function: Schema.Struct({ name: Schema.String, arguments: Schema.String }),
  /** Signatures of the thoughts that led to the call, under the names by which servers send them and want them back. */
  extra_content: opt(Schema.Json),
  thought_signature: opt(Schema.Json),
  provider_specific_fields: opt(Schema.Json)
})
export type ToolCall = typeof ToolCall.Type

/** Every message but the assistant's carries `content`, be it empty: servers answer 400 otherwise. */
export const ChatMessage = Schema.Union([
  Schema.Struct({ role: Schema.Literal("system"), content: Schema.String }),
  Schema.Struct({ role: Schema.Literal("user"), content: Schema.String }),
  Schema.Struct({
    role: Schema.Literal("assistant"),
    /** `null` beside calls: some servers demand the key. */
    content: opt(Schema.NullOr(Schema.String)),
    tool_calls: opt(Schema.Array(ToolCall)),
    /** Under the name by which the server sent it: some refuse a call that comes back without its thoughts and signatures. */
    reasoning_content: opt(Schema.String),
    reasoning: opt(Schema.String),
    reasoning_details: opt(Schema.Array(Schema.Json))
  }),
  Schema.Struct({
    role: Schema.Literal("tool"),
    tool_call_id: Schema.String,
    name: Schema.String,
    content: Schema.String
  })
])
export type ChatMessage = typeof ChatMessage.Type

/** What one completion came to. */
export interface ChatReply {
  readonly content: string
  readonly reasoning: string
  /** The field that the reasoning came in. */
  readonly reasoningField?: "reasoning" | "reasoning_content"
  /** Parts of it as the server sent them, signatures among them. */
  readonly reasoningDetails?: ReadonlyArray<Schema.Json>
  /** The model's words for why it will not. */
  readonly refusal?: string
  readonly toolCalls: ReadonlyArray<ToolCall>
  /** The calls stood in the text: neither the server nor its template knows how this model calls tools. */
  readonly hasTextCalls?: boolean
  /** Empty where the stream just ended; `stop`, `tool_calls`, `length`, … as the endpoint said. */
  readonly finishReason: string
  readonly usage: Usage | undefined
}
