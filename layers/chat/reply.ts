/** Reads what an endpoint answered: one JSON completion, or a stream of chunks. Hostile input ends here. */
import { Effect, Option, Schema } from "effect"

import type { ChatReply, ToolCall } from "../../schema/Chat.ts"
import { MalformedReply, MalformedToolCall } from "../../src/services/InferenceClient.ts"

const opt = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Usage = opt(Schema.Struct({ prompt_tokens: opt(Schema.Finite), completion_tokens: opt(Schema.Finite) }))
/** Whole in a completion, a piece of one in a chunk. */
const Call = Schema.Struct({
  index: opt(Schema.Int),
  id: opt(Schema.String),
  function: opt(Schema.Struct({ name: opt(Schema.String), arguments: opt(Schema.Unknown) }))
})
const Message = Schema.Struct({
  content: opt(Schema.String),
  reasoning_content: opt(Schema.String),
  reasoning: opt(Schema.String),
  tool_calls: opt(Schema.Array(Call))
})
const Completion = Schema.fromJsonString(
  Schema.Struct({
    choices: Schema.Array(Schema.Struct({ finish_reason: opt(Schema.String), message: Message })),
    usage: Usage
  })
)
const Chunk = Schema.Struct({
  choices: opt(Schema.Array(Schema.Struct({ finish_reason: opt(Schema.String), delta: opt(Message) }))),
  usage: Usage,
  error: opt(Schema.Unknown)
})
const decodeCompletion = Schema.decodeUnknownEffect(Completion)

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
/** Not by `Schema.fromJsonString`, which takes a fiber of its own for each text; a stream has hundreds. */
const fromText = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownOption(schema)
  return (text: string): Option.Option<S["Type"]> => Option.flatMap(parseJson(text), (value) => decode(value))
}
const decodeChunk = fromText(Chunk)
const decodeArguments = fromText(Schema.Record(Schema.String, Schema.Unknown))

const malformed = (message: string) => new MalformedReply({ message })

type Message = typeof Message.Type
type Call = typeof Call.Type

/** `JSON.parse` takes what is nested as deeply as anybody likes; `JSON.stringify` does not. This text is no JSON. */
const jsonText = (value: unknown): string =>
  Option.getOrElse(
    Option.liftThrowable((any: unknown) => JSON.stringify(any))(value),
    () => "(nested too deeply)"
  )

/** Ollama has been seen to send arguments as an object; the wire says text. */
const argumentText = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : jsonText(value)

const usageOf = (usage: (typeof Usage)["Type"] | undefined): ChatReply["usage"] =>
  usage === undefined || usage === null
    ? undefined
    : { inputTokens: usage.prompt_tokens ?? 0, outputTokens: usage.completion_tokens ?? 0 }

interface Draft {
  readonly index: number
  id: string
  name: string
  arguments: string
}

const textOf = (draft: Draft): string => (draft.arguments.trim() === "" ? "{}" : draft.arguments)
const isWhole = (draft: Draft): boolean => Option.isSome(decodeArguments(textOf(draft)))

/** Calls must have arguments that are a JSON object; none at all counts as `{}`. */
const checkCalls = (drafts: ReadonlyArray<Draft>, finishReason: string) =>
  // What the token limit cut is no call: the model is told so (`truncated`), and asked for smaller steps.
  Effect.forEach(finishReason === "length" ? drafts.filter(isWhole) : drafts, (draft, index) => {
    const text = textOf(draft)
    const call: ToolCall = {
      id: draft.id === "" ? `call_${index}` : draft.id,
      type: "function",
      function: { name: draft.name, arguments: text }
    }
    return isWhole(draft)
      ? Effect.succeed(call)
      : Effect.fail(
          new MalformedToolCall({
            message: `the arguments of ${draft.name} are no JSON object: ${text.slice(0, 200)}`,
            tool: draft.name
          })
        )
  })

/** A reply from chunks of any size. */
export class ReplyAssembler {
  /** The finish reason came. */
  isFinished = false
  /** Nothing follows: the stream said so, or a line of it was none. */
  isDone = false
  readonly #decoder = new TextDecoder()
  readonly #calls: Array<Draft> = []
  #rest = ""
  #content: Array<string> = []
  #reasoning: Array<string> = []
  #finishReason = ""
  #usage: ChatReply["usage"] = undefined
  #fault: MalformedReply | undefined = undefined

  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n")
    this.#rest = lines.pop() ?? ""
    for (const line of lines) this.#line(line.trimEnd())
  }

  reply(): Effect.Effect<ChatReply, MalformedReply | MalformedToolCall> {
    return Effect.gen({ self: this }, function* () {
      if (this.#rest !== "") this.#line(this.#rest.trimEnd())
      // Such a stream counts as done, too.
      if (this.#fault !== undefined) return yield* this.#fault
      if (!this.isFinished && !this.isDone) {
        return yield* malformed("the stream ended before the reply was finished")
      }
      return {
        content: this.#content.join(""),
        reasoning: this.#reasoning.join(""),
        toolCalls: yield* checkCalls(this.#calls, this.#finishReason),
        finishReason: this.#finishReason,
        usage: this.#usage
      }
    })
  }

  #line(line: string): void {
    if (this.#fault !== undefined || !line.startsWith("data:")) return
    const data = line.slice(5).trim()
    if (data === "[DONE]") {
      this.isDone = true
      return
    }
    const decoded = decodeChunk(data)
    if (Option.isNone(decoded)) {
      return this.#break(`a line of the stream is no chunk: ${data.slice(0, 200)}`)
    }
    const chunk = decoded.value
    if (chunk.error !== undefined && chunk.error !== null) {
      return this.#break(`the endpoint failed within the stream: ${jsonText(chunk.error).slice(0, 512)}`)
    }
    const choice = chunk.choices?.[0]
    if (choice?.delta !== undefined && choice.delta !== null) this.#add(choice.delta)
    if (choice?.finish_reason !== undefined && choice.finish_reason !== null) {
      this.#finishReason = choice.finish_reason
      this.isFinished = true
    }
    this.#usage = usageOf(chunk.usage) ?? this.#usage
  }

  #break(message: string): void {
    this.#fault = malformed(message)
    this.isDone = true
  }

  #add(delta: Message): void {
    this.#content.push(delta.content ?? "")
    this.#reasoning.push(delta.reasoning_content ?? delta.reasoning ?? "")
    for (const piece of delta.tool_calls ?? []) {
      const known = this.#draft(piece)
      known.id ||= piece.id ?? ""
      known.name ||= piece.function?.name ?? ""
      known.arguments += argumentText(piece.function?.arguments)
    }
  }

  /** Endpoints that send whole calls leave the index out; then a new id begins a new call. */
  #draft(piece: Call): Draft {
    const last = this.#calls.at(-1)
    const isMore = piece.index === undefined || piece.index === null
    if (isMore && last !== undefined && (piece.id ?? last.id) === last.id) return last
    const index = isMore ? this.#calls.length : (piece.index ?? 0)
    const known = this.#calls.find((call) => call.index === index)
    if (known !== undefined) return known
    const draft: Draft = { index, id: "", name: "", arguments: "" }
    this.#calls.push(draft)
    return draft
  }
}

/** A completion that came in one piece. */
export const parseCompletion = (text: string): Effect.Effect<ChatReply, MalformedReply | MalformedToolCall> =>
  decodeCompletion(text).pipe(
    Effect.mapError((error) => malformed(`no completion: ${error.message.slice(0, 512)}`)),
    Effect.flatMap(
      Effect.fnUntraced(function* ({ choices, usage }) {
        const choice = choices[0]
        if (choice === undefined) return yield* malformed("the completion has no choices")
        const { content, reasoning, reasoning_content, tool_calls } = choice.message
        const drafts = (tool_calls ?? []).map((call, index) => ({
          index,
          id: call.id ?? "",
          name: call.function?.name ?? "",
          arguments: argumentText(call.function?.arguments)
        }))
        return {
          content: content ?? "",
          reasoning: reasoning_content ?? reasoning ?? "",
          toolCalls: yield* checkCalls(drafts, choice.finish_reason ?? ""),
          finishReason: choice.finish_reason ?? "",
          usage: usageOf(usage)
        }
      })
    )
  )
