/**
 * Tokens that a reply says it took, whatever API it is of: chat completions, responses, and messages as Anthropic's; whole or as
 * server-sent events.
 */
import { Option } from "effect"

import type { Usage } from "../../schema/Usage.ts"
import { EventLines } from "../chat/EventLines.ts"
import { isRecord } from "../chat/wire.ts"

type Fields = { readonly [key: string]: unknown }

const figure = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0
const within = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined)

const usageIn = (usage: Fields): Usage => {
  const read = figure(usage["cache_read_input_tokens"])
  const written = figure(usage["cache_creation_input_tokens"])
  return {
    // Anthropic's input is without what a cache had.
    inputTokens: figure(usage["prompt_tokens"]) || figure(usage["input_tokens"]) + read + written,
    outputTokens: figure(usage["completion_tokens"]) || figure(usage["output_tokens"]),
    cachedTokens:
      figure(within(usage["prompt_tokens_details"], "cached_tokens")) ||
      figure(within(usage["input_tokens_details"], "cached_tokens")) ||
      figure(usage["prompt_cache_hit_tokens"]) ||
      read,
    reasoningTokens:
      figure(within(usage["completion_tokens_details"], "reasoning_tokens")) ||
      figure(within(usage["output_tokens_details"], "reasoning_tokens"))
  }
}

/** A stream says its figures more than once: later ones are not smaller. */
const most = (one: Usage, other: Usage): Usage => ({
  inputTokens: Math.max(one.inputTokens, other.inputTokens),
  outputTokens: Math.max(one.outputTokens, other.outputTokens),
  cachedTokens: Math.max(one.cachedTokens, other.cachedTokens),
  reasoningTokens: Math.max(one.reasoningTokens, other.reasoningTokens)
})

/** Bytes of a reply that is no stream of events, within which its figures are looked for. */
const maxJsonBytes = 16 * 1024 * 1024

export class ReplyUsage {
  usage: Usage | undefined
  chars = 0
  readonly #decoder = new TextDecoder()
  readonly #events: EventLines | undefined
  #json = ""

  constructor(contentType: string) {
    this.#events = /event-stream/iu.test(contentType) ? new EventLines() : undefined
  }

  push(piece: Uint8Array): void {
    const text = this.#decoder.decode(piece, { stream: true })
    this.chars += text.length
    if (this.#events === undefined) {
      if (this.#json.length < maxJsonBytes) this.#json += text
    } else for (const { value } of this.#events.push(text)) this.#see(Option.getOrUndefined(value))
  }

  end(): void {
    if (this.#events === undefined) this.#see(Option.getOrUndefined(parseJson(this.#json)))
    else for (const { value } of this.#events.end()) this.#see(Option.getOrUndefined(value))
  }

  #see(value: unknown): void {
    if (!isRecord(value)) return
    const [choice] = Array.isArray(value["choices"]) ? (value["choices"] as ReadonlyArray<unknown>) : []
    const places = [value, value["response"], value["message"], choice, value["x_groq"]]
    for (const place of places) {
      const usage = within(place, "usage")
      if (!isRecord(usage)) continue
      const found = usageIn(usage)
      this.usage = this.usage === undefined ? found : most(this.usage, found)
    }
  }
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
