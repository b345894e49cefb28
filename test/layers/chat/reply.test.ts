import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { parseCompletion, ReplyAssembler } from "../../../layers/chat/reply.ts"

const line = (event: object | string): string =>
  `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`
const delta = (fields: object, finish_reason: string | null = null) =>
  line({ choices: [{ index: 0, delta: fields, finish_reason }] })
const piece = (index: number, fields: object, name?: string) =>
  delta({
    tool_calls: [
      {
        index,
        ...(name === undefined ? {} : { id: `id${index}` }),
        function: { ...fields, ...(name === undefined ? {} : { name }) }
      }
    ]
  })

/** A stream in pieces of `size` bytes. */
const read = Effect.fnUntraced(function* (text: string, size: number) {
  const assembler = new ReplyAssembler()
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += size) assembler.push(bytes.subarray(at, at + size))
  return yield* assembler.reply()
})

const stream = [
  ": a comment\n\n",
  delta({ role: "assistant", content: null }),
  delta({ reasoning_content: "hm 🙂" }),
  delta({ content: "Grü" }),
  delta({ content: "ße" }),
  piece(0, { arguments: "" }, "read_file"),
  piece(1, { arguments: '{"a"' }, "bash"),
  piece(0, { arguments: '{"path":' }),
  piece(1, { arguments: ":1}" }),
  piece(0, { arguments: '"x"}' }),
  delta({}, "tool_calls"),
  line({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } }),
  line("[DONE]")
].join("")

describe("a reply that the token limit cut", () => {
  it.effect("has the calls that are whole, and says why there are no more", () =>
    Effect.gen(function* () {
      const cut = [
        piece(0, { arguments: '{"path":"x"}' }, "read_file"),
        piece(1, { arguments: '{"path":"y","content":"abc' }, "write_file"),
        delta({}, "length")
      ].join("")
      const reply = yield* read(cut, 7)
      assert.deepStrictEqual(
        [reply.finishReason, reply.toolCalls.map(({ function: { name } }) => name)],
        ["length", ["read_file"]]
      )
      const function_ = { name: "write_file", arguments: '{"path":"y' }
      const message = { tool_calls: [{ id: "1", type: "function", function: function_ }] }
      const whole = JSON.stringify({ choices: [{ message, finish_reason: "length" }] })
      assert.deepStrictEqual((yield* parseCompletion(whole)).toolCalls, [])
    })
  )
})

describe("a streamed reply", () => {
  it.effect.prop(
    "is the same for any size of the pieces that it comes in",
    { size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 400 })) },
    ({ size }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* read(stream, size), {
          content: "Grüße",
          reasoning: "hm 🙂",
          toolCalls: [
            { id: "id0", type: "function", function: { name: "read_file", arguments: '{"path":"x"}' } },
            { id: "id1", type: "function", function: { name: "bash", arguments: '{"a":1}' } }
          ],
          finishReason: "tool_calls",
          usage: { inputTokens: 3, outputTokens: 4 }
        })
      })
  )

  it.effect("is whole with a finish reason alone, or with [DONE] alone, and broken with neither", () =>
    Effect.gen(function* () {
      const reasonAlone = yield* read(delta({ content: "a" }, "stop"), 9)
      const doneAlone = yield* read(delta({ content: "a" }) + line("[DONE]"), 9)
      const neither = yield* Effect.flip(read(delta({ content: "a" }), 9))
      assert.deepStrictEqual(
        [reasonAlone.content, doneAlone.content, neither._tag],
        ["a", "a", "MalformedReply"]
      )
    })
  )

  it.effect("what is nested deeper than can be written again is a broken reply, streamed or whole", () =>
    Effect.gen(function* () {
      const deep = "[".repeat(100_000) + "]".repeat(100_000)
      const call = `{"tool_calls":[{"index":0,"id":"1","function":{"name":"bash","arguments":${deep}}}]}`
      const errors = yield* Effect.forEach(
        [
          read(`data: {"error":${deep}}\n\n`, 1_000),
          read(
            `data: {"choices":[{"delta":${call},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n`,
            1_000
          ),
          parseCompletion(`{"choices":[{"message":${call},"finish_reason":"tool_calls"}]}`)
        ],
        Effect.flip
      )
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["MalformedReply", "MalformedToolCall", "MalformedToolCall"]
      )
    })
  )

  it.effect("an error within the stream is a broken reply that says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(line({ error: { message: "slot died" } }), 9))
      assert.include(error.message, "slot died")
    })
  )
})

const completion = (message: object) => JSON.stringify({ choices: [{ finish_reason: "stop", message }] })

describe("a reply in one piece", () => {
  const argumentsOf = (value: unknown) =>
    parseCompletion(
      completion({ content: null, tool_calls: [{ id: "c", function: { name: "f", arguments: value } }] })
    ).pipe(Effect.map((reply) => reply.toolCalls[0]?.function.arguments))

  it.effect("no arguments count as {}, and an object is taken as its text", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* argumentsOf(""), "{}")
      assert.strictEqual(yield* argumentsOf({ a: 1 }), '{"a":1}')
    })
  )

  it.effect("arguments that are cut, or no object, are a malformed call", () =>
    Effect.gen(function* () {
      for (const value of ['{"a":', "[1]", "1"]) {
        const error = yield* Effect.flip(argumentsOf(value))
        assert.strictEqual(error._tag, "MalformedToolCall")
      }
    })
  )
})
