/** Messages as an endpoint takes them. Each is made from the one before it and itself, so that a conversation that grows keeps its bytes. */
import { createHash } from "node:crypto"

import { Option, Schema } from "effect"

import { type ChatTool, ToolCall } from "../../schema/Chat.ts"
import { asText, toolsAsText } from "../../schema/toolText.ts"
import type { CallIdForm, Dialect } from "./Dialect.ts"

/** What a server takes of messages. */
export type Shape = Pick<
  Dialect,
  | "hasReasoning"
  | "hasParallelCalls"
  | "hasNullContent"
  | "hasTextBesideCalls"
  | "hasToolNames"
  | "hasTextArguments"
  | "callIds"
  | "hasSystemRole"
  | "hasFreeRoles"
  | "hasTools"
>

export const shapeOf = (dialect: Dialect): Shape => ({
  hasReasoning: dialect.hasReasoning,
  hasParallelCalls: dialect.hasParallelCalls,
  hasNullContent: dialect.hasNullContent,
  hasTextBesideCalls: dialect.hasTextBesideCalls,
  hasToolNames: dialect.hasToolNames,
  hasTextArguments: dialect.hasTextArguments,
  callIds: dialect.callIds,
  hasSystemRole: dialect.hasSystemRole,
  hasFreeRoles: dialect.hasFreeRoles,
  hasTools: dialect.hasTools
})

type Fields = { readonly [key: string]: unknown }

const parse = (text: string): Fields => JSON.parse(text)
const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const decodeCalls = Schema.decodeUnknownOption(Schema.Array(ToolCall))
const callsOf = (fields: Fields): ReadonlyArray<ToolCall> =>
  Option.getOrElse(decodeCalls(fields["tool_calls"]), () => [])
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")
const joined = (...texts: ReadonlyArray<string>): string => texts.filter((text) => text !== "").join("\n\n")

/** The same for the same id in every request. */
const idOf = (id: string, { length, prefix }: CallIdForm, taken: ReadonlyMap<string, string>): string => {
  const isFree = (made: string) => [...taken.values()].every((other) => other !== made)
  if (
    id.length === length &&
    id.startsWith(prefix) &&
    /^[A-Za-z0-9]*$/u.test(id.slice(prefix.length)) &&
    isFree(id)
  )
    return id
  for (let count = 0; ; count++) {
    const digits = createHash("sha256").update(`${count} ${id}`).digest("hex")
    const made = prefix + digits.slice(0, Math.max(1, length - prefix.length))
    if (isFree(made)) return made
  }
}

export class Messages {
  readonly #shape: Shape
  readonly #tools: ReadonlyArray<ChatTool>
  readonly #isPlain: boolean
  /** Calls that were taken out of their message, until their results come. */
  readonly #waiting = new Map<string, unknown>()
  readonly #ids = new Map<string, string>()

  constructor(shape: Shape, tools: ReadonlyArray<ChatTool>) {
    this.#shape = shape
    this.#tools = tools
    this.#isPlain = Object.values(shape).every((value) => value === true || value === undefined)
  }

  /** Whether a message may still change when the next one comes. */
  get areMerged(): boolean {
    const { hasFreeRoles, hasSystemRole, hasTools } = this.#shape
    return !hasFreeRoles || !hasSystemRole || !hasTools
  }

  /** One message as one or more. */
  of(message: string): ReadonlyArray<string> {
    if (this.#isPlain) return [message]
    const fields = parse(message)
    const all = this.#shape.hasTools ? this.#parted(this.#plain(fields)) : [this.#told(fields)]
    return all.map((one) => JSON.stringify(one))
  }

  /** Both as one message; undefined where they stay two. */
  merged(before: string, after: string): string | undefined {
    const one = parse(before)
    const other = parse(after)
    if (typeof one["content"] !== "string" || typeof other["content"] !== "string") return undefined
    const content = joined(one["content"], other["content"])
    const [first, next] = [one["role"], other["role"]]
    const { hasFreeRoles, hasSystemRole, hasTools } = this.#shape
    if (!hasSystemRole && first === "system" && next === "user") return JSON.stringify({ ...other, content })
    const isAgain = first === next && (next === "user" || (next === "assistant" && !hasTools))
    const isMerged =
      (!hasTools && isAgain) || (!hasFreeRoles && next === "user" && (isAgain || first === "tool"))
    return isMerged ? JSON.stringify({ ...one, content }) : undefined
  }

  #id(id: string): string {
    const { callIds } = this.#shape
    if (callIds === undefined) return id
    const made = this.#ids.get(id) ?? idOf(id, callIds, this.#ids)
    this.#ids.set(id, made)
    return made
  }

  /** Without what the server does not take. */
  #plain(fields: Fields): Fields {
    const { hasNullContent, hasReasoning, hasTextArguments, hasTextBesideCalls, hasToolNames } = this.#shape
    const left: Record<string, unknown> = { ...fields }
    if (!hasReasoning) for (const field of reasoningFields) delete left[field]
    if (!hasNullContent && left["content"] === null) left["content"] = ""
    if (!hasToolNames && left["role"] === "tool") delete left["name"]
    if (typeof left["tool_call_id"] === "string") left["tool_call_id"] = this.#id(left["tool_call_id"])
    const calls = callsOf(fields)
    if (calls.length === 0) return left
    if (!hasTextBesideCalls) left["content"] = hasNullContent ? null : ""
    left["tool_calls"] = calls.map(({ function: given, id, type, ...signatures }) => ({
      id: this.#id(id),
      type,
      function: hasTextArguments
        ? given
        : { ...given, arguments: Option.getOrElse(parseJson(given.arguments || "{}"), () => ({})) },
      ...(hasReasoning && signatures)
    }))
    return left
  }

  /** Each call in a message of its own, right before its result. */
  #parted(fields: Fields): ReadonlyArray<Fields> {
    if (this.#shape.hasParallelCalls) return [fields]
    const calls = Array.isArray(fields["tool_calls"]) ? fields["tool_calls"] : []
    if (calls.length > 1) {
      for (const call of calls.slice(1)) this.#waiting.set(call.id, call)
      return [{ ...fields, tool_calls: calls.slice(0, 1) }]
    }
    const id = fields["tool_call_id"]
    const call = typeof id === "string" ? this.#waiting.get(id) : undefined
    if (call === undefined) return [fields]
    const content = this.#shape.hasNullContent ? null : ""
    return [{ role: "assistant", content, tool_calls: [call] }, fields]
  }

  /** All of it in words. */
  #told(fields: Fields): Fields {
    const { role } = fields
    const content = textOf(fields["content"])
    if (role === "system") return { role, content: joined(content, toolsAsText(this.#tools)) }
    if (role === "tool") {
      return { role: "user", content: `The result of ${textOf(fields["name"])}:\n${content}` }
    }
    return role === "assistant" ? { role, content: joined(content, ...callsOf(fields).map(asText)) } : fields
  }
}

const reasoningFields = ["reasoning_content", "reasoning", "reasoning_details"]
