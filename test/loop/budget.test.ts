import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"

import type { Limits, Prices, Spend } from "../../schema/Budget.ts"
import type { ChatReply } from "../../schema/Chat.ts"
import { boundsOf } from "../../src/decide/limits.ts"
import { noSpend, sumOf } from "../../src/decide/spend.ts"
import { limitsOf } from "../../src/decide/stuck.ts"
import { EndpointHolds, make as makeHolds } from "../../src/loop/EndpointHolds.ts"
import { run } from "../../src/loop/loop.ts"
import type { LoopOptions } from "../../src/loop/Progress.ts"
import {
  type ChatRequest,
  InferenceClient,
  InferenceError,
  MalformedReply,
  RequestRejected
} from "../../src/services/InferenceClient.ts"
import { make } from "../../src/tools/AgentTool.ts"

const reply = (name: string, more: Partial<ChatReply> = {}): ChatReply => ({
  content: "",
  reasoning: "",
  toolCalls: [{ id: "", type: "function", function: { name, arguments: '{"text":"x"}' } }],
  finishReason: "tool_calls",
  usage: { inputTokens: 100, outputTokens: 20, cachedTokens: 0, reasoningTokens: 0 },
  ...more
})
const text = Schema.Struct({ text: Schema.String })
const work = (effect: Effect.Effect<void> = Effect.void) =>
  make({
    name: "work",
    description: "works on what the text says",
    parameters: text,
    run: () => Effect.as(effect, { output: {} })
  })
const submit = make({
  name: "submit_result",
  description: "ends the run with what the text says",
  parameters: text,
  run: () => Effect.succeed({ output: {}, terminal: { verdict: "GO" as const, summary: "done", extra: {} } })
})

interface World {
  readonly limits?: Limits
  readonly before?: Spend
  readonly prices?: Prices
  readonly more?: Partial<LoopOptions<never>>
  /** Answers the nth request, first 0. */
  readonly answer?: (nth: number, request: ChatRequest) => Effect.Effect<ChatReply, InferenceError>
}

const play = Effect.fnUntraced(function* (world: World) {
  const requests: Array<ChatRequest> = []
  const turns: Array<Spend | undefined> = []
  const events: Array<Spend> = []
  const { answer = () => Effect.succeed(reply("work")), before, limits, more, prices } = world
  const report = yield* run({
    endpoints: [{ baseURL: "e", model: "m", ...(prices !== undefined && { prices }) }],
    systemPrompt: "system",
    taskPrompt: "task",
    tools: [work(), submit],
    knownTools: new Set(["work", "submit_result"]),
    toolContext: { task: { name: "t" }, bashTimeout: Duration.seconds(1) },
    maxTokens: 8192,
    maxTurns: 100,
    maxRetries: 3,
    turnTimeout: Duration.seconds(10),
    budget: Duration.minutes(10),
    maxWait: Duration.minutes(5),
    windowTokens: 32_768,
    stuckLimits: limitsOf({ repeatedToolThreshold: 0 }, false),
    bounds: boundsOf([{ of: "the task", limits, before }]),
    onTurn: ({ spent }) => Effect.sync(() => void turns.push(spent)),
    onSpent: (spend) => Effect.sync(() => void events.push(spend)),
    ...more
  }).pipe(
    Effect.provideService(InferenceClient, {
      complete: (request) => {
        requests.push({ ...request, messages: [...request.messages] })
        return answer(requests.length - 1, request)
      }
    }),
    Effect.provideService(EndpointHolds, makeHolds())
  )
  return { ...report, requests, turns, events }
})

/** As `play`, while time goes on. */
const playFor = (duration: Duration.Input, world: World) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(play(world))
    yield* TestClock.adjust(duration)
    return yield* Fiber.join(fiber)
  })

const hitOf = (end: { readonly _tag: string; readonly hit?: { readonly message: string } }) => {
  assert.strictEqual(end._tag, "LimitReached")
  return end.hit?.message
}

const eur = { currency: "EUR", input: "1", output: "1" }
const after = (seconds: number) => () =>
  Effect.delay(Effect.succeed(reply("work")), Duration.seconds(seconds))

describe("a limit ends the run", () => {
  it.effect("of tokens: before the request that does not fit, with what was done", () =>
    Effect.gen(function* () {
      const { end, requests, spent, turnCount } = yield* play({ limits: { tokens: 1000 } })
      const used = 120 * requests.length
      assert.include(
        hitOf(end),
        `limits.tokens of the task is reached: ${used} of 1000 tokens used, and the next`
      )
      assert.isAbove(requests.length, 4)
      assert.isAtMost(used, 1000)
      assert.strictEqual(turnCount, requests.length + 1)
      assert.strictEqual((spent?.inputTokens ?? 0) + (spent?.outputTokens ?? 0), used)
    })
  )

  it.effect("of output tokens: the next reply may have only what is left", () =>
    Effect.gen(function* () {
      const { end, requests } = yield* play({ limits: { outputTokens: 50 } })
      assert.deepStrictEqual(
        requests.map(({ maxTokens }) => maxTokens),
        [50, 30]
      )
      assert.include(hitOf(end), "40 of 50 output tokens used")
    })
  )

  it.effect("of money: what is left pays the request first, then the reply", () =>
    Effect.gen(function* () {
      const { end, requests, spent } = yield* play({ limits: { cost: "0.0004" }, prices: eur })
      // 400 tokens of either kind at one price: 100 + 20 go, then at least 100 and at most 180 fit.
      assert.strictEqual(requests.length, 2)
      assert.isAtMost(requests[1]?.maxTokens ?? 0, 180)
      assert.isAbove(requests[1]?.maxTokens ?? 0, 16)
      assert.deepStrictEqual(spent?.cost, { EUR: "0.00024" })
      assert.include(hitOf(end), "limits.cost of the task is reached: 0.00024 EUR of 0.0004 EUR used")
    })
  )

  it.effect("a submission in the last reply that was paid for still counts", () =>
    Effect.gen(function* () {
      const { end } = yield* play({
        limits: { tokens: 400 },
        answer: (nth) =>
          Effect.succeed(
            nth === 0
              ? reply("work")
              : reply("submit_result", {
                  usage: { inputTokens: 110, outputTokens: 500, cachedTokens: 0, reasoningTokens: 0 }
                })
          )
      })
      assert.strictEqual(end._tag, "Submitted")
    })
  )

  it.effect("of the model's seconds: within the request", () =>
    Effect.gen(function* () {
      const { end, requests, spent } = yield* playFor("20 seconds", {
        limits: { modelSeconds: 7 },
        answer: after(3)
      })
      assert.strictEqual(requests.length, 3)
      assert.include(hitOf(end), "7 of 7 seconds of the model used")
      assert.strictEqual(spent?.modelSeconds, 7)
      assert.isTrue(spent?.isEstimated, "the request that was cut has no figures")
    })
  )

  it.effect("of wall time: within a tool, whose time is no model's", () =>
    Effect.gen(function* () {
      const { end, spent } = yield* playFor("20 seconds", {
        limits: { wallSeconds: 9 },
        answer: after(2),
        more: { tools: [work(Effect.sleep("60 seconds")), submit] }
      })
      assert.include(
        hitOf(end),
        "limits.wallSeconds of the task is reached: 9 of 9 seconds of wall time used"
      )
      assert.strictEqual(spent?.modelSeconds, 2)
    })
  )

  it.effect("of wall time, with that of an earlier process of the run", () =>
    Effect.gen(function* () {
      const before = { ...noSpend, inputTokens: 50, wallSeconds: 5 }
      const { end, spent } = yield* playFor("20 seconds", {
        limits: { wallSeconds: 9 },
        answer: after(2),
        more: { before, tools: [work(Effect.sleep("60 seconds")), submit] }
      })
      assert.include(hitOf(end), "9 of 9 seconds of wall time used")
      assert.deepStrictEqual([spent?.inputTokens, spent?.modelSeconds], [150, 2])
    })
  )

  it.effect("of money for own hardware: within the request", () =>
    Effect.gen(function* () {
      const prices = { currency: "EUR", hardwarePerHour: "36" }
      const { end, spent } = yield* playFor("20 seconds", {
        limits: { cost: "0.05" },
        prices,
        answer: after(9)
      })
      assert.include(hitOf(end), "limits.cost of the task is reached")
      assert.deepStrictEqual([spent?.modelSeconds, spent?.cost], [5, { EUR: "0.05" }])
    })
  )

  it.effect("that comes near is told to the model, once, at the end of what it reads next", () =>
    Effect.gen(function* () {
      const { end, requests } = yield* play({
        limits: { tokens: 1000 },
        answer: (nth) => Effect.succeed(reply(nth < 7 ? "work" : "submit_result"))
      })
      assert.strictEqual(end._tag, "Submitted")
      const [seventh = [], eighth = []] = requests.slice(6).map(({ messages }) => messages)
      assert.notInclude(seventh.join(""), "is used up")
      assert.include(eighth.at(-1) ?? "", "84 % of what this work may use is used up, by limits.tokens")
      assert.strictEqual(eighth.join("").split("is used up").length, 2)
      assert.deepStrictEqual(eighth.slice(0, seventh.length), seventh)
    })
  )

  it.effect("is told also where few large requests use it up", () =>
    Effect.gen(function* () {
      const large = { inputTokens: 100, outputTokens: 500, cachedTokens: 0, reasoningTokens: 0 }
      const { end, requests } = yield* play({
        limits: { tokens: 2000 },
        answer: (nth) => Effect.succeed(reply(nth < 2 ? "work" : "submit_result", { usage: large }))
      })
      assert.strictEqual(end._tag, "Submitted")
      assert.deepStrictEqual(
        requests.map(({ messages }) => (messages.at(-1) ?? "").includes("60 % of what this work may use")),
        [false, false, true]
      )
    })
  )

  it.effect("what earlier runs of the task used counts", () =>
    Effect.gen(function* () {
      const before = { ...noSpend, inputTokens: 300 }
      const { end, requests } = yield* play({ limits: { tokens: 500 }, before })
      assert.strictEqual(requests.length, 1)
      assert.include(hitOf(end), "420 of 500 tokens used")
    })
  )

  it.effect("a request that alone is too large is not made", () =>
    Effect.gen(function* () {
      const { end, requests, spent } = yield* play({
        limits: { tokens: 200 },
        more: { systemPrompt: "x".repeat(4000) }
      })
      assert.strictEqual(requests.length, 0)
      assert.isUndefined(spent)
      assert.match(hitOf(end) ?? "", /0 of 200 tokens used, and the next request of about 1\d\d\d tokens/u)
    })
  )

  it.effect("a retry is asked within what is left, too", () =>
    Effect.gen(function* () {
      const { end, requests, spent } = yield* playFor("10 seconds", {
        limits: { tokens: 300 },
        answer: () =>
          Effect.fail(
            new InferenceError({
              endpoint: "e",
              reason: new MalformedReply({ message: "cut", party: "server" })
            })
          )
      })
      assert.strictEqual(hitOf(end) === undefined, false)
      assert.isBelow(requests.length, 4)
      assert.isTrue(spent?.isEstimated)
    })
  )
})

describe("what is counted", () => {
  it.effect("without figures of the server the estimate counts against a limit, and is said", () =>
    Effect.gen(function* () {
      const { end, requests, spent } = yield* play({
        limits: { tokens: 1000 },
        answer: () => Effect.succeed(reply("work", { usage: undefined }))
      })
      assert.include(hitOf(end), "about ")
      assert.isAbove(requests.length, 1)
      assert.isTrue(spent?.isEstimated)
      assert.isAtMost((spent?.inputTokens ?? 0) + (spent?.outputTokens ?? 0), 1000)
    })
  )

  it.effect("a price that is not known is said, and takes nothing from limits of tokens", () =>
    Effect.gen(function* () {
      const { end, spent } = yield* play({ limits: { tokens: 500 } })
      hitOf(end)
      assert.isUndefined(spent?.cost)
      assert.isTrue(spent?.isCostPartial)
    })
  )

  it.effect("the turns are the run, and so are the requests", () =>
    Effect.gen(function* () {
      const { events, spent, turns } = yield* play({
        prices: eur,
        answer: (nth) => Effect.succeed(reply(nth < 5 ? "work" : "submit_result"))
      })
      assert.strictEqual(turns.length, 6)
      assert.deepStrictEqual(sumOf(turns), spent)
      assert.deepStrictEqual(sumOf(events), spent)
      assert.deepStrictEqual(spent?.cost, { EUR: "0.00072" })
    })
  )

  it.effect("a request that the server refused cost nothing", () =>
    Effect.gen(function* () {
      const { end, spent } = yield* play({
        answer: () =>
          Effect.fail(
            new InferenceError({
              endpoint: "e",
              reason: new RequestRejected({ message: "400", party: "server", status: 400, body: "" })
            })
          )
      })
      assert.strictEqual(end._tag, "EndpointFailed")
      assert.isUndefined(spent)
    })
  )

  it.effect("a run that is interrupted says what its last request used so far", () =>
    Effect.gen(function* () {
      const events: Array<Spend> = []
      const fiber = yield* Effect.forkChild(
        play({
          answer: after(60),
          more: { onSpent: (spend) => Effect.sync(() => void events.push(spend)) }
        })
      )
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        events.map(({ isEstimated, modelSeconds }) => [modelSeconds, isEstimated]),
        [[5, true]]
      )
    })
  )
})
