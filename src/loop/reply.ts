/** One reply of the model, however often it must be asked for it. */
import { Clock, Duration, Effect, Result } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import * as Window from "../decide/window.ts"
import type { InferenceClient, InferenceError } from "../services/InferenceClient.ts"
import type { JournalError } from "../services/Journal.ts"
import { askInOrder } from "./ask.ts"
import type { LoopOptions, Progress } from "./Progress.ts"
import { unrecorded } from "./Recorder.ts"
import { fit, requireRoom, shrink, withFigures } from "./window.ts"

/** Requests of one turn that may be made smaller, one after another. */
const maxShrinks = 8

/** Asks until there is a reply: what the server says of its context is taken up, and the request made smaller. */
export const reply = Effect.fnUntraced(function* <R>(
  options: LoopOptions<R>,
  progress: Progress
): Effect.fn.Return<ChatReply, InferenceError | JournalError, InferenceClient> {
  const { recorder = unrecorded } = options
  for (let shrinks = 0; ; shrinks++) {
    yield* fit(options, progress)
    const now = yield* Clock.currentTimeMillis
    const { temperature } = options
    const request = {
      messages: progress.conversation.messages,
      // The same in every turn, whatever may be called in it: a server keeps what it has read of a request that begins alike.
      tools: options.tools,
      ...(progress.hasToolsAsText && { hasToolsAsText: true }),
      turnTimeout: options.turnTimeout,
      maxTokens: Window.replyTokens(progress.window, progress.conversation.tokens),
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
      progress.window = Window.observe(progress.window, progress.conversation.tokens, answer.success)
      yield* requireRoom(options, progress)
      return answer.success
    }
    if (answer.failure._tag === "JournalError") return yield* answer.failure
    const { reason } = answer.failure
    if (reason._tag !== "ContextOverflow") return yield* answer.failure
    if (shrinks >= maxShrinks || !shrink(options, progress, reason, maxTokens)) {
      return yield* withFigures(progress, answer.failure.endpoint, reason)
    }
  }
})
