/** The same scripts over OpenAI's other API, `/v1/responses`: its requests as messages, and replies in its form. Pure. */
import { Result, Schema } from "effect"

import type { Request } from "./playScript.ts"

const Item = Schema.Struct({
  type: Schema.optionalKey(Schema.String),
  role: Schema.optionalKey(Schema.String),
  content: Schema.optionalKey(Schema.Unknown),
  output: Schema.optionalKey(Schema.Unknown)
})
const Body = Schema.fromJsonString(
  Schema.Struct({
    model: Schema.optionalKey(Schema.String),
    instructions: Schema.optionalKey(Schema.NullOr(Schema.String)),
    input: Schema.Union([Schema.String, Schema.Array(Item)]),
    tools: Schema.optionalKey(
      Schema.Array(Schema.Struct({ type: Schema.String, name: Schema.optionalKey(Schema.String) }))
    ),
    stream: Schema.optionalKey(Schema.Boolean),
    temperature: Schema.optionalKey(Schema.NullOr(Schema.Finite))
  })
)
const decodeBody = Schema.decodeUnknownResult(Body)
const decodeJson = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))

/** Text of content that is text, or a list of parts. */
const textOf = (content: unknown): string => {
  if (typeof content === "string") return content
  const parts = Array.isArray(content) ? (content as ReadonlyArray<unknown>) : []
  return parts
    .map((part) => (typeof part === "object" && part !== null && "text" in part ? String(part.text) : ""))
    .join("\n")
}

type Message = Request["messages"][number]

/** What one reply put into the conversation is one message: its text and its calls stand beside each other. */
const messagesOf = (input: string | ReadonlyArray<typeof Item.Type>): ReadonlyArray<Message> => {
  if (typeof input === "string") return [{ role: "user", content: input }]
  const messages: Array<Message> = []
  for (const { content, output, role, type = "message" } of input) {
    const isOutput = type.endsWith("_output")
    const of = isOutput ? "tool" : type === "message" ? (role ?? "user") : "assistant"
    if (of === "assistant" && messages.at(-1)?.role === "assistant") continue
    messages.push({ role: of, content: isOutput ? textOf(output) : textOf(content) })
  }
  return messages
}

/** A request as the scripts know it, or what is wrong with it. */
export const requestOf = (text: string): Result.Result<Request, string> =>
  Result.map(
    Result.mapError(decodeBody(text), (error) => error.message),
    ({ input, instructions, model = "", stream, temperature, tools = [] }) => ({
      model,
      messages: [
        ...(instructions === undefined || instructions === null
          ? []
          : [{ role: "system", content: instructions }]),
        ...messagesOf(input)
      ],
      tools: tools.map(({ name, type }) => name ?? type),
      hasTemperature: typeof temperature === "number",
      stream: stream === true,
      body: decodeJson(text)
    })
  )

interface Completion {
  readonly content: string
  readonly calls: ReadonlyArray<{ readonly name: string; readonly arguments: string }>
}

const usage = {
  input_tokens: 10,
  output_tokens: 5,
  total_tokens: 15,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens_details: { reasoning_tokens: 0 }
}

const responseOf = (model: string, { calls, content }: Completion, prefix: string) => ({
  id: `resp_${prefix}`,
  object: "response",
  model,
  status: "completed",
  output: [
    ...(content === "" && calls.length > 0
      ? []
      : [
          {
            type: "message",
            id: `msg_${prefix}`,
            role: "assistant",
            status: "completed",
            content: [{ type: "output_text", text: content, annotations: [] }]
          }
        ]),
    ...calls.map((call, index) => ({
      type: "function_call",
      id: `fc_${prefix}_${index}`,
      call_id: `${prefix}_${index}`,
      status: "completed",
      ...call
    }))
  ],
  usage
})

/** The reply: a JSON text, or server-sent events. */
export const replyOf = (request: Request, completion: Completion, prefix: string): string => {
  const response = responseOf(request.model, completion, prefix)
  if (!request.stream) return JSON.stringify(response)
  return [
    { type: "response.created", response: { ...response, status: "in_progress", output: [], usage: null } },
    ...response.output.map((item, index) => ({
      type: "response.output_item.done",
      output_index: index,
      item
    })),
    { type: "response.completed", response }
  ]
    .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("")
}
