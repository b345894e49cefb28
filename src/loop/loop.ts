/** The turn loop of a model: ask, judge the reply, run the tools, append. It owns its budgets; what it comes to is a value. */
import { Clock, Effect, Result } from "effect"

import type { Spend } from "../../schema/Budget.ts"
import type { ChatReply, ToolCall } from "../../schema/Chat.ts"
import { actionOf } from "../decide/action.ts"
import * as Context from "../decide/context.ts"
import * as Stuck from "../decide/stuck.ts"
import { isFinalTurn, judgeReply, noStreaks, TurnDecision } from "../decide/turn.ts"
import * as Window from "../decide/window.ts"
import { InferenceClient } from "../services/InferenceClient.ts"
import type { JournalError } from "../services/Journal.ts"
import type { AgentTool } from "../tools/AgentTool.ts"
import * as Budget from "./budget.ts"
import { withOwnIds } from "./callIds.ts"
import { dispatch, type Dispatched, postponed } from "./dispatch.ts"
import { add, amend, clean, type LoopEnd, type LoopOptions, type Progress } from "./Progress.ts"
import { reply } from "./reply.ts"
import { unrecorded } from "./Recorder.ts"
import { tellUnreadable } from "./unreadable.ts"
import { usedTokens, windowOf } from "./window.ts"

export interface LoopReport {
  readonly end: LoopEnd
  readonly turnCount: number
  /** The whole conversation as JSON texts; nothing of it was compacted away. */
  readonly transcript: ReadonlyArray<string>
  /** Of all requests, those without a reply included; `undefined` where there was none. */
  readonly spent: Spend | undefined
}

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

/** What may be called in this turn; the rest is refused when it is called. */
const offeredIn = <R>(options: LoopOptions<R>, progress: Progress): ReadonlyArray<AgentTool<R>> => {
  const submit = options.tools.filter((tool) => tool.name === "submit_result")
  if (submit.length > 0 && isFinalTurn(progress.turn, options.maxTurns)) return submit
  return progress.turn <= progress.stuck.restrictedUntil
    ? options.tools.filter((tool) => !Stuck.searchTools.has(tool.name))
    : options.tools
}

/** One turn. Returns the end of the run, or nothing when it goes on. */
const takeTurn = Effect.fn("foreman.agent.turn")(function* <R>(options: LoopOptions<R>, progress: Progress) {
  const startedAt = yield* Clock.currentTimeMillis
  const { turn } = progress
  const { recorder = unrecorded } = options
  const isPast = recorder.isPast(turn)
  const note = recorder.note(turn)
  if (note !== undefined) amend(progress, note)
  const offered = offeredIn(options, progress)
  const given = yield* Effect.result(reply(options, progress))
  let calls: ReadonlyArray<ToolCall> = []
  let end: LoopEnd | undefined
  const usage = Result.isSuccess(given) ? given.success.usage : undefined
  if (Result.isFailure(given)) {
    if (given.failure._tag === "JournalError") return yield* given.failure
    const { reason } = given.failure
    if (reason._tag !== "MalformedToolCall") return yield* given.failure
    end = tellUnreadable(progress, reason)
  } else {
    const answer = { ...given.success, toolCalls: withOwnIds(given.success.toolCalls, progress.callIds) }
    if (answer.toolCalls.length > 0) {
      progress.unreadable = 0
      progress.warmer = 0
      // It answers in the form that it was told, so its template shows it no tools, and may show it no results.
      if (answer.hasTextCalls === true && progress.areToolsListed) progress.hasToolsAsText = true
    }
    add(progress, [assistantEntry(answer)])
    end = yield* settle(options, progress, answer, offered)
    calls = answer.toolCalls
  }
  const tools = calls.map((call) => call.function.name)
  const now = yield* Clock.currentTimeMillis
  const seconds = (now - startedAt) / 1000
  yield* Effect.annotateCurrentSpan({
    turn,
    tool_calls: tools.length,
    elapsed_ms: Math.round(seconds * 1000),
    terminal: end?._tag === "Submitted"
  })
  const spent = Budget.takeTurn(progress.spending)
  if (!isPast) {
    const last = calls.at(-1)
    const contextTokens = usedTokens(progress)
    const windowTokens = progress.window.tokens
    const action = last && actionOf(last)
    yield* options.onTurn({ turn, tools, action, seconds, usage, spent, contextTokens, windowTokens })
  }
  if (end === undefined) yield* recorder.turnEnded(turn)
  return end
})

/** Acts on the reply: nudge, give up, or run its calls and see whether the run goes in circles. */
const settle = Effect.fnUntraced(function* <R>(
  options: LoopOptions<R>,
  progress: Progress,
  reply: ChatReply,
  offered: ReadonlyArray<AgentTool<R>>
): Effect.fn.Return<LoopEnd | undefined, JournalError, R> {
  const { recorder = unrecorded } = options
  const { turn } = progress
  const decision = judgeReply(reply, progress.streaks, offered)
  if (TurnDecision.$is("GiveUp")(decision)) {
    const { party, reason, summary } = decision
    return { _tag: "ModelMisunderstood", summary, reason, party }
  }
  if (TurnDecision.$is("Nudge")(decision)) {
    progress.streaks = decision.streaks
    progress.areToolsListed ||= decision.listsTools
    add(progress, [Context.entryOf({ role: "user", content: decision.text })])
    return undefined
  }
  progress.streaks = noStreaks
  const toolset = { offered, allowed: options.tools, known: options.knownTools }
  const context = { ...options.toolContext, isLastTurn: turn === options.maxTurns }
  const done: Array<Dispatched> = []
  let spent = 0
  for (const [index, call] of decision.calls.entries()) {
    const { conversation, window } = progress
    const left = Window.resultChars(window, conversation.tokens, spent)
    // The end of the run needs no room in a next request.
    const isEnd = call.function.name === "submit_result"
    const maxResultChars = left ?? (isEnd ? Window.leastResult * 4 : undefined)
    const made =
      maxResultChars === undefined
        ? Effect.succeed(postponed(call))
        : Budget.warned(progress.spending, dispatch(call, toolset, { ...context, maxResultChars }))
    const outcome = yield* recorder.call({ turn, index }, call, made)
    spent += outcome.entry.json.length
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
    const tree = yield* recorder.tree(turn, options.treeState)
    if (tree !== "" && tree !== progress.tree) progress.stuck = Stuck.edited(progress.stuck)
    progress.tree = tree
  }
  const verdict = Stuck.judge(progress.stuck, options.stuckLimits, turn, usedTokens(progress))
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
  const startedAtMillis = yield* Clock.currentTimeMillis
  const spending = Budget.make(options, startedAtMillis)
  const inference = Budget.metered(spending, yield* InferenceClient)
  const progress: Progress = {
    turn: 1,
    conversation: Context.empty(),
    streaks: noStreaks,
    stuck: Stuck.initial,
    tree: clean,
    unreadable: 0,
    warmer: 0,
    window: windowOf(options),
    isAsking: false,
    hasReply: false,
    isAnswered: false,
    isHeld: false,
    spending,
    startedAtMillis,
    areToolsListed: false,
    hasToolsAsText: false,
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
  const end: LoopEnd = yield* Budget.within(spending, turns).pipe(
    Effect.provideService(InferenceClient, inference),
    Effect.catchTags({
      InferenceError: (error) => Effect.succeed<LoopEnd>({ _tag: "EndpointFailed", error }),
      JournalError: (error) => Effect.succeed<LoopEnd>({ _tag: "NotRecorded", error })
    }),
    Effect.timeoutOrElse({
      duration: options.budget,
      orElse: () =>
        Effect.sync((): LoopEnd => ({
          _tag: "BudgetExhausted",
          party: progress.isAsking ? "server" : "model"
        }))
    })
  )
  return { end, turnCount: progress.turn, transcript: progress.transcript, spent: spending.spent }
})
