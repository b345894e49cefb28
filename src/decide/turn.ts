/** What a reply of the model means for the run. Pure; contract §4.2. */
import { Data } from "effect"

import type { ChatReply, ToolCall } from "../../schema/Chat.ts"

/** Replies in a row that call no tool, by kind, before the run is given up. */
const patience = { prose: 2, reasoning: 4, truncated: 3 } as const

/** Turns at the end of the budget in which only `submit_result` is offered. */
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
  Nudge: { readonly text: string; readonly streaks: Streaks }
  /** The model does not use its tools. */
  GiveUp: { readonly summary: string }
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

export const judgeReply = (reply: ChatReply, streaks: Streaks): TurnDecision => {
  if (reply.toolCalls.length > 0) return TurnDecision.Dispatch({ calls: reply.toolCalls })
  const kind = kindOf(reply)
  const count = streaks[kind] + 1
  return count > patience[kind]
    ? TurnDecision.GiveUp({ summary: summaries[kind] })
    : TurnDecision.Nudge({ text: nudges[kind], streaks: { ...streaks, [kind]: count } })
}

/** What a turn may call: everything at first, only the submission when few turns are left. `turn` counts from 1. */
export const isFinalTurn = (turn: number, maxTurns: number): boolean =>
  turn > Math.max(1, maxTurns - finalTurns)
