/** The turn loop of a model: ask, judge the reply, run the tools, append. It owns its budgets; what it comes to is a value. */
import { Clock, Duration, Effect } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import * as Context from "../decide/context.ts"
import * as Stuck from "../decide/stuck.ts"
import { isFinalTurn, judgeReply, noStreaks, TurnDecision } from "../decide/turn.ts"
import type { Endpoint, InferenceClient, InferenceError } from "../services/InferenceClient.ts"
import type { AgentTool, Terminal, ToolContext } from "../tools/AgentTool.ts"
import { ask } from "./ask.ts"
import { dispatch, type Dispatched } from "./dispatch.ts"

export interface LoopOptions<R> {
  readonly endpoint: Endpoint
  readonly systemPrompt: string
  readonly taskPrompt: string
  readonly tools: ReadonlyArray<AgentTool<R>>
  /** Every tool name that Foreman knows, so that a refusal can say which kind it is. */
  readonly knownTools: ReadonlySet<string>
  readonly toolContext: ToolContext
  readonly temperature?: number
  readonly maxTokens: number
  readonly chatTemplateKwargs?: { readonly [key: string]: unknown }
  readonly maxTurns: number
  readonly maxRetries: number
  readonly turnTimeout: Duration.Duration
  /** Wall time of the whole loop, tools included. */
  readonly budget: Duration.Duration
  readonly windowTokens: number
  readonly stuckLimits: Stuck.StuckLimits
  readonly onTurn: (turn: TurnReport) => Effect.Effect<void>
}

export interface TurnReport {
  readonly turn: number
  readonly tools: ReadonlyArray<string>
  readonly seconds: number
}

export type LoopEnd =
  | { readonly _tag: "Submitted"; readonly terminal: Terminal }
  | { readonly _tag: "ModelMisunderstood"; readonly summary: string }
  | { readonly _tag: "MaxTurnsExhausted" }
  | { readonly _tag: "BudgetExhausted" }
  | { readonly _tag: "Stuck"; readonly signal: Stuck.StuckSignal; readonly detail: string }
  | { readonly _tag: "EndpointFailed"; readonly error: InferenceError }

export interface LoopReport {
  readonly end: LoopEnd
  readonly turnCount: number
  /** The whole conversation as JSON texts; nothing of it was compacted away. */
  readonly transcript: ReadonlyArray<string>
}

/** What a run carries from turn to turn. */
interface Progress {
  turn: number
  conversation: Context.Conversation
  streaks: typeof noStreaks
  stuck: Stuck.StuckState
  readonly transcript: Array<string>
}

/** An assistant message with nothing in it makes servers refuse the whole history. */
const placeholder = "(no reply)"

/** Reasoning is kept only where it is all there is: elsewhere it would fill the context with thoughts already acted on. */
const assistantEntry = (reply: ChatReply): Context.Entry => {
  const isThoughtOnly = reply.toolCalls.length === 0 && reply.reasoning !== ""
  const content = reply.content === "" && reply.toolCalls.length === 0 ? placeholder : reply.content
  return Context.entryOf({
    role: "assistant",
    ...(content === "" ? {} : { content }),
    ...(isThoughtOnly ? { reasoning_content: reply.reasoning } : {}),
    ...(reply.toolCalls.length === 0 ? {} : { tool_calls: reply.toolCalls })
  })
}

const offeredIn = <R>(options: LoopOptions<R>, progress: Progress): ReadonlyArray<AgentTool<R>> => {
  const submit = options.tools.filter((tool) => tool.name === "submit_result")
  if (submit.length > 0 && isFinalTurn(progress.turn, options.maxTurns)) return submit
  return progress.turn <= progress.stuck.restrictedUntil
    ? options.tools.filter((tool) => !Stuck.searchTools.has(tool.name))
    : options.tools
}

const add = (progress: Progress, entries: ReadonlyArray<Context.Entry>): void => {
  progress.conversation = Context.append(progress.conversation, entries)
  for (const entry of entries) progress.transcript.push(entry.json)
}

/** One turn. Returns the end of the run, or nothing when it goes on. */
const takeTurn = Effect.fn("foreman.agent.turn")(function* <R>(options: LoopOptions<R>, progress: Progress) {
  const startedAt = yield* Clock.currentTimeMillis
  const { turn } = progress
  const offered = offeredIn(options, progress)
  progress.conversation = Context.fit(progress.conversation, options.windowTokens)
  const reply = yield* ask(
    {
      endpoint: options.endpoint,
      messages: progress.conversation.messages,
      tools: offered,
      turnTimeout: options.turnTimeout,
      maxTokens: options.maxTokens,
      ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
      ...(options.chatTemplateKwargs === undefined ? {} : { chatTemplateKwargs: options.chatTemplateKwargs })
    },
    options.maxRetries
  )
  add(progress, [assistantEntry(reply)])
  const end = yield* settle(options, progress, reply, offered)
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  const tools = reply.toolCalls.map((call) => call.function.name)
  yield* Effect.annotateCurrentSpan({
    turn,
    tool_calls: tools.length,
    elapsed_ms: Math.round(seconds * 1000),
    terminal: end?._tag === "Submitted"
  })
  yield* options.onTurn({ turn, tools, seconds })
  return end
})

/** Acts on the reply: nudge, give up, or run its calls and see whether the run goes in circles. */
const settle = Effect.fnUntraced(function* <R>(
  options: LoopOptions<R>,
  progress: Progress,
  reply: ChatReply,
  offered: ReadonlyArray<AgentTool<R>>
): Effect.fn.Return<LoopEnd | undefined, never, R> {
  const decision = judgeReply(reply, progress.streaks)
  if (TurnDecision.$is("GiveUp")(decision)) {
    return { _tag: "ModelMisunderstood", summary: decision.summary }
  }
  if (TurnDecision.$is("Nudge")(decision)) {
    progress.streaks = decision.streaks
    add(progress, [Context.entryOf({ role: "user", content: decision.text })])
    return undefined
  }
  progress.streaks = noStreaks
  const toolset = { offered, allowed: options.tools, known: options.knownTools }
  const context = { ...options.toolContext, isLastTurn: progress.turn === options.maxTurns }
  const done: Array<Dispatched> = []
  for (const call of decision.calls) {
    const outcome = yield* dispatch(call, toolset, context)
    // Appended one by one, so that a run that is cut short keeps the results it has.
    add(progress, [outcome.entry])
    done.push(outcome)
    // What comes after the submission was not looked at before it was accepted.
    if (outcome.terminal !== undefined) break
  }
  const terminal = done.at(-1)?.terminal
  if (terminal !== undefined) return { _tag: "Submitted", terminal }

  progress.stuck = Stuck.observe(progress.stuck, done)
  const verdict = Stuck.judge(
    progress.stuck,
    options.stuckLimits,
    progress.turn,
    progress.conversation.tokens
  )
  if (verdict._tag === "End") return { _tag: "Stuck", signal: verdict.signal, detail: verdict.detail }
  if (verdict._tag === "Nudge") {
    progress.stuck = verdict.state
    add(progress, [Context.entryOf({ role: "user", content: verdict.text })])
  }
  return undefined
})

/** Runs to an end. Interruption is the caller's; every other way to end is in the report. */
export const run = Effect.fn("loop.run")(function* <R>(
  options: LoopOptions<R>
): Effect.fn.Return<LoopReport, never, R | InferenceClient> {
  const progress: Progress = {
    turn: 1,
    conversation: Context.empty(),
    streaks: noStreaks,
    stuck: Stuck.initial,
    transcript: []
  }
  add(progress, [
    Context.entryOf({ role: "system", content: options.systemPrompt }),
    Context.entryOf({ role: "user", content: options.taskPrompt })
  ])

  const turns = Effect.gen(function* () {
    while (progress.turn <= options.maxTurns) {
      const end = yield* takeTurn(options, progress)
      if (end !== undefined) return end
      progress.turn++
    }
    progress.turn = options.maxTurns
    return { _tag: "MaxTurnsExhausted" } satisfies LoopEnd
  })
  const end: LoopEnd = yield* turns.pipe(
    Effect.catchTag("InferenceError", (error) => Effect.succeed<LoopEnd>({ _tag: "EndpointFailed", error })),
    Effect.timeoutOrElse({
      duration: options.budget,
      orElse: () => Effect.succeed<LoopEnd>({ _tag: "BudgetExhausted" })
    })
  )
  return { end, turnCount: progress.turn, transcript: progress.transcript }
})
