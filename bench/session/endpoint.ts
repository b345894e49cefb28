/** A model that plays a session to any agent, by chat completions or by responses, and keeps what it was asked. */
import * as http from "node:http"
import type { AddressInfo } from "node:net"

import { type Call, type Dialect } from "./dialects.ts"
import type { Session } from "./Session.ts"

export interface Asked {
  /** A request beside the session, such as for a title. */
  readonly isAside: boolean
  /** Of the request, what a model reads: instructions, messages, tools. */
  readonly text: string
}

export interface Endpoint {
  readonly url: string
  readonly asked: ReadonlyArray<Asked>
  readonly close: () => Promise<void>
}

type Body = Readonly<Record<string, unknown>>

const readBody = async (request: http.IncomingMessage): Promise<Body> => {
  const pieces: Array<Buffer> = []
  for await (const piece of request) pieces.push(piece)
  return JSON.parse(Buffer.concat(pieces).toString() || "{}")
}

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }

const chatEvents = (id: string, call: Call | undefined, words: string): ReadonlyArray<string> => {
  const tool = call && [
    {
      index: 0,
      id,
      type: "function",
      function: { name: call.name, arguments: JSON.stringify(call.arguments) }
    }
  ]
  const delta =
    tool === undefined ? { role: "assistant", content: words } : { role: "assistant", tool_calls: tool }
  const finish = tool === undefined ? "stop" : "tool_calls"
  const chunk = (choices: ReadonlyArray<unknown>) => ({ id, object: "chat.completion.chunk", choices })
  return [
    JSON.stringify(chunk([{ index: 0, delta, finish_reason: null }])),
    JSON.stringify(chunk([{ index: 0, delta: {}, finish_reason: finish }])),
    JSON.stringify({ ...chunk([]), usage }),
    "[DONE]"
  ]
}

const responseEvents = (id: string, call: Call | undefined, words: string): ReadonlyArray<string> => {
  const item =
    call === undefined
      ? { type: "message", role: "assistant", id, content: [{ type: "output_text", text: words }] }
      : { type: "function_call", id, call_id: id, name: call.name, arguments: JSON.stringify(call.arguments) }
  const counts = { input_tokens: 10, output_tokens: 5, total_tokens: 15 }
  const details = {
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 }
  }
  return [
    { type: "response.created", response: { id } },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { id, usage: { ...counts, ...details } } }
  ].map((event) => JSON.stringify(event))
}

const completion = (id: string, call: Call | undefined, words: string) => ({
  id,
  object: "chat.completion",
  choices: [
    {
      index: 0,
      finish_reason: call === undefined ? "stop" : "tool_calls",
      message: {
        role: "assistant",
        content: call === undefined ? words : null,
        ...(call !== undefined && {
          tool_calls: [
            {
              id,
              type: "function",
              function: { name: call.name, arguments: JSON.stringify(call.arguments) }
            }
          ]
        })
      }
    }
  ],
  usage
})

/** The next step is the next request's with tools; what comes without is told a title. */
export const serve = async (session: Session, dialect: Dialect, folder: string): Promise<Endpoint> => {
  const asked: Array<Asked> = []
  let next = 0
  const step = (): Call | undefined => {
    const index = next++
    const one = session.steps[index]
    if (one !== undefined) return dialect.call(one, folder)
    return index === session.steps.length ? dialect.end?.(session) : undefined
  }
  const server = http.createServer((request, response) => {
    const answer = async () => {
      const body = await readBody(request)
      const path = request.url ?? ""
      if (request.method === "GET") {
        response.setHeader("content-type", "application/json")
        response.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] }))
        return
      }
      const { input, instructions, messages, tools } = body
      const isAside = !Array.isArray(tools) || tools.length === 0
      asked.push({ isAside, text: JSON.stringify({ instructions, messages, input, tools }) })
      const call = isAside ? undefined : step()
      const id = `call_${asked.length}_abcdefgh`
      if (body["stream"] !== true) {
        response.setHeader("content-type", "application/json")
        response.end(JSON.stringify(completion(id, call, session.end)))
        return
      }
      response.setHeader("content-type", "text/event-stream")
      const events = path.endsWith("/responses") ? responseEvents : chatEvents
      response.end(
        events(id, call, session.end)
          .map((data) => `data: ${data}\n\n`)
          .join("")
      )
    }
    answer().catch((cause: unknown) => response.destroy(cause instanceof Error ? cause : undefined))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}
