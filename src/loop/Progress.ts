/** What a run is given, what it carries from turn to turn, and what it can come to. */
import type { Duration, Effect } from "effect"

import type { Spend } from "../../schema/Budget.ts"
import type { Party } from "../../schema/Party.ts"
import type { Usage } from "../../schema/Usage.ts"
import * as Context from "../decide/context.ts"
import type { Bound, LimitHit } from "../decide/limits.ts"
import type { StuckLimits, StuckSignal, StuckState } from "../decide/stuck.ts"
import type { Streaks } from "../decide/turn.ts"
import type * as Window from "../decide/window.ts"
import type { Endpoint, EndpointHeld, InferenceError } from "../services/InferenceClient.ts"
import type { JournalError } from "../services/Journal.ts"
import type { AgentTool, Terminal, ToolContext } from "../tools/AgentTool.ts"
import type { Recorder } from "./Recorder.ts"
import type { Spending } from "./budget.ts"

export interface LoopOptions<R> {
  /** In the order in which they are asked: one after another while those before it are away or say later. */
  readonly endpoints: readonly [Endpoint, ...Array<Endpoint>]
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
  /** The same before the first reply; `maxWait` when absent. */
  readonly firstWait?: Duration.Duration
  /** Runs before each wait for endpoints that are held, with the one whose time comes first. */
  readonly onHeld?: (held: EndpointHeld) => Effect.Effect<void>
  /** Runs after the first reply, and after the first that follows a wait. */
  readonly onAnswered?: Effect.Effect<void>
  /** Of the model's context, and who said so; nobody when absent. */
  readonly windowTokens: number
  readonly windowFrom?: Window.WindowSource
  /** What the run may use; it ends where one of them is reached. */
  readonly bounds?: ReadonlyArray<Bound>
  /** What earlier processes of the run used, as far as nobody counted it yet. */
  readonly before?: Spend | undefined
  /** Runs after each request that cost something, with what it used. */
  readonly onSpent?: (spend: Spend) => Effect.Effect<void>
  readonly stuckLimits: StuckLimits
  /** A word that changes with the files of the workspace, `clean` at first, empty where it cannot be told; commands edit them, too. */
  readonly treeState?: Effect.Effect<string, never, R>
  /** Runs after each turn that happens now; what an earlier process did is not told again. */
  readonly onTurn: (turn: TurnReport) => Effect.Effect<void>
  /** Of a run that another process may go on with. */
  readonly recorder?: Recorder
}

export interface TurnReport {
  readonly turn: number
  readonly tools: ReadonlyArray<string>
  /** The last call, in one short line; absent where there was none. */
  readonly action: string | undefined
  readonly seconds: number
  /** Absent where the endpoint does not say, or there was no reply. */
  readonly usage?: Usage | undefined
  /** Of all requests of the turn, what the endpoint did not count estimated. */
  readonly spent: Spend | undefined
  /** Of the next prompt, and of what the model's context holds. */
  readonly contextTokens: number
  readonly windowTokens: number
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
  | { readonly _tag: "LimitReached"; readonly hit: LimitHit }
  | { readonly _tag: "Stuck"; readonly signal: StuckSignal; readonly detail: string }
  | { readonly _tag: "EndpointFailed"; readonly error: InferenceError }
  /** Another coding agent failed at its own part. */
  | {
      readonly _tag: "AgentFailed"
      readonly summary: string
      readonly reason: string
      readonly party: Party
    }
  /** The run can be recorded no further: it would be lost with this process. */
  | { readonly _tag: "NotRecorded"; readonly error: JournalError }

/** What a run carries from turn to turn. */
export interface Progress {
  turn: number
  conversation: Context.Conversation
  streaks: Streaks
  stuck: StuckState
  /** The files as they were when the run last looked stuck. */
  tree: string
  /** Calls in a row that could not be read. */
  unreadable: number
  /** Added to the temperature of the next request. */
  warmer: number
  window: Window.Window
  isAsking: boolean
  hasReply: boolean
  /** An endpoint answered to this process. */
  isAnswered: boolean
  isHeld: boolean
  readonly spending: Spending
  readonly startedAtMillis: number
  /** The model was told its tools in words, since it called none. */
  areToolsListed: boolean
  /** From now on it is told everything of its tools in words. */
  hasToolsAsText: boolean
  readonly callIds: Set<string>
  readonly transcript: Array<string>
}

/** The state of a workspace in which nothing was changed. */
export const clean = "clean"

export const add = (progress: Progress, entries: ReadonlyArray<Context.Entry>): void => {
  progress.conversation = Context.append(progress.conversation, entries)
  for (const entry of entries) progress.transcript.push(entry.json)
}

/** The last message as the harness goes on from it; the transcript has it, too. */
export const amend = (progress: Progress, text: string): void => {
  progress.conversation = Context.amendLast(progress.conversation, text)
  progress.transcript.pop()
  progress.transcript.push(progress.conversation.messages.at(-1) ?? "")
}
