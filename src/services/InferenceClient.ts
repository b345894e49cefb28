/** One chat completion from an OpenAI-compatible endpoint. */
import { Context, type Duration, type Effect, type Redacted, Schema } from "effect"

import type { Prices } from "../../schema/Budget.ts"
import type { ChatReply, ChatTool } from "../../schema/Chat.ts"
import { Party } from "../../schema/Party.ts"

const detail = { message: Schema.String, party: Party }

/** No answer: refused, reset, or no such host. */
export class EndpointUnreachable extends Schema.TaggedError<EndpointUnreachable>()(
  "EndpointUnreachable",
  detail
) {}
/** It says "later": a rate, a quota, no credit, still loading, a gateway without a server behind it. */
export class EndpointBusy extends Schema.TaggedError<EndpointBusy>()("EndpointBusy", {
  ...detail,
  /** How long it asks to wait; absent when it does not say. */
  retryAfterMillis: Schema.optionalKey(Schema.Finite)
}) {}
/** Held longer than the run may wait. */
export class EndpointHeld extends Schema.TaggedError<EndpointHeld>()("EndpointHeld", {
  ...detail,
  /** Milliseconds of the epoch. */
  untilMillis: Schema.Finite,
  /** What the endpoint said. */
  words: Schema.String
}) {}
/** The request is larger than the context of the model, in tokens as the server counts. */
export class ContextOverflow extends Schema.TaggedError<ContextOverflow>()("ContextOverflow", {
  ...detail,
  promptTokens: Schema.optionalKey(Schema.Finite),
  windowTokens: Schema.optionalKey(Schema.Finite)
}) {}
/** The endpoint answered with a status that is not 2xx, and would again; `body` is at most 4,096 bytes of what it said. */
export class RequestRejected extends Schema.TaggedError<RequestRejected>()("RequestRejected", {
  ...detail,
  status: Schema.Int,
  body: Schema.String
}) {}
/** A fault on the other side that a second try may pass: an error within the stream, a status 500. */
export class ServerFailed extends Schema.TaggedError<ServerFailed>()("ServerFailed", detail) {}
/** Nothing of the reply came for the time of a turn. Comments and empty chunks are nothing. */
export class ReplyStalled extends Schema.TaggedError<ReplyStalled>()("ReplyStalled", detail) {}
/** 2xx, but not a completion: no JSON, no choices, a stream that was cut. */
export class MalformedReply extends Schema.TaggedError<MalformedReply>()("MalformedReply", detail) {}
/** A tool call whose arguments are no JSON object (llama.cpp #22072); the next try often has them whole. */
export class MalformedToolCall extends Schema.TaggedError<MalformedToolCall>()("MalformedToolCall", {
  ...detail,
  /** Empty where the server could not read the call and did not say which. */
  tool: Schema.String,
  /** What the model wrote in place of an object. */
  written: Schema.String,
  content: Schema.String
}) {}

const Reason = Schema.Union([
  EndpointUnreachable,
  EndpointBusy,
  EndpointHeld,
  ContextOverflow,
  RequestRejected,
  ServerFailed,
  ReplyStalled,
  MalformedReply,
  MalformedToolCall
])
export type InferenceReason = typeof Reason.Type

/** What a further try of the same request may come to: `later` once the endpoint is back, `again` at once, `never`. */
const tries: { readonly [T in InferenceReason["_tag"]]: "later" | "again" | "never" } = {
  EndpointUnreachable: "later",
  EndpointBusy: "later",
  EndpointHeld: "never",
  ContextOverflow: "never",
  RequestRejected: "never",
  ServerFailed: "again",
  ReplyStalled: "again",
  MalformedReply: "again",
  MalformedToolCall: "again"
}

export class InferenceError extends Schema.TaggedError<InferenceError>()("InferenceError", {
  endpoint: Schema.String,
  reason: Reason
}) {
  override get message(): string {
    return `${this.endpoint}: ${this.reason.message}`
  }
  get retry(): "later" | "again" | "never" {
    return tries[this.reason._tag]
  }
}

/** Where to ask and how. */
export interface Endpoint {
  /** Base URL of the API, without `/chat/completions`. */
  readonly baseURL: string
  readonly model: string
  readonly apiKey?: Redacted.Redacted<string>
  /** Unknown when absent. */
  readonly prices?: Prices
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
  /** The tools, the calls and their results are told in the messages: the model does not see them otherwise. */
  readonly hasToolsAsText?: boolean
  readonly temperature?: number
  readonly maxTokens?: number
  readonly chatTemplateKwargs?: { readonly [key: string]: unknown }
  /** Wait for the reply to begin, and for each further piece of it. */
  readonly turnTimeout: Duration.Duration
}

export class InferenceClient extends Context.Service<
  InferenceClient,
  {
    /** One try; the schedule of the retries is the loop's. */
    readonly complete: (request: ChatRequest) => Effect.Effect<ChatReply, InferenceError>
  }
>()("foreman/services/InferenceClient") {}
