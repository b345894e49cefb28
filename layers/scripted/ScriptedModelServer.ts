/**
 * An OpenAI-compatible endpoint, of chat completions and of responses, that plays scripts instead of thinking: for tests, benchmarks and the demo.
 * It keeps what it was asked. A request that no script foresees gets a 400 that says what was expected.
 */
import * as http from "node:http"
import type { AddressInfo } from "node:net"

import { Effect, Result, Schema, type Scope } from "effect"

import type { Fault, ModelScript, Reply } from "./ModelScript.ts"
import { makePlayer, type Request } from "./playScript.ts"
import * as Responses from "./responses.ts"

export interface ScriptedModel {
  /** With `/v1`, as an Agent's endpoint has it. */
  readonly baseURL: string
  /** Every request so far, in the order of arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<Request>>
  /** What was answered with a 400 because no script foresaw it. */
  readonly mismatches: Effect.Effect<ReadonlyArray<string>>
}

export class ScriptedModelError extends Schema.TaggedError<ScriptedModelError>()("ScriptedModelError", {
  message: Schema.String
}) {}

export interface ServerOptions {
  readonly scripts: ReadonlyArray<ModelScript>
  /** A free one when absent. */
  readonly port?: number
  /** Address to listen on, for requests from pods; the loopback when absent. */
  readonly host?: string
  /** Called with each request as soon as its headers are there, and after each reply; for benchmarks. */
  readonly onMoment?: (moment: "asked" | "answered") => void
  /** False keeps no request. */
  readonly keepRequests?: boolean
  /** The bearer token that requests must bring; anything goes when absent. */
  readonly apiKey?: string
}

const Body = Schema.fromJsonString(
  Schema.Struct({
    model: Schema.optionalKey(Schema.String),
    messages: Schema.Array(
      Schema.Struct({ role: Schema.String, content: Schema.optionalKey(Schema.Unknown) })
    ),
    tools: Schema.optionalKey(
      Schema.Array(Schema.Struct({ function: Schema.Struct({ name: Schema.String }) }))
    ),
    stream: Schema.optionalKey(Schema.Boolean),
    temperature: Schema.optionalKey(Schema.Finite)
  })
)
const decodeBody = Schema.decodeUnknownResult(Body)
const decodeJson = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))

const requestOf = (text: string): Result.Result<Request, string> =>
  Result.map(
    Result.mapError(decodeBody(text), (error) => error.message),
    (body) => ({
      model: body.model ?? "",
      messages: body.messages,
      tools: (body.tools ?? []).map((tool) => tool.function.name),
      hasTemperature: body.temperature !== undefined,
      stream: body.stream === true,
      body: decodeJson(text)
    })
  )

interface Completion {
  readonly content: string
  readonly reasoning: string
  readonly calls: ReadonlyArray<{ readonly name: string; readonly arguments: string }>
  readonly finishReason: string
}

const completion = (reply: Reply): Completion => {
  const base = { content: "", reasoning: "", calls: [], finishReason: "stop" }
  switch (reply.type) {
    case "tool_calls":
      return {
        content: reply.content ?? "",
        reasoning: reply.reasoning ?? "",
        calls: reply.calls.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) })),
        finishReason: "tool_calls"
      }
    case "prose":
      return { ...base, content: reply.content }
    case "reasoning":
      return { ...base, reasoning: reply.content }
    case "truncated":
      return {
        ...base,
        content: reply.content ?? "",
        reasoning: reply.reasoning ?? "",
        finishReason: "length"
      }
    case "empty":
      return base
  }
}

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
const named = (model: string) => ({ id: "chatcmpl-scripted", created: 1, model })
const toolCall = (call: Completion["calls"][number], id: string) => ({
  id,
  type: "function",
  function: { name: call.name, arguments: call.arguments }
})

const asJson = (request: Request, answer: Completion, prefix: string): string =>
  JSON.stringify({
    ...named(request.model),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        finish_reason: answer.finishReason,
        message: {
          role: "assistant",
          content: answer.content === "" ? null : answer.content,
          ...(answer.reasoning === "" ? {} : { reasoning_content: answer.reasoning }),
          ...(answer.calls.length === 0
            ? {}
            : { tool_calls: answer.calls.map((call, index) => toolCall(call, `${prefix}_${index}`)) })
        }
      }
    ],
    usage
  })

/** Chunks as llama.cpp sends them: arguments in several pieces, then the finish reason, then the usage. */
const asChunks = (request: Request, answer: Completion, prefix: string): ReadonlyArray<string> => {
  const chunk = (delta: object, finishReason: string | null = null) => ({
    ...named(request.model),
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason: finishReason }]
  })
  const parts = answer.calls.flatMap((call, index) => {
    const middle = Math.ceil(call.arguments.length / 2)
    const more = (piece: string) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })
    return [
      chunk({ tool_calls: [{ index, ...toolCall({ ...call, arguments: "" }, `${prefix}_${index}`) }] }),
      more(call.arguments.slice(0, middle)),
      more(call.arguments.slice(middle))
    ]
  })
  return [
    chunk({ role: "assistant", content: null }),
    ...(answer.reasoning === "" ? [] : [chunk({ reasoning_content: answer.reasoning })]),
    ...(answer.content === "" ? [] : [chunk({ content: answer.content })]),
    ...parts,
    chunk({}, answer.finishReason),
    { ...named(request.model), object: "chat.completion.chunk", choices: [], usage }
  ].map((event) => `data: ${JSON.stringify(event)}\n\n`)
}

const send = (
  response: http.ServerResponse,
  status: number,
  body: string,
  type = "application/json"
): void => {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) })
  response.end(body)
}

const sendError = (response: http.ServerResponse, status: number, message: string): void =>
  send(response, status, JSON.stringify({ error: { code: status, message, type: "scripted" } }))

const answerWith = (response: http.ServerResponse, request: Request, answer: Completion, prefix: string) => {
  if (!request.stream) return send(response, 200, asJson(request, answer, prefix))
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.end([...asChunks(request, answer, prefix), "data: [DONE]\n\n"].join(""))
}

const misbehave = (response: http.ServerResponse, request: Request, fault: Fault): void => {
  const message = fault.message ?? "scripted fault"
  const cut: Completion = {
    content: "",
    reasoning: "",
    calls: [{ name: request.tools[0] ?? "bash", arguments: '{"path": "RE' }],
    finishReason: "tool_calls"
  }
  switch (fault.fault) {
    case "cut-arguments":
      return answerWith(response, request, cut, "cut")
    case "status":
      return sendError(response, fault.status ?? 500, message)
    case "no-answer":
      return
    case "reset":
      response.socket?.destroy()
      return
    case "stalled-stream":
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.write(asChunks(request, cut, "cut").slice(0, 3).join(""))
      return
    case "truncated-body":
      return send(response, 200, '{"id":"x","choices":[')
    case "wrong-json":
      return send(response, 200, "<html>a proxy's page</html>")
    case "no-choices":
      return send(response, 200, JSON.stringify({ ...named(request.model), choices: [] }))
    case "reject-temperature":
      return sendError(response, 400, "Unsupported value: 'temperature' must be 1 for this model")
  }
}

/** Listens until the scope closes. */
export const start = (
  options: ServerOptions
): Effect.Effect<ScriptedModel, ScriptedModelError, Scope.Scope> =>
  Effect.gen(function* () {
    const host = options.host ?? "127.0.0.1"
    const play = makePlayer(options.scripts)
    const requests: Array<Request> = []
    const mismatches: Array<string> = []

    const answer = (text: string, isResponses: boolean, response: http.ServerResponse): void => {
      const read = isResponses ? Responses.requestOf(text) : requestOf(text)
      if (Result.isFailure(read)) {
        return sendError(response, 400, `the request cannot be read: ${read.failure}`)
      }
      const request = read.success
      if (options.keepRequests !== false) requests.push(request)
      const played = play(request)
      if (played._tag === "Mismatch") {
        mismatches.push(played.message)
        return sendError(response, 400, played.message)
      }
      const { reply } = played.turn
      if (reply.type === "fault") return misbehave(response, request, reply)
      const prefix = `call_${request.messages.length}`
      if (!isResponses) return answerWith(response, request, completion(reply), prefix)
      const body = Responses.replyOf(request, completion(reply), prefix)
      send(response, 200, body, request.stream ? "text/event-stream" : "application/json")
    }

    const server = http.createServer((incoming, response) => {
      const isResponses = incoming.url?.endsWith("/responses") === true
      const isKnown = isResponses || incoming.url?.endsWith("/chat/completions") === true
      if (incoming.method !== "POST" || !isKnown) {
        return sendError(response, 404, `no ${incoming.method} ${incoming.url}`)
      }
      if (options.apiKey !== undefined && incoming.headers.authorization !== `Bearer ${options.apiKey}`) {
        return sendError(response, 401, "no valid API key")
      }
      options.onMoment?.("asked")
      const chunks: Array<Buffer> = []
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () => {
        answer(Buffer.concat(chunks).toString("utf8"), isResponses, response)
        options.onMoment?.("answered")
      })
    })
    // A model may think for longer than Node's default patience.
    server.requestTimeout = 0

    yield* Effect.acquireRelease(
      Effect.callback<void, ScriptedModelError>((resume) => {
        server.once("error", (error) =>
          resume(Effect.fail(new ScriptedModelError({ message: error.message })))
        )
        server.listen(options.port ?? 0, host, () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    // `address` is a string for a pipe and null before listening; this is neither.
    const { port } = server.address() as AddressInfo
    return {
      baseURL: `http://${host}:${port}/v1`,
      requests: Effect.sync(() => [...requests]),
      mismatches: Effect.sync(() => [...mismatches])
    }
  })
