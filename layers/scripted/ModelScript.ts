/** A model's part, written down: what it says in each turn, and how it misbehaves. Data, so that a demo can ship it as JSON. */
import { Schema } from "effect"

const opt = Schema.optionalKey
const strings = Schema.Array(Schema.String)

const Call = Schema.Struct({
  name: Schema.String,
  arguments: Schema.Record(Schema.String, Schema.Json)
})

/** What the request must look like before the turn is played. */
export const Expectation = Schema.Struct({
  /** Texts that occur somewhere in the messages. */
  contains: opt(strings),
  /** Texts that occur nowhere in the messages. */
  lacks: opt(strings),
  /** Texts that occur in the messages since the last reply: tool results and nudges. */
  newContains: opt(strings),
  toolsOffered: opt(strings),
  toolsWithheld: opt(strings)
})
export type Expectation = typeof Expectation.Type

export const Reply = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("tool_calls"),
    calls: Schema.Array(Call),
    content: opt(Schema.String),
    reasoning: opt(Schema.String)
  }),
  Schema.Struct({ type: Schema.Literal("prose"), content: Schema.String }),
  Schema.Struct({ type: Schema.Literal("reasoning"), content: Schema.String }),
  Schema.Struct({ type: Schema.Literal("empty") }),
  /** Ended by the token limit (`finish_reason: length`). */
  Schema.Struct({
    type: Schema.Literal("truncated"),
    content: opt(Schema.String),
    reasoning: opt(Schema.String)
  })
])
export type Reply = typeof Reply.Type

/** No reply at all, or a broken one. The turn after a fault is the next try of the same request. */
export const Fault = Schema.Struct({
  type: Schema.Literal("fault"),
  fault: Schema.Literals([
    /** 200, but the arguments of the tool call stop in the middle. */
    "cut-arguments",
    /** A status that is not 2xx; 500 unless `status` says another. */
    "status",
    /** Takes the request and says nothing. */
    "no-answer",
    /** Closes the connection without an answer. */
    "reset",
    /** A stream that begins and then goes silent. */
    "stalled-stream",
    /** The answer ends in the middle of its JSON. */
    "truncated-body",
    /** 200 with something that is no JSON. */
    "wrong-json",
    /** 200 without any choice. */
    "no-choices",
    /** 400 that complains of the temperature, as long as the request has one; then the next turn is played. */
    "reject-temperature"
  ]),
  status: opt(Schema.Int),
  message: opt(Schema.String)
})
export type Fault = typeof Fault.Type

export const Turn = Schema.Struct({ expect: opt(Expectation), reply: Schema.Union([Reply, Fault]) })
export type Turn = typeof Turn.Type

export const ModelScript = Schema.Struct({
  name: Schema.String,
  /** All that are given must hold; a script without any matches every request. The first script that matches plays. */
  match: opt(
    Schema.Struct({
      model: opt(Schema.String),
      systemContains: opt(Schema.String),
      promptContains: opt(Schema.String)
    })
  ),
  turns: Schema.Array(Turn)
})
export type ModelScript = typeof ModelScript.Type

export const ModelScripts = Schema.Struct({ scripts: Schema.Array(ModelScript) })
export type ModelScripts = typeof ModelScripts.Type
