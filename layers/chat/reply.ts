/** Reads what an endpoint answered: one JSON completion, or a stream of chunks. Hostile input ends here. */
import { Effect, Option, type Schema } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import { type InferenceReason, MalformedReply } from "../../src/services/InferenceClient.ts"
import { argumentText, type Draft, grown, isWhole, toCalls } from "./calls.ts"
import { failedInside } from "./refusal.ts"
import { textCalls } from "./textCalls.ts"
import {
  type Call,
  type Chunk,
  decodeChunk,
  decodeDetails,
  failures,
  finishOf,
  isRecord,
  type Message,
  partsOf,
  promptTokensOf,
  textOf,
  usageOf
} from "./wire.ts"

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const malformed = (message: string) => new MalformedReply({ message, party: "server" })

/** A reply from chunks of any size; a whole completion is one of them. */
export class ReplyAssembler {
  /** The finish reason came. */
  isFinished = false
  /** Nothing follows: the stream said so, or a line of it was none. */
  isDone = false
  /** Grows with whatever the model made; comments and empty chunks leave it as it is. */
  progress = 0
  readonly #decoder = new TextDecoder()
  readonly #calls: Array<Draft> = []
  readonly #offered: ReadonlySet<string>
  readonly #nowMillis: number
  #rest = ""
  #event = ""
  #isJson: boolean | undefined
  #content: Array<string> = []
  #reasoning: Array<string> = []
  #reasoningField: "reasoning" | "reasoning_content" = "reasoning_content"
  #details: Array<Schema.Json> = []
  #refusal = ""
  /** Of the prompt, what the server has read. */
  #promptTokens = 0
  #finishReason = ""
  #usage: ChatReply["usage"] = undefined
  #fault: InferenceReason | undefined = undefined

  /** `offered` are the tools of the request, by which calls in the text are known. */
  constructor(offered: ReadonlySet<string>, nowMillis: number) {
    this.#offered = offered
    this.#nowMillis = nowMillis
  }

  push(bytes: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true })
    // Servers name the type of a stream wrongly, or not at all: its first letter tells.
    this.#isJson ??= text.trim() === "" ? undefined : /^\s*[{[<]/u.test(text)
    if (this.#isJson !== false) {
      this.#rest = text
      return
    }
    const lines = text.split("\n")
    this.#rest = lines.pop() ?? ""
    for (const line of lines) this.#line(line.trimEnd())
  }

  /** It is one JSON text, of which nothing is known before its end. */
  get isWhole(): boolean {
    return this.#isJson === true
  }

  reply(): Effect.Effect<ChatReply, InferenceReason> {
    return Effect.gen({ self: this }, function* () {
      if (this.#isJson === true) this.#whole(this.#rest)
      else if (this.#rest !== "") this.#line(this.#rest.trimEnd())
      // Such a stream counts as done, too.
      if (this.#fault !== undefined) return yield* this.#fault
      if (!this.isFinished && !this.isDone && !this.#hasWholeCalls) {
        return yield* malformed("the stream ended before the reply was finished")
      }
      if (this.progress === 0 && !this.isFinished) return yield* malformed("the stream had no reply in it")
      return yield* this.#assemble()
    })
  }

  get #hasWholeCalls(): boolean {
    return this.#calls.length > 0 && this.#calls.every(isWhole)
  }

  #assemble(): Effect.Effect<ChatReply, InferenceReason> {
    const text = this.#content.join("")
    const said = this.#calls.length > 0 ? undefined : textCalls(text, this.#offered)
    const content = said?.content ?? text
    const reasoning = this.#reasoning.join("")
    const finishReason = this.#finishReason
    return Effect.map(toCalls(said?.drafts ?? this.#calls, { content, finishReason }), (toolCalls) => ({
      content,
      reasoning,
      ...(reasoning !== "" && { reasoningField: this.#reasoningField }),
      ...(this.#details.length > 0 && { reasoningDetails: this.#details }),
      ...(this.#refusal !== "" && { refusal: this.#refusal }),
      toolCalls,
      finishReason,
      usage: this.#usage
    }))
  }

  #line(line: string): void {
    if (this.#fault !== undefined) return
    if (line === "") this.#event = ""
    if (line.startsWith("event:")) this.#event = line.slice(6).trim()
    if (!line.startsWith("data:")) return
    const data = line.slice(5).trim()
    if (data === "[DONE]") {
      this.isDone = true
      return
    }
    const value = parseJson(data)
    if (this.#event === "error") {
      return this.#break(
        failedInside(
          Option.getOrElse(value, () => data),
          this.#nowMillis
        )
      )
    }
    const chunk = Option.flatMap(value, (one) => decodeChunk(one))
    if (Option.isSome(chunk)) return this.#chunk(chunk.value, Option.getOrUndefined(value))
    // What follows a whole reply takes nothing from it.
    if (!this.isFinished && !this.isDone) {
      this.#break(malformed(`a line of the stream is no chunk: ${data.slice(0, 200)}`))
    }
  }

  /** A body that is one JSON text. */
  #whole(text: string): void {
    const value = parseJson(text)
    if (Option.isNone(value)) {
      const party = /^\s*</u.test(text) ? "proxy" : "server"
      return this.#break(
        new MalformedReply({ message: `no completion: ${text.trim().slice(0, 200)}`, party })
      )
    }
    const chunk = decodeChunk(value.value)
    if (Option.isNone(chunk)) return this.#break(malformed(`no completion: ${text.slice(0, 200)}`))
    this.#chunk(chunk.value, value.value)
    if (this.#fault === undefined && (chunk.value.choices ?? []).length === 0) {
      this.#break(malformed("the completion has no choices"))
    }
    this.isFinished = true
  }

  #chunk(chunk: typeof Chunk.Type, raw: unknown): void {
    const choice = chunk.choices?.[0]
    const error = chunk.error ?? choice?.error ?? (chunk.object === "error" ? raw : undefined)
    if (error !== undefined && error !== null) return this.#break(failedInside(error, this.#nowMillis))
    const finished = choice?.finish_reason ?? ""
    if (failures.test(finished)) {
      return this.#break(failedInside({ message: `its finish reason is ${finished}` }, this.#nowMillis))
    }
    const message = choice?.delta ?? choice?.message
    if (message !== undefined && message !== null) this.#add(message)
    const promptTokens = promptTokensOf(chunk)
    if (promptTokens > this.#promptTokens) {
      this.#promptTokens = promptTokens
      this.progress++
    }
    // The last of them is empty, or says what came before it again.
    if (choice?.finish_reason !== undefined && choice.finish_reason !== null && choice.finish_reason !== "") {
      this.#finishReason = finishOf(choice.finish_reason)
      this.isFinished = true
      this.progress++
    }
    this.#usage = usageOf(chunk.usage) ?? this.#usage
  }

  #break(fault: InferenceReason): void {
    this.#fault = fault
    this.isDone = true
  }

  #add(delta: Message): void {
    const { text, thought } = partsOf(delta.content)
    const reasoning = `${thought}${textOf(delta.reasoning_content) || textOf(delta.reasoning)}`
    if (typeof delta.reasoning === "string" && typeof delta.reasoning_content !== "string") {
      this.#reasoningField = "reasoning"
    }
    this.#content.push(text)
    this.#reasoning.push(reasoning)
    const details = decodeDetails(delta.reasoning_details)
    if (Option.isSome(details)) for (const detail of details.value) this.#detail(detail)
    this.#refusal += delta.refusal ?? ""
    this.progress += text.length + reasoning.length + (delta.refusal?.length ?? 0)
    for (const piece of delta.tool_calls ?? []) {
      const known = this.#draft(piece)
      const more = argumentText(piece.function?.arguments)
      const name = piece.function?.name ?? ""
      known.id ||= textOf(piece.id)
      const before = known.name
      // In pieces, or whole and again with each piece.
      known.name = known.arguments === "" && known.name !== name ? known.name + name : known.name || name
      known.arguments = grown(known.arguments, more)
      this.progress += more.length + (known.name.length - before.length)
    }
  }

  /** A part that comes in pieces, by its index, is one part when it goes back. */
  #detail(detail: Schema.Json): void {
    const last = this.#details.at(-1)
    if (
      isRecord(detail) &&
      isRecord(last) &&
      typeof detail["text"] === "string" &&
      typeof last["text"] === "string" &&
      detail["index"] === last["index"] &&
      detail["type"] === last["type"]
    ) {
      const merged = { ...last, ...detail, text: last["text"] + detail["text"] }
      this.#details[this.#details.length - 1] = merged as Schema.Json
    } else this.#details.push(detail)
  }

  /**
   * The call that a piece belongs to: the one of its index, where that is not taken by a call with another id; without an index the last
   * one, until a new id or, after a whole call, a new name begins the next.
   */
  #draft(piece: Call): Draft {
    const id = textOf(piece.id)
    const index = textOf(piece.index) === "" ? undefined : Number(piece.index)
    const isNamed = (piece.function?.name ?? "") !== ""
    const isIndexed = index !== undefined && Number.isInteger(index)
    const known = isIndexed ? this.#calls.findLast((call) => call.index === index) : this.#calls.at(-1)
    const isOther =
      known !== undefined &&
      (id !== "" && known.id !== "" ? id !== known.id : isNamed && id === "" && !isIndexed && isWhole(known))
    if (known !== undefined && !isOther) return known
    const draft: Draft = { index: isIndexed ? index : this.#calls.length, id: "", name: "", arguments: "" }
    this.#calls.push(draft)
    return draft
  }
}
