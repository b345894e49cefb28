import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { ReplyAssembler } from "../../../layers/chat/reply.ts"

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
const read = Effect.fnUntraced(function* (text: string, size: number, offered: ReadonlyArray<string> = []) {
  const assembler = new ReplyAssembler(new Set(offered), 0)
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += size) assembler.push(bytes.subarray(at, at + size))
  return yield* assembler.reply()
})

/** A completion in one piece. */
const readReply = (text: string) => read(text, text.length)

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
  line({
    choices: [],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 4,
      prompt_tokens_details: { cached_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 1 }
    }
  }),
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
      assert.deepStrictEqual((yield* readReply(whole)).toolCalls, [])
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
          reasoningField: "reasoning_content",
          toolCalls: [
            { id: "id0", type: "function", function: { name: "read_file", arguments: '{"path":"x"}' } },
            { id: "id1", type: "function", function: { name: "bash", arguments: '{"a":1}' } }
          ],
          finishReason: "tool_calls",
          usage: { inputTokens: 3, outputTokens: 4, cachedTokens: 2, reasoningTokens: 1 }
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
          readReply(`{"choices":[{"message":${call},"finish_reason":"tool_calls"}]}`)
        ],
        Effect.flip
      )
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["ServerFailed", "MalformedToolCall", "MalformedToolCall"]
      )
    })
  )

  it.effect("an error within the stream is a failure of the server in its words", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(line({ error: { message: "slot died" } }), 9))
      assert.include(error.message, "slot died")
    })
  )
})

const completion = (message: object) => JSON.stringify({ choices: [{ finish_reason: "stop", message }] })

describe("a reply in one piece", () => {
  const argumentsOf = (value: unknown) =>
    readReply(
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

describe("what servers send in place of the protocol", () => {
  const calls = (text: string, size = 7) =>
    read(text, size).pipe(
      Effect.map(({ toolCalls }) =>
        toolCalls.map(({ function: { arguments: given, name }, id }) => [id, name, given])
      )
    )
  const chunk = (...tool_calls: ReadonlyArray<object>) => delta({ tool_calls })
  const end = delta({}, "tool_calls")
  const a = { name: "a", arguments: '{"x":1}' }
  const b = { name: "b", arguments: '{"y":2}' }

  it.effect.each<[string, string, readonly [string, string]]>([
    [
      "index 0 for all",
      chunk({ index: 0, id: "1", function: a }) + chunk({ index: 0, id: "2", function: b }),
      ["1", "2"]
    ],
    ["no index", chunk({ id: "1", function: a }) + chunk({ id: "2", function: b }), ["1", "2"]],
    ["neither index nor id", chunk({ function: a }, { function: b }), ["", ""]],
    [
      "an index from 1",
      chunk({ index: 1, id: "1", function: a }) + chunk({ index: 2, id: "2", function: b }),
      ["1", "2"]
    ]
  ])("%s tells two calls apart", ([, text, ids]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* calls(text + end), [
        [ids[0], "a", '{"x":1}'],
        [ids[1], "b", '{"y":2}']
      ])
    })
  )

  it.effect.each([
    ["an object", { x: 1 }],
    ["twice", '{"x":1}{"x":1}'],
    ["encoded twice", JSON.stringify('{"x":1}')],
    ["encoded three times", JSON.stringify(JSON.stringify('{"x":1}'))],
    ["after an empty object", '{}{"x":1}'],
    ["after null", 'null{"x":1}'],
    ["in a fence", '```json\n{"x":1}\n```'],
    ["a list of one", '[{"x":1}]'],
    ["with the model's end of a call", '{"x":1}</tool_call><|im_end|>\n'],
    ["the whole call", '{"name":"a","arguments":{"x":1}}']
  ])("arguments as %s are the object", ([, given]) =>
    Effect.gen(function* () {
      const text = chunk({ index: 0, id: "1", function: { name: "a", arguments: given } }) + end
      assert.deepStrictEqual(yield* calls(text), [["1", "a", '{"x":1}']])
    })
  )

  it.effect.each([
    ["two objects", '{"x":1}{"x":2}'],
    ["a list of two", '[{"x":1},{"x":2}]'],
    ["a list of no object", "[1]"],
    ["an object and prose", '{"x":1} and so on'],
    ["quotes that nothing escapes", '{"x":"a "b" c"}'],
    ["half an object", '{"x":']
  ])("arguments as %s are none, and nobody guesses them", ([, given]) =>
    Effect.gen(function* () {
      const text = chunk({ index: 0, id: "1", function: { name: "a", arguments: given } }) + end
      assert.strictEqual((yield* Effect.flip(read(text, 7)))._tag, "MalformedToolCall")
    })
  )

  it.effect.each([
    ["no arguments", "[]", "{}"],
    ["bare line ends in a text", '{"x":"a\n\tb"}', '{"x":"a\\n\\tb"}']
  ])("arguments with %s are read", ([, given, meant]) =>
    Effect.gen(function* () {
      const text = chunk({ index: 0, id: "1", function: { name: "a", arguments: given } }) + end
      assert.deepStrictEqual(yield* calls(text), [["1", "a", meant]])
    })
  )

  it.effect(
    "an empty object before the pieces, and the same whole arguments again, are no part of them",
    () =>
      Effect.gen(function* () {
        const pieces = ["{}", '{"x"', ":1}"].map((given, index) =>
          chunk({ index: 0, id: "1", function: { ...(index === 0 && { name: "a" }), arguments: given } })
        )
        assert.deepStrictEqual(yield* calls(pieces.join("") + end), [["1", "a", '{"x":1}']])
      })
  )

  it.effect.each<[string, object]>([
    ["a list", { tool_calls: [{ id: "1", function: a }] }],
    ["one object", { tool_calls: { id: "1", function: a } }],
    ["without a frame", { tool_calls: [{ id: "1", ...a }] }],
    ["OpenAI's older function_call", { function_call: a }],
    ["Anthropic's part", { content: [{ type: "tool_use", id: "1", name: "a", input: { x: 1 } }] }],
    ["a name with its place", { tool_calls: [{ id: "1", function: { ...a, name: "functions.a:0" } }] }],
    ["a name with a number", { tool_calls: [{ id: "1", function: { ...a, name: "a:12" } }] }],
    ["a name with a channel", { tool_calls: [{ id: "1", function: { ...a, name: "a<|channel|>json" } }] }],
    ["a name in the id alone", { tool_calls: [{ id: "functions.a:0", function: { ...a, name: "" } }] }]
  ])("a call as %s is one, streamed and whole", ([, message]) =>
    Effect.gen(function* () {
      const whole = JSON.stringify({ choices: [{ message, finish_reason: "function_call" }] })
      for (const text of [delta(message, "function_call"), whole, `${whole}\n`]) {
        const reply = yield* read(text, 7, ["a"])
        assert.deepStrictEqual(
          [reply.finishReason, reply.toolCalls.map((call) => call.function)],
          ["tool_calls", [a]]
        )
      }
    })
  )

  it.effect("OpenAI's older function_call comes in pieces, too", () =>
    Effect.gen(function* () {
      const text = ["", '{"x"', ":1}"].map((given, index) =>
        delta({ function_call: { ...(index === 0 && { name: "a" }), arguments: given } })
      )
      assert.deepStrictEqual(yield* calls(text.join("") + delta({}, "function_call")), [["", "a", '{"x":1}']])
    })
  )

  it.effect("a signature of thoughts goes with its call", () =>
    Effect.gen(function* () {
      const extra_content = { google: { thought_signature: "s" } }
      const reply = yield* read(chunk({ index: 0, id: "1", function: a, extra_content }) + end, 9)
      assert.deepStrictEqual(reply.toolCalls, [{ id: "1", type: "function", function: a, extra_content }])
    })
  )

  it.effect("arguments that come whole so far with each piece, and a name in pieces or with each", () =>
    Effect.gen(function* () {
      const cumulative = ['{"x', '{"x":', '{"x":1}'].map((given) =>
        chunk({ index: 0, id: "1", function: { name: "a", arguments: given } })
      )
      assert.deepStrictEqual(yield* calls(cumulative.join("") + end), [["1", "a", '{"x":1}']])
      const named =
        chunk({ index: 0, id: "1", function: { name: "read", arguments: "" } }) +
        chunk({ index: 0, function: { name: "_file", arguments: "{}" } })
      assert.deepStrictEqual(yield* calls(named + end), [["1", "read_file", "{}"]])
    })
  )

  it.effect("content in parts is text and thoughts, and a refusal is one", () =>
    Effect.gen(function* () {
      const parts = [
        { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
        { type: "text", text: "yes" }
      ]
      const reply = yield* read(delta({ content: parts, refusal: "no" }, "stop"), 9)
      assert.deepStrictEqual([reply.content, reply.reasoning, reply.refusal], ["yes", "hm", "no"])
    })
  )

  it.effect(
    "thoughts keep the field and the signature that they came with, pieces of one part put together",
    () =>
      Effect.gen(function* () {
        const part = (text: string, more = {}) => ({ type: "reasoning.text", index: 0, text, ...more })
        const text =
          delta({ reasoning: "h", reasoning_details: [part("h")] }) +
          delta({ reasoning: "m", reasoning_details: [part("m", { signature: "s" })] }) +
          delta({}, "stop")
        const reply = yield* read(text, 9)
        assert.deepStrictEqual(
          [reply.reasoningField, reply.reasoningDetails],
          ["reasoning", [part("hm", { signature: "s" })]]
        )
      })
  )

  it.effect(
    "whole calls make a reply of a stream that just ends; what follows a whole reply takes nothing from it",
    () =>
      Effect.gen(function* () {
        const one = chunk({ index: 0, id: "1", function: a })
        assert.strictEqual((yield* calls(one)).length, 1)
        assert.strictEqual((yield* calls(`${one}${end}data: {broken\n\n`)).length, 1)
        const cut = chunk({ index: 0, id: "1", function: { name: "a", arguments: '{"x"' } })
        assert.strictEqual((yield* Effect.flip(read(cut, 5)))._tag, "MalformedReply")
      })
  )

  it.effect("comments and empty chunks are no progress", () =>
    Effect.sync(() => {
      const assembler = new ReplyAssembler(new Set(), 0)
      const push = (text: string) => assembler.push(new TextEncoder().encode(text))
      push(`: keep-alive\n\n${delta({ role: "assistant", content: "" })}${delta({ content: "" })}`)
      assert.strictEqual(assembler.progress, 0)
      push(delta({ content: "a" }))
      assert.isAbove(assembler.progress, 0)
    })
  )

  it.effect(
    "the same whole arguments again are no progress, and neither is a chunk that names no piece",
    () =>
      Effect.sync(() => {
        const assembler = new ReplyAssembler(new Set(), 0)
        const grows = (fields: object, frame = "delta") => {
          const before = assembler.progress
          const choice = { index: 0, [frame]: fields, finish_reason: null }
          const text = line({ object: "chat.completion.chunk", choices: [choice] })
          assembler.push(new TextEncoder().encode(text))
          return assembler.progress > before
        }
        const whole = { tool_calls: [{ index: 0, id: "1", function: a }] }
        assert.deepStrictEqual(
          [grows(whole), grows(whole), grows({}), grows({ content: "a" }, "message")],
          [true, false, false, true]
        )
        assert.isFalse(assembler.isFinished)
      })
  )

  it.effect("the same again is no progress: a prompt that is read no further, a name without arguments", () =>
    Effect.sync(() => {
      const assembler = new ReplyAssembler(new Set(), 0)
      const grows = (text: string) => {
        const before = assembler.progress
        assembler.push(new TextEncoder().encode(text))
        return assembler.progress > before
      }
      const prompt = (processed: number) => line({ choices: [], prompt_progress: { processed, total: 9 } })
      const name = chunk({ index: 0, id: "1", function: { name: "a" } })
      assert.deepStrictEqual([prompt(1), prompt(1), prompt(2), name, name].map(grows), [
        true,
        false,
        true,
        true,
        false
      ])
    })
  )

  it.effect.each([
    ["MAX_TOKENS", "length"],
    ["model_length", "length"],
    ["sensitive", "content_filter"],
    ["SAFETY", "content_filter"],
    ["tool_calls", "tool_calls"]
  ] as const)("the finish reason %s is %s", ([said, meant]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* read(delta({ content: "a" }, said), 9)).finishReason, meant)
    })
  )

  it.effect(
    "one odd field costs no reply: figures and indices as text, ids as numbers, thoughts as objects",
    () =>
      Effect.gen(function* () {
        const text =
          delta({
            reasoning: { text: "hm" },
            reasoning_details: "none",
            tool_calls: [
              { index: "0", id: 1, function: a },
              { index: "1", id: 2, function: b }
            ]
          }) +
          line({
            choices: [],
            usage: { prompt_tokens: "12", completion_tokens: null, prompt_tokens_details: [] }
          }) +
          end
        const reply = yield* read(text, 9)
        assert.deepStrictEqual(
          reply.toolCalls.map(({ function: { name }, id }) => [id, name]),
          [
            ["1", "a"],
            ["2", "b"]
          ]
        )
        assert.strictEqual(reply.usage?.inputTokens, 12)
      })
  )

  it.effect("a finish reason that says the server could not go on is its failure", () =>
    Effect.gen(function* () {
      for (const said of ["network_error", "insufficient_system_resource", "abort"]) {
        const reason = yield* Effect.flip(read(delta({ content: "a" }, said), 9))
        assert.deepStrictEqual([reason._tag, reason.party], ["ServerFailed", "server"])
      }
    })
  )

  it.effect.each<[string, string]>([
    ["an object in place of a chunk", line({ object: "error", message: "CUDA out of memory", code: 500 })],
    ["an event of that name", `event: error\n${line({ message: "CUDA out of memory" })}`],
    ["a choice that failed", delta({}, "error")],
    ["a whole body", JSON.stringify({ error: { message: "CUDA out of memory" } })]
  ])("an error as %s is the server's failure", ([, text]) =>
    Effect.gen(function* () {
      const reason = yield* Effect.flip(read(text, 9))
      assert.deepStrictEqual([reason._tag, reason.party], ["ServerFailed", "server"])
    })
  )
})
