import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"

import * as ModelGateway from "../../../layers/acp/ModelGateway.ts"
import * as ScriptedModelServer from "../../../layers/scripted/ScriptedModelServer.ts"
import { LineSplitter } from "../../../layers/acp/LineSplitter.ts"
import { maxTokensOf, passedOn, pathOf } from "../../../layers/acp/modelRequest.ts"
import { ReplyUsage } from "../../../layers/acp/ReplyUsage.ts"

describe("pathOf", () => {
  for (const [url, path] of [
    ["/v1/chat/completions", "chat/completions"],
    ["/v1/models?limit=3", "models?limit=3"],
    ["/v1/../admin", undefined],
    ["/v1/%2e%2e/admin", undefined],
    ["/v1/..%2fadmin", undefined],
    ["/v1/a//b", undefined],
    ["/v1", undefined],
    ["/props", undefined],
    ["//evil/v1/models", "models"],
    ["http://elsewhere/v1/models", "models"]
  ] as const) {
    it(`${url} ${path === undefined ? "is refused" : `asks for ${path}`}`, () =>
      assert.strictEqual(pathOf(url), path))
  }
})

describe("passedOn", () => {
  const endpoint = { model: "qwen" }
  const passed = (path: string, body: object, maxTokens?: number): unknown =>
    JSON.parse(passedOn(path, { ...body }, endpoint, maxTokens))

  it("names the endpoint's model, whatever the agent calls it", () =>
    assert.deepStrictEqual(passed("responses", { model: "gpt-9", input: "x" }), {
      model: "qwen",
      input: "x"
    }))
  it("asks a stream of a chat for its tokens", () =>
    assert.deepStrictEqual(passed("chat/completions", { stream: true, stream_options: { x: 1 } }), {
      model: "qwen",
      stream: true,
      stream_options: { x: 1, include_usage: true }
    }))
  it("bounds the reply in the field that the request has", () => {
    assert.deepStrictEqual(passed("chat/completions", { max_completion_tokens: 9 }, 5), {
      model: "qwen",
      max_completion_tokens: 5
    })
    assert.deepStrictEqual(passed("chat/completions", {}, 5), { model: "qwen", max_tokens: 5 })
    assert.deepStrictEqual(passed("responses", {}, 5), { model: "qwen", max_output_tokens: 5 })
  })
  it("the least bound counts", () =>
    assert.strictEqual(maxTokensOf({ max_tokens: 9, max_output_tokens: 4 }), 4))
})

describe("ReplyUsage", () => {
  const usageOf = (contentType: string, text: string) => {
    const reader = new ReplyUsage(contentType)
    for (const byte of new TextEncoder().encode(text)) reader.push(Uint8Array.of(byte))
    reader.end()
    const { inputTokens, outputTokens, cachedTokens, reasoningTokens } = reader.usage ?? {
      inputTokens: -1,
      outputTokens: -1,
      cachedTokens: -1,
      reasoningTokens: -1
    }
    return [inputTokens, outputTokens, cachedTokens, reasoningTokens]
  }
  const events = (...values: ReadonlyArray<object>) =>
    values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("")
  const stream = "text/event-stream; charset=utf-8"
  const chat = {
    prompt_tokens: 10,
    completion_tokens: 5,
    prompt_tokens_details: { cached_tokens: 4 },
    completion_tokens_details: { reasoning_tokens: 2 }
  }
  const responses = {
    input_tokens: 10,
    output_tokens: 5,
    input_tokens_details: { cached_tokens: 4 },
    output_tokens_details: { reasoning_tokens: 2 }
  }
  const cases: ReadonlyArray<readonly [string, string, string, ReadonlyArray<number>]> = [
    ["a chat completion", "application/json", JSON.stringify({ usage: chat }), [10, 5, 4, 2]],
    ["a stream of one", stream, events({ choices: [] }, { choices: [], usage: chat }), [10, 5, 4, 2]],
    ["a response", "application/json", JSON.stringify({ usage: responses }), [10, 5, 4, 2]],
    [
      "a stream of one response",
      stream,
      events({ type: "response.completed", response: { usage: responses } }),
      [10, 5, 4, 2]
    ],
    [
      "a message, whose input is without what a cache had",
      stream,
      events(
        { type: "message_start", message: { usage: { input_tokens: 6, cache_read_input_tokens: 4 } } },
        { type: "message_delta", usage: { output_tokens: 2 } },
        { type: "message_delta", usage: { output_tokens: 5 } }
      ),
      [10, 5, 4, 0]
    ],
    ["nothing that says so", "application/json", "{}", [-1, -1, -1, -1]]
  ]
  for (const [name, contentType, text, expected] of cases) {
    it(`reads ${name}`, () => assert.deepStrictEqual(usageOf(contentType, text), expected))
  }
})

describe("LineSplitter", () => {
  it("gives whole lines of any chunks, without empty ones", () => {
    const splitter = new LineSplitter()
    const chunks = ['{"a"', ":1}\n\n", "€\r\nrest", "\n"].map((text) => Buffer.from(text))
    assert.deepStrictEqual(
      chunks.map((chunk) => splitter.push(chunk)),
      [[], ['{"a":1}'], ["€"], ["rest"]]
    )
  })
  it("refuses a line that is too long, before it is whole", () => {
    const splitter = new LineSplitter(4)
    assert.deepStrictEqual(splitter.push(Buffer.from("1234\n12")), ["1234"])
    assert.strictEqual(splitter.push(Buffer.from("345")), undefined)
  })
})

describe("a gateway on a port, where there are no namespaces", () => {
  it.live("opens for the run's key alone, which is not the endpoint's", () =>
    Effect.gen(function* () {
      const model = yield* ScriptedModelServer.start({
        apiKey: "the real key",
        scripts: [{ name: "script", turns: [{ reply: { type: "prose", content: "hello" } }] }]
      })
      const endpoint = { baseURL: model.baseURL, model: "qwen", apiKey: Redacted.make("the real key") }
      const key = ModelGateway.newKey()
      const { port } = yield* ModelGateway.open(
        { endpoint, turnTimeout: Duration.seconds(5), ask: (_, send) => send(endpoint, undefined) },
        { key }
      )
      const ask = (headers: Readonly<Record<string, string>>) =>
        Effect.promise(async () => {
          const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
            method: "POST",
            headers,
            body: JSON.stringify({ messages: [{ role: "user", content: "hi" }] })
          })
          return `${answer.status} ${await answer.text()}`
        })
      for (const headers of [{}, { authorization: "Bearer the real key" }, { "x-api-key": "foreman" }]) {
        assert.match(yield* ask(headers), /^401 /u)
      }
      for (const headers of [{ authorization: `Bearer ${key}` }, { "x-api-key": key }]) {
        assert.match(yield* ask(headers), /^200 .*hello/u)
      }
    })
  )
})
