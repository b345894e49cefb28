/** What a journal has of a run that another coding agent does: the conversation with it, and what its model used. */
import { Schema } from "effect"

import { Usage } from "../../schema/Usage.ts"

const opt = Schema.optionalKey
/** Milliseconds of the epoch. */
const at = Schema.Finite

/** A session of the agent begins, or goes on. */
const Session = Schema.Struct({
  type: Schema.Literal("session"),
  at,
  id: Schema.String,
  agent: Schema.String,
  isLoaded: Schema.Boolean
})

/** What the agent was sent. */
const Prompt = Schema.Struct({
  type: Schema.Literal("prompt"),
  at,
  text: Schema.String,
  /** Of a prompt that says why a submission does not count: how often another may be handed back. */
  triesLeft: opt(Schema.Int)
})

/** What the agent said, pieces put together. */
const Said = Schema.Struct({
  type: Schema.Literal("said"),
  at,
  text: Schema.String,
  isThought: opt(Schema.Boolean)
})

/** A tool call of the agent as it began, went on or ended. */
const AgentCall = Schema.Struct({
  type: Schema.Literal("agentCall"),
  at,
  id: Schema.String,
  title: opt(Schema.String),
  kind: opt(Schema.String),
  status: opt(Schema.String),
  input: opt(Schema.String),
  output: opt(Schema.String)
})

/** The agent asked for leave. */
const Permission = Schema.Struct({
  type: Schema.Literal("permission"),
  at,
  title: Schema.String,
  kind: Schema.String,
  isGranted: Schema.Boolean
})

/** The agent asked us for a file. */
const AgentFile = Schema.Struct({
  type: Schema.Literal("file"),
  at,
  action: Schema.Literals(["read", "write"]),
  path: Schema.String,
  /** Why it was refused. */
  refused: opt(Schema.String)
})

/** The agent ended its turn. */
const Stopped = Schema.Struct({ type: Schema.Literal("stopped"), at, stopReason: Schema.String })

/** One request of the agent to its model. */
const Spent = Schema.Struct({ type: Schema.Literal("spent"), at, usage: Usage, modelMillis: Schema.Finite })

export const agentRecords = [Session, Prompt, Said, AgentCall, Permission, AgentFile, Stopped, Spent] as const

export const AgentRecord = Schema.Union(agentRecords)
export type AgentRecord = typeof AgentRecord.Type

/** What a run goes on with. */
export interface AgentJournal {
  /** The last session; undefined before there was one. */
  readonly session: string | undefined
  /** The last prompt, where it says why a submission does not count. */
  readonly handedBack: { readonly text: string; readonly triesLeft: number } | undefined
  /** Requests to the model. */
  readonly requests: number
}

/** Takes up one record after another. */
export class AgentReader {
  #session: string | undefined
  #handedBack: AgentJournal["handedBack"]
  #requests = 0

  read(record: AgentRecord): void {
    if (record.type === "session") this.#session = record.id
    else if (record.type === "spent") this.#requests++
    else if (record.type === "prompt" && record.triesLeft !== undefined)
      this.#handedBack = { text: record.text, triesLeft: record.triesLeft }
  }

  get journal(): AgentJournal {
    return { session: this.#session, handedBack: this.#handedBack, requests: this.#requests }
  }
}
