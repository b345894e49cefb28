/** Asks a model's server how large its context is. */
import { Context, Effect } from "effect"

import type { Endpoint } from "./InferenceClient.ts"

export interface ContextWindow {
  /** Tokens of prompt and reply together, as one request may have them; undefined where the server does not say. Never fails, and soon ends. */
  readonly ask: (endpoint: Endpoint) => Effect.Effect<number | undefined>
}

/** Without a layer nobody is asked. */
export const ContextWindow = Context.Reference<ContextWindow>("foreman/services/ContextWindow", {
  defaultValue: () => ({ ask: () => Effect.undefined })
})
