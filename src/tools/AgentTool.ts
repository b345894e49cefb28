/** What a tool is. It sees the services that it names and nothing else of the host. */
import { type Duration, Effect, Schema } from "effect"

import type { ChatTool } from "../../schema/Chat.ts"
import type { ObjectRef } from "../../schema/Meta.ts"
import type { FailureReason, Verdict } from "../../schema/Verdict.ts"

/** The tool could not do what was asked; the model reads `{"error": message}` and goes on. */
export class ToolError extends Schema.TaggedError<ToolError>()("ToolError", { message: Schema.String }) {}

/** A tool's word that the run is over. */
export interface Terminal {
  /** `ERROR` is the model's own word for "I could not"; it becomes INCOMPLETE with ModelReportedError. */
  readonly verdict: Verdict | "ERROR"
  readonly summary: string
  readonly failureReason?: FailureReason
  readonly commitMessage?: string
  /** Id of the tree that was looked at before a GO was accepted. */
  readonly tree?: string
  /** The model's own words; becomes `extra.modelExtra`. */
  readonly extra: { readonly [key: string]: Schema.Json }
  /** What the harness found out about the run; becomes part of `extra` itself. */
  readonly facts?: { readonly [key: string]: Schema.Json }
}

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
}

/** A tool with its arguments still to be decoded. */
export interface AgentTool<R = never> extends ChatTool {
  /** Decodes the arguments; what does not fit comes back as a ToolError that says where. */
  readonly call: (args: unknown, context: ToolContext) => Effect.Effect<ToolOutcome, ToolError, R>
}

/** Makes a tool from the schema of its arguments. */
export const make = <A, R>(definition: {
  readonly name: string
  readonly description: string
  readonly parameters: Schema.ConstraintDecoder<A>
  readonly run: (args: A, context: ToolContext) => Effect.Effect<ToolOutcome, ToolError, R>
}): AgentTool<R> => {
  const decode = Schema.decodeUnknownEffect(definition.parameters, { errors: "all" })
  let parameters: ChatTool["parameters"] | undefined
  return {
    name: definition.name,
    description: definition.description,
    // Only when a request carries it: a run-task without this tool starts sooner.
    get parameters() {
      parameters ??= Schema.toJsonSchemaDocument(definition.parameters).schema as ChatTool["parameters"]
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
