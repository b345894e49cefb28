/** Chunks and completions as servers send them: what is odd in one field costs that field, and no reply. */
import { Schema } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"

export const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

type Fields = { readonly [key: string]: unknown }

/** Whole in a completion, a piece of one in a chunk. */
export interface CallPiece {
  readonly index: number | undefined
  readonly id: string
  readonly name: string
  readonly arguments: unknown
  /** What has to come back with the call: signatures of thoughts. */
  readonly extras: Fields
}

export interface Message {
  readonly text: string
  readonly thought: string
  /** The field of the thoughts. */
  readonly reasoningField: "reasoning" | "reasoning_content"
  readonly details: ReadonlyArray<Schema.Json>
  readonly refusal: string
  readonly calls: ReadonlyArray<CallPiece>
}

export interface Chunk {
  /** Undefined where the chunk has no choice. */
  readonly message: Message | undefined
  /** It is the message itself and no piece of it; at a stream's end some servers say so all that they said before. */
  readonly isWhole: boolean
  readonly finishReason: string
  /** What the server says in place of a reply. */
  readonly error: unknown
  readonly usage: ChatReply["usage"]
  /** Of the prompt, as llama.cpp counts while it reads a long one. */
  readonly prompt: { readonly read: number; readonly total: number }
}

const decodeDetails = Schema.decodeUnknownOption(Schema.Array(Schema.Json))

/** A figure, also where it is written as text; anything else says nothing. */
const figure = (value: unknown): number => {
  const number = typeof value === "string" ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) && number > 0 ? number : 0
}
const within = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined)

const usageOf = (usage: unknown): ChatReply["usage"] =>
  isRecord(usage)
    ? {
        inputTokens: figure(usage["prompt_tokens"]),
        outputTokens: figure(usage["completion_tokens"]),
        cachedTokens:
          figure(within(usage["prompt_tokens_details"], "cached_tokens")) ||
          // DeepSeek's word for cached tokens.
          figure(usage["prompt_cache_hit_tokens"]),
        reasoningTokens: figure(within(usage["completion_tokens_details"], "reasoning_tokens"))
      }
    : undefined

/** Text and thoughts are text; an id may be a number. */
const textOf = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : ""

/** How deep parts may lie in parts. */
const deepestPart = 4

/** Text and thoughts of content that is text, a part, or a list of parts. */
const partsOf = (
  content: unknown,
  isThought = false,
  depth = 0
): { readonly text: string; readonly thought: string } => {
  if (typeof content === "string") {
    return isThought ? { text: "", thought: content } : { text: content, thought: "" }
  }
  if (depth > deepestPart) return { text: "", thought: "" }
  let text = ""
  let thought = ""
  for (const part of Array.isArray(content) ? content : [content]) {
    if (typeof part !== "string" && !isRecord(part)) continue
    const isText = typeof part === "string"
    const thinks = isThought || (!isText && (part["type"] === "thinking" || part["type"] === "reasoning"))
    const body = isText ? part : (part["thinking"] ?? part["text"] ?? part["content"])
    if (body === undefined || body === null) continue
    const inner = partsOf(body, thinks, depth + 1)
    text += inner.text
    thought += inner.thought
  }
  return { text, thought }
}

/** Gemini's, and what proxies call it. */
const signatures = ["extra_content", "thought_signature", "provider_specific_fields"]

const pieceOf = (call: Fields): CallPiece => {
  const inner = isRecord(call["function"]) ? call["function"] : call
  const index = Number(textOf(call["index"]) || Number.NaN)
  const extras = signatures.filter((key) => isRecord(call[key]) || textOf(call[key]) !== "")
  return {
    index: Number.isInteger(index) ? index : undefined,
    id: textOf(call["id"]),
    name: textOf(inner["name"]),
    arguments: inner["arguments"] ?? inner["parameters"] ?? inner["input"],
    extras: Object.fromEntries(extras.map((key) => [key, call[key]]))
  }
}

const listOf = (value: unknown): ReadonlyArray<Fields> =>
  (Array.isArray(value) ? value : [value]).filter((one) => isRecord(one))

const messageOf = (fields: Fields): Message => {
  const { text, thought } = partsOf(fields["content"])
  const { reasoning, reasoning_content } = fields
  const details = decodeDetails(fields["reasoning_details"])
  const uses = Array.isArray(fields["content"])
    ? listOf(fields["content"]).filter(({ type }) => type === "tool_use")
    : []
  return {
    text,
    thought: `${thought}${textOf(reasoning_content) || textOf(reasoning)}`,
    reasoningField:
      typeof reasoning === "string" && typeof reasoning_content !== "string"
        ? "reasoning"
        : "reasoning_content",
    details: details._tag === "Some" ? details.value : [],
    refusal: textOf(fields["refusal"]),
    // `function_call` is OpenAI's older word, `tool_use` Anthropic's.
    calls: [...listOf(fields["tool_calls"]), ...listOf(fields["function_call"]), ...uses].map(pieceOf)
  }
}

const isSaid = (value: unknown): boolean =>
  isRecord(value)
    ? Object.keys(value).length > 0
    : value !== undefined && value !== null && value !== "" && value !== false && value !== 0

/** An error in one of the forms in which there is no reply beside it. */
const bareError = (outer: Fields): unknown =>
  outer["object"] === "error" ||
  outer["type"] === "error" ||
  ["detail", "errors", "msg"].some((key) => isSaid(outer[key])) ||
  typeof outer["message"] === "string"
    ? outer
    : undefined

/** Undefined for what is none. */
export const chunkOf = (value: unknown): Chunk | undefined => {
  const outer: unknown = Array.isArray(value) ? value[0] : value
  if (!isRecord(outer)) return undefined
  const choices = listOf(outer["choices"])
  const choice = choices[0]
  const delta = choice?.["delta"]
  const isPiece = isSaid(delta) || !isRecord(choice?.["message"])
  const message = isPiece ? delta : choice?.["message"]
  const error = [outer["error"], choice?.["error"]].find(isSaid)
  return {
    message: isRecord(message) ? messageOf(message) : undefined,
    isWhole: !isPiece && !(delta === undefined && outer["object"] === "chat.completion.chunk"),
    finishReason: textOf(choice?.["finish_reason"]),
    error: error ?? (choice === undefined ? bareError(outer) : undefined),
    usage: usageOf(outer["usage"]) ?? usageOf(choice?.["usage"]) ?? usageOf(within(outer["x_groq"], "usage")),
    prompt: {
      read: figure(within(outer["prompt_progress"], "processed")),
      total: figure(within(outer["prompt_progress"], "total"))
    }
  }
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
      : reason === "function_call"
        ? "tool_calls"
        : reason
