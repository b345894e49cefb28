/**
 * The only way to a model that a coding agent has: an HTTP server on a socket that only this run sees. It adds the endpoint's key, so that
 * the agent never has it, names the endpoint's model, and has each request counted. What comes back is passed on as it comes.
 */
import { randomBytes } from "node:crypto"
import { type IncomingMessage, createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

import { Cause, Clock, Duration, Effect, Exit, FiberSet, Redacted, type Scope } from "effect"

import {
  AgentNotStarted,
  CodingAgentError,
  type GatewayOptions,
  type ModelAnswer
} from "../../src/services/CodingAgent.ts"
import {
  type Endpoint,
  EndpointUnreachable,
  InferenceError,
  type InferenceReason,
  ReplyStalled
} from "../../src/services/InferenceClient.ts"
import { refused } from "../chat/refusal.ts"
import * as HttpConnections from "../HttpConnections.ts"
import { bodyOf, maxTokensOf, passedOn, pathOf } from "./modelRequest.ts"
import { ReplyUsage } from "./ReplyUsage.ts"

/** Bytes of a request: a long conversation with images. */
const maxBodyBytes = 64 * 1024 * 1024
/** Bytes of an endpoint's refusal that the agent is told. */
const maxRefusalBytes = 64 * 1024

/** A socket's path, or a port of this host's loopback that asks for the key. */
export type Listening = { readonly path: string } | { readonly key: string }

/** An endpoint's answer that is not 2xx, as the agent is to read it. */
interface Refusal {
  readonly status: number
  readonly body: string
  readonly retryAfter: string | undefined
}

const answer = (response: ServerResponse, status: number, message: string, headers: object = {}): void => {
  if (response.headersSent) return void response.destroy()
  const body = JSON.stringify({ error: { message, type: "foreman_gateway", code: status } })
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(body)
}

const authorized = ({ headers }: IncomingMessage, listening: Listening): boolean =>
  "path" in listening ||
  headers.authorization === `Bearer ${listening.key}` ||
  headers["x-api-key"] === listening.key

/** Headers of an API that change what the endpoint does; none that says who asks. */
const passedHeaders = ["accept", "anthropic-beta", "anthropic-version", "openai-beta"]

const headersFor = (incoming: IncomingMessage, { apiKey }: Endpoint, path: string) => {
  const passed = passedHeaders.flatMap((name) => {
    const value = incoming.headers[name]
    return typeof value === "string" ? [[name, value]] : []
  })
  const key = apiKey === undefined ? undefined : Redacted.value(apiKey)
  return {
    "content-type": "application/json",
    ...Object.fromEntries(passed),
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(key !== undefined && path.startsWith("messages") && { "x-api-key": key })
  }
}

/** Listens until the scope closes; requests are ended before. The port is 0 for a path. */
export const open = Effect.fn("ModelGateway.open")(function* (
  options: GatewayOptions,
  listening: Listening
): Effect.fn.Return<{ readonly port: number }, CodingAgentError, Scope.Scope> {
  const { endpoint: first, turnTimeout } = options
  const connections = yield* HttpConnections.make({ keepAliveMillis: 4_000, connectTimeoutMillis: 30_000 })
  const patience = Duration.toMillis(turnTimeout)

  /** Passes the request on, and what comes back to the agent. Fails as long as the agent was told nothing. */
  const pass = Effect.fnUntraced(function* (
    incoming: IncomingMessage,
    response: ServerResponse,
    endpoint: Endpoint,
    path: string,
    body: string | undefined,
    onRefusal: (refusal: Refusal) => void
  ): Effect.fn.Return<ModelAnswer, InferenceError, Scope.Scope> {
    const failed = (reason: InferenceReason) => new InferenceError({ endpoint: endpoint.baseURL, reason })
    const stalled = failed(
      new ReplyStalled({ message: `the reply stalled for ${Duration.format(turnTimeout)}`, party: "server" })
    )
    const upstream = yield* Effect.acquireRelease(
      connections
        .send({
          method: incoming.method ?? "GET",
          url: `${endpoint.baseURL.replace(/\/+$/u, "")}/${path}`,
          headers: headersFor(incoming, endpoint, path),
          body,
          answerWithin: turnTimeout
        })
        .pipe(
          Effect.mapError(({ isLate, message }) =>
            isLate ? stalled : failed(new EndpointUnreachable({ message, party: "network" }))
          )
        ),
      (message, exit) =>
        Effect.sync(() => (Exit.isFailure(exit) ? message.destroy() : HttpConnections.letEnd(message))),
      { interruptible: true }
    )
    const { headers, statusCode: status = 502 } = upstream
    if (status < 200 || status > 299) {
      const said = yield* HttpConnections.readBytes(upstream, maxRefusalBytes).pipe(
        Effect.timeoutOrElse({ duration: turnTimeout, orElse: () => Effect.succeed(Buffer.alloc(0)) }),
        Effect.orElseSucceed(() => Buffer.alloc(0))
      )
      const text = said.toString("utf8")
      onRefusal({ status, body: text, retryAfter: headers["retry-after"] })
      const nowMillis = yield* Clock.currentTimeMillis
      return yield* failed(refused({ status, body: text.slice(0, 4096), headers, nowMillis }))
    }
    const contentType = headers["content-type"] ?? "application/json"
    const usage = new ReplyUsage(contentType)
    response.writeHead(status, { "content-type": contentType })
    const end = yield* HttpConnections.readPieces(upstream, patience, (piece) => {
      usage.push(piece)
      response.write(piece)
      return patience
    }).pipe(Effect.orElseSucceed(() => "Silent" as const))
    usage.end()
    // A reply that broke off must not look whole.
    if (end === "Ended") response.end()
    else response.destroy()
    return { usage: usage.usage, chars: usage.chars }
  }, Effect.scoped)

  const handle = Effect.fnUntraced(function* (incoming: IncomingMessage, response: ServerResponse) {
    if (!authorized(incoming, listening)) return answer(response, 401, "this is not the run's key")
    const path = pathOf(incoming.url ?? "")
    if (path === undefined) return answer(response, 403, "the gateway passes on /v1/ and nothing else")
    let last: Refusal | undefined
    const onRefusal = (refusal: Refusal) => {
      last = refusal
    }
    const tell = ({ message, reason }: InferenceError) => {
      if (last === undefined) return answer(response, 502, message)
      const { body, retryAfter, status } = last
      if (bodyOf(body) === undefined) return answer(response, status, reason.message)
      response.writeHead(status, {
        "content-type": "application/json",
        ...(retryAfter !== undefined && { "retry-after": retryAfter })
      })
      response.end(body)
    }
    if (incoming.method === "GET") {
      return yield* pass(incoming, response, first, path, undefined, onRefusal).pipe(
        Effect.asVoid,
        Effect.catch((error) => Effect.sync(() => tell(error)))
      )
    }
    if (incoming.method !== "POST") return answer(response, 405, "GET and POST only")
    const bytes = yield* HttpConnections.readBytes(incoming, maxBodyBytes).pipe(
      Effect.orElseSucceed(() => Buffer.alloc(0))
    )
    const text = bytes.toString("utf8")
    const body = bytes.length > maxBodyBytes ? undefined : bodyOf(text)
    if (body === undefined) return answer(response, 400, "the request is not a JSON object of at most 64 MiB")
    yield* options
      .ask({ chars: text.length, maxTokens: maxTokensOf(body) }, (endpoint, maxTokens) =>
        pass(incoming, response, endpoint, path, passedOn(path, body, endpoint, maxTokens), onRefusal)
      )
      .pipe(
        Effect.asVoid,
        Effect.catch((error) => Effect.sync(() => tell(error)))
      )
  })

  const server = yield* Effect.acquireRelease(
    Effect.sync(() => createServer()),
    (one) => Effect.sync(() => one.close().closeAllConnections())
  )
  // A model may think for longer than Node's default patience.
  server.requestTimeout = 0
  // Made after the server, so closed before it.
  const run = yield* FiberSet.makeRuntime<never, void, never>()
  server.on("request", (incoming, response) => {
    const fiber = run(
      handle(incoming, response).pipe(
        Effect.catchCause((cause) =>
          Effect.gen(function* () {
            response.destroy()
            if (!Cause.hasInterruptsOnly(cause))
              yield* Effect.logError("a request of the agent failed", cause)
          })
        )
      )
    )
    // An agent that wants its answer no more should not be paid for.
    response.on("close", () => {
      if (!response.writableFinished) fiber.interruptUnsafe()
    })
    response.on("error", () => fiber.interruptUnsafe())
  })
  yield* listen(server, listening)
  const address = server.address() as AddressInfo | string | null
  return { port: typeof address === "object" && address !== null ? address.port : 0 }
})

const listen = (server: Server, listening: Listening) =>
  Effect.callback<void, CodingAgentError>((resume) => {
    server.once("error", ({ message }) =>
      resume(
        Effect.fail(
          new CodingAgentError({
            reason: new AgentNotStarted({
              message: `the gateway to the model cannot listen: ${message}`,
              party: "workspace"
            })
          })
        )
      )
    )
    if ("path" in listening) server.listen(listening.path, () => resume(Effect.void))
    else server.listen(0, "127.0.0.1", () => resume(Effect.void))
  })

/** A key that opens one gateway. */
export const newKey = (): string => randomBytes(24).toString("hex")
