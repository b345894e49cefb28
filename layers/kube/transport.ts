/** HTTP to an API server: connections, credentials, time limits, and failures turned into `KubeError`. No kinds in here. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Duration, Effect, Exit, Random, Redacted, Schedule, Stream, type Scope } from "effect"
import type { IncomingMessage } from "node:http"

import { KubeError, type KubeReason, Unavailable, Undecodable } from "../../src/services/KubeClient.ts"
import * as HttpConnections from "../HttpConnections.ts"
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
  /** Runs when an answer without an end begins. */
  readonly onOpen?: Effect.Effect<void> | undefined
}

export interface Transport {
  /** One request and its whole JSON answer, within the request timeout; asked again when the server said 429 and when. */
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

/** Below the 90 s after which a Go server hangs up on an idle connection. */
const keepAliveMillis = 60_000

/** A longer wait than this is the caller's to decide. */
const longestPatienceSeconds = 10

/** Seconds that the server asks for, of a refusal that leaves no doubt: nothing was done. */
const askedSeconds = ({ reason }: KubeError): number | undefined =>
  reason._tag === "TooManyRequests" ? reason.retryAfterSeconds : undefined

/** Who is asked for patience comes back a little later than that, so that not all come back together. No connection is held. */
const patience = Schedule.recurs(5).pipe(
  Schedule.setInputType<KubeError>(),
  Schedule.while(({ input }) => (askedSeconds(input) ?? Number.POSITIVE_INFINITY) <= longestPatienceSeconds),
  Schedule.addDelay(({ input }) =>
    Effect.map(Random.nextBetween(1, 1.2), (spread) => Duration.seconds((askedSeconds(input) ?? 0) * spread))
  )
)

const connections = (config: KubeConfig, timeout: Duration.Duration, maxConnections?: number) =>
  HttpConnections.make({
    ...(maxConnections === undefined ? {} : { maxConnections }),
    keepAliveMillis,
    connectTimeoutMillis: Duration.toMillis(timeout),
    tls: {
      rejectUnauthorized: !config.tls.insecureSkipVerify,
      ...(config.tls.ca === undefined ? {} : { ca: config.tls.ca }),
      ...(config.tls.serverName === undefined ? {} : { servername: config.tls.serverName }),
      ...(config.tls.client === undefined
        ? {}
        : { cert: config.tls.client.certificate, key: Redacted.value(config.tls.client.key) })
    }
  })

export const make = Effect.fnUntraced(function* (
  config: KubeConfig,
  timeout: Duration.Duration
): Effect.fn.Return<Transport, never, Scope.Scope> {
  const requests = yield* connections(config, timeout, maxRequestConnections)
  // Watches and logs are silent for as long as nothing happens; the watch notices by itself when that is too long.
  const streams = yield* connections(config, timeout)
  const [authorization, forget] = yield* Effect.cachedInvalidateWithTTL(config.authorization, (exit) =>
    // One that could not be had is asked for again at once.
    Exit.isSuccess(exit) ? credentialLife : Duration.zero
  )

  const { origin, pathname } = new URL(config.server)
  const prefix = pathname.replace(/\/$/u, "")

  const dispatch = (
    pool: HttpConnections.HttpConnections,
    request: KubeRequest,
    credential: Redacted.Redacted | undefined
  ) =>
    pool
      .send({
        method: request.method,
        url: origin + prefix + request.path,
        body: request.body,
        headers: {
          accept: "application/json",
          "user-agent": "foreman",
          ...(credential === undefined ? {} : { authorization: Redacted.value(credential) }),
          ...(request.body === undefined
            ? {}
            : {
                "content-type": request.contentType ?? "application/json",
                "content-length": String(Buffer.byteLength(request.body))
              })
        }
      })
      .pipe(
        Effect.mapError(({ message }) =>
          unavailable(request.operation, `no answer from ${config.server}: ${message}`)
        )
      )

  const credential = (operation: string) =>
    authorization.pipe(Effect.mapError((error) => unavailable(operation, error.message)))

  /** A 401 may only mean that the token rotated since it was read, so a new one gets one more try. */
  const send = Effect.fnUntraced(function* (pool: HttpConnections.HttpConnections, request: KubeRequest) {
    const before = yield* credential(request.operation)
    const answer = yield* dispatch(pool, request, before)
    if (statusOf(answer) !== 401 || before === undefined) return answer
    yield* forget
    const now = yield* credential(request.operation)
    if (now === undefined || Redacted.value(now) === Redacted.value(before)) return answer
    HttpConnections.letEnd(answer)
    return yield* dispatch(pool, request, now)
  })

  const inTime = <A>(effect: Effect.Effect<A, KubeError>, { operation }: KubeRequest) =>
    Effect.timeoutOrElse(effect, {
      duration: timeout,
      orElse: () =>
        Effect.fail(
          unavailable(operation, `no answer from ${config.server} within ${Duration.format(timeout)}`)
        )
    })

  const refuse = Effect.fnUntraced(function* (operation: string, answer: IncomingMessage) {
    const body = yield* text(operation, answer)
    const retryAfter = answer.headers["retry-after"]
    const reason: KubeReason = reasonOf({
      status: statusOf(answer),
      body,
      retryAfter: typeof retryAfter === "string" ? retryAfter : undefined
    })
    return yield* new KubeError({ operation, reason })
  })

  const json = Effect.fnUntraced(
    function* (request: KubeRequest) {
      const answer = yield* send(requests, request)
      if (statusOf(answer) >= 300) return yield* refuse(request.operation, answer)
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
    (effect, request) => Effect.retry(inTime(effect, request), patience)
  )

  const bytes = (request: KubeRequest) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const sent = send(streams, request)
        const answer = yield* request.mayBeginLate === true ? sent : inTime(sent, request)
        if (statusOf(answer) >= 300) return yield* refuse(request.operation, answer)
        yield* Effect.addFinalizer(() => Effect.sync(() => answer.destroy()))
        yield* request.onOpen ?? Effect.void
        return NodeStream.fromReadable<Uint8Array, KubeError>({
          evaluate: () => answer,
          onError: (cause) =>
            unavailable(request.operation, `the connection broke: ${HttpConnections.told(cause)}`)
        })
      })
    )

  return { json, bytes }
})

const unavailable = (operation: string, message: string) =>
  new KubeError({ operation, reason: new Unavailable({ message }) })

const statusOf = (answer: IncomingMessage): number => answer.statusCode ?? 0

const text = (operation: string, answer: IncomingMessage) =>
  HttpConnections.readBytes(answer, maxAnswerBytes).pipe(
    Effect.mapError(({ message }) => unavailable(operation, `the answer broke off: ${message}`)),
    Effect.flatMap((bytes) =>
      bytes.length > maxAnswerBytes
        ? Effect.fail(unavailable(operation, `the answer is larger than ${maxAnswerBytes} bytes`))
        : Effect.succeed(bytes.toString("utf8"))
    )
  )
