/** Reads what an endpoint answered: one JSON completion, or a stream of chunks. Hostile input ends here. */
import { Effect, Option, type Schema } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import { type InferenceReason, MalformedReply } from "../../src/services/InferenceClient.ts"
import { argumentText, type Draft, grown, isWhole, toCalls } from "./calls.ts"
import { doneText, EventLines, type StreamEvent } from "./EventLines.ts"
import { failedInside } from "./refusal.ts"
import { textCalls } from "./textCalls.ts"
import { type CallPiece, type Chunk, chunkOf, failures, finishOf, isRecord, type Message } from "./wire.ts"

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const malformed = (message: string) => new MalformedReply({ message, party: "server" })

/** Data that only says that the connection is alive. */
const keepAlive = /^(?:null|""|\W{0,3}(?:ping|keep.?alive|heartbeat|processing)\W{0,3})$/iu

/** A reply from chunks of any size; a whole completion is one of them. */
export class ReplyAssembler {
  /** Nothing follows: the stream said so, or a line of it was none. */
  isDone = false
  /** Grows with whatever the model made; comments and empty chunks leave it as it is. */
  progress = 0
  readonly #decoder = new TextDecoder()
  readonly #calls: Array<Draft> = []
  readonly #offered: ReadonlySet<string>
  readonly #nowMillis: number
  readonly #lines = new EventLines()
  /** Of a body that may be one JSON text. */
  #text = ""
  #form: "unknown" | "json" | "lines" = "unknown"
  #content: Array<string> = []
  #reasoning: Array<string> = []
  #reasoningField: "reasoning" | "reasoning_content" = "reasoning_content"
  #details: Array<Schema.Json> = []
  #refusal = ""
  /** Tokens of the prompt: what the server has read of it, as it says while it reads. */
  prompt = { read: 0, total: 0 }
  #finishReason = ""
  #isFinished = false
  /** The server says so with every piece: only the stream's end tells. */
  #finishesEarly = false
  #usage: ChatReply["usage"] = undefined
  #fault: InferenceReason | undefined = undefined

  /** `offered` are the tools of the request, by which calls in the text are known. */
  constructor(offered: ReadonlySet<string>, nowMillis: number) {
    this.#offered = offered
    this.#nowMillis = nowMillis
  }

  push(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true })
    if (this.#form === "lines") return this.#events(this.#lines.push(text))
    this.#text += text
    if (this.#form === "json") return
    // Servers name the type of a stream wrongly, or not at all: its first letter tells.
    const first = /\S/u.exec(this.#text)?.[0]
    if (first === undefined) return
    if (/[{[<]/u.test(first)) {
      // One JSON text a line is a stream, too.
      const line = /^\s*([^\r\n]+)[\r\n]/u.exec(this.#text)?.[1]
      if (line === undefined) return
      if (Option.isNone(parseJson(line))) {
        this.#form = "json"
        return
      }
    }
    this.#form = "lines"
    this.#events(this.#lines.push(this.#text))
  }

  /** The finish reason came. */
  get isFinished(): boolean {
    return this.#isFinished && !this.#finishesEarly
  }

  /** It is one JSON text, of which nothing is known before its end. */
  get isWhole(): boolean {
    return this.#form !== "lines" && this.#text !== ""
  }

  reply(): Effect.Effect<ChatReply, InferenceReason> {
    return Effect.gen({ self: this }, function* () {
      if (this.#form === "lines") this.#events(this.#lines.end())
      else if (this.#text.trim() !== "") this.#whole(this.#text)
      // Such a stream counts as done, too.
      if (this.#fault !== undefined) return yield* this.#fault
      if (!this.#isFinished && !this.isDone && !this.#hasWholeCalls) {
        const { unread } = this.#lines
        return yield* malformed(
          unread !== "" && this.progress === 0
            ? `no completion: ${unread}`
            : "the stream ended before the reply was finished"
        )
      }
      if (this.progress === 0 && !this.#isFinished) return yield* malformed("the stream had no reply in it")
      return yield* this.#assemble()
    })
  }

  get #hasWholeCalls(): boolean {
    return this.#calls.length > 0 && this.#calls.every(isWhole)
  }

  #assemble(): Effect.Effect<ChatReply, InferenceReason> {
    const text = this.#content.join("")
    const reasoning = this.#reasoning.join("")
    const finishReason = this.#finishReason
    const offered = this.#offered
    const said = this.#calls.length > 0 ? undefined : textCalls({ text, reasoning }, offered)
    const content = said?.content ?? text
    const drafts = said?.drafts ?? this.#calls
    return Effect.map(toCalls(drafts, { content, finishReason, offered }), (toolCalls) => ({
      content,
      reasoning,
      ...(reasoning !== "" && { reasoningField: this.#reasoningField }),
      ...(this.#details.length > 0 && { reasoningDetails: this.#details }),
      ...(this.#refusal !== "" && { refusal: this.#refusal }),
      toolCalls,
      ...(said !== undefined && toolCalls.length > 0 && { hasTextCalls: true }),
      finishReason,
      usage: this.#usage
    }))
  }

  #events(events: ReadonlyArray<StreamEvent>): void {
    for (const event of events) {
      // What follows a whole reply takes nothing from it, and adds nothing.
      if (this.isDone) return
      this.#event(event)
    }
  }

  #event({ name, text, value }: StreamEvent): void {
    if (text === doneText) {
      this.isDone = true
      return
    }
    if (name === "error") {
      return this.#break(
        failedInside(
          Option.getOrElse(value, () => text),
          this.#nowMillis
        )
      )
    }
    if (keepAlive.test(text)) return
    const chunk = Option.isSome(value) ? chunkOf(value.value) : undefined
    if (chunk !== undefined) return this.#chunk(chunk)
    if (!this.#isFinished) this.#break(malformed(`a line of the stream is no chunk: ${text.slice(0, 200)}`))
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
    const chunk = chunkOf(value.value)
    if (chunk === undefined) return this.#break(malformed(`no completion: ${text.slice(0, 200)}`))
    this.#chunk(chunk)
    if (this.#fault === undefined && chunk.message === undefined) {
      this.#break(malformed("the completion has no choices"))
    }
  }

  #chunk(chunk: Chunk): void {
    const { error, finishReason, message, prompt, usage } = chunk
    if (error !== undefined) return this.#break(failedInside(error, this.#nowMillis))
    if (failures.test(finishReason)) {
      return this.#break(failedInside({ message: `its finish reason is ${finishReason}` }, this.#nowMillis))
    }
    const before = this.progress
    if (message !== undefined && !(chunk.isWhole && before > 0)) this.#add(message)
    if (this.#isFinished && this.progress > before) this.#finishesEarly = true
    if (prompt.read > this.prompt.read) {
      this.prompt = prompt
      this.progress++
    }
    // The last of them is empty, or says what came before it again.
    if (finishReason !== "") this.#finishReason = finishOf(finishReason)
    if ((finishReason !== "" || chunk.isWhole) && !this.#isFinished) {
      this.#isFinished = true
      this.progress++
    }
    if (usage !== undefined && (this.#usage === undefined || usage.inputTokens + usage.outputTokens > 0)) {
      this.#usage = usage
    }
  }

  #break(fault: InferenceReason): void {
    this.#fault = fault
    this.isDone = true
  }

  #add({ calls, details, reasoningField, refusal, text, thought }: Message): void {
    if (thought !== "") this.#reasoningField = reasoningField
    this.#content.push(text)
    this.#reasoning.push(thought)
    for (const detail of details) this.#detail(detail)
    this.#refusal += refusal
    this.progress += text.length + thought.length + refusal.length
    for (const piece of calls) {
      const known = this.#draft(piece)
      const before = known.name.length + known.arguments.length
      known.id ||= piece.id
      Object.assign(known.extras, piece.extras)
      // In pieces, or whole and again with each piece.
      known.name =
        known.arguments === "" && known.name !== piece.name
          ? known.name + piece.name
          : known.name || piece.name
      known.arguments = grown(known.arguments, argumentText(piece.arguments))
      // What says the same again is no progress.
      this.progress += Math.max(0, known.name.length + known.arguments.length - before)
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
  #draft({ id, index, name }: CallPiece): Draft {
    const known =
      index === undefined ? this.#calls.at(-1) : this.#calls.findLast((call) => call.index === index)
    const isOther =
      known !== undefined &&
      (id !== "" && known.id !== ""
        ? id !== known.id
        : name !== "" && id === "" && index === undefined && isWhole(known))
    if (known !== undefined && !isOther) return known
    const draft: Draft = { index: index ?? this.#calls.length, id: "", name: "", arguments: "", extras: {} }
    this.#calls.push(draft)
    return draft
  }
}
