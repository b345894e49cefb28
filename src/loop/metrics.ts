/** Requests to models as OpenTelemetry names them (semantic conventions of generative AI); what it has no name for begins with foreman. */
import { Effect, Metric } from "effect"

import type { Spend } from "../../schema/Budget.ts"

const tokens = Metric.histogram("gen_ai.client.token.usage", {
  description: "Tokens of one request to a model.",
  boundaries: Metric.exponentialBoundaries({ start: 1, factor: 4, count: 15 })
})
const duration = Metric.histogram("gen_ai.client.operation.duration", {
  description: "Seconds of one request to a model.",
  boundaries: Metric.exponentialBoundaries({ start: 0.01, factor: 2, count: 15 })
})

const count = (type: string, model: string, value: number) =>
  value === 0
    ? Effect.void
    : Metric.update(
        Metric.withAttributes(tokens, {
          "gen_ai.operation.name": "chat",
          "gen_ai.request.model": model,
          "gen_ai.token.type": type,
          unit: "{token}"
        }),
        value
      )

/** One request. */
export const record = (model: string, spend: Spend) =>
  Effect.all(
    [
      count("input", model, spend.inputTokens),
      count("output", model, spend.outputTokens),
      Metric.update(
        Metric.withAttributes(duration, {
          "gen_ai.operation.name": "chat",
          "gen_ai.request.model": model,
          unit: "s"
        }),
        spend.modelSeconds ?? 0
      )
    ],
    { discard: true }
  )
