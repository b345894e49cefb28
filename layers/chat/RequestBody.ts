/** The JSON body of a conversation's requests, which keeps the bytes of the messages from one turn to the next. */
import type { ChatRequest } from "../../src/services/InferenceClient.ts"
import type { Dialect } from "./Dialect.ts"
import { Messages, shapeOf } from "./messages.ts"

const head = Buffer.from('{"messages":[')

/**
 * Messages come first in the body and everything else after them, so that a turn encodes only what is new: the rest of the buffer is
 * already there from the turn before. Holds as long as the array of messages only grows at its end, as the service says.
 */
export class RequestBody {
  readonly #shaped: Messages
  #buffer = Buffer.alloc(16 * 1024)
  #size = head.copy(this.#buffer)
  /** Messages of the conversation that were taken in. */
  #messages = 0
  /** The last of them, while the next one may become a part of it. */
  #last = ""

  constructor(dialect: Dialect, tools: ChatRequest["tools"]) {
    this.#shaped = new Messages(shapeOf(dialect), tools)
  }

  #append(text: string, at: number): number {
    const size = Buffer.byteLength(text)
    if (at + size > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(this.#buffer.length * 2, at + size))
      this.#buffer.copy(grown, 0, 0, at)
      this.#buffer = grown
    }
    return at + this.#buffer.write(text, at)
  }

  #after(message: string): string {
    return message === "" || this.#size === head.length ? message : `,${message}`
  }

  #add(message: string): void {
    const merged = this.#last === "" ? undefined : this.#shaped.merged(this.#last, message)
    if (merged === undefined) {
      this.#size = this.#append(this.#after(this.#last), this.#size)
      this.#last = message
    } else this.#last = merged
    if (this.#shaped.areMerged) return
    this.#size = this.#append(this.#after(this.#last), this.#size)
    this.#last = ""
  }

  render(request: ChatRequest, dialect: Dialect): Uint8Array {
    for (const given of request.messages.slice(this.#messages)) {
      for (const message of this.#shaped.of(given)) this.#add(message)
      this.#messages++
    }
    const { maxTokens, temperature, tools } = request
    const rest = JSON.stringify({
      model: request.endpoint.model,
      ...(tools.length > 0 &&
        dialect.hasTools && {
          tools: tools.map(({ description, name, parameters }) => ({
            type: "function",
            function: { name, description, parameters }
          }))
        }),
      ...(temperature !== undefined && dialect.hasTemperature && { temperature }),
      ...(maxTokens !== undefined && { [dialect.limitField]: Math.min(maxTokens, dialect.maxReply) }),
      ...(request.chatTemplateKwargs !== undefined &&
        dialect.hasTemplateArguments && { chat_template_kwargs: request.chatTemplateKwargs }),
      ...(dialect.isStreamed && { stream: true }),
      ...(dialect.isStreamed && dialect.asksForProgress && { return_progress: true }),
      ...(dialect.isStreamed && dialect.asksForUsage && { stream_options: { include_usage: true } })
    })
    const end = this.#append(`${this.#after(this.#last)}],${rest.slice(1)}`, this.#size)
    return this.#buffer.subarray(0, end)
  }
}
