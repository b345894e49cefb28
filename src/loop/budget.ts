/**
 * What a run uses, request by request, and the limits that end it: before a request that does not fit, or within one. Every request of
 * the loop goes through here, retries and fallbacks included, so that none is uncounted.
 */
import { Clock, Deferred, Duration, Effect, Exit, Option } from "effect"

import type { Prices, Spend } from "../../schema/Budget.ts"
import type { ChatReply, ChatTool } from "../../schema/Chat.ts"
import type { Usage } from "../../schema/Usage.ts"
import { type Entry, tokensOf } from "../decide/context.ts"
import { type Bound, hitOf, type LimitHit, roomFor, tightestWall } from "../decide/limits.ts"
import { limitWarning } from "../decide/limitWarning.ts"
import { addSpend, noSpend, spendOf } from "../decide/spend.ts"
import {
  type ChatRequest,
  type Endpoint,
  type InferenceClient,
  InferenceError
} from "../services/InferenceClient.ts"
import type { Dispatched } from "./dispatch.ts"
import * as Metrics from "./metrics.ts"

export interface Spending {
  readonly bounds: ReadonlyArray<Bound>
  readonly startedAtMillis: number
  /** Runs after each request that cost something, also after one that was cut short, with what it used. */
  readonly onSpent: (spend: Spend) => Effect.Effect<void>
  /** Done when a limit ends the run. */
  readonly hit: Deferred.Deferred<LimitHit>
  /** Of all requests so far; `undefined` while there was none. */
  spent: Spend | undefined
  /** The part of it since the turn began. */
  turn: Spend | undefined
  isWarned: boolean
  /** What the last request used. */
  last: Spend
  /** Prices of the endpoint that answered last. */
  prices: Prices | undefined
  /** Tokens of a request as the server counts them, for one of ours. */
  scale: number
  /** Of the last request, what a cache had. */
  cachedTokens: number
}

export const make = (
  options: Partial<Pick<Spending, "bounds" | "onSpent">> & { readonly before?: Spend | undefined },
  startedAtMillis: number
): Spending => ({
  bounds: options.bounds ?? [],
  onSpent: options.onSpent ?? (() => Effect.void),
  startedAtMillis,
  hit: Deferred.makeUnsafe(),
  spent: options.before,
  turn: undefined,
  isWarned: false,
  last: noSpend,
  prices: undefined,
  scale: 1,
  cachedTokens: 0
})

/** What the run used so far, its wall time included. */
const spentAt = ({ spent = noSpend, startedAtMillis }: Spending, nowMillis: number): Spend => ({
  ...spent,
  // Of requests no wall time is counted: what is there is that of an earlier process.
  wallSeconds: (spent.wallSeconds ?? 0) + (nowMillis - startedAtMillis) / 1000
})

const toolTokens = new WeakMap<ReadonlyArray<ChatTool>, number>()
const tokensOfTools = (tools: ReadonlyArray<ChatTool>): number => {
  const known = toolTokens.get(tools)
  if (known !== undefined) return known
  const shown = tools.map(({ description, name, parameters }) => ({ name, description, parameters }))
  const tokens = tools.length === 0 ? 0 : tokensOf(JSON.stringify(shown))
  toolTokens.set(tools, tokens)
  return tokens
}

/** Our own count of a request's tokens. */
const ownCount = ({ messages, tools }: ChatRequest): number =>
  messages.reduce((sum, message) => sum + tokensOf(message), tokensOfTools(tools))

const ownCountOf = ({ content, reasoning, toolCalls }: ChatReply): number =>
  tokensOf(`${content}${reasoning}${toolCalls.map((call) => JSON.stringify(call.function)).join("")}`)

/** The server's figures, and ours for what it does not count. A request is never empty, so that 0 is no figure. */
const complete = (said: Usage | undefined, input: number, output: number) => {
  const usage = {
    inputTokens: said?.inputTokens || input,
    outputTokens: said?.outputTokens || output,
    cachedTokens: said?.cachedTokens ?? 0,
    reasoningTokens: said?.reasoningTokens ?? 0
  }
  const isEstimated = !(said?.inputTokens && (said.outputTokens || output === 0))
  return { usage, isEstimated }
}

/** Failures after which the server has worked; the others are refusals, which cost nothing. */
const workedFor: ReadonlySet<InferenceError["reason"]["_tag"]> = new Set([
  "MalformedReply",
  "MalformedToolCall",
  "ReplyStalled"
])

/** What a request came to: the server's figures, and our own count of the reply. */
export interface Reckoned {
  readonly usage: Usage | undefined
  readonly ownOutput: number
}

type Answer = Exit.Exit<Option.Option<Reckoned>, InferenceError>

/** What a request came to, in tokens, `own` our count of it; `undefined` when it cost nothing. */
const used = (spending: Spending, own: number, answer: Answer) => {
  const input = Math.ceil(own * spending.scale)
  if (Exit.isSuccess(answer) && Option.isSome(answer.value)) {
    const { ownOutput, usage } = answer.value.value
    if (usage !== undefined && usage.inputTokens > 0 && own > 0) spending.scale = usage.inputTokens / own
    spending.cachedTokens = usage?.cachedTokens ?? 0
    return complete(usage, input, ownOutput)
  }
  const error = Option.getOrUndefined(Exit.findErrorOption(answer))
  if (error === undefined) return complete(undefined, input, 0)
  if (!workedFor.has(error.reason._tag)) return undefined
  const { content, written } =
    error.reason._tag === "MalformedToolCall" ? error.reason : { content: "", written: "" }
  return complete(undefined, input, tokensOf(`${content}${written}`))
}

const record = Effect.fnUntraced(function* (
  spending: Spending,
  { endpoint, ownInput }: Asked,
  startedAtMillis: number,
  answer: Answer
) {
  const found = used(spending, ownInput, answer)
  if (found === undefined) return
  const seconds = ((yield* Clock.currentTimeMillis) - startedAtMillis) / 1000
  spending.prices = endpoint.prices
  const spend = spendOf(found.usage, seconds, endpoint.prices, found.isEstimated)
  spending.last = spend
  spending.spent = addSpend(spending.spent ?? noSpend, spend)
  spending.turn = addSpend(spending.turn ?? noSpend, spend)
  yield* Metrics.record(endpoint.model, spend)
  yield* Effect.annotateCurrentSpan({
    "gen_ai.usage.input_tokens": spend.inputTokens,
    "gen_ai.usage.output_tokens": spend.outputTokens
  })
  yield* spending.onSpent(spend)
})

/** The run ends here; the turn is cut short by whoever waits for `hit`. */
const end = (spending: Spending, hit: LimitHit) =>
  Effect.andThen(Deferred.succeed(spending.hit, hit), Effect.never)

/** A request before it is made. */
export interface Asked {
  readonly endpoint: Endpoint
  /** Our own count of its tokens. */
  readonly ownInput: number
  /** The most tokens of its reply; `undefined` where nobody said one. */
  readonly maxTokens: number | undefined
}

/** One request, counted and kept within the limits: `send` is told the most tokens of its reply. */
export const counted = Effect.fnUntraced(function* <A, R>(
  spending: Spending,
  asked: Asked,
  send: (maxTokens: number | undefined) => Effect.Effect<A, InferenceError, R>,
  reckon: (answer: A) => Reckoned
): Effect.fn.Return<A, InferenceError, R> {
  const now = yield* Clock.currentTimeMillis
  const { model, prices } = asked.endpoint
  const inputTokens = Math.ceil(asked.ownInput * spending.scale)
  const ahead = { inputTokens, cachedTokens: spending.cachedTokens, maxTokens: asked.maxTokens }
  const spent = spentAt(spending, now)
  const room = roomFor(spending.bounds, ({ before }) => addSpend(before, spent), ahead, prices)
  if ("limit" in room) return yield* end(spending, room)
  const { cutBy, maxTokens, millis } = room
  const sent = send(maxTokens)
  const answer = yield* (
    Number.isFinite(millis) ? Effect.timeoutOption(sent, Duration.millis(millis)) : Effect.asSome(sent)
  ).pipe(
    Effect.onExit((exit) => record(spending, asked, now, Exit.map(exit, Option.map(reckon)))),
    Effect.withSpan(`chat ${model}`, {
      kind: "client",
      attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": model }
    })
  )
  if (Option.isSome(answer)) return answer.value
  if (cutBy === undefined) return yield* Effect.never
  const after = spentAt(spending, yield* Clock.currentTimeMillis)
  const { bound, limit } = cutBy
  return yield* end(spending, hitOf(limit, bound, addSpend(bound.before, after), prices))
})

/** The client, with each request counted and kept within the limits. */
export const metered = (
  spending: Spending,
  inference: InferenceClient["Service"]
): InferenceClient["Service"] => ({
  complete: (request) => {
    const { endpoint, maxTokens } = request
    return counted(
      spending,
      { endpoint, ownInput: ownCount(request), maxTokens },
      (most) =>
        inference.complete(
          most === undefined || most === maxTokens ? request : { ...request, maxTokens: most }
        ),
      (reply) => ({ usage: reply.usage, ownOutput: ownCountOf(reply) })
    )
  }
})

/** Ends when the wall time of the tightest limit is over; never where there is none. */
const wallTime = Effect.fnUntraced(function* (spending: Spending) {
  const tightest = tightestWall(spending.bounds)
  if (tightest === undefined) return yield* Effect.never
  const millis = tightest.millis - (spending.spent?.wallSeconds ?? 0) * 1000
  const now = yield* Clock.currentTimeMillis
  yield* Effect.sleep(Duration.millis(Math.max(spending.startedAtMillis + millis - now, 0)))
  const spent = spentAt(spending, yield* Clock.currentTimeMillis)
  return hitOf("wallSeconds", tightest.bound, addSpend(tightest.bound.before, spent), undefined)
})

/** The turns, cut short as soon as a limit is reached. */
export const within = <A, E, R>(spending: Spending, turns: Effect.Effect<A, E, R>) =>
  spending.bounds.length === 0
    ? turns
    : Effect.raceFirst(
        turns,
        Effect.map(Effect.raceFirst(Deferred.await(spending.hit), wallTime(spending)), (hit) => ({
          _tag: "LimitReached" as const,
          hit
        }))
      )

/** What to tell the model of limits that come near; once in a process of a run. */
const warning = (spending: Spending, nowMillis: number): string | undefined => {
  if (spending.isWarned || spending.bounds.length === 0) return undefined
  const spent = spentAt(spending, nowMillis)
  const { bounds, last, prices } = spending
  const text = limitWarning(bounds, ({ before }) => addSpend(before, spent), last, prices)
  spending.isWarned = text !== undefined
  return text
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** A field more in what a tool came to, so that whoever reads a recorded result reads the same. */
const noted = (entry: Entry, text: string): Entry => {
  const message: { readonly content?: unknown } = JSON.parse(entry.json)
  const output = Option.getOrUndefined(parseJson(String(message.content)))
  if (typeof output !== "object" || output === null || Array.isArray(output)) return entry
  const content = JSON.stringify({ ...output, note: text })
  return { role: entry.role, json: JSON.stringify({ ...message, content }) }
}

/** The call, with a word to the model in its result where a limit comes near. */
export const warned = <E, R>(spending: Spending, call: Effect.Effect<Dispatched, E, R>) =>
  Effect.flatMap(call, (done) =>
    Effect.map(Clock.currentTimeMillis, (now): Dispatched => {
      const text = done.terminal === undefined ? warning(spending, now) : undefined
      return text === undefined ? done : { ...done, entry: noted(done.entry, text) }
    })
  )

/** What was used since the last call; a turn's part when it is called once a turn. */
export const takeTurn = (spending: Spending): Spend | undefined => {
  const { turn } = spending
  spending.turn = undefined
  return turn
}
