/** Chunks and completions as servers send them: what is odd in one field costs that field, and no reply. */
import { Schema } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"

const opt = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** A figure, also where it is written as text; anything else says nothing. One odd field costs no reply. */
const Figure = Schema.Unknown
const Usage = opt(
  Schema.Struct({
    prompt_tokens: opt(Figure),
    completion_tokens: opt(Figure),
    prompt_tokens_details: opt(Figure),
    /** DeepSeek's word for cached tokens. */
    prompt_cache_hit_tokens: opt(Figure),
    completion_tokens_details: opt(Figure)
  })
)
/** Whole in a completion, a piece of one in a chunk. */
const Call = Schema.Struct({
  index: opt(Schema.Unknown),
  id: opt(Schema.Unknown),
  function: opt(Schema.Struct({ name: opt(Schema.String), arguments: opt(Schema.Unknown) }))
})
const Message = Schema.Struct({
  /** Text, or parts of it. */
  content: opt(Schema.Unknown),
  refusal: opt(Schema.String),
  reasoning_content: opt(Schema.Unknown),
  reasoning: opt(Schema.Unknown),
  reasoning_details: opt(Schema.Unknown),
  tool_calls: opt(Schema.Array(Call))
})
const Choice = Schema.Struct({
  finish_reason: opt(Schema.String),
  delta: opt(Message),
  message: opt(Message),
  error: opt(Schema.Unknown)
})
export const Chunk = Schema.Struct({
  object: opt(Schema.String),
  choices: opt(Schema.Array(Choice)),
  usage: Usage,
  error: opt(Schema.Unknown),
  /** llama.cpp, while it reads a long prompt. */
  prompt_progress: opt(Schema.Unknown)
})

export const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Not by `Schema.fromJsonString`, which takes a fiber of its own for each text; a stream has hundreds. */
export const decodeDetails = Schema.decodeUnknownOption(Schema.Array(Schema.Json))
export const decodeChunk = Schema.decodeUnknownOption(Chunk)

export type Message = typeof Message.Type
export type Call = typeof Call.Type

const figure = (value: unknown): number => {
  const number = typeof value === "string" ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) && number > 0 ? number : 0
}
const within = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined)

export const usageOf = (usage: (typeof Usage)["Type"] | undefined): ChatReply["usage"] =>
  usage === undefined || usage === null
    ? undefined
    : {
        inputTokens: figure(usage.prompt_tokens),
        outputTokens: figure(usage.completion_tokens),
        cachedTokens:
          figure(within(usage.prompt_tokens_details, "cached_tokens")) ||
          figure(usage.prompt_cache_hit_tokens),
        reasoningTokens: figure(within(usage.completion_tokens_details, "reasoning_tokens"))
      }

/** What llama.cpp says it has read of a long prompt, in tokens. */
export const promptTokensOf = ({ prompt_progress }: typeof Chunk.Type): number =>
  figure(within(prompt_progress, "processed"))

/** Text and thoughts are text; an id may be a number. */
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : ""

/** How deep parts may lie in parts. */
const deepestPart = 4

/** Text and thoughts of content that is text or a list of parts. */
export const partsOf = (
  content: unknown,
  isThought = false,
  depth = 0
): { readonly text: string; readonly thought: string } => {
  if (typeof content === "string") {
    return isThought ? { text: "", thought: content } : { text: content, thought: "" }
  }
  if (!Array.isArray(content) || depth > deepestPart) return { text: "", thought: "" }
  let text = ""
  let thought = ""
  for (const part of content) {
    if (!isRecord(part)) continue
    const thinks = isThought || part["type"] === "thinking" || part["type"] === "reasoning"
    const inner = partsOf(part["thinking"] ?? part["text"] ?? part["content"], thinks, depth + 1)
    text += inner.text
    thought += inner.thought
  }
  return { text, thought }
}

/** Finish reasons of servers that could not go on. */
export const failures =
  /^(?:error|network_error|insufficient_system_resource|abort(?:ed)?|engine_overloaded|malformed_function_call)$/iu

/** OpenAI's word for what a server calls otherwise. */
export const finishOf = (reason: string): string =>
  /^(?:content.?filter(?:ed)?|sensitive|safety|prohibited_content|blocklist)$/iu.test(reason)
    ? "content_filter"
    : /^(?:model_length|max_(?:output_|completion_)?tokens)$/iu.test(reason)
      ? "length"
      : reason
