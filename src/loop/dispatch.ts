/** Runs one tool call and puts its outcome into a message. A tool's failure is something the model reads, never the run's. */
import { Effect, Option, Schema } from "effect"

import type { ToolCall } from "../../schema/Chat.ts"
import { bounded, cutMiddle } from "../decide/bounded.ts"
import { type Entry, entryOf } from "../decide/context.ts"
import type { AgentTool, Terminal, ToolContext } from "../tools/AgentTool.ts"

export interface Dispatched {
  readonly call: ToolCall
  readonly entry: Entry
  readonly succeeded: boolean
  readonly terminal: Terminal | undefined
}

export interface Toolset<R> {
  /** What this turn may call. */
  readonly offered: ReadonlyArray<AgentTool<R>>
  /** What the Agent may call in other turns. */
  readonly allowed: ReadonlyArray<AgentTool<R>>
  /** Every name that Foreman knows. */
  readonly known: ReadonlySet<string>
}

const decodeArguments = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
)

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Whether a value is what the JSON Schema of an argument asks for. */
const typeOf = (value: unknown): string =>
  Array.isArray(value) ? "array" : value === null ? "null" : typeof value

/** Models that write calls as tags, and some others, write every value as text: `"10"`, `"true"`, `"[…]"`. */
const asAsked = (
  args: { readonly [key: string]: unknown },
  parameters: { readonly [key: string]: unknown }
): { readonly [key: string]: unknown } => {
  const properties = isRecord(parameters["properties"]) ? parameters["properties"] : {}
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => {
      const property = Object.hasOwn(properties, key) ? properties[key] : undefined
      const type = isRecord(property) ? property["type"] : undefined
      if (typeof value !== "string" || typeof type !== "string" || type === "string") return [key, value]
      const parsed = Option.getOrUndefined(parseJson(value.trim()))
      return [key, typeOf(parsed) === (type === "integer" ? "number" : type) ? parsed : value]
    })
  )
}

/** Levels of arguments that are looked at; tools refuse what lies deeper themselves. */
const deepest = 8

/** Small models cut an emoji's escape in half: a lone surrogate, which no file can hold. It is read as U+FFFD, as UTF-8 would have it. */
const wellFormed = (value: unknown, depth = 0): unknown => {
  if (typeof value === "string") return value.toWellFormed()
  if (depth > deepest) return value
  if (Array.isArray(value)) return value.map((one) => wellFormed(one, depth + 1))
  return isRecord(value) ? wholeTexts(value, depth + 1) : value
}
const wholeTexts = (args: { readonly [key: string]: unknown }, depth = 0) =>
  Object.fromEntries(Object.entries(args).map(([key, value]) => [key, wellFormed(value, depth)]))

/** Models often write null where they mean nothing. */
const withoutNulls = (args: { readonly [key: string]: unknown }) =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null))

const names = <R>(tools: ReadonlyArray<AgentTool<R>>): string => tools.map((tool) => tool.name).join(", ")

const refusal = <R>(name: string, { allowed, known, offered }: Toolset<R>): string => {
  if (allowed.some((tool) => tool.name === name)) {
    return `the tool ${name} is not offered in this turn; offered: ${names(offered)}`
  }
  return known.has(name)
    ? `the tool ${name} exists but this agent may not use it; it may use: ${names(allowed)}`
    : `there is no tool ${name}; there is: ${names(allowed)}`
}

const entryFor = (call: ToolCall, output: unknown): Entry =>
  entryOf({
    role: "tool",
    tool_call_id: call.id,
    name: call.function.name,
    content: JSON.stringify(output)
  })

/** The results of this turn fill its share of the context. */
export const postponed = (call: ToolCall): Dispatched => ({
  call,
  entry: entryFor(call, {
    error: "not run: this turn's results fill its share of the context. Call it again."
  }),
  succeeded: false,
  terminal: undefined
})

/** Of the tool's own names and numbers in a result that keeps to its limit. */
const slack = 512

export const dispatch = Effect.fnUntraced(function* <R>(
  call: ToolCall,
  toolset: Toolset<R>,
  context: ToolContext
) {
  const { name } = call.function
  const { maxResultChars = Number.POSITIVE_INFINITY } = context
  const refused = (error: string, triesLeft?: number): Dispatched => ({
    call,
    entry: entryFor(call, {
      error: cutMiddle(error, maxResultChars),
      ...(triesLeft !== undefined && { tries_left: triesLeft })
    }),
    succeeded: false,
    terminal: undefined
  })

  const tool = toolset.offered.find((candidate) => candidate.name === name)
  if (tool === undefined) return refused(refusal(name, toolset))
  const args = decodeArguments(call.function.arguments === "" ? "{}" : call.function.arguments)
  if (Option.isNone(args)) return refused(`the arguments of ${name} are no JSON object`)
  return yield* tool.call(asAsked(wholeTexts(withoutNulls(args.value)), tool.parameters), context).pipe(
    Effect.match({
      onFailure: ({ message, triesLeft }) => refused(message, triesLeft),
      onSuccess: ({ output, terminal }): Dispatched => ({
        call,
        entry: entryFor(call, tool.isBounded === true ? output : bounded(output, maxResultChars + slack)),
        succeeded: true,
        terminal
      })
    })
  )
})
