/** InferenceClient over HTTP: `POST {base}/chat/completions`, streamed where the endpoint can. Contract §4.1. */
import type { IncomingMessage } from "node:http"

import { Duration, Effect, Exit, Layer, Redacted } from "effect"

import type { ChatReply } from "../schema/Chat.ts"
import {
  type ChatRequest,
  EndpointUnreachable,
  InferenceClient,
  InferenceError,
  MalformedReply,
  RequestRejected
} from "../src/services/InferenceClient.ts"
import { parseCompletion, ReplyAssembler } from "./chat/reply.ts"
import { RequestBody } from "./chat/RequestBody.ts"
import * as HttpConnections from "./HttpConnections.ts"

/** Bytes of one reply; past it the endpoint is not what it says it is. */
const maxReplyBytes = 16 * 1024 * 1024
/** Bytes of a refusal that are kept for a person. */
const maxRefusalBytes = 4096
/** Wait for the usage figures that some endpoints send after the finish reason. */
const afterFinishMillis = 250

const unreachable = (message: string) => new EndpointUnreachable({ message })
const malformed = (message: string) => new MalformedReply({ message })
const stalled = (stall: Duration.Duration) => malformed(`the reply stalled for ${Duration.format(stall)}`)
const brokeOff = (error: HttpConnections.ConnectionError) =>
  malformed(`the reply broke off: ${error.message}`)

/** At most `limit` bytes of the body as text. */
const readText = Effect.fnUntraced(function* (
  message: IncomingMessage,
  stall: Duration.Duration,
  limit: number
) {
  const parts: Array<Uint8Array> = []
  let size = 0
  const patience = Duration.toMillis(stall)
  const end = yield* HttpConnections.readPieces(message, patience, (piece) => {
    parts.push(piece)
    size += piece.byteLength
    return size > limit ? 0 : patience
  }).pipe(Effect.mapError(brokeOff))
  if (end === "Silent") return yield* stalled(stall)
  return { text: Buffer.concat(parts).subarray(0, limit).toString("utf8"), isWhole: size <= limit }
})

/** A stream of chunks up to the finish reason: some endpoints never send `[DONE]`. */
const readStream = Effect.fnUntraced(function* (message: IncomingMessage, stall: Duration.Duration) {
  const assembler = new ReplyAssembler()
  let size = 0
  const patience = Duration.toMillis(stall)
  const end = yield* HttpConnections.readPieces(message, patience, (piece) => {
    size += piece.byteLength
    if (size > maxReplyBytes) return 0
    assembler.push(piece)
    return assembler.isDone ? 0 : assembler.isFinished ? afterFinishMillis : patience
  }).pipe(
    Effect.catch((error) =>
      assembler.isFinished ? Effect.succeed("Ended" as const) : Effect.fail(brokeOff(error))
    )
  )
  if (size > maxReplyBytes) return yield* malformed(`the reply is larger than ${maxReplyBytes} bytes`)
  if (end === "Silent" && !assembler.isFinished) return yield* stalled(stall)
  return yield* assembler.reply()
})

const readReply = Effect.fnUntraced(function* (message: IncomingMessage, stall: Duration.Duration) {
  const { statusCode = 0 } = message
  if (statusCode < 200 || statusCode > 299) {
    const { text } = yield* readText(message, stall, maxRefusalBytes).pipe(
      Effect.orElseSucceed(() => ({ text: "" }))
    )
    return yield* new RequestRejected({
      message: `answered ${statusCode}: ${text.slice(0, 512)}`,
      status: statusCode,
      body: text
    })
  }
  if (String(message.headers["content-type"] ?? "").includes("text/event-stream")) {
    return yield* readStream(message, stall)
  }
  const { text, isWhole } = yield* readText(message, stall, maxReplyBytes)
  if (!isWhole) return yield* malformed(`the reply is larger than ${maxReplyBytes} bytes`)
  return yield* parseCompletion(text)
})

/** An endpoint whose answer nobody wants any more should stop to make it: only a closed connection says so. */
const release = (message: IncomingMessage, exit: Exit.Exit<unknown, unknown>) =>
  Effect.sync(() => {
    if (Exit.isFailure(exit)) message.destroy()
    else HttpConnections.letEnd(message)
  })

export const layer = Layer.effect(
  InferenceClient,
  Effect.gen(function* () {
    // Python's servers hang up after 5 idle seconds, and say so only then.
    const connections = yield* HttpConnections.make({ keepAliveMillis: 4_000, connectTimeoutMillis: 30_000 })
    const bodies = new WeakMap<ReadonlyArray<string>, RequestBody>()
    const refusesTemperature = new Set<string>()

    const bodyOf = (request: ChatRequest): Uint8Array => {
      const known = bodies.get(request.messages)
      const body = known ?? new RequestBody()
      if (known === undefined) bodies.set(request.messages, body)
      const isRefused = refusesTemperature.has(`${request.endpoint.baseURL} ${request.endpoint.model}`)
      return body.render(request, isRefused)
    }

    const post = (request: ChatRequest): Effect.Effect<ChatReply, InferenceError> => {
      const { endpoint, turnTimeout } = request
      return Effect.scoped(
        Effect.gen(function* () {
          const response = yield* Effect.acquireRelease(
            Effect.suspend(() =>
              connections.send({
                method: "POST",
                url: `${endpoint.baseURL.replace(/\/+$/u, "")}/chat/completions`,
                headers: {
                  "content-type": "application/json",
                  accept: "text/event-stream, application/json",
                  ...(endpoint.apiKey === undefined
                    ? {}
                    : { authorization: `Bearer ${Redacted.value(endpoint.apiKey)}` })
                },
                body: bodyOf(request),
                answerWithin: turnTimeout
              })
            ).pipe(Effect.mapError((error) => unreachable(error.message))),
            release,
            { interruptible: true }
          )
          return yield* readReply(response, turnTimeout)
        })
      ).pipe(Effect.mapError((reason) => new InferenceError({ endpoint: endpoint.baseURL, reason })))
    }

    /** Some hosted models take no temperature at all; they are asked once more without, and never again with. */
    const complete = Effect.fn("ChatCompletionsClient.complete")(function* (request: ChatRequest) {
      return yield* post(request).pipe(
        Effect.catchIf(
          ({ reason }) =>
            reason._tag === "RequestRejected" &&
            reason.status === 400 &&
            request.temperature !== undefined &&
            !refusesTemperature.has(`${request.endpoint.baseURL} ${request.endpoint.model}`) &&
            reason.body.includes("temperature"),
          () => {
            refusesTemperature.add(`${request.endpoint.baseURL} ${request.endpoint.model}`)
            return post(request)
          }
        )
      )
    })

    return InferenceClient.of({ complete })
  })
)
