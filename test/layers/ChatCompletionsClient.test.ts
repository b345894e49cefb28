import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import OpenAI from "openai"

import * as ChatCompletionsClient from "../../layers/ChatCompletionsClient.ts"
import type { Turn } from "../../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../../layers/scripted/ScriptedModelServer.ts"
import { type ChatRequest, InferenceClient } from "../../src/services/InferenceClient.ts"

const tool = { name: "read_file", description: "reads", parameters: { type: "object", properties: {} } }
const readFile = { name: "read_file", arguments: { path: "README.md", limit: 3 } }

const model = (...turns: ReadonlyArray<Turn>) =>
  ScriptedModelServer.start({ scripts: [{ name: "one", turns }] })

const requestTo = (baseURL: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
  endpoint: { baseURL, model: "m" },
  messages: ['{"role":"system","content":"be brief"}', '{"role":"user","content":"hi"}'],
  tools: [tool],
  turnTimeout: Duration.seconds(5),
  ...more
})

const ask = (baseURL: string, more: Partial<ChatRequest> = {}) =>
  Effect.gen(function* () {
    const client = yield* InferenceClient
    return yield* client.complete(requestTo(baseURL, more))
  })

const reasonOf = (turn: Turn, more: Partial<ChatRequest> = {}) =>
  Effect.gen(function* () {
    const { baseURL } = yield* model(turn)
    const { reason } = yield* Effect.flip(ask(baseURL, more))
    return reason
  })

const faulty = (fault: "cut-arguments" | "no-answer" | "reset" | "stalled-stream" | "truncated-body") =>
  ({ reply: { type: "fault", fault } }) as const

describe("ChatCompletionsClient", () => {
  layer(ChatCompletionsClient.layer, { excludeTestServices: true })((it) => {
    it.effect("puts a streamed reply together: reasoning, arguments in pieces, usage", () =>
      Effect.gen(function* () {
        const { baseURL } = yield* model({
          reply: { type: "tool_calls", calls: [readFile, readFile], reasoning: "hmm" }
        })
        const fn = { name: "read_file", arguments: '{"path":"README.md","limit":3}' }
        assert.deepStrictEqual(yield* ask(baseURL), {
          content: "",
          reasoning: "hmm",
          reasoningField: "reasoning_content",
          toolCalls: [
            { id: "call_2_0", type: "function", function: fn },
            { id: "call_2_1", type: "function", function: fn }
          ],
          finishReason: "tool_calls",
          usage: { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0 }
        })
      })
    )

    it.effect("sends what the contract names and nothing else", () =>
      Effect.gen(function* () {
        const server = yield* model({ reply: { type: "prose", content: "hello" } })
        yield* ask(server.baseURL, {
          endpoint: { baseURL: server.baseURL, model: "m", apiKey: Redacted.make("k") },
          temperature: 0.2,
          maxTokens: 100,
          chatTemplateKwargs: { enable_thinking: false }
        })
        const [request] = yield* server.requests
        assert.deepStrictEqual(request?.body, {
          messages: [
            { role: "system", content: "be brief" },
            { role: "user", content: "hi" }
          ],
          model: "m",
          tools: [{ type: "function", function: tool }],
          temperature: 0.2,
          max_tokens: 100,
          chat_template_kwargs: { enable_thinking: false },
          stream: true,
          stream_options: { include_usage: true }
        })
      })
    )

    it.effect("a conversation that grows is sent whole each time, whatever its size and its letters", () =>
      Effect.gen(function* () {
        const server = yield* model(
          { reply: { type: "prose", content: "one" } },
          { reply: { type: "prose", content: "two" } }
        )
        const client = yield* InferenceClient
        const messages = ["system", "user"].map((role) => JSON.stringify({ role, content: "grüße 🙂" }))
        const request = requestTo(server.baseURL, { messages, temperature: 1 })
        yield* client.complete(request)
        messages.push(JSON.stringify({ role: "assistant", content: "one" }))
        messages.push(JSON.stringify({ role: "user", content: "ß".repeat(100_000) }))
        const { temperature: _, ...shorter } = request
        yield* client.complete(shorter)
        const [, second] = yield* server.requests
        assert.deepStrictEqual(
          second?.messages,
          messages.map((message) => JSON.parse(message))
        )
      })
    )

    it.effect("a tool call that was cut short is its own, transient error", () =>
      Effect.gen(function* () {
        const { baseURL } = yield* model(faulty("cut-arguments"))
        const error = yield* Effect.flip(ask(baseURL))
        assert.deepStrictEqual([error.reason._tag, error.retry], ["MalformedToolCall", "again"])
      })
    )

    it.effect("the body of a refusal is kept to 4,096 bytes", () =>
      Effect.gen(function* () {
        const { baseURL } = yield* model({
          reply: { type: "fault", fault: "status", status: 418, message: "x".repeat(9000) }
        })
        const error = yield* Effect.flip(ask(baseURL))
        assert.strictEqual(error.retry, "never")
        assert.isTrue(error.reason._tag === "RequestRejected" && error.reason.status === 418)
        assert.strictEqual(error.reason._tag === "RequestRejected" ? error.reason.body.length : 0, 4096)
      })
    )

    it.effect("no header within the turn's timeout is a reply that stalled", () =>
      Effect.gen(function* () {
        const reason = yield* reasonOf(faulty("no-answer"), { turnTimeout: Duration.millis(50) })
        assert.strictEqual(reason._tag, "ReplyStalled")
        assert.strictEqual(reason.message, "the reply stalled for 50ms")
      })
    )

    it.effect("a stream that goes silent is given up", () =>
      Effect.gen(function* () {
        const reason = yield* reasonOf(faulty("stalled-stream"), { turnTimeout: Duration.millis(80) })
        assert.strictEqual(reason._tag, "ReplyStalled")
        assert.strictEqual(reason.message, "the reply stalled for 80ms")
      })
    )

    it.effect("a reset, a cut body, a page of HTML and an empty list of choices each have their reason", () =>
      Effect.gen(function* () {
        const tags = yield* Effect.forEach(
          ["reset", "truncated-body", "wrong-json", "no-choices"] as const,
          (fault) => reasonOf({ reply: { type: "fault", fault } })
        )
        assert.deepStrictEqual(
          tags.map((reason) => reason._tag),
          ["EndpointUnreachable", "MalformedReply", "MalformedReply", "MalformedReply"]
        )
      })
    )

    it.effect("a refused connection is an unreachable endpoint", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ask("http://127.0.0.1:9/v1"))
        assert.strictEqual(error.reason._tag, "EndpointUnreachable")
      })
    )

    it.effect("an endpoint that refuses a temperature is asked once more without, and never again with", () =>
      Effect.gen(function* () {
        const server = yield* model(
          { reply: { type: "fault", fault: "reject-temperature" } },
          { reply: { type: "prose", content: "fine" } }
        )
        const reply = yield* ask(server.baseURL, { temperature: 0.5 })
        yield* ask(server.baseURL, { temperature: 0.5 })
        assert.strictEqual(reply.content, "fine")
        assert.deepStrictEqual(
          (yield* server.requests).map((request) => request.hasTemperature),
          [true, false, false]
        )
      })
    )
  })
})

describe("ScriptedModelServer", () => {
  it.live("a stock client of the protocol reads it, streamed and not", () =>
    Effect.gen(function* () {
      const { baseURL } = yield* model({ reply: { type: "tool_calls", calls: [readFile] } })
      const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 })
      const body = { model: "m", messages: [{ role: "user" as const, content: "hi" }] }
      const whole = yield* Effect.promise(() => client.chat.completions.create(body))
      const streamed = yield* Effect.promise(() => client.chat.completions.stream(body).finalChatCompletion())
      const calls = [whole, streamed].map((reply) => {
        const call = reply.choices[0]?.message.tool_calls?.[0]
        return call?.type === "function" ? JSON.parse(call.function.arguments) : undefined
      })
      assert.deepStrictEqual(calls, [readFile.arguments, readFile.arguments])
    })
  )

  it.live("a request that no script foresees is told what was expected", () =>
    Effect.gen(function* () {
      const server = yield* model({
        expect: { toolsOffered: ["bash"] },
        reply: { type: "prose", content: "no" }
      })
      const error = yield* Effect.flip(ask(server.baseURL).pipe(Effect.provide(ChatCompletionsClient.layer)))
      assert.include(error.message, "script one, reply 1: expected the tool bash to be offered")
      assert.deepStrictEqual(yield* server.mismatches, [
        "script one, reply 1: expected the tool bash to be offered"
      ])
    })
  )
})
