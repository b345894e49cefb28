/** How large the context of a run's model is, and who said so. */
import { Effect } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import { defaultWindowTokens, type WindowSource } from "../decide/window.ts"
import { ContextWindow } from "../services/ContextWindow.ts"
import type { Endpoint } from "../services/InferenceClient.ts"
import type { History } from "./history.ts"

export interface KnownWindow {
  readonly windowTokens: number
  readonly windowFrom: WindowSource
}

/**
 * What a run that goes on began with; else what the Agent says, what the server says, or a default. A fallback endpoint is not asked: where
 * its context is smaller, its refusal says so.
 */
export const contextWindow = Effect.fn("contextWindow")(function* (
  { contextWindowTokens = 0 }: Pick<Agent["spec"], "contextWindowTokens">,
  { continuation }: History,
  endpoint: Endpoint
): Effect.fn.Return<KnownWindow> {
  if (continuation !== undefined) {
    const { windowFrom = "default", windowTokens } = continuation.journal.run
    return { windowTokens, windowFrom }
  }
  if (contextWindowTokens > 0) return { windowTokens: contextWindowTokens, windowFrom: "agent" }
  const server = yield* ContextWindow
  const tokens = yield* server.ask(endpoint)
  if (tokens !== undefined) return { windowTokens: tokens, windowFrom: "server" }
  return { windowTokens: defaultWindowTokens, windowFrom: "default" }
})
