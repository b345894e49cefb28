/** The JSON body of a conversation's requests, which keeps the bytes of the messages from one turn to the next. */
import type { ChatRequest } from "../../src/services/InferenceClient.ts"
import type { Dialect } from "./Dialect.ts"

const head = Buffer.from('{"messages":[')

/** What a server takes of a message. */
export type Shape = Pick<Dialect, "hasReasoning" | "hasParallelCalls">

/**
 * Messages come first in the body and everything else after them, so that a turn encodes only what is new: the rest of the buffer is
 * already there from the turn before. Holds as long as the array of messages only grows at its end, as the service says.
 */
export class RequestBody {
  readonly #shape: Shape
  /** Calls that were taken out of their message, until their results come. */
  readonly #waiting = new Map<string, unknown>()
  #buffer = Buffer.alloc(16 * 1024)
  #size = head.copy(this.#buffer)
  #messages = 0

  constructor(shape: Shape) {
    this.#shape = shape
  }

  #shaped(message: string): ReadonlyArray<string> {
    const plain = this.#shape.hasReasoning ? message : withoutReasoning(message)
    if (this.#shape.hasParallelCalls) return [plain]
    const fields: { readonly [key: string]: unknown } = JSON.parse(plain)
    const calls = Array.isArray(fields["tool_calls"]) ? fields["tool_calls"] : []
    if (calls.length > 1) {
      for (const call of calls.slice(1)) this.#waiting.set(call.id, call)
      return [JSON.stringify({ ...fields, tool_calls: calls.slice(0, 1) })]
    }
    const id = fields["tool_call_id"]
    const call = typeof id === "string" ? this.#waiting.get(id) : undefined
    if (call === undefined) return [plain]
    return [JSON.stringify({ role: "assistant", content: null, tool_calls: [call] }), plain]
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

  render(request: ChatRequest, dialect: Dialect): Uint8Array {
    for (const given of request.messages.slice(this.#messages)) {
      const text = this.#shaped(given).join(",")
      this.#size = this.#append(this.#messages === 0 ? text : `,${text}`, this.#size)
      this.#messages++
    }
    const rest = JSON.stringify({
      model: request.endpoint.model,
      ...(request.tools.length === 0
        ? {}
        : {
            tools: request.tools.map(({ description, name, parameters }) => ({
              type: "function",
              function: { name, description, parameters }
            }))
          }),
      ...(request.temperature === undefined || !dialect.hasTemperature
        ? {}
        : { temperature: request.temperature }),
      ...(request.maxTokens === undefined ? {} : { [dialect.limitField]: request.maxTokens }),
      ...(request.chatTemplateKwargs === undefined || !dialect.hasTemplateArguments
        ? {}
        : { chat_template_kwargs: request.chatTemplateKwargs }),
      ...(dialect.isStreamed && { stream: true }),
      ...(dialect.isStreamed && dialect.asksForUsage && { stream_options: { include_usage: true } })
    })
    const end = this.#append(`],${rest.slice(1)}`, this.#size)
    return this.#buffer.subarray(0, end)
  }
}

const reasoningFields = ["reasoning_content", "reasoning", "reasoning_details"]

const withoutReasoning = (message: string): string => {
  if (!reasoningFields.some((field) => message.includes(`"${field}"`))) return message
  const fields: Record<string, unknown> = JSON.parse(message)
  for (const field of reasoningFields) delete fields[field]
  return JSON.stringify(fields)
}
