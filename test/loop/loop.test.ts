import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Random, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"

import type { ChatReply } from "../../schema/Chat.ts"
import { limitsOf } from "../../src/decide/stuck.ts"
import { ask } from "../../src/loop/ask.ts"
import { type LoopOptions, run } from "../../src/loop/loop.ts"
import {
  type ChatRequest,
  EndpointUnreachable,
  InferenceClient,
  InferenceError,
  MalformedToolCall,
  RequestRejected
} from "../../src/services/InferenceClient.ts"
import { make, ToolError } from "../../src/tools/AgentTool.ts"

type Step = ChatReply | InferenceError | "silence"

const say = (content: string, more: Partial<ChatReply> = {}): ChatReply => ({
  content,
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  usage: undefined,
  ...more
})
const calls = (...names: ReadonlyArray<readonly [string, string]>): ChatReply =>
  say("", {
    finishReason: "tool_calls",
    toolCalls: names.map(([name, args], index) => ({
      id: `c${index}`,
      type: "function",
      function: { name, arguments: args }
    }))
  })
const failure = (reason: InferenceError["reason"]) => new InferenceError({ endpoint: "e", reason })
const cut = failure(new MalformedToolCall({ message: "cut", tool: "echo" }))
const lost = failure(new EndpointUnreachable({ message: "reset" }))
const refused = failure(new RequestRejected({ message: "500", status: 500, body: "" }))

/** Answers with the steps in order, and keeps what each request held. */
const scripted = (steps: ReadonlyArray<Step>, seen: Ref.Ref<ReadonlyArray<ReadonlyArray<string>>>) =>
  Layer.effect(
    InferenceClient,
    Effect.gen(function* () {
      const next = yield* Ref.make(0)
      return InferenceClient.of({
        complete: Effect.fnUntraced(function* (request: ChatRequest) {
          yield* Ref.update(seen, (all) => [...all, [...request.messages]])
          const step = steps[yield* Ref.getAndUpdate(next, (count) => count + 1)]
          if (step === "silence" || step === undefined) return yield* Effect.never
          return step instanceof InferenceError ? yield* step : step
        })
      })
    })
  )

const echo = make({
  name: "echo",
  description: "says it again",
  parameters: Schema.Struct({ text: Schema.String, times: Schema.optionalKey(Schema.Int) }),
  run: ({ text }) =>
    text === "bad"
      ? Effect.fail(new ToolError({ message: "not that" }))
      : Effect.succeed({ output: { text } })
})
const submit = make({
  name: "submit_result",
  description: "ends",
  parameters: Schema.Struct({ summary: Schema.String }),
  run: ({ summary }) =>
    Effect.succeed({ output: {}, terminal: { verdict: "GO" as const, summary, extra: {} } })
})

const options = (more: Partial<LoopOptions<never>> = {}): LoopOptions<never> => ({
  endpoint: { baseURL: "e", model: "m" },
  systemPrompt: "system",
  taskPrompt: "task",
  tools: [echo, submit],
  knownTools: new Set(["echo", "submit_result", "bash"]),
  toolContext: { task: { name: "t" }, bashTimeout: Duration.seconds(1) },
  maxTokens: 100,
  maxTurns: 20,
  maxRetries: 3,
  turnTimeout: Duration.seconds(10),
  budget: Duration.minutes(10),
  windowTokens: 32_768,
  stuckLimits: limitsOf(undefined, true),
  onTurn: () => Effect.void,
  ...more
})

const play = Effect.fnUntraced(function* (
  steps: ReadonlyArray<Step>,
  more: Partial<LoopOptions<never>> = {}
) {
  const seen = yield* Ref.make<ReadonlyArray<ReadonlyArray<string>>>([])
  const report = yield* run(options(more)).pipe(Effect.provide(scripted(steps, seen)))
  const transcript = report.transcript.map((message) => JSON.parse(message))
  return { ...report, transcript, requests: yield* Ref.get(seen) }
})
const done = calls(["submit_result", '{"summary":"done"}'])

describe("the retries of a model call", () => {
  /** Milliseconds after which each try began. */
  const triesOf = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>, maxRetries: number) {
    const began = yield* Ref.make<ReadonlyArray<number>>([])
    const seen = yield* Ref.make<ReadonlyArray<ReadonlyArray<string>>>([])
    const timed = Layer.effect(
      InferenceClient,
      Effect.gen(function* () {
        const { complete } = yield* InferenceClient
        return InferenceClient.of({
          complete: (request) =>
            Effect.clockWith((clock) => clock.currentTimeMillis).pipe(
              Effect.flatMap((now) => Ref.update(began, (all) => [...all, now])),
              Effect.andThen(complete(request))
            )
        })
      })
    ).pipe(Layer.provide(scripted(steps, seen)))
    const request: ChatRequest = {
      endpoint: { baseURL: "e", model: "m" },
      messages: [],
      tools: [],
      turnTimeout: Duration.seconds(1)
    }
    const fiber = yield* ask(request, maxRetries).pipe(
      Effect.result,
      Effect.provide(timed),
      Random.withSeed("tries"),
      Effect.forkChild
    )
    yield* TestClock.adjust("30 seconds")
    return { result: yield* Fiber.join(fiber), began: yield* Ref.get(began) }
  })

  it.effect("come after 50 ms, 250 ms, 1 s and 1 s, give or take a fifth", () =>
    Effect.gen(function* () {
      const { began, result } = yield* triesOf([cut, lost, cut, lost, say("at last")], 4)
      assert.strictEqual(result._tag, "Success")
      const gaps = began.slice(1).map((at, index) => at - (began[index] ?? 0))
      assert.strictEqual(gaps.length, 4)
      for (const [index, expected] of [50, 250, 1000, 1000].entries()) {
        assert.isAtLeast(gaps[index] ?? 0, expected * 0.8 - 1)
        assert.isAtMost(gaps[index] ?? 0, expected * 1.2 + 1)
      }
    })
  )

  it.effect("end when they are used up", () =>
    Effect.gen(function* () {
      const { began, result } = yield* triesOf([cut, cut, cut, say("too late")], 2)
      assert.deepStrictEqual([result._tag, began.length], ["Failure", 3])
    })
  )

  it.effect("do not follow a status that is not 2xx", () =>
    Effect.gen(function* () {
      const { began, result } = yield* triesOf([refused, say("no")], 3)
      assert.deepStrictEqual([result._tag, began.length], ["Failure", 1])
    })
  )
})

describe("the loop", () => {
  it.effect("runs the calls of a turn in order, up to the first terminal one", () =>
    Effect.gen(function* () {
      const { end, transcript } = yield* play([
        calls(
          ["echo", '{"text":"a"}'],
          ["submit_result", '{"summary":"first"}'],
          ["echo", '{"text":"b"}'],
          ["submit_result", '{"summary":"second"}']
        )
      ])
      assert.deepStrictEqual(end._tag === "Submitted" ? end.terminal.summary : "", "first")
      assert.deepStrictEqual(
        transcript.slice(3).map((message) => message.content),
        ['{"text":"a"}', "{}"]
      )
    })
  )

  it.effect("tells a tool that failed, is not allowed, does not exist or was called wrongly apart", () =>
    Effect.gen(function* () {
      const { end, transcript, turnCount } = yield* play([
        calls(["echo", '{"text":"bad"}'], ["bash", "{}"], ["fly", "{}"], ["echo", '{"text":1}']),
        done
      ])
      const errors = transcript.slice(3, 7).map((message) => JSON.parse(message.content).error)
      assert.deepStrictEqual(errors.slice(0, 3), [
        "not that",
        "the tool bash exists but this agent may not use it; it may use: echo, submit_result",
        "there is no tool fly; there is: echo, submit_result"
      ])
      assert.match(errors[3], /^arguments of echo: .*"text"/su)
      assert.deepStrictEqual([end._tag === "Submitted" ? end.terminal.summary : "", turnCount], ["done", 2])
    })
  )

  it.effect("reads null as absent", () =>
    Effect.gen(function* () {
      const { transcript } = yield* play([calls(["echo", '{"text":"a","times":null}']), done])
      assert.strictEqual(transcript[3].content, '{"text":"a"}')
    })
  )

  it.effect("the prompt only grows at its end, and a message is the same text in each request", () =>
    Effect.gen(function* () {
      const { requests } = yield* play([calls(["echo", '{"text":"a"}']), say("hm"), done])
      for (const [index, request] of requests.entries()) {
        const before = requests[index - 1] ?? []
        assert.deepStrictEqual(request.slice(0, before.length), before)
      }
      assert.deepStrictEqual(
        requests.map((request) => request.length),
        [2, 4, 6]
      )
    })
  )

  it.effect("f6dc8e16 every message but an assistant's has content, be it empty", () =>
    Effect.gen(function* () {
      const prompts = { systemPrompt: "", taskPrompt: "" }
      const { transcript } = yield* play(
        [calls(["echo", '{"text":""}'], ["fly", ""]), say("hm"), done],
        prompts
      )
      const bare = transcript.filter(
        ({ role, content }) => role !== "assistant" && typeof content !== "string"
      )
      assert.deepStrictEqual([bare, transcript.length], [[], 9])
    })
  )

  it.effect("an empty reply leaves a placeholder in the history, never an empty message", () =>
    Effect.gen(function* () {
      const { transcript } = yield* play([say(""), done])
      assert.deepStrictEqual(transcript[2], { role: "assistant", content: "(no reply)" })
    })
  )

  it.effect.each([
    ["prose", say("I am done"), 3],
    ["reasoning alone", say("", { reasoning: "hmm" }), 5],
    ["replies cut at the token limit", say("long", { finishReason: "length" }), 4]
  ] as const)("gives up on %s after its nudges", ([, reply, turns]) =>
    Effect.gen(function* () {
      const { end, turnCount } = yield* play(Array.from({ length: 9 }, () => reply))
      assert.deepStrictEqual([end._tag, turnCount], ["ModelMisunderstood", turns])
    })
  )

  it.effect("a coder that only searches has the search tools withheld for three turns", () =>
    Effect.gen(function* () {
      const grep = { ...echo, name: "grep" }
      const search = calls(["grep", '{"text":"a"}'])
      const edit = calls(["str_replace", '{"text":"b"}'])
      const { transcript } = yield* play([search, search, search, edit, edit, search, done], {
        tools: [grep, { ...echo, name: "str_replace" }, submit],
        stuckLimits: limitsOf({ editFreeTurnsLimit: 2, repeatedToolThreshold: 0 }, true)
      })
      const answers = transcript.filter(({ role }) => role === "tool").map(({ content }) => content)
      const withheld = "the tool grep is not offered in this turn; offered: str_replace, submit_result"
      assert.deepStrictEqual(answers, [
        '{"text":"a"}',
        '{"text":"a"}',
        JSON.stringify({ error: withheld }),
        '{"text":"b"}',
        '{"text":"b"}',
        '{"text":"a"}',
        "{}"
      ])
    })
  )

  it.effect("a silent endpoint is ended by the loop's budget, with the transcript so far", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(play([calls(["echo", '{"text":"a"}']), "silence"]))
      yield* TestClock.adjust("10 minutes")
      const { end, transcript, turnCount } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([end._tag, turnCount, transcript.length], ["BudgetExhausted", 2, 4])
    })
  )

  it.effect("keeps the transcript when the endpoint fails", () =>
    Effect.gen(function* () {
      const { end, transcript } = yield* play([calls(["echo", '{"text":"a"}']), refused])
      assert.deepStrictEqual([end._tag, transcript.length], ["EndpointFailed", 4])
    })
  )

  it.effect("past the window the request is compacted, the transcript is not", () =>
    Effect.gen(function* () {
      const long = calls(["echo", JSON.stringify({ text: "x".repeat(2000) })])
      const { requests, transcript } = yield* play([...Array.from({ length: 12 }, () => long), done], {
        windowTokens: 4000,
        stuckLimits: limitsOf({ repeatedToolThreshold: 0 }, true)
      })
      const last = requests.at(-1) ?? []
      assert.isBelow(last.join("").length / 4, 4000)
      assert.deepStrictEqual(last.slice(0, 2), requests[0])
      assert.strictEqual(transcript.length, 2 + 13 * 2)
    })
  )
})
