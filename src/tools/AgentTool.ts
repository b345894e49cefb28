/** What a tool is. It sees the services that it names and nothing else of the host. */
import { type Duration, Effect, Schema } from "effect"

import type { ChatTool } from "../../schema/Chat.ts"
import type { ObjectRef } from "../../schema/Meta.ts"
import type { Terminal } from "../../schema/Terminal.ts"

export type { Terminal } from "../../schema/Terminal.ts"

/** The tool could not do what was asked; the model reads `{"error": message}` and goes on. */
export class ToolError extends Schema.TaggedError<ToolError>()("ToolError", {
  message: Schema.String,
  /** How often the same may be tried again before it counts as it is; the model reads it as `tries_left`. */
  triesLeft: Schema.optionalKey(Schema.Int)
}) {}

export interface ToolOutcome {
  /** What the model reads, as JSON. */
  readonly output: { readonly [key: string]: Schema.Json }
  readonly terminal?: Terminal
}

/** What a call may know about the run it belongs to. */
export interface ToolContext {
  readonly task: ObjectRef
  readonly bashTimeout: Duration.Duration
  /** No turn follows: nobody would act on what a tool hands back. */
  readonly isLastTurn?: boolean
  /** Characters that the result may have; only the tool's own limit counts when absent. */
  readonly maxResultChars?: number
}

/** The lesser of a tool's own limit and of what the context leaves. */
export const resultLimit = (own: number, { maxResultChars = own }: ToolContext): number =>
  Math.min(own, maxResultChars)

/** A tool with its arguments still to be decoded. */
export interface AgentTool<R = never> extends ChatTool {
  /** Decodes the arguments; what does not fit comes back as a ToolError that says where. */
  readonly call: (args: unknown, context: ToolContext) => Effect.Effect<ToolOutcome, ToolError, R>
  /** Of a tool that remembers: takes up what a call came to that an earlier process of this run made. */
  readonly recall?: (output: { readonly [key: string]: unknown }) => void
  /** Of a tool that remembers: the model did not read this output. */
  readonly forget?: (output: { readonly [key: string]: unknown }) => void
  /** It keeps to `maxResultChars` itself, as one that says where to go on; of others' results the middle is left out. */
  readonly isBounded?: boolean
}

/** Bounds that a call is held to when it is decoded: a model reads them in each request, and some servers make slow grammars of them. */
const unsaid: ReadonlySet<string> = new Set(["additionalProperties", "maxLength", "maxItems", "maximum"])

/** A JSON Schema without what is unsaid. */
const brief = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(brief)
  if (typeof schema !== "object" || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) => {
      if (key === "properties" && typeof value === "object" && value !== null) {
        const properties = Object.entries(value).map(([name, property]) => [name, brief(property)])
        return [[key, Object.fromEntries(properties)]]
      }
      return unsaid.has(key) ? [] : [[key, brief(value)]]
    })
  )
}

/** Makes a tool from the schema of its arguments. */
export const make = <A, R>(definition: {
  readonly name: string
  readonly description: string
  readonly parameters: Schema.ConstraintDecoder<A>
  readonly run: (args: A, context: ToolContext) => Effect.Effect<ToolOutcome, ToolError, R>
  readonly recall?: AgentTool["recall"]
  readonly forget?: AgentTool["forget"]
  readonly isBounded?: boolean
}): AgentTool<R> => {
  const decode = Schema.decodeUnknownEffect(definition.parameters, { errors: "all" })
  let parameters: ChatTool["parameters"] | undefined
  return {
    name: definition.name,
    description: definition.description,
    ...(definition.recall !== undefined && { recall: definition.recall }),
    ...(definition.forget !== undefined && { forget: definition.forget }),
    ...(definition.isBounded === true && { isBounded: true }),
    // Only when a request carries it: a run-task without this tool starts sooner.
    get parameters() {
      parameters ??= brief(
        Schema.toJsonSchemaDocument(definition.parameters).schema
      ) as ChatTool["parameters"]
      return parameters
    },
    call: (args, context) =>
      decode(args).pipe(
        Effect.mapError(
          (error) => new ToolError({ message: `arguments of ${definition.name}: ${error.message}` })
        ),
        Effect.flatMap((decoded) => definition.run(decoded, context))
      )
  }
}
