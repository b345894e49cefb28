/** What a run knows of its model's context, and how its conversation is kept within. */
import { Effect, Option, Schema } from "effect"

import * as Context from "../decide/context.ts"
import * as Window from "../decide/window.ts"
import { ContextOverflow, InferenceError } from "../services/InferenceClient.ts"
import type { AgentTool } from "../tools/AgentTool.ts"
import type { LoopOptions, Progress } from "./Progress.ts"

/** Of what each request says of the tools, by our count. */
const toolTokens = <R>(tools: ReadonlyArray<AgentTool<R>>): number =>
  tools.reduce(
    (sum, { description, name, parameters }) =>
      sum +
      Context.tokensOf(JSON.stringify({ type: "function", function: { name, description, parameters } })),
    0
  )

export const windowOf = <R>({
  maxTokens,
  tools,
  windowFrom = "default",
  windowTokens
}: LoopOptions<R>): Window.Window =>
  Window.make({ tokens: windowTokens, source: windowFrom, toolTokens: toolTokens(tools), maxTokens })

/** Tokens of the next prompt. */
export const usedTokens = ({ conversation, window }: Progress): number =>
  Window.used(window, conversation.tokens)

/** Compacts a conversation that has become too long; what must be larger than the window is left to the server to refuse. */
export const fit = Effect.fnUntraced(function* <R>(options: LoopOptions<R>, progress: Progress) {
  const fromTokens = usedTokens(progress)
  if (fromTokens <= Window.limit(progress.window) || !compact(options, progress)) return
  if (options.recorder?.isPast(progress.turn) === true) return
  yield* Effect.logInfo("the conversation was compacted").pipe(
    Effect.annotateLogs({
      turn: progress.turn,
      windowTokens: progress.window.tokens,
      windowFrom: progress.window.source,
      fromTokens,
      toTokens: usedTokens(progress)
    })
  )
})

const ToolMessage = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.String,
    content: Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
  })
)
const decodeToolMessage = Schema.decodeUnknownOption(ToolMessage)

/** `mostTokens` by our count, where the server's figures do not explain its refusal. */
const compact = <R>(
  { tools }: LoopOptions<R>,
  progress: Progress,
  mostTokens = Number.POSITIVE_INFINITY
): boolean => {
  const { conversation, window } = progress
  const kept = Window.keptForMessages(window, Context.pinnedTokens(conversation))
  const compacted = Context.compact(conversation, {
    keptTokens: Math.min(kept, mostTokens),
    roomTokens: Math.min(Window.roomForMessages(window), mostTokens)
  })
  if (compacted === undefined) return false
  progress.conversation = compacted.conversation
  for (const { json } of compacted.unread) {
    const message = decodeToolMessage(json)
    if (Option.isNone(message)) continue
    tools.find(({ name }) => name === message.value.name)?.forget?.(message.value.content)
  }
  return true
}

/** Makes the next request smaller by what the server said of one that asked for a reply of `asked` tokens; false when nothing is left to leave out. */
export const shrink = <R>(
  options: LoopOptions<R>,
  progress: Progress,
  figures: ContextOverflow,
  asked: number
): boolean => {
  const { promptTokens, windowTokens } = figures
  const { tokens } = progress.conversation
  progress.window = Window.refused(progress.window, tokens, figures)
  if (usedTokens(progress) > Window.limit(progress.window) && compact(options, progress)) return true
  // The prompt itself fits, or may: then it was the reply that was asked for beside it.
  const mayFit =
    promptTokens === undefined ||
    windowTokens === undefined ||
    promptTokens + Window.leastReply <= windowTokens
  if (mayFit && Window.replyTokens(progress.window, tokens) < asked) return true
  return compact(options, progress, Math.floor(tokens / 2))
}

/** The refusal with both figures; what the server does not say is our own count. */
export const withFigures = (
  progress: Progress,
  endpoint: string,
  reason: ContextOverflow
): InferenceError => {
  const { message, party, promptTokens, windowTokens } = reason
  return new InferenceError({
    endpoint,
    reason: new ContextOverflow({
      message,
      party,
      promptTokens: promptTokens ?? usedTokens(progress),
      windowTokens: windowTokens ?? progress.window.tokens
    })
  })
}

/** A first request that nearly fills the window ends the run at once, and not after turns without any use. */
export const requireRoom = Effect.fnUntraced(function* <R>(options: LoopOptions<R>, progress: Progress) {
  const { conversation, window } = progress
  if (progress.turn > 1 || !Window.isTooSmall(window, conversation.tokens)) return
  const { measured, tokens, toolTokens } = window
  const promptTokens = measured?.theirs ?? usedTokens(progress)
  return yield* new InferenceError({
    endpoint: options.endpoints[0].baseURL,
    reason: new ContextOverflow({
      message: `the context of the model is too small to work in: it has ${tokens} tokens, and the first request takes ${promptTokens}, the tools about ${toolTokens}; serve the model with a larger context`,
      party: "configuration",
      promptTokens,
      windowTokens: tokens
    })
  })
})
