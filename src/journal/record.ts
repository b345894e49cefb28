/** The records of a journal: one JSON object a line, in the order in which things happened. */
import { Schema } from "effect"

import { type ChatReply as ModelReply, ToolCall } from "../../schema/Chat.ts"
import { Result } from "../../schema/Result.ts"
import { Terminal } from "../../schema/Terminal.ts"
import { Usage } from "../../schema/Usage.ts"
import { InferenceError } from "../services/InferenceClient.ts"
import { agentRecords } from "./agentRecords.ts"

/** Of the records below. A journal of another version is not read. */
export const version = 1

const opt = Schema.optionalKey
/** Milliseconds of the epoch. */
const at = Schema.Finite
/** Counts from 1. */
const turn = Schema.Int

/** Who had the task when the run began, or went on. */
export const RunClaim = Schema.Struct({
  id: Schema.String,
  node: Schema.String,
  claimedAt: Schema.String
})
export type RunClaim = typeof RunClaim.Type

const Tool = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  parameters: Schema.Record(Schema.String, Schema.Unknown)
})

/** The first record. With it, and what was answered, the loop comes to the same again. */
const Run = Schema.Struct({
  type: Schema.Literal("run"),
  at,
  v: Schema.Literal(version),
  task: Schema.Struct({ namespace: Schema.String, name: Schema.String, uid: Schema.String }),
  attempt: Schema.Int,
  claim: RunClaim,
  /** Digest of the specs of the task and its Agent: another one is another run. */
  spec: Schema.String,
  branch: opt(Schema.String),
  systemPrompt: Schema.String,
  taskPrompt: Schema.String,
  tools: Schema.Array(Tool),
  maxTurns: Schema.Int,
  maxTokens: Schema.Finite,
  windowTokens: Schema.Finite,
  /** Who said so; nobody when absent. */
  windowFrom: opt(Schema.Literals(["agent", "server", "refusal", "default"])),
  budgetMillis: Schema.Finite,
  stuckLimits: Schema.Struct({
    repeatedToolThreshold: Schema.Finite,
    editFreeTurnsLimit: Schema.Finite,
    contextSoftCap: Schema.Finite,
    contextHardCap: Schema.Finite
  }),
  /** Whether the run's work is committed. */
  isEditing: Schema.Boolean,
  /** Who did the work, where it was not our own loop. */
  executor: opt(Schema.Literal("ACP"))
})
export type RunRecord = typeof Run.Type

/** Where the branch starts. `seen` is null where the remote had no such branch. */
const Start = Schema.Struct({
  baseCommit: Schema.String,
  parent: Schema.String,
  seen: Schema.NullOr(Schema.String)
})
export type Start = typeof Start.Type

/** Before a tool sees the files. */
const WorkspaceOpened = Schema.Struct({ type: Schema.Literal("workspace"), at, ...Start.fields })

/** A message of a request: its JSON, or its number in the request before, or `reply` or `result` for what the journal has as that. */
const Message = Schema.Union([Schema.String, Schema.Int])

/** What differs from the request before: the messages after those that both begin with. */
const Request = Schema.Struct({
  type: Schema.Literal("request"),
  at,
  turn,
  shared: Schema.Int,
  messages: Schema.Array(Message),
  maxTokens: Schema.Finite,
  temperature: opt(Schema.Finite)
})

/** Messages were left out of the conversation before this request. */
const Compaction = Schema.Struct({
  type: Schema.Literal("compaction"),
  at,
  turn,
  before: Schema.Int,
  after: Schema.Int
})

/** All that a reply holds: what is missing here would be lost to a run that goes on. */
const replyFields = {
  content: Schema.String,
  reasoning: Schema.String,
  reasoningField: opt(Schema.Literals(["reasoning", "reasoning_content"])),
  reasoningDetails: opt(Schema.Array(Schema.Json)),
  refusal: opt(Schema.String),
  toolCalls: Schema.Array(ToolCall),
  hasTextCalls: opt(Schema.Boolean),
  finishReason: Schema.String,
  usage: opt(Usage)
} satisfies { readonly [K in keyof Required<ModelReply>]: unknown }
const ChatReply = Schema.Struct(replyFields)

/** What a request came to. On disk before a tool runs. */
const Reply = Schema.Struct({
  type: Schema.Literal("reply"),
  at,
  turn,
  reply: opt(ChatReply),
  /** In place of a reply. */
  failure: opt(InferenceError),
  /** A secret was taken out of it: its calls may be read, but not made. */
  isRedacted: opt(Schema.Boolean)
})
export type ReplyRecord = typeof Reply.Type

/** A tool begins. */
const Call = Schema.Struct({
  type: Schema.Literal("call"),
  at,
  turn,
  index: Schema.Int,
  id: Schema.String,
  tool: Schema.String
})

/** What it came to, as the message that the model reads. */
const ToolResult = Schema.Struct({
  type: Schema.Literal("result"),
  at,
  turn,
  index: Schema.Int,
  message: Schema.String,
  succeeded: Schema.Boolean,
  terminal: opt(Terminal)
})
export type ResultRecord = typeof ToolResult.Type

/** What the harness found when it asked the files whether they changed. */
const Tree = Schema.Struct({ type: Schema.Literal("tree"), at, turn, word: Schema.String })

/** The turn is complete, and its files are kept. A run goes on after the last of these. */
const Checkpoint = Schema.Struct({
  type: Schema.Literal("checkpoint"),
  at,
  turn,
  /** Git's tree of the workspace; absent for a run that has no files, and before anything could change them. */
  tree: opt(Schema.String),
  /** Why the files could not be kept: nobody goes on from here. */
  failure: opt(Schema.String)
})

/** The run is interrupted, and may go on under another claim. */
const Hold = Schema.Struct({
  type: Schema.Literal("hold"),
  at,
  reason: Schema.String,
  untilMillis: opt(Schema.Finite)
})

/**
 * The run goes on after a turn. What stands above this line and belongs to later turns did not happen, except for so many replies to the
 * turn after it.
 */
const Resume = Schema.Struct({
  type: Schema.Literal("resume"),
  at,
  claim: RunClaim,
  turn: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  replies: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** What the model is told, at the end of the last message. */
  note: opt(Schema.String)
})

/** What the run came to. */
const Outcome = Schema.Struct({
  type: Schema.Literal("outcome"),
  at,
  /** How the loop ended; where it ended by the clock, only this tells. */
  end: Schema.String,
  party: opt(Schema.String),
  result: Result,
  /** The work as a patch; a long one is in its file alone. */
  patch: opt(Schema.String)
})
export type OutcomeRecord = typeof Outcome.Type

/** The journal is as large as it may be: what comes later is not in it. */
const Full = Schema.Struct({ type: Schema.Literal("full"), at, message: Schema.String })

/** The outcome was reported. Nobody goes on from here. */
const End = Schema.Struct({ type: Schema.Literal("end"), at })

export const JournalRecord = Schema.Union([
  Run,
  WorkspaceOpened,
  Request,
  Compaction,
  Reply,
  Call,
  ToolResult,
  Tree,
  Checkpoint,
  Hold,
  Resume,
  Outcome,
  Full,
  End,
  ...agentRecords
])
export type JournalRecord = typeof JournalRecord.Type

const encodeFailure = Schema.encodeSync(InferenceError)

/** The record as a line, without its end. All of it is JSON as it stands, except for a failure. */
export const lineOf = (record: JournalRecord): string =>
  JSON.stringify(
    record.type === "reply" && record.failure !== undefined
      ? { ...record, failure: encodeFailure(record.failure) }
      : record
  )
