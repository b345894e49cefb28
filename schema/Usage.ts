/** Tokens that a model's endpoint says it took, by its own count. What it does not say is 0. */
import { Schema } from "effect"

export const Usage = Schema.Struct({
  /** Of requests, what came from a cache included. */
  inputTokens: Schema.Finite,
  /** Of replies, thoughts included. */
  outputTokens: Schema.Finite,
  /** Of the input, what a cache had. */
  cachedTokens: Schema.Finite,
  /** Of the output, what was thought and not said. */
  reasoningTokens: Schema.Finite
})
export type Usage = typeof Usage.Type

export const noUsage: Usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 }

export const addUsage = (one: Usage, other: Usage): Usage => ({
  inputTokens: one.inputTokens + other.inputTokens,
  outputTokens: one.outputTokens + other.outputTokens,
  cachedTokens: one.cachedTokens + other.cachedTokens,
  reasoningTokens: one.reasoningTokens + other.reasoningTokens
})
