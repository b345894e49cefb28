/** InferenceClient over HTTP: `POST {base}/chat/completions`, streamed where the endpoint can. Contract §4.1. */
import type { IncomingMessage } from "node:http"

import { Clock, Duration, Effect, Exit, Layer, Redacted } from "effect"

import type { ChatReply } from "../schema/Chat.ts"
import {
  type ChatRequest,
  type Endpoint,
  EndpointUnreachable,
  InferenceClient,
  InferenceError,
  MalformedReply,
  ReplyStalled
} from "../src/services/InferenceClient.ts"
import { changesBetween, conceded, type Dialect, everything } from "./chat/Dialect.ts"
import { shapeOf } from "./chat/messages.ts"
import { refused } from "./chat/refusal.ts"
import { ReplyAssembler } from "./chat/reply.ts"
import { RequestBody } from "./chat/RequestBody.ts"
import * as HttpConnections from "./HttpConnections.ts"

/** Bytes of one reply; past it the endpoint is not what it says it is. */
const maxReplyBytes = 16 * 1024 * 1024
/** Bytes of a refusal that are kept for a person. */
const maxRefusalBytes = 4096
/** Of a refusal, in the log. */
const maxLoggedWords = 200
/** Wait for the usage figures that some endpoints send after the finish reason. */
const afterFinishMillis = 250
/** Between two lines about a prompt that is being read. */
const prefillLogInterval = Duration.seconds(10)

const unreachable = (message: string) => new EndpointUnreachable({ message, party: "network" })
const malformed = (message: string) => new MalformedReply({ message, party: "server" })
const stalled = (stall: Duration.Duration) =>
  new ReplyStalled({ message: `the reply stalled for ${Duration.format(stall)}`, party: "server" })

/** At most `limit` bytes of the body as text; what there is of one that breaks off or stalls. */
const readRefusal = (message: IncomingMessage, stall: Duration.Duration) => {
  const parts: Array<Uint8Array> = []
  let size = 0
  const patience = Duration.toMillis(stall)
  return HttpConnections.readPieces(message, patience, (piece) => {
    parts.push(piece)
    size += piece.byteLength
    return size > maxRefusalBytes ? 0 : patience
  }).pipe(
    Effect.ignore,
    Effect.map(() => Buffer.concat(parts).subarray(0, maxRefusalBytes).toString("utf8"))
  )
}

/** Says from time to time how far the server has read a long prompt. */
const logPrefill = (assembler: ReplyAssembler): Effect.Effect<never> => {
  let logged = 0
  return Effect.sleep(prefillLogInterval).pipe(
    Effect.andThen(
      Effect.suspend(() => {
        const { read, total } = assembler.prompt
        if (read === logged || read >= total) return Effect.void
        logged = read
        return Effect.logInfo("the model reads the prompt").pipe(Effect.annotateLogs({ read, total }))
      })
    ),
    Effect.forever
  )
}

/** A completion, or chunks up to the finish reason: some endpoints never send `[DONE]`. Only what the model made puts the stall off. */
const readBody = Effect.fnUntraced(function* (message: IncomingMessage, { tools, turnTimeout }: ChatRequest) {
  const clock = yield* Clock.Clock
  const assembler = new ReplyAssembler(
    new Set(tools.map(({ name }) => name)),
    clock.currentTimeMillisUnsafe()
  )
  const patience = Duration.toMillis(turnTimeout)
  let size = 0
  let progress = 0
  let progressAt = performance.now()
  const reading = HttpConnections.readPieces(message, patience, (piece) => {
    size += piece.byteLength
    if (size > maxReplyBytes) return 0
    assembler.push(piece)
    if (assembler.isDone) return 0
    if (assembler.isFinished) return afterFinishMillis
    if (assembler.progress !== progress || assembler.isWhole) {
      progress = assembler.progress
      progressAt = performance.now()
    }
    return Math.max(1, patience - (performance.now() - progressAt))
  }).pipe(
    Effect.catch((error) =>
      assembler.isFinished
        ? Effect.succeed("Ended" as const)
        : Effect.fail(malformed(`the reply broke off: ${error.message}`))
    )
  )
  const end = yield* Effect.raceFirst(reading, logPrefill(assembler))
  if (size > maxReplyBytes) return yield* malformed(`the reply is larger than ${maxReplyBytes} bytes`)
  if (end === "Silent" && !assembler.isFinished) return yield* stalled(turnTimeout)
  return yield* assembler.reply()
})

const readReply = Effect.fnUntraced(function* (message: IncomingMessage, request: ChatRequest) {
  const { headers, statusCode = 0 } = message
  if (statusCode >= 200 && statusCode <= 299) return yield* readBody(message, request)
  const body = yield* readRefusal(message, request.turnTimeout)
  const nowMillis = yield* Clock.currentTimeMillis
  return yield* refused({ status: statusCode, body, headers, nowMillis })
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
    const bodies = new Map<string, WeakMap<ReadonlyArray<string>, RequestBody>>()
    const dialects = new Map<string, Dialect>()
    const learned = ({ baseURL, model }: Endpoint): Dialect =>
      dialects.get(`${baseURL} ${model}`) ?? everything
    const dialectOf = ({ endpoint, hasToolsAsText }: ChatRequest): Dialect => {
      const dialect = learned(endpoint)
      return hasToolsAsText === true && dialect.hasTools ? { ...dialect, hasTools: false } : dialect
    }

    /** From its second request on, llama.cpp says how far it has read: what long prompts take is then no stall. */
    const learnServer = (endpoint: Endpoint, { headers }: IncomingMessage): void => {
      const dialect = learned(endpoint)
      if (dialect.asksForProgress || !/^llama\.cpp\b/u.test(String(headers.server))) return
      dialects.set(`${endpoint.baseURL} ${endpoint.model}`, { ...dialect, asksForProgress: true })
    }

    const bodyOf = (request: ChatRequest): Uint8Array => {
      const dialect = dialectOf(request)
      const shape = JSON.stringify(shapeOf(dialect))
      const known = bodies.get(shape) ?? new WeakMap<ReadonlyArray<string>, RequestBody>()
      bodies.set(shape, known)
      const body = known.get(request.messages) ?? new RequestBody(dialect, request.tools)
      known.set(request.messages, body)
      return body.render(request, dialect)
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
            ).pipe(
              Effect.mapError(({ isLate, message }) => (isLate ? stalled(turnTimeout) : unreachable(message)))
            ),
            release,
            { interruptible: true }
          )
          const reply = yield* readReply(response, request)
          learnServer(endpoint, response)
          return reply
        })
      ).pipe(Effect.mapError((reason) => new InferenceError({ endpoint: endpoint.baseURL, reason })))
    }

    /** What is refused is left out or said otherwise from then on, and the request is made once more; so for each of them. */
    const complete = (request: ChatRequest): Effect.Effect<ChatReply, InferenceError> =>
      Effect.suspend(() => {
        const { endpoint } = request
        const before = learned(endpoint)
        const asked = dialectOf(request)
        return post(request).pipe(
          Effect.catch((error) => {
            // Another run may have learned the same meanwhile.
            if (learned(endpoint) !== before) return complete(request)
            const next = conceded(asked, error.reason)
            if (next === undefined) return Effect.fail(error)
            // That this run has its tools in words is nothing that the endpoint said.
            const kept = asked === before ? next : { ...next, hasTools: before.hasTools }
            dialects.set(`${endpoint.baseURL} ${endpoint.model}`, kept)
            return Effect.logWarning("the endpoint is asked otherwise from now on").pipe(
              Effect.annotateLogs({
                endpoint: endpoint.baseURL,
                change: changesBetween(asked, next).join(", "),
                reason: error.reason.message.slice(0, maxLoggedWords)
              }),
              Effect.andThen(complete(request))
            )
          })
        )
      })

    return InferenceClient.of({
      complete: (request) => complete(request).pipe(Effect.withSpan("ChatCompletionsClient.complete"))
    })
  })
)
