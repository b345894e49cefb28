import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Random, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"

import type { ChatReply } from "../../schema/Chat.ts"
import { limitsOf } from "../../src/decide/stuck.ts"
import { ask } from "../../src/loop/ask.ts"
import { EndpointHolds, make as makeHolds } from "../../src/loop/EndpointHolds.ts"
import { run } from "../../src/loop/loop.ts"
import type { LoopOptions } from "../../src/loop/Progress.ts"
import {
  type ChatRequest,
  EndpointUnreachable,
  InferenceClient,
  ContextOverflow,
  EndpointBusy,
  InferenceError,
  MalformedReply,
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
const cut = failure(
  new MalformedToolCall({ message: "cut", party: "model", tool: "echo", written: '{"te', content: "" })
)
const broken = failure(new MalformedReply({ message: "cut", party: "server" }))
const lost = failure(new EndpointUnreachable({ message: "reset", party: "network" }))
const refused = failure(new RequestRejected({ message: "400", party: "server", status: 400, body: "" }))

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
  endpoints: [{ baseURL: "e", model: "m" }],
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
  maxWait: Duration.minutes(5),
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
  const report = yield* run(options(more)).pipe(
    Effect.provide(scripted(steps, seen)),
    Effect.provideService(EndpointHolds, makeHolds())
  )
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
    const fiber = yield* ask(request, { maxRetries, giveUpMillis: 25_000 }).pipe(
      Effect.result,
      Effect.provide(timed),
      Effect.provideService(EndpointHolds, makeHolds()),
      Random.withSeed("tries"),
      Effect.forkChild
    )
    yield* TestClock.adjust("30 seconds")
    return { result: yield* Fiber.join(fiber), began: yield* Ref.get(began) }
  })

  it.effect("come after 50 ms, 250 ms, 1 s and 1 s, give or take a fifth", () =>
    Effect.gen(function* () {
      const { began, result } = yield* triesOf([broken, broken, broken, broken, say("at last")], 4)
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
      const { began, result } = yield* triesOf([broken, broken, broken, say("too late")], 2)
      assert.deepStrictEqual([result._tag, began.length], ["Failure", 3])
    })
  )

  it.effect("of a call that cannot be read are one, since the model is told of the next", () =>
    Effect.gen(function* () {
      const { began, result } = yield* triesOf([cut, cut, say("too late")], 3)
      assert.deepStrictEqual([result._tag, began.length], ["Failure", 2])
    })
  )

  it.effect("do not follow a refusal", () =>
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

  it.effect("half a character in an argument, however deep, reaches a tool as U+FFFD", () =>
    Effect.gen(function* () {
      const given: Array<unknown> = []
      const edits = make({
        name: "echo",
        description: "keeps what it was given",
        parameters: Schema.Struct({
          text: Schema.String,
          edits: Schema.Array(Schema.Struct({ to: Schema.String }))
        }),
        run: (args) => Effect.sync(() => ({ output: { count: given.push(args) } }))
      })
      const call = '{"text":"bad \\ud83c","edits":[{"to":"\\udf89 good \\ud83c\\udf89"}]}'
      yield* play([calls(["echo", call]), done], { tools: [edits, submit] })
      assert.deepStrictEqual(given, [{ text: "bad \ufffd", edits: [{ to: "\ufffd good \u{1f389}" }] }])
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

  it.effect("lists the tools and the form of a call the second time that a model calls none, and once", () =>
    Effect.gen(function* () {
      for (const reply of [say("I would."), say("", { reasoning: "hm" })]) {
        const { requests } = yield* play([reply, reply, reply, reply, done])
        const told = requests.map((request) => JSON.parse(request.at(-1) ?? "").content)
        const lists = told.map((text) => text.includes("echo(text, times?); submit_result(summary)"))
        assert.deepStrictEqual(lists.slice(0, 4), [false, false, true, false].slice(0, requests.length))
        assert.include(told[2], '<tool_call>\n{"name": "NAME", "arguments": {"KEY": "VALUE"}}\n</tool_call>')
      }
    })
  )

  it.effect(
    "tells everything of the tools in words once a model calls only in the form that it was told",
    () =>
      Effect.gen(function* () {
        const asked = Effect.fnUntraced(function* (steps: ReadonlyArray<ChatReply>) {
          const told: Array<boolean> = []
          const inference = InferenceClient.of({
            complete: (request) =>
              Effect.sync(() => {
                told.push(request.hasToolsAsText === true)
                return steps[told.length - 1] ?? done
              })
          })
          yield* run(options()).pipe(
            Effect.provideService(InferenceClient, inference),
            Effect.provideService(EndpointHolds, makeHolds())
          )
          return told
        })
        const call = calls(["echo", '{"text":"a"}'])
        const written = { ...call, hasTextCalls: true }
        assert.deepStrictEqual(yield* asked([say("a"), say("b"), written]), [false, false, false, true])
        assert.deepStrictEqual(yield* asked([say("a"), say("b"), call]), [false, false, false, false])
        assert.deepStrictEqual(yield* asked([written, written]), [false, false, false])
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
        `{"text":"a"}\n\n${answers[1]?.split("\n\n")[1]}`,
        JSON.stringify({ error: withheld }),
        '{"text":"b"}',
        '{"text":"b"}',
        '{"text":"a"}',
        "{}"
      ])
    })
  )

  it.effect("files that a command changed are an edit: the tree is asked when the run looks stuck", () =>
    Effect.gen(function* () {
      const grep = { ...echo, name: "grep" }
      const search = calls(["grep", '{"text":"a"}'])
      const playWith = (treeState: Effect.Effect<string>) =>
        play([search, search, search, search, done], {
          tools: [grep, submit],
          treeState,
          stuckLimits: limitsOf({ editFreeTurnsLimit: 2, repeatedToolThreshold: 0 }, true)
        })
      const toldOf = ({ transcript }: Effect.Success<ReturnType<typeof playWith>>) =>
        JSON.stringify(transcript).includes("turns without an edit")
      let looks = 0
      assert.isFalse(toldOf(yield* playWith(Effect.sync(() => `state ${looks++}`))))
      assert.strictEqual(looks, 2)
      assert.isTrue(toldOf(yield* playWith(Effect.succeed("clean"))))
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
      assert.strictEqual(last[0], requests[0]?.[0])
      assert.match(JSON.parse(last[1] ?? "").content, /^task\n\n\(\d+ earlier turns/u)
      assert.strictEqual(transcript.length, 2 + 13 * 2)
    })
  )

  /** Requests that do not begin like the one before them: what was left out of the conversation, or told in another place. */
  const compactions = (requests: ReadonlyArray<ReadonlyArray<string>>): number =>
    requests.filter((request, index) => index > 0 && request[1] !== requests[index - 1]?.[1]).length

  const reads = make({
    name: "read",
    description: "reads 4 KB",
    parameters: Schema.Struct({ at: Schema.Int }),
    run: ({ at }) => Effect.succeed({ output: { text: `${at} `.repeat(2_000).slice(0, 4_096) } })
  })
  /** A task of ordinary size, and what a server of four, or of three, characters a token says of a prompt. */
  it.effect.each([undefined, 4, 3])(
    "of 61 turns of 4 KB at a window of 32k is compacted once at most: %s",
    (chars) =>
      Effect.gen(function* () {
        const seen = yield* Ref.make<ReadonlyArray<ReadonlyArray<string>>>([])
        const inference = InferenceClient.of({
          complete: Effect.fnUntraced(function* ({ messages, tools }: ChatRequest) {
            const turn = (yield* Ref.updateAndGet(seen, (all) => [...all, [...messages]])).length
            const inputTokens = Math.ceil(
              (messages.join("").length + JSON.stringify(tools).length) / (chars ?? 1)
            )
            const usage = { inputTokens, outputTokens: 60, cachedTokens: 0, reasoningTokens: 0 }
            const answer = turn > 61 ? done : calls(["read", JSON.stringify({ at: turn })])
            return { ...answer, ...(chars !== undefined && { usage }) }
          })
        })
        const { end, turnCount } = yield* run(
          options({
            tools: [reads, submit],
            taskPrompt: "task ".repeat(3_000),
            maxTurns: 90,
            maxTokens: 8_192,
            stuckLimits: limitsOf({ editFreeTurnsLimit: 0 }, true)
          })
        ).pipe(
          Effect.provideService(InferenceClient, inference),
          Effect.provideService(EndpointHolds, makeHolds())
        )
        assert.deepStrictEqual([end._tag, turnCount], ["Submitted", 62])
        const requests = yield* Ref.get(seen)
        assert.isAtMost(compactions(requests), 1)
        const largest = Math.max(...requests.map((request) => request.join("").length))
        assert.isBelow(largest / (chars ?? 4), 32_768)
      })
  )

  it.effect("bounds one result by what is left, and puts off calls whose results would not fit", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 30 }, (_, index) => ["read", JSON.stringify({ at: index })] as const)
      const { end, requests } = yield* play([calls(...many), done], {
        tools: [reads, submit],
        windowTokens: 8_192,
        maxTokens: 1_000
      })
      assert.strictEqual(end._tag, "Submitted")
      const results = (requests[1] ?? []).slice(3)
      assert.match(results[0] ?? "", /characters left out/u)
      assert.isBelow((results[0] ?? "").length, 2_800)
      assert.match(results.at(-1) ?? "", /Call it again/u)
      assert.isBelow((requests[1] ?? []).join("").length / 4, 8_192)
    })
  )

  it.effect("of a server that says how little is left beside the first request ends at once", () =>
    Effect.gen(function* () {
      const usage = { inputTokens: 1_800, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0 }
      const { end, requests } = yield* play([{ ...calls(["echo", '{"text":"a"}']), usage }, done], {
        taskPrompt: "task ".repeat(1_200),
        windowTokens: 2_048,
        windowFrom: "server"
      })
      assert.strictEqual(requests.length, 1)
      const reason = end._tag === "EndpointFailed" ? end.error.reason : undefined
      assert.deepInclude(reason, { party: "configuration", promptTokens: 1_800, windowTokens: 2_048 })
    })
  )

  /** No two messages of a user in a row, and none right after a tool's: some chat templates refuse both. */
  const rolesOf = (request: ReadonlyArray<string> = []) =>
    request.map((message) => JSON.parse(message).role).join(" ")

  it.effect("answers a call that cannot be read like any other, and goes on", () =>
    Effect.gen(function* () {
      const { end, requests } = yield* play([cut, done], { maxRetries: 0 })
      assert.strictEqual(end._tag, "Submitted")
      const last = requests.at(-1) ?? []
      assert.strictEqual(rolesOf(last), "system user assistant tool")
      const [call] = JSON.parse(last[2] ?? "").tool_calls
      assert.deepStrictEqual(JSON.parse(call.function.arguments), { unreadable: '{"te' })
      const answer = JSON.parse(last[3] ?? "")
      assert.strictEqual(answer.tool_call_id, call.id)
      assert.match(answer.content, /No tool ran: cut/u)
    })
  )

  it.effect(
    "asks warmer each time that calls in a row cannot be read, and ends with the model as the party",
    () =>
      Effect.gen(function* () {
        const temperatures: Array<number | undefined> = []
        const inference = InferenceClient.of({
          complete: (request) =>
            Effect.suspend(() => {
              temperatures.push(request.temperature)
              return cut
            })
        })
        const { end } = yield* run(options({ temperature: 0.2, maxRetries: 0 })).pipe(
          Effect.provideService(InferenceClient, inference),
          Effect.provideService(EndpointHolds, makeHolds())
        )
        assert.deepStrictEqual(temperatures, [0.2, 0.2, 0.4, 0.6000000000000001])
        assert.deepInclude(end, { _tag: "ModelMisunderstood", reason: "MalformedToolCall", party: "model" })
      })
  )

  it.effect("adds up the tokens that the endpoint says, and estimates them where it does not", () =>
    Effect.gen(function* () {
      const usage = { inputTokens: 10, outputTokens: 5, cachedTokens: 4, reasoningTokens: 1 }
      const told = yield* play([
        { ...calls(["echo", '{"text":"a"}']), usage },
        { ...done, usage }
      ])
      assert.deepStrictEqual(told.spent, {
        inputTokens: 20,
        outputTokens: 10,
        cachedTokens: 8,
        reasoningTokens: 2,
        modelSeconds: 0,
        isCostPartial: true
      })
      const { spent } = yield* play([done])
      assert.isTrue(spent?.isEstimated)
      assert.isAbove(spent?.inputTokens ?? 0, 50)
      assert.isAbove(spent?.outputTokens ?? 0, 5)
    })
  )

  it.effect("gives each call an id that no other has", () =>
    Effect.gen(function* () {
      const twice = (id: string) =>
        say("", {
          toolCalls: [1, 2].map(() => ({
            id,
            type: "function" as const,
            function: { name: "echo", arguments: '{"text":"a"}' }
          }))
        })
      const { transcript } = yield* play([twice("x"), twice(""), twice("x"), done])
      const ids = transcript.flatMap(({ tool_calls = [] }) => tool_calls.map((call: any) => call.id))
      assert.strictEqual(new Set(ids).size, 7)
      assert.deepStrictEqual(
        transcript.flatMap(({ role, tool_call_id }) => (role === "tool" ? [tool_call_id] : [])),
        ids
      )
      for (const id of ids.slice(1, 6)) assert.match(id, /^[a-z0-9]{9}$/u)
    })
  )

  it.effect(
    "sends thoughts and their signatures back with the calls that they led to, by the server's names",
    () =>
      Effect.gen(function* () {
        const { transcript } = yield* play([
          {
            ...calls(["echo", '{"text":"a"}']),
            reasoning: "hm",
            reasoningField: "reasoning",
            reasoningDetails: [{ signature: "s" }]
          },
          done
        ])
        assert.deepInclude(transcript[2], {
          reasoning: "hm",
          reasoning_details: [{ signature: "s" }],
          content: null
        })
      })
  )

  it.effect("reads arguments that are written as text by the type that the tool asks for", () =>
    Effect.gen(function* () {
      const { transcript } = yield* play([
        calls(["echo", '{"text":"1","times":"2"}'], ["echo", '{"text":"b","times":"x"}']),
        done
      ])
      assert.strictEqual(transcript[3].content, '{"text":"1"}')
      assert.match(transcript[4].content, /error/u)
    })
  )

  it.effect("that the server calls too large is made smaller by the server's figures, and goes on", () =>
    Effect.gen(function* () {
      const long = calls(["echo", JSON.stringify({ text: "x".repeat(4000) })])
      const overflow = failure(
        new ContextOverflow({
          message: "too large",
          party: "configuration",
          promptTokens: 8000,
          windowTokens: 4096
        })
      )
      const { end, requests } = yield* play([long, long, long, overflow, done], {
        stuckLimits: limitsOf({ repeatedToolThreshold: 0 }, true)
      })
      assert.strictEqual(end._tag, "Submitted")
      const sizes = requests.map((request) => request.join("").length)
      assert.isBelow(sizes[4] ?? 0, (sizes[3] ?? 0) / 2)
      assert.strictEqual(rolesOf(requests[4]), "system user assistant tool")
    })
  )

  it.effect("whose refusal no figure explains has its large results left out, and goes on", () =>
    Effect.gen(function* () {
      const overflow = failure(
        new ContextOverflow({
          message: "too large",
          party: "configuration",
          promptTokens: 90_000,
          windowTokens: 80_000
        })
      )
      const read = calls(["echo", JSON.stringify({ text: "x".repeat(4000) })])
      const { end, requests } = yield* play([read, overflow, done])
      assert.strictEqual(end._tag, "Submitted")
      assert.match(requests[2]?.at(-1) ?? "", /the result was left out/u)
    })
  )

  it.effect("that does not fit with nothing left out ends with what the server said", () =>
    Effect.gen(function* () {
      const overflow = failure(
        new ContextOverflow({
          message: "too large",
          party: "configuration",
          promptTokens: 900,
          windowTokens: 512
        })
      )
      const { end } = yield* play(
        Array.from({ length: 9 }, () => overflow),
        { maxTokens: 8192 }
      )
      assert.strictEqual(end._tag === "EndpointFailed" ? end.error.reason._tag : end._tag, "ContextOverflow")
    })
  )
})

describe("an endpoint that says later", () => {
  const later = (retryAfterMillis?: number) =>
    failure(
      new EndpointBusy({
        message: "answered 429",
        party: "quota",
        ...(retryAfterMillis !== undefined && { retryAfterMillis })
      })
    )

  it.effect("is asked again at the time that it names, and no turn is used", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(play([later(20_000), done]))
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      const { end, turnCount } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([end._tag, turnCount], ["Submitted", 1])
    })
  )

  it.effect("is not waited for past the run's patience: it ends at once, with the time", () =>
    Effect.gen(function* () {
      const { end } = yield* play([later(301_000), done])
      assert.isTrue(end._tag === "EndpointFailed")
      const reason = end._tag === "EndpointFailed" ? end.error.reason : undefined
      assert.deepInclude(reason, { _tag: "EndpointHeld", party: "quota", untilMillis: 301_000 })
    })
  )

  it.effect(
    "that is away for ten minutes costs none of twenty runs, and each try is one request, not twenty",
    () =>
      Effect.gen(function* () {
        const holds = makeHolds()
        let asked = 0
        const inference = InferenceClient.of({
          complete: () =>
            Effect.clockWith((clock) => clock.currentTimeMillis).pipe(
              Effect.flatMap((now) => {
                asked++
                return now < 600_000 ? lost : Effect.succeed(done)
              })
            )
        })
        const fibers = yield* Effect.forEach(Array.from({ length: 20 }), () =>
          run(options({ budget: Duration.hours(1), maxWait: Duration.minutes(15) })).pipe(
            Effect.provideService(InferenceClient, inference),
            Effect.provideService(EndpointHolds, holds),
            Effect.forkChild
          )
        )
        yield* TestClock.adjust("12 minutes")
        const ends = yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual([...new Set(ends.map(({ end }) => end._tag))], ["Submitted"])
        // Twenty at first and at last, and one for each wait between.
        assert.isBelow(asked, 70)
      })
  )

  it.effect.each([1, 2, 5, 20])(
    "refuses %i runs at once, which is one refusal: the time that it names holds",
    (count) =>
      Effect.gen(function* () {
        const holds = makeHolds()
        const endpoint = { baseURL: "e", model: "m" }
        let asked = 0
        const request = Effect.suspend(() =>
          asked++ < count ? Effect.delay(later(2000), "50 millis") : Effect.succeed("answer")
        )
        const fibers = yield* Effect.forEach(Array.from({ length: count }), () =>
          Effect.forkChild(holds.ask(endpoint, 1e9, request))
        )
        yield* TestClock.adjust("2100 millis")
        assert.deepStrictEqual(
          fibers.map((fiber) => fiber.pollUnsafe()?._tag === "Success"),
          fibers.map(() => true)
        )
        assert.isAtMost(asked, 2 * count)
      })
  )

  it.effect("is free again when the run that asks is cut short", () =>
    Effect.gen(function* () {
      const holds = makeHolds()
      const endpoint = { baseURL: "e", model: "m" }
      const first = yield* Effect.forkChild(holds.ask(endpoint, 1e9, later(1000)).pipe(Effect.result))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      const probe = yield* Effect.forkChild(holds.ask(endpoint, 1e9, Effect.never))
      yield* TestClock.adjust("1 second")
      const other = yield* Effect.forkChild(holds.ask(endpoint, 1e9, Effect.succeed("answer")))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(other.pollUnsafe())
      yield* Fiber.interrupt(probe)
      assert.strictEqual(yield* Fiber.join(other), "answer")
    })
  )

  it.effect(
    "gives way to the next that the Agent names, and is asked first again once its time has come",
    () =>
      Effect.gen(function* () {
        const asked: Array<string> = []
        const inference = InferenceClient.of({
          complete: ({ endpoint }) =>
            Effect.suspend(() => {
              asked.push(endpoint.model)
              if (asked.length === 1) return later(60_000)
              return Effect.succeed(asked.length === 5 ? done : calls(["echo", '{"text":"a"}']))
            })
        })
        const slowly = { ...echo, call: () => Effect.as(Effect.sleep("25 seconds"), { output: {} }) }
        const fiber = yield* run(
          options({
            endpoints: [
              { baseURL: "e", model: "first" },
              { baseURL: "e", model: "second" }
            ],
            tools: [slowly, submit]
          })
        ).pipe(
          Effect.provideService(InferenceClient, inference),
          Effect.provideService(EndpointHolds, makeHolds()),
          Effect.forkChild
        )
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual((yield* Fiber.join(fiber)).end._tag, "Submitted")
        assert.deepStrictEqual(asked, ["first", "second", "second", "second", "first"])
      })
  )

  it.effect("gives way to the next also while another run finds out whether it is back", () =>
    Effect.gen(function* () {
      const endpoint = { baseURL: "e", model: "first" }
      const holds = makeHolds()
      const held = yield* Effect.forkChild(Effect.result(holds.ask(endpoint, 0, later(1000))))
      yield* Fiber.join(held)
      yield* TestClock.adjust("1 second")
      const probe = yield* Effect.forkChild(holds.ask(endpoint, 1e9, Effect.never))
      yield* TestClock.adjust("1 second")
      const asked: Array<string> = []
      const inference = InferenceClient.of({
        complete: ({ endpoint: { model } }) => Effect.sync(() => (asked.push(model), done))
      })
      const { end } = yield* run(options({ endpoints: [endpoint, { baseURL: "e", model: "second" }] })).pipe(
        Effect.provideService(InferenceClient, inference),
        Effect.provideService(EndpointHolds, holds)
      )
      assert.deepStrictEqual([end._tag, asked], ["Submitted", ["second"]])
      yield* Fiber.interrupt(probe)
    })
  )

  it.effect("that another run is asking is looked at once a second, within the run's patience", () =>
    Effect.gen(function* () {
      const endpoints = [
        { baseURL: "e", model: "first" },
        { baseURL: "e", model: "second" }
      ] as const
      const holds = makeHolds()
      for (const endpoint of endpoints) yield* Effect.result(holds.ask(endpoint, 0, later(1000)))
      yield* TestClock.adjust("1 second")
      for (const endpoint of endpoints) yield* Effect.forkChild(holds.ask(endpoint, 1e9, Effect.never))
      yield* TestClock.adjust("1 second")
      const fiber = yield* run(options({ endpoints: [...endpoints], maxWait: Duration.seconds(10) })).pipe(
        Effect.provideService(InferenceClient, InferenceClient.of({ complete: () => Effect.never })),
        Effect.provideService(EndpointHolds, holds),
        Effect.forkChild
      )
      yield* TestClock.adjust("11 seconds")
      const { end } = yield* Fiber.join(fiber)
      assert.strictEqual(end._tag === "EndpointFailed" ? end.error.reason._tag : end._tag, "EndpointHeld")
    })
  )

  it.effect("like all that the Agent names is waited for until the first of them may be asked", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const inference = InferenceClient.of({
        complete: ({ endpoint: { model } }) =>
          Effect.suspend(() => {
            asked.push(model)
            return asked.length > 2 ? Effect.succeed(done) : later(model === "first" ? 60_000 : 20_000)
          })
      })
      const endpoints = [
        { baseURL: "e", model: "first" },
        { baseURL: "e", model: "second" }
      ] as const
      const fiber = yield* run(options({ endpoints: [...endpoints] })).pipe(
        Effect.provideService(InferenceClient, inference),
        Effect.provideService(EndpointHolds, makeHolds()),
        Effect.forkChild
      )
      yield* TestClock.adjust("21 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).end._tag, "Submitted")
      assert.deepStrictEqual(asked, ["first", "second", "second"])
    })
  )
})
