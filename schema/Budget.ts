/** What a model's work costs, how much of it is allowed, and what was used. */
import { Schema } from "effect"

import { optional, required } from "./Field.ts"

/** Decimal text, not a number: sums of money are exact. At most 12 digits before the point and 12 after it. */
export const Money = Schema.String.check(Schema.isPattern(/^[0-9]{1,12}(\.[0-9]{1,12})?$/u))

/** As `Money`, but with at most 6 digits after the point: a millionth of it is still a whole number of what `Money` can say. */
const Price = Schema.String.check(Schema.isPattern(/^[0-9]{1,9}(\.[0-9]{1,6})?$/u))

/** ISO 4217, such as EUR. */
const Currency = Schema.String.check(Schema.isPattern(/^[A-Z]{3}$/u))

export const Prices = Schema.Struct({
  currency: required(Currency, "Currency of these prices, such as EUR."),
  input: optional(Price, "Price of a million input tokens, as decimal text."),
  output: optional(Price, "Price of a million output tokens, as decimal text."),
  cached: optional(
    Price,
    "Price of a million input tokens that a cache had, as decimal text; that of input when absent."
  ),
  reasoning: optional(
    Price,
    "Price of a million output tokens of thoughts, as decimal text; that of output when absent."
  ),
  hardwarePerHour: optional(
    Price,
    "Cost of own hardware for an hour in which the model works for one run, as decimal text. Without prices of tokens, tokens cost nothing."
  )
})
export type Prices = typeof Prices.Type

/** As many as fit into a double without a fraction, with room for sums. */
export const count = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: 1_000_000_000_000_000 })
).annotate({
  format: "int64"
})
const allowed = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000_000 })).annotate({
  format: "int64"
})

export const Limits = Schema.Struct({
  tokens: optional(allowed, "Input and output tokens together."),
  outputTokens: optional(allowed, "Output tokens, thoughts included."),
  cost: optional(
    Money,
    "Money, as decimal text. Holds only for endpoints with a price: others are not asked."
  ),
  currency: optional(Currency, "Currency of cost; that of the Agent's prices when absent."),
  modelSeconds: optional(allowed, "Seconds that the model is asked and has not answered yet."),
  wallSeconds: optional(allowed, "Seconds of runs, tools included.")
})
export type Limits = typeof Limits.Type

const seconds = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** What runs of a model used. */
export const Spend = Schema.Struct({
  inputTokens: required(count, "Tokens of requests, those that a cache had included."),
  outputTokens: required(count, "Tokens of replies, thoughts included."),
  cachedTokens: required(count, "Input tokens that a cache had."),
  reasoningTokens: required(count, "Output tokens of thoughts."),
  modelSeconds: optional(seconds, "Seconds in which the model was asked."),
  wallSeconds: optional(seconds, "Seconds of the runs, tools included."),
  cost: optional(Schema.Record(Schema.String, Schema.String), "Money as decimal text, by currency."),
  isEstimated: optional(
    Schema.Boolean,
    "True when an endpoint did not count some of the tokens: they are estimated by length."
  ),
  isCostPartial: optional(
    Schema.Boolean,
    "True when some of the tokens have no known price: cost is without them."
  )
})
export type Spend = typeof Spend.Type
