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
const afterFinish = Duration.millis(250)

type Chunks = AsyncIterator<Uint8Array, unknown>

interface Response {
  readonly message: IncomingMessage
  readonly chunks: Chunks
}

const unreachable = (message: string) => new EndpointUnreachable({ message })
const malformed = (message: string) => new MalformedReply({ message })

/** The next piece of a body; `undefined` at its end. */
const nextChunk = (chunks: Chunks, stall: Duration.Duration) =>
  Effect.tryPromise({
    try: () => chunks.next(),
    catch: (cause) => malformed(`the reply broke off: ${HttpConnections.told(cause)}`)
  }).pipe(
    Effect.timeoutOrElse({
      duration: stall,
      orElse: () => Effect.fail(malformed(`the reply stalled for ${Duration.format(stall)}`))
    }),
    Effect.map((step) => (step.done === true ? undefined : (step.value as Uint8Array)))
  )

/** At most `limit` bytes of the body as text. */
const readText = Effect.fnUntraced(function* (chunks: Chunks, stall: Duration.Duration, limit: number) {
  const parts: Array<Uint8Array> = []
  let size = 0
  while (size <= limit) {
    const chunk = yield* nextChunk(chunks, stall)
    if (chunk === undefined) break
    parts.push(chunk)
    size += chunk.byteLength
  }
  return { text: Buffer.concat(parts).subarray(0, limit).toString("utf8"), isWhole: size <= limit }
})

/** A stream of chunks up to the finish reason: some endpoints never send `[DONE]`. */
const readStream = Effect.fnUntraced(function* (chunks: Chunks, stall: Duration.Duration) {
  const assembler = new ReplyAssembler()
  let size = 0
  while (!assembler.isDone) {
    const chunk = yield* nextChunk(chunks, assembler.isFinished ? afterFinish : stall).pipe(
      Effect.catch((error) => (assembler.isFinished ? Effect.undefined : Effect.fail(error)))
    )
    if (chunk === undefined) break
    size += chunk.byteLength
    if (size > maxReplyBytes) return yield* malformed(`the reply is larger than ${maxReplyBytes} bytes`)
    yield* assembler.push(chunk)
  }
  return yield* assembler.reply()
})

const readReply = Effect.fnUntraced(function* ({ chunks, message }: Response, stall: Duration.Duration) {
  const { statusCode = 0 } = message
  if (statusCode < 200 || statusCode > 299) {
    const { text } = yield* readText(chunks, stall, maxRefusalBytes).pipe(
      Effect.orElseSucceed(() => ({ text: "" }))
    )
    return yield* new RequestRejected({
      message: `answered ${statusCode}: ${text.slice(0, 512)}`,
      status: statusCode,
      body: text
    })
  }
  if (String(message.headers["content-type"] ?? "").includes("text/event-stream")) {
    return yield* readStream(chunks, stall)
  }
  const { text, isWhole } = yield* readText(chunks, stall, maxReplyBytes)
  if (!isWhole) return yield* malformed(`the reply is larger than ${maxReplyBytes} bytes`)
  return yield* parseCompletion(text)
})

/** An endpoint whose answer nobody wants any more should stop to make it: only a closed connection says so. */
const release = ({ chunks, message }: Response, exit: Exit.Exit<unknown, unknown>) =>
  Effect.sync(() => {
    if (Exit.isFailure(exit)) return void message.destroy()
    // Not waited for: what is still asked of the iterator may never come.
    void chunks.return?.()
    HttpConnections.letEnd(message)
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
                body: bodyOf(request)
              })
            ).pipe(
              Effect.mapBoth({
                onFailure: (error) => unreachable(error.message),
                onSuccess: (message): Response => ({
                  message,
                  chunks: message.iterator({ destroyOnReturn: false })
                })
              })
            ),
            release,
            { interruptible: true }
          ).pipe(
            Effect.timeoutOrElse({
              duration: turnTimeout,
              orElse: () => Effect.fail(unreachable(`no reply began within ${Duration.format(turnTimeout)}`))
            })
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
