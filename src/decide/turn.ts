/** What a reply of the model means for the run. Pure; contract §4.2. */
import { Data } from "effect"

import type { ChatReply, ChatTool, ToolCall } from "../../schema/Chat.ts"
import type { Party } from "../../schema/Party.ts"
import { toolReminder } from "../../schema/toolText.ts"

/** Replies in a row that call no tool, by kind, before the run is given up. */
const patience = { prose: 2, reasoning: 4, truncated: 3 } as const

/** Turns at the end of the budget in which only `submit_result` may be called. */
export const finalTurns = 3

/** Replies in a row without a tool call. Any tool call sets all of them to 0. */
export interface Streaks {
  readonly prose: number
  readonly reasoning: number
  readonly truncated: number
}
export const noStreaks: Streaks = { prose: 0, reasoning: 0, truncated: 0 }

export type TurnDecision = Data.TaggedEnum<{
  /** Run the calls, in order. */
  Dispatch: { readonly calls: ReadonlyArray<ToolCall> }
  /** Say this to the model and ask again. */
  Nudge: { readonly text: string; readonly streaks: Streaks; readonly listsTools: boolean }
  /** The model does not use its tools, or may not. `reason` is the contract's word, or ours. */
  GiveUp: { readonly summary: string; readonly reason: string; readonly party: Party }
}>
export const TurnDecision = Data.taggedEnum<TurnDecision>()

const kindOf = (reply: ChatReply): keyof Streaks =>
  reply.finishReason === "length"
    ? "truncated"
    : reply.content.trim() === "" && reply.reasoning.trim() !== ""
      ? "reasoning"
      : "prose"

const nudges = {
  prose:
    "Your reply called no tool. Go on with a tool call; when the work is done, or cannot be done, call submit_result.",
  reasoning: "You have thought, but neither said nor done anything. Make the next tool call now.",
  truncated:
    "Your reply was cut off at the token limit. Think less and make the next tool call, in smaller steps."
} as const

const summaries = {
  prose: "the model kept replying without calling a tool",
  reasoning: "the model kept reasoning without doing anything",
  truncated: "the model's replies kept running into the token limit"
} as const

/** Once, and not of a model that has no room for it. */
const isReminded = (kind: keyof Streaks, count: number, tools: ReadonlyArray<ChatTool>): boolean =>
  kind !== "truncated" && count === 2 && tools.length > 0

/** Of a refusal, for a person. */
const maxWords = 300

/** What a reply means after `streaks`. After the second reply in a row without a call the tools are listed: not every template shows them. */
export const judgeReply = (
  reply: ChatReply,
  streaks: Streaks,
  tools: ReadonlyArray<ChatTool>
): TurnDecision => {
  if (reply.toolCalls.length > 0) return TurnDecision.Dispatch({ calls: reply.toolCalls })
  if (reply.refusal !== undefined) {
    const summary = `the model refused: ${reply.refusal.slice(0, maxWords)}`
    return TurnDecision.GiveUp({ summary, reason: "ModelRefused", party: "model" })
  }
  if (reply.finishReason === "content_filter") {
    const summary = "the endpoint's content filter withheld the model's reply"
    return TurnDecision.GiveUp({ summary, reason: "ContentFiltered", party: "contentFilter" })
  }
  const kind = kindOf(reply)
  const count = streaks[kind] + 1
  if (count > patience[kind]) {
    return TurnDecision.GiveUp({
      summary: summaries[kind],
      reason: "AssistantHallucinatedFinish",
      party: "model"
    })
  }
  const listsTools = isReminded(kind, count, tools)
  return TurnDecision.Nudge({
    text: listsTools ? `${nudges[kind]} ${toolReminder(tools)}` : nudges[kind],
    streaks: { ...streaks, [kind]: count },
    listsTools
  })
}

/** Calls in a row that cannot be read and are told to the model, before the run is given up. */
const maxUnreadable = 3

/**
 * What is said of the `count`th call in a row that cannot be read, first 1, and how much warmer the next request is asked: the same
 * sampling often makes the same mistake. `undefined` gives the run up.
 */
export const unreadable = (
  count: number,
  message: string
): { readonly text: string; readonly warmer: number } | undefined => {
  if (count > maxUnreadable) return undefined
  const advice = [
    "Write the arguments as one JSON object, with quotes and line ends inside of texts escaped.",
    "Do it in a smaller step: fewer lines in a call, or another tool.",
    "This is the last try: make a short call, such as read_file, or call submit_result."
  ]
  return { text: `No tool ran: ${message}. ${advice[count - 1] ?? ""}`, warmer: 0.2 * (count - 1) }
}

/** What a turn may call: everything at first, only the submission when few turns are left. `turn` counts from 1. */
export const isFinalTurn = (turn: number, maxTurns: number): boolean =>
  turn > Math.max(1, maxTurns - finalTurns)
