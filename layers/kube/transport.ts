/** HTTP to an API server: connections, credentials, time limits, and failures turned into `KubeError`. No kinds in here. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Duration, Effect, Redacted, Stream, type Scope } from "effect"
import type { Readable } from "node:stream"
import { Agent, type Dispatcher } from "undici"

import { KubeError, type KubeReason, Unavailable, Undecodable } from "../../src/services/KubeClient.ts"
import type { KubeConfig } from "./KubeConfig.ts"
import { reasonOf } from "./status.ts"

export interface KubeRequest {
  /** What is tried, for the error: `patch agentictasks.foreman.llmkube.dev default/t1`. */
  readonly operation: string
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Path and query. */
  readonly path: string
  readonly body?: string
  readonly contentType?: string
  /** The answer may begin late: a log that is followed has no headers before its first line. */
  readonly mayBeginLate?: boolean
}

export interface Transport {
  /** One request and its whole JSON answer, within the request timeout. */
  readonly json: (request: KubeRequest) => Effect.Effect<unknown, KubeError>
  /** An answer without an end. Closing the scope closes its connection. */
  readonly bytes: (request: KubeRequest) => Stream.Stream<Uint8Array, KubeError>
}

/** An answer larger than this is refused: a V8 string ends at 512 MiB, and a page of 500 objects stays far below. */
const maxAnswerBytes = 256 * 1024 * 1024

/** A rotated token is picked up within this time. Kubernetes rotates at 80 % of a token's life, so there is no hurry. */
const credentialLife = Duration.seconds(60)

/** Connections for requests. An API server is the bottleneck long before 32 concurrent requests are. */
const maxRequestConnections = 32

const agent = (config: KubeConfig, timeout: Duration.Duration, options: Agent.Options) =>
  Effect.acquireRelease(
    Effect.sync(
      () =>
        new Agent({
          // One stuck HTTP/2 connection would stall every watch on it.
          allowH2: false,
          // Below the 90 s after which a Go server hangs up on an idle connection; a shorter hint of the server wins.
          keepAliveTimeout: 60_000,
          headersTimeout: Duration.toMillis(timeout),
          connect: {
            timeout: Duration.toMillis(timeout),
            keepAlive: true,
            rejectUnauthorized: !config.tls.insecureSkipVerify,
            ...(config.tls.ca === undefined ? {} : { ca: config.tls.ca }),
            ...(config.tls.serverName === undefined ? {} : { servername: config.tls.serverName }),
            ...(config.tls.client === undefined
              ? {}
              : { cert: config.tls.client.certificate, key: Redacted.value(config.tls.client.key) })
          },
          ...options
        })
    ),
    (agent) => Effect.promise(() => agent.destroy())
  )

export const make = Effect.fnUntraced(function* (
  config: KubeConfig,
  timeout: Duration.Duration
): Effect.fn.Return<Transport, never, Scope.Scope> {
  const requests = yield* agent(config, timeout, {
    connections: maxRequestConnections,
    bodyTimeout: Duration.toMillis(timeout),
    maxResponseSize: maxAnswerBytes
  })
  // Watches and logs are silent for as long as nothing happens; the watch notices by itself when that is too long.
  const streams = yield* agent(config, timeout, { bodyTimeout: 0 })
  const [authorization, forget] = yield* Effect.cachedInvalidateWithTTL(config.authorization, credentialLife)

  const { origin, pathname } = new URL(config.server)
  const prefix = pathname.replace(/\/$/u, "")

  const dispatch = (agent: Agent, request: KubeRequest, credential: Redacted.Redacted | undefined) =>
    Effect.tryPromise({
      try: (signal) =>
        agent.request({
          origin,
          path: prefix + request.path,
          method: request.method,
          signal,
          ...(request.mayBeginLate === true ? { headersTimeout: 0 } : {}),
          body: request.body ?? null,
          headers: {
            accept: "application/json",
            "user-agent": "foreman",
            ...(credential === undefined ? {} : { authorization: Redacted.value(credential) }),
            ...(request.body === undefined
              ? {}
              : { "content-type": request.contentType ?? "application/json" })
          }
        }),
      catch: (cause) => unavailable(request.operation, `no answer from ${config.server}: ${told(cause)}`)
    })

  const credential = (operation: string) =>
    authorization.pipe(Effect.mapError((error) => unavailable(operation, error.message)))

  /** A 401 may only mean that the token rotated since it was read, so a new one gets one more try. */
  const send = Effect.fnUntraced(function* (agent: Agent, request: KubeRequest) {
    const before = yield* credential(request.operation)
    const answer = yield* dispatch(agent, request, before)
    if (answer.statusCode !== 401 || before === undefined) return answer
    yield* forget
    const now = yield* credential(request.operation)
    if (now === undefined || Redacted.value(now) === Redacted.value(before)) return answer
    yield* Effect.promise(() => answer.body.dump())
    return yield* dispatch(agent, request, now)
  })

  const refuse = Effect.fnUntraced(function* (operation: string, answer: Dispatcher.ResponseData) {
    const body = yield* text(operation, answer)
    const retryAfter = answer.headers["retry-after"]
    const reason: KubeReason = reasonOf({
      status: answer.statusCode,
      body,
      retryAfter: typeof retryAfter === "string" ? retryAfter : undefined
    })
    return yield* new KubeError({ operation, reason })
  })

  const json = Effect.fnUntraced(
    function* (request: KubeRequest) {
      const answer = yield* send(requests, request)
      if (answer.statusCode >= 300) return yield* refuse(request.operation, answer)
      const body = yield* text(request.operation, answer)
      return yield* Effect.try({
        try: (): unknown => JSON.parse(body),
        catch: () =>
          new KubeError({
            operation: request.operation,
            reason: new Undecodable({ message: `the answer is not JSON: ${body.slice(0, 200)}` })
          })
      })
    },
    (effect, request) =>
      Effect.timeoutOrElse(effect, {
        duration: timeout,
        orElse: () =>
          Effect.fail(
            unavailable(
              request.operation,
              `no answer from ${config.server} within ${Duration.format(timeout)}`
            )
          )
      })
  )

  const bytes = (request: KubeRequest) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const answer = yield* send(streams, request)
        if (answer.statusCode >= 300) return yield* refuse(request.operation, answer)
        const body: Readable = answer.body
        yield* Effect.addFinalizer(() => Effect.sync(() => body.destroy()))
        return NodeStream.fromReadable<Uint8Array, KubeError>({
          evaluate: () => body,
          onError: (cause) => unavailable(request.operation, `the connection broke: ${told(cause)}`)
        })
      })
    )

  return { json, bytes }
})

/** What a socket error says. The error of several addresses that were all tried has no message of its own. */
const told = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.errors.length > 0) return told(cause.errors[0])
  if (cause instanceof Error) {
    const inner = cause.cause instanceof Error ? `: ${cause.cause.message}` : ""
    return `${cause.message}${inner}`
  }
  return String(cause)
}

const unavailable = (operation: string, message: string) =>
  new KubeError({ operation, reason: new Unavailable({ message }) })

const text = (operation: string, answer: Dispatcher.ResponseData) =>
  Effect.tryPromise({
    try: () => answer.body.text(),
    catch: (cause) => unavailable(operation, `the answer broke off: ${told(cause)}`)
  }).pipe(Effect.onInterrupt(() => Effect.sync(() => answer.body.destroy())))
