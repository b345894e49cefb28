/** The turn loop of a model: ask, judge the reply, run the tools, append. It owns its budgets; what it comes to is a value. */
import { Clock, Duration, Effect, Result } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import type { Party } from "../../schema/Party.ts"
import * as Context from "../decide/context.ts"
import * as Stuck from "../decide/stuck.ts"
import { isFinalTurn, judgeReply, noStreaks, TurnDecision, unreadable } from "../decide/turn.ts"
import {
  type ContextOverflow,
  type Endpoint,
  type InferenceClient,
  InferenceError,
  type MalformedToolCall
} from "../services/InferenceClient.ts"
import type { AgentTool, Terminal, ToolContext } from "../tools/AgentTool.ts"
import { ask } from "./ask.ts"
import { withOwnIds } from "./callIds.ts"
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
  /** For an endpoint that is away or says "later", in one piece. */
  readonly maxWait: Duration.Duration
  readonly windowTokens: number
  readonly stuckLimits: Stuck.StuckLimits
  /** A word that changes with the files of the workspace, `clean` at first, empty where it cannot be told; commands edit them, too. */
  readonly treeState?: Effect.Effect<string, never, R>
  readonly onTurn: (turn: TurnReport) => Effect.Effect<void>
}

export interface TurnReport {
  readonly turn: number
  readonly tools: ReadonlyArray<string>
  readonly seconds: number
}

export type LoopEnd =
  | { readonly _tag: "Submitted"; readonly terminal: Terminal }
  | {
      readonly _tag: "ModelMisunderstood"
      readonly summary: string
      readonly reason: string
      readonly party: Party
    }
  | { readonly _tag: "MaxTurnsExhausted" }
  /** The party is the server where it was the model's reply that was waited for. */
  | { readonly _tag: "BudgetExhausted"; readonly party: Party }
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
  /** The files as they were when the run last looked stuck. */
  tree: string
  /** Calls in a row that could not be read. */
  unreadable: number
  /** Added to the temperature of the next request. */
  warmer: number
  /** As far as the server has said, by our own count of tokens. */
  windowTokens: number
  maxTokens: number
  isAsking: boolean
  readonly startedAtMillis: number
  readonly callIds: Set<string>
  readonly transcript: Array<string>
}

/** The state of a workspace in which nothing was changed. */
export const clean = "clean"

/** An assistant message with nothing in it makes servers refuse the whole history. */
const placeholder = "(no reply)"

/** Thoughts go back with the calls that they led to, in the server's own form: some refuse a call without them. */
const assistantEntry = (reply: ChatReply): Context.Entry => {
  const { content, reasoning, reasoningDetails, reasoningField = "reasoning_content", toolCalls } = reply
  const isKept = reasoning !== "" && (toolCalls.length > 0 || content === "")
  return Context.entryOf({
    role: "assistant",
    content: content === "" ? (toolCalls.length > 0 ? null : placeholder) : content,
    ...(isKept && { [reasoningField]: reasoning }),
    ...(reasoningDetails !== undefined && toolCalls.length > 0 && { reasoning_details: reasoningDetails }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls })
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

/** The last message as the harness goes on from it; the transcript has it, too. */
const amend = (progress: Progress, text: string): void => {
  progress.conversation = Context.amendLast(progress.conversation, text)
  progress.transcript.pop()
  progress.transcript.push(progress.conversation.messages.at(-1) ?? "")
}

/** Asks until there is a reply: what the server says of its context is taken up, and the request made smaller. */
const reply = Effect.fnUntraced(function* <R>(
  options: LoopOptions<R>,
  progress: Progress,
  offered: ReadonlyArray<AgentTool<R>>
): Effect.fn.Return<ChatReply, InferenceError, InferenceClient> {
  for (;;) {
    progress.conversation = Context.fit(progress.conversation, progress.windowTokens)
    const now = yield* Clock.currentTimeMillis
    const { temperature } = options
    const request = {
      endpoint: options.endpoint,
      messages: progress.conversation.messages,
      tools: offered,
      turnTimeout: options.turnTimeout,
      maxTokens: progress.maxTokens,
      ...(temperature === undefined ? {} : { temperature: Math.min(2, temperature + progress.warmer) }),
      ...(options.chatTemplateKwargs === undefined ? {} : { chatTemplateKwargs: options.chatTemplateKwargs })
    }
    const giveUpMillis = Math.min(
      now + Duration.toMillis(options.maxWait),
      progress.startedAtMillis + Duration.toMillis(options.budget)
    )
    progress.isAsking = true
    const answer = yield* Effect.result(ask(request, { maxRetries: options.maxRetries, giveUpMillis }))
    progress.isAsking = false
    if (Result.isSuccess(answer)) return answer.success
    const { reason } = answer.failure
    if (reason._tag !== "ContextOverflow" || !shrink(progress, reason)) return yield* answer.failure
  }
})

/** Least tokens of a reply that are of any use. */
const leastReply = 256

/** Makes the next request smaller by what the server said; false when nothing is left to leave out. */
const shrink = (progress: Progress, { promptTokens, windowTokens }: ContextOverflow): boolean => {
  const { conversation, maxTokens } = progress
  // The server's tokens are not ours: its own count of what we sent tells by how much.
  const scale = promptTokens === undefined || promptTokens === 0 ? 1 : conversation.tokens / promptTokens
  if (windowTokens !== undefined) {
    progress.windowTokens = Math.min(progress.windowTokens, Math.floor(windowTokens * Math.min(scale, 1)))
  }
  const share = Math.floor((windowTokens ?? maxTokens * 2) / 4)
  progress.maxTokens = Math.min(maxTokens, Math.max(leastReply, share))
  const goal = Math.min(progress.windowTokens, conversation.tokens * 0.8)
  progress.conversation = Context.compact(conversation, goal)
  return progress.conversation.tokens < conversation.tokens || progress.maxTokens < maxTokens
}

/** A call that cannot be read is answered like any other; the history shows that there was one, in a form that every server reads. */
const tellUnreadable = (progress: Progress, reason: MalformedToolCall): LoopEnd | undefined => {
  const advice = unreadable(++progress.unreadable, reason.message)
  if (advice === undefined) {
    return {
      _tag: "ModelMisunderstood",
      summary: `the model was told, and still: ${reason.message}`.slice(0, 400),
      reason: "MalformedToolCall",
      party: "model"
    }
  }
  progress.warmer = advice.warmer
  if (reason.tool === "") {
    add(progress, [
      Context.entryOf({
        role: "assistant",
        content: reason.content || "(a tool call that could not be read)"
      }),
      Context.entryOf({ role: "user", content: advice.text })
    ])
    return undefined
  }
  const written = JSON.stringify({ unreadable: reason.written.slice(0, 2_000) })
  const calls = withOwnIds(
    [{ id: "", type: "function", function: { name: reason.tool, arguments: written } }],
    progress.callIds
  )
  const content = reason.content === "" ? null : reason.content
  add(progress, [
    Context.entryOf({ role: "assistant", content, tool_calls: calls }),
    Context.entryOf({
      role: "tool",
      tool_call_id: calls[0]?.id ?? "",
      name: reason.tool,
      content: JSON.stringify({ error: advice.text })
    })
  ])
  return undefined
}

/** One turn. Returns the end of the run, or nothing when it goes on. */
const takeTurn = Effect.fn("foreman.agent.turn")(function* <R>(options: LoopOptions<R>, progress: Progress) {
  const startedAt = yield* Clock.currentTimeMillis
  const { turn } = progress
  const offered = offeredIn(options, progress)
  const given = yield* Effect.result(reply(options, progress, offered))
  let tools: ReadonlyArray<string> = []
  let end: LoopEnd | undefined
  if (Result.isFailure(given)) {
    const { reason } = given.failure
    if (reason._tag !== "MalformedToolCall") return yield* given.failure
    end = tellUnreadable(progress, reason)
  } else {
    const answer = { ...given.success, toolCalls: withOwnIds(given.success.toolCalls, progress.callIds) }
    if (answer.toolCalls.length > 0) {
      progress.unreadable = 0
      progress.warmer = 0
    }
    add(progress, [assistantEntry(answer)])
    end = yield* settle(options, progress, answer, offered)
    tools = answer.toolCalls.map((call) => call.function.name)
  }
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
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
    const { party, reason, summary } = decision
    return { _tag: "ModelMisunderstood", summary, reason, party }
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
  if (options.treeState !== undefined && Stuck.doubtsEdits(progress.stuck, options.stuckLimits)) {
    const tree = yield* options.treeState
    if (tree !== "" && tree !== progress.tree) progress.stuck = Stuck.edited(progress.stuck)
    progress.tree = tree
  }
  const verdict = Stuck.judge(
    progress.stuck,
    options.stuckLimits,
    progress.turn,
    progress.conversation.tokens
  )
  if (verdict._tag === "End") return { _tag: "Stuck", signal: verdict.signal, detail: verdict.detail }
  if (verdict._tag === "Nudge") {
    progress.stuck = verdict.state
    amend(progress, verdict.text)
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
    tree: clean,
    unreadable: 0,
    warmer: 0,
    windowTokens: options.windowTokens,
    maxTokens: options.maxTokens,
    isAsking: false,
    startedAtMillis: yield* Clock.currentTimeMillis,
    callIds: new Set(),
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
      orElse: () =>
        Effect.sync((): LoopEnd => ({
          _tag: "BudgetExhausted",
          party: progress.isAsking ? "server" : "model"
        }))
    })
  )
  return { end, turnCount: progress.turn, transcript: progress.transcript }
})
