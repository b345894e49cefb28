/** What an endpoint has refused to read, so that it is left out or said otherwise from then on. */
import type { InferenceReason } from "../../src/services/InferenceClient.ts"

export interface Dialect {
  readonly hasTemperature: boolean
  readonly limitField: "max_tokens" | "max_completion_tokens"
  readonly isStreamed: boolean
  readonly asksForUsage: boolean
  readonly hasTemplateArguments: boolean
  /** Whether thoughts go back with the calls that they led to. */
  readonly hasReasoning: boolean
  /** Whether a message of the model may hold several calls; else each call stands in one of its own. */
  readonly hasParallelCalls: boolean
}

export const everything: Dialect = {
  hasTemperature: true,
  limitField: "max_tokens",
  isStreamed: true,
  asksForUsage: true,
  hasTemplateArguments: true,
  hasReasoning: true,
  hasParallelCalls: true
}

/** The words of a refusal that is about an option, and what is done about it. The first that changes anything counts. */
const concessions: ReadonlyArray<readonly [words: RegExp, change: Partial<Dialect>]> = [
  [/max_completion_tokens/u, { limitField: "max_completion_tokens" }],
  [/stream_options/u, { asksForUsage: false }],
  [/chat_template_kwargs/u, { hasTemplateArguments: false }],
  [/\btemperature\b/u, { hasTemperature: false }],
  [
    /reasoning_(?:content|details)|\breasoning\b.{0,40}(?:not permitted|extra|unknown|unsupported)/iu,
    { hasReasoning: false }
  ],
  [/\b(?:single|one) tool.?calls?\b|parallel (?:tool|function) calls?/iu, { hasParallelCalls: false }],
  [/\bstream(?:ing|ed)?\b/iu, { isStreamed: false }]
]

/** A demand that something must be there is no wish to leave it out. */
const demands = /must be (?:passed|sent|provided)|is missing|is required/iu

/** How to ask once more after a refusal; `undefined` when no option is to blame. */
export const conceded = (dialect: Dialect, reason: InferenceReason): Dialect | undefined => {
  // A template that refuses is a fault of the server's own, by its status.
  if (reason._tag !== "RequestRejected" || ![400, 422, 500].includes(reason.status)) return undefined
  if (demands.test(reason.body) && !/max_completion_tokens/u.test(reason.body)) return undefined
  for (const [words, change] of concessions) {
    const next = { ...dialect, ...change }
    const isNew = JSON.stringify(next) !== JSON.stringify(dialect)
    if (words.test(reason.body) && isNew) return next
  }
  return undefined
}
