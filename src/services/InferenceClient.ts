/** One chat completion from an OpenAI-compatible endpoint. */
import { Context, type Duration, type Effect, type Redacted, Schema } from "effect"

import type { ChatReply, ChatTool } from "../../schema/Chat.ts"

const detail = { message: Schema.String }

/** No answer: refused, reset, cut off, or no header within the turn's timeout. */
export class EndpointUnreachable extends Schema.TaggedError<EndpointUnreachable>()(
  "EndpointUnreachable",
  detail
) {}
/** The endpoint answered with a status that is not 2xx; `body` is at most 4,096 bytes of what it said. */
export class RequestRejected extends Schema.TaggedError<RequestRejected>()("RequestRejected", {
  ...detail,
  status: Schema.Int,
  body: Schema.String
}) {}
/** 2xx, but not a completion: not JSON, no choices, a stream that stalled or was cut. */
export class MalformedReply extends Schema.TaggedError<MalformedReply>()("MalformedReply", detail) {}
/** A tool call whose arguments are no JSON object (llama.cpp #22072); the next try often has them whole. */
export class MalformedToolCall extends Schema.TaggedError<MalformedToolCall>()("MalformedToolCall", {
  ...detail,
  tool: Schema.String
}) {}

export class InferenceError extends Schema.TaggedError<InferenceError>()("InferenceError", {
  endpoint: Schema.String,
  reason: Schema.Union([EndpointUnreachable, RequestRejected, MalformedReply, MalformedToolCall])
}) {
  override get message(): string {
    return `${this.endpoint}: ${this.reason.message}`
  }
  /** Any answer with a status, 4xx and 5xx alike, is final by contract §4.1; the rest passes on a second try. */
  get isTransient(): boolean {
    return this.reason._tag !== "RequestRejected"
  }
}

/** Where to ask and how. */
export interface Endpoint {
  /** Base URL of the API, without `/chat/completions`. */
  readonly baseURL: string
  readonly model: string
  readonly apiKey?: Redacted.Redacted<string>
}

export interface ChatRequest {
  readonly endpoint: Endpoint
  /**
   * Each message already as JSON text. The loop serialises a message once, when it is added, so that a turn costs the same at the
   * end of a run as at its start, and the prompt's prefix stays the same to the byte. The same array may come again with more at its
   * end; one that changed elsewhere must be a new array.
   */
  readonly messages: ReadonlyArray<string>
  readonly tools: ReadonlyArray<ChatTool>
  readonly temperature?: number
  readonly maxTokens?: number
  readonly chatTemplateKwargs?: { readonly [key: string]: unknown }
  /** Wait for the reply to begin. */
  readonly turnTimeout: Duration.Duration
}

export class InferenceClient extends Context.Service<
  InferenceClient,
  {
    /** One try; the schedule of the retries is the loop's. */
    readonly complete: (request: ChatRequest) => Effect.Effect<ChatReply, InferenceError>
  }
>()("foreman/services/InferenceClient") {}
