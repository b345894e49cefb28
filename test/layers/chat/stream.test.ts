/** The lines of a stream, in the forms that servers give them: the same reply, wherever its bytes are cut. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { ReplyAssembler } from "../../../layers/chat/reply.ts"

const offered = new Set(["read_file"])

/** What a text comes to in pieces of some sizes, in turn. */
const read = (bytes: Uint8Array, sizes: ReadonlyArray<number> = [bytes.length]) => {
  const assembler = new ReplyAssembler(offered, 0)
  let at = 0
  for (let count = 0; at < bytes.length; count++) {
    const size = sizes[count % sizes.length] ?? bytes.length
    assembler.push(bytes.subarray(at, at + size))
    at += size
  }
  return Effect.runSync(Effect.result(assembler.reply()))
}
const encode = (text: string) => new TextEncoder().encode(text)

const chunk = (delta: object, finish_reason: string | null = null) =>
  JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })
const chunks = [
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "Grü" }),
  chunk({ content: "ße 🙂 " }),
  chunk({ tool_calls: [{ index: 0, id: "1", function: { name: "read_file", arguments: '{"path"' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: ':"a\\nb"}' } }] }),
  chunk({}, "tool_calls")
]
const reply = {
  content: "Grüße 🙂 ",
  reasoning: "",
  toolCalls: [{ id: "1", type: "function", function: { name: "read_file", arguments: '{"path":"a\\nb"}' } }],
  finishReason: "tool_calls",
  usage: undefined
}
const events = (end: string, before = "data: ") =>
  [...chunks, "[DONE]"].map((text) => `${before}${text}${end}`).join("")
/** Each chunk over three lines of data. */
const parted = chunks
  .map(
    (text) =>
      `data: ${text.replace('"index":0,', '"index":0,\ndata:').replace(/,"finish/u, '\ndata: ,"finish')}\n\n`
  )
  .join("")

const streams: ReadonlyArray<readonly [string, string]> = [
  ["with line feeds", events("\n\n")],
  ["with carriage returns and line feeds", events("\r\n\r\n")],
  ["with carriage returns alone", events("\r\r")],
  ["without blank lines", events("\n")],
  ["without a space after data:", events("\n\n", "data:")],
  ["with a byte order mark", `\ufeff${events("\n\n")}`],
  [
    "with comments, names, ids and blank lines before",
    `\n\n: hi\n\nretry: 5\nid: 1\nevent: message\n${events("\n\n")}`
  ],
  ["with a comment in every event", events("\n: keep-alive\n\n")],
  ["with data over several lines", parted],
  ["without [DONE]", chunks.map((text) => `data: ${text}\n\n`).join("")],
  ["without the end of its last line", chunks.map((text) => `data: ${text}`).join("\n\n")],
  ["of one JSON text a line", events("\n", "")],
  ["of one JSON text a line, without an end", chunks.join("\r\n")],
  ["with words after [DONE]", `${events("\n\n")}data: ${chunk({ content: "more" })}\n\ngarbage {{{\n\n`]
]

describe("a stream", () => {
  it.each(streams)("%s is the reply, cut at any byte", (_, text) => {
    const bytes = encode(text)
    for (let at = 1; at < bytes.length; at++) {
      const got = read(bytes, [at, bytes.length])
      assert.deepStrictEqual(got._tag === "Success" ? got.success : got.failure, reply as never)
    }
    assert.deepStrictEqual(read(bytes, [1]), read(bytes))
  })

  const words = [
    "data:",
    "data: ",
    "event: error\n",
    "error: ",
    ": ",
    "\r",
    "\n",
    "\n\n",
    "\r\n",
    "{",
    "}",
    "[",
    "]",
    '"',
    "[DONE]",

    "<tool_call>",
    "</tool_call>",
    "```",
    "null",
    "\ufeff",
    "\ud83c",
    "🙂",
    "1e999",
    '"choices":[',
    ...chunks,
    '{"error":{"message":"no"}}',
    '{"detail":[]}',
    '{"choices":null}',
    '{"choices":[{"delta":[1]}]}',
    '{"choices":[{"delta":{"tool_calls":[null,{"index":-1,"function":{"name":{},"arguments":[{}]}}]}}]}',
    '{"choices":[{"message":{"content":"read_file(path=\'a\')"},"finish_reason":5}]}'
  ]
  const Words = Schema.Array(Schema.Union([Schema.Literals(words), Schema.String]))
  const Sizes = Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })))

  it.prop("of any words throws nothing, and is the same in any pieces", { Words, Sizes }, (given) => {
    const bytes = encode(given.Words.join(""))
    assert.deepStrictEqual(read(bytes, given.Sizes), read(bytes))
  })
})

describe("an error inside a stream", () => {
  const failed = (text: string) => {
    const got = read(encode(text))
    return got._tag === "Failure" ? [got.failure._tag, got.failure.party, got.failure.message] : got.success
  }
  const prefix = "the endpoint failed within its reply: "

  it.each([
    ["FastAPI's", '{"detail":"out of memory"}', "ServerFailed", "server", "out of memory"],
    [
      "FastAPI's list",
      '{"detail":[{"loc":["body","messages",2],"msg":"bad role"}]}',
      "ServerFailed",
      "server",
      "body.messages.2: bad role"
    ],
    [
      "Anthropic's",
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      "EndpointBusy",
      "server",
      "Overloaded"
    ],
    ["a message", '{"message":"out of memory"}', "ServerFailed", "server", "out of memory"],
    ["a text", '{"error":"out of memory"}', "ServerFailed", "server", "out of memory"],
    [
      "a list",
      '[{"error":{"message":"out of memory","status":"INTERNAL"}}]',
      "ServerFailed",
      "server",
      "out of memory"
    ],
    [
      "a key",
      '{"error":{"message":"Invalid API key","code":401}}',
      "RequestRejected",
      "credentials",
      "Invalid API key"
    ],
    [
      "a filter",
      '{"error":{"message":"blocked by content management policy"}}',
      "RequestRejected",
      "contentFilter",
      "blocked by content management policy"
    ],
    [
      "a template",
      '{"error":{"message":"Jinja Exception: no","code":500}}',
      "RequestRejected",
      "template",
      "Jinja Exception: no"
    ],
    [
      "a call that the server cannot read",
      '{"error":{"message":"Failed to parse tool call arguments as JSON"}}',
      "MalformedToolCall",
      "model",
      "Failed to parse tool call arguments as JSON"
    ],
    [
      "the words of the server behind a proxy",
      '{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"slot died"}}}',
      "ServerFailed",
      "server",
      "Provider returned error: slot died"
    ]
  ])("keeps its words and its party: %s", (_, error, tag, party, words) => {
    const first = chunk({ content: "Let me" })
    for (const text of [
      `data: ${first}\n\ndata: ${error}\n\ndata: [DONE]\n\n`,
      `data: ${first}\n\n${error}\n`,
      `data: ${first}\r\revent: error\rdata: ${error}`,
      error,
      `${first}\n${error}\n`
    ]) {
      assert.deepStrictEqual(failed(text), [tag, party, prefix + words])
    }
  })

  it("as a line of llama.cpp's own is one", () =>
    assert.deepStrictEqual(failed(`error: {"code":500,"message":"slot died"}\n\n`), [
      "ServerFailed",
      "server",
      `${prefix}slot died`
    ]))

  it("is none where its field is empty, or a choice stands beside a message", () => {
    for (const error of ["null", '""', "{}", "false"]) {
      const text = `data: {"error":${error},"message":"ok","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n`
      const got = read(encode(text))
      assert.strictEqual(got._tag === "Success" ? got.success.content : "", "a")
    }
  })

  it("in words that are no stream is said", () =>
    assert.deepStrictEqual(failed("upstream connect error\n"), [
      "MalformedReply",
      "server",
      "no completion: upstream connect error"
    ]))
})
