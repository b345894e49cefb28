/** Words of real servers, as they were reported in public, and whose doing each is. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { failedInside, refused, retryAfter } from "../../../layers/chat/refusal.ts"

const openai = (message: string, type = "invalid_request_error", more: object = {}) =>
  JSON.stringify({ error: { message, type, ...more } })
const vllm = (message: string, code = 400) =>
  JSON.stringify({ object: "error", message, type: "BadRequestError", param: null, code })

const said = (status: number, body: string, headers: Record<string, string> = {}) => {
  const reason = refused({ status, body, headers, nowMillis: 0 })
  return [reason._tag, reason.party]
}

describe("an answer that is no completion", () => {
  it.each([
    ["llama.cpp loads a model", 503, openai("Loading model", "unavailable_error"), "EndpointBusy", "server"],
    [
      "a rate is used up",
      429,
      openai("Rate limit reached. Please try again in 2s."),
      "EndpointBusy",
      "quota"
    ],
    ["a server is overloaded", 529, openai("Overloaded", "overloaded_error"), "EndpointBusy", "server"],
    ["a queue is full", 500, openai("engine queue full", "server_error"), "EndpointBusy", "server"],
    [
      "nothing is left to pay with",
      402,
      openai("This request requires more credits"),
      "EndpointBusy",
      "quota"
    ],
    [
      "OpenAI's quota",
      429,
      openai("You exceeded your current quota", "insufficient_quota"),
      "EndpointBusy",
      "quota"
    ],
    ["a gateway without a server", 502, "<html><h1>502 Bad Gateway</h1></html>", "EndpointBusy", "proxy"],
    ["a key that is wrong", 401, openai("Invalid API Key"), "RequestRejected", "credentials"],
    [
      "Ollama has no such model",
      404,
      openai('model "x" not found, try pulling it first', "api_error"),
      "RequestRejected",
      "configuration"
    ],
    [
      "a template refuses the order of roles",
      500,
      openai("After the optional system message, conversation roles must alternate"),
      "RequestRejected",
      "template"
    ],
    [
      "a template cannot be rendered",
      400,
      vllm("Jinja template error: 'tools' is undefined"),
      "RequestRejected",
      "template"
    ],
    [
      "Azure's filter",
      400,
      openai("The response was filtered due to the prompt triggering content management policy", "x", {
        code: "content_filter"
      }),
      "RequestRejected",
      "contentFilter"
    ],
    [
      "llama.cpp cannot parse the model's call",
      500,
      openai("Failed to parse tool call arguments as JSON: [json.exception.parse_error.101]"),
      "MalformedToolCall",
      "model"
    ],
    [
      "a model that is not there, by 400",
      400,
      openai("The model `x` does not exist"),
      "RequestRejected",
      "configuration"
    ],
    [
      "a key that is wrong, by 400",
      400,
      openai("API key not valid. Please pass a valid API key."),
      "RequestRejected",
      "credentials"
    ],
    [
      "Anthropic's credit",
      400,
      openai("Your credit balance is too low to access the API"),
      "EndpointBusy",
      "quota"
    ],
    ["a quota by 403", 403, openai("You exceeded your quota", "insufficient_quota"), "EndpointBusy", "quota"],
    ["a page of a gateway by 403", 403, "<html>403 Forbidden</html>", "RequestRejected", "proxy"],
    ["a proxy that wants a login", 407, "", "RequestRejected", "proxy"],
    ["Gemma's template", 500, openai("System role not supported"), "RequestRejected", "template"],
    ["a bug over there", 500, "Internal Server Error", "ServerFailed", "server"],
    [
      "a field that is not known",
      422,
      JSON.stringify({ detail: "Extra inputs are not permitted" }),
      "RequestRejected",
      "server"
    ]
  ])("%s", (_, status, body, tag, party) => assert.deepStrictEqual(said(status, body), [tag, party]))

  it("a redirect is not followed, and its goal is named", () => {
    const reason = refused({
      status: 308,
      body: "",
      headers: { location: "https://elsewhere/v1" },
      nowMillis: 0
    })
    assert.deepStrictEqual([reason._tag, reason.party], ["RequestRejected", "server"])
    assert.include(reason.message, "a redirect to https://elsewhere/v1 is not followed")
  })

  it.each([
    [
      openai(
        "request (25837 tokens) exceeds the available context size (25088 tokens), try increasing it",
        "exceed_context_size_error"
      ),
      25_837,
      25_088
    ],
    [
      openai("the request exceeds the available context size", "x", { n_prompt_tokens: 14_429, n_ctx: 8192 }),
      14_429,
      8192
    ],
    [
      vllm(
        "This model's maximum context length is 8192 tokens. However, you requested 9392 tokens (1200 in the messages, 8192 in the completion). Please reduce the length of the messages or completion."
      ),
      1200,
      8192
    ],
    [
      openai(
        "This model's maximum context length is 128,000 tokens. However, your messages resulted in 130,100 tokens.",
        "x",
        { code: "context_length_exceeded" }
      ),
      130_100,
      128_000
    ],
    [openai("prompt is too long"), undefined, undefined]
  ])("reads the figures of an overflow: %s", (body, promptTokens, windowTokens) => {
    const reason = refused({ status: 400, body, nowMillis: 0 })
    assert.strictEqual(reason._tag, "ContextOverflow")
    if (reason._tag !== "ContextOverflow") return
    assert.deepStrictEqual([reason.promptTokens, reason.windowTokens], [promptTokens, windowTokens])
  })

  it.each([
    [{ "retry-after": "2" }, "", 2000],
    [{ "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT" }, "", 60_000],
    [{ "retry-after-ms": "1500", "retry-after": "9" }, "", 1500],
    [{}, "Please try again in 2s.", 2000],
    [{}, "Please try again in 1m30.5s", 90_500],
    [{}, "try again in 20ms", 20],
    [{}, '"retryDelay": "27s"', 27_000],
    [{}, "try again in 5 minutes", 300_000],
    [{}, "Please retry after 30 secs", 30_000],
    [{}, "try again later", undefined],
    [{ "retry-after": "soon" }, "", undefined]
  ])("is waited for as long as it says: %j %s", (headers: Record<string, string>, body, expected) =>
    assert.strictEqual(retryAfter({ body, headers, nowMillis: 0 }), expected)
  )

  it("an error within a reply is the server's, whatever it is about", () => {
    const of = (error: unknown) => {
      const reason = failedInside(error, 0)
      return [reason._tag, reason.party]
    }
    assert.deepStrictEqual(of({ message: "CUDA out of memory", code: 500 }), ["ServerFailed", "server"])
    assert.deepStrictEqual(of({ message: "no more today", type: "insufficient_quota", code: 429 }), [
      "EndpointBusy",
      "server"
    ])
    assert.deepStrictEqual(of(JSON.parse(vllm("This model's maximum context length is 4096 tokens."))), [
      "ContextOverflow",
      "server"
    ])
  })

  it.prop(
    "any text has a party and words of at most 600 characters",
    { body: Schema.String, status: Schema.Int.check(Schema.isBetween({ minimum: 300, maximum: 599 })) },
    ({ body, status }) => {
      const reason = refused({ status, body: body.repeat(50), nowMillis: 0 })
      assert.isAtMost(reason.message.length, 700)
    }
  )

  it("a body made to be slow is read at once", () => {
    const startedAt = performance.now()
    for (const body of [
      "try again in ".repeat(300),
      `${"requested (".repeat(300)}`,
      "1".repeat(4096),
      "context size ".repeat(300)
    ]) {
      refused({ status: 400, body, nowMillis: 0 })
    }
    assert.isBelow(performance.now() - startedAt, 200)
  })
})
