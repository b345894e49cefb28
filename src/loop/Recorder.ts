/** What a run writes down as it goes on, and what an earlier process of the same run was told and did, which does not happen again. */
import { Effect } from "effect"

import type { ChatReply, ToolCall } from "../../schema/Chat.ts"
import type { InferenceError } from "../services/InferenceClient.ts"
import type { JournalError } from "../services/Journal.ts"
import type { Dispatched } from "./dispatch.ts"

/** A request as the loop makes it. */
export interface Asked {
  readonly turn: number
  /** The JSON texts of all messages; an array that the loop goes on with. */
  readonly messages: ReadonlyArray<string>
  readonly maxTokens: number
  readonly temperature: number | undefined
}

export interface Recorder {
  /** Whether an earlier process came to the end of this turn. */
  readonly isPast: (turn: number) => boolean
  /** What the model is told before this turn, because the run was interrupted there. */
  readonly note: (turn: number) => string | undefined
  /** The answer as it was recorded; else the one that `ask` brings, on disk before anybody acts on it. */
  readonly answer: <R>(
    request: Asked,
    ask: Effect.Effect<ChatReply, InferenceError, R>
  ) => Effect.Effect<ChatReply, InferenceError | JournalError, R>
  /** What the call came to as it was recorded; else what `make` brings. `index` counts the calls of the turn from 0. */
  readonly call: <R>(
    at: { readonly turn: number; readonly index: number },
    call: ToolCall,
    make: Effect.Effect<Dispatched, never, R>
  ) => Effect.Effect<Dispatched, JournalError, R>
  /** The word for the state of the files as it was recorded; else the one that `look` brings. */
  readonly tree: <R>(
    turn: number,
    look: Effect.Effect<string, never, R>
  ) => Effect.Effect<string, JournalError, R>
  /** The turn is complete, and another one follows. */
  readonly turnEnded: (turn: number) => Effect.Effect<void, JournalError>
}

/** A run that nobody goes on with. */
export const unrecorded: Recorder = {
  isPast: () => false,
  note: () => undefined,
  answer: (_request, ask) => ask,
  call: (_at, _call, make) => make,
  tree: (_turn, look) => look,
  turnEnded: () => Effect.void
}
