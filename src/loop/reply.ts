/** One reply of the model, however often it must be asked for it. */
import { Clock, Duration, Effect, Result } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import * as Context from "../decide/context.ts"
import type { ContextOverflow, InferenceClient, InferenceError } from "../services/InferenceClient.ts"
import type { JournalError } from "../services/Journal.ts"
import { askInOrder } from "./ask.ts"
import type { LoopOptions, Progress } from "./Progress.ts"
import { unrecorded } from "./Recorder.ts"

/** Asks until there is a reply: what the server says of its context is taken up, and the request made smaller. */
export const reply = Effect.fnUntraced(function* <R>(
  options: LoopOptions<R>,
  progress: Progress
): Effect.fn.Return<ChatReply, InferenceError | JournalError, InferenceClient> {
  const { recorder = unrecorded } = options
  for (;;) {
    progress.conversation = Context.fit(progress.conversation, progress.windowTokens)
    const now = yield* Clock.currentTimeMillis
    const { temperature } = options
    const request = {
      messages: progress.conversation.messages,
      // The same in every turn, whatever may be called in it: a server keeps what it has read of a request that begins alike.
      tools: options.tools,
      ...(progress.hasToolsAsText && { hasToolsAsText: true }),
      turnTimeout: options.turnTimeout,
      maxTokens: progress.maxTokens,
      ...(temperature === undefined ? {} : { temperature: Math.min(2, temperature + progress.warmer) }),
      ...(options.chatTemplateKwargs === undefined ? {} : { chatTemplateKwargs: options.chatTemplateKwargs })
    }
    // A run that has no reply yet loses nothing when it gives its slot back.
    const patience = progress.hasReply ? options.maxWait : (options.firstWait ?? options.maxWait)
    const giveUpMillis = Math.min(
      now + Duration.toMillis(patience),
      progress.startedAtMillis + Duration.toMillis(options.budget)
    )
    const ask = askInOrder(options.endpoints, request, {
      maxRetries: options.maxRetries,
      giveUpMillis,
      onHeld: (held) => {
        progress.isHeld = true
        return options.onHeld?.(held) ?? Effect.void
      }
    }).pipe(
      Effect.tap(() => {
        const isNews = progress.isHeld || !progress.isAnswered
        progress.isHeld = false
        progress.isAnswered = true
        return isNews && options.onAnswered !== undefined ? options.onAnswered : Effect.void
      })
    )
    progress.isAsking = true
    const { maxTokens, messages, temperature: warmth } = { temperature: undefined, ...request }
    const answer = yield* Effect.result(
      recorder.answer({ turn: progress.turn, messages, maxTokens, temperature: warmth }, ask)
    )
    progress.isAsking = false
    if (Result.isSuccess(answer)) {
      progress.hasReply = true
      return answer.success
    }
    if (answer.failure._tag === "JournalError") return yield* answer.failure
    const { reason } = answer.failure
    if (reason._tag !== "ContextOverflow" || !shrink(progress, reason)) return yield* answer.failure
  }
})

/** Least tokens of a reply that are of any use. */
const leastReply = 256

/** Makes the next request smaller by what the server said; false when nothing is left to leave out. */
const shrink = (progress: Progress, { promptTokens, windowTokens }: ContextOverflow): boolean => {
  const { conversation, maxTokens } = progress
  // The server's tokens are not ours: its own count of what we sent tells by how much.
  const scale = promptTokens === undefined || promptTokens === 0 ? 1 : conversation.tokens / promptTokens
  if (windowTokens !== undefined) {
    progress.windowTokens = Math.min(progress.windowTokens, Math.floor(windowTokens * Math.min(scale, 1)))
  }
  const share = Math.floor((windowTokens ?? maxTokens * 2) / 4)
  progress.maxTokens = Math.min(maxTokens, Math.max(leastReply, share))
  const goal = Math.min(progress.windowTokens, conversation.tokens * 0.8)
  progress.conversation = Context.compact(conversation, goal)
  return progress.conversation.tokens < conversation.tokens || progress.maxTokens < maxTokens
}
