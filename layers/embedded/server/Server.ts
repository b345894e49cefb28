/**
 * The embedded API server's HTTPS face, on 127.0.0.1 only. Plain `node:https`: headers of a stream leave before its first byte, and
 * closing the layer ends every watch at once.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http"
import { createServer, type Server as HttpsServer } from "node:https"

import { Cause, Context, Effect, Exit, FiberSet, Layer, Redacted, Schema, Stream } from "effect"
import * as Runtime from "effect/Runtime"

import type { Answer } from "./answers.ts"
import { type ApiError, Apiserver } from "../Apiserver.ts"
import { users } from "../apiserver/approvalRules.ts"
import type { Certificates } from "./Certificates.ts"
import { failure, internal, unauthorized, unavailable } from "./metaStatus.ts"
import { PodLogs } from "../PodLogs.ts"
import { readBody } from "./requestBody.ts"
import { answer } from "./requests.ts"

/** Another program listens on the port. */
export class PortInUse extends Schema.TaggedError<PortInUse>()("PortInUse", { port: Schema.Int }) {
  override get message(): string {
    return `port ${this.port} of 127.0.0.1 is in use: end what listens there, or choose another with --port (0 is any free one)`
  }
}
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `cannot listen on port ${this.port}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}
export class ServerError extends Schema.TaggedError<ServerError>()("ServerError", {
  reason: Schema.Union([PortInUse, ListenFailed])
}) {
  override readonly [Runtime.errorExitCode] = 78

  override get message(): string {
    return `embedded server: ${this.reason.message}`
  }
}

/** Where the server listens. */
export class Endpoint extends Context.Service<Endpoint, { readonly port: number; readonly url: string }>()(
  "foreman/layers/embedded/Endpoint"
) {}

/** A page beside the API, such as /metrics: loopback only, and open to those who have no token. */
export type ExtraRoute = Effect.Effect<{
  readonly code?: number
  readonly contentType: string
  readonly body: string
}>

export interface ServerOptions {
  /** 0 is any free one. */
  readonly port: number
  readonly certificates: Certificates
  /** By path. `/healthz`, `/livez` and `/readyz` say ok unless they are here. */
  readonly routes?: Readonly<Record<string, ExtraRoute>>
}

const openPaths = new Set(["/healthz", "/readyz", "/livez", "/version"])

/** Idle connections of clients that keep them; longer than they do, so that none is closed under a request. */
const keepAliveMillis = 120_000

const closeMillis = 200

const hash = (value: string) => createHash("sha256").update(value).digest()

/** Whose token a request shows; compares in constant time, whatever the length. */
const authenticates = ({ ownToken, token }: Certificates) => {
  const known = [
    [users.owner, hash(`Bearer ${Redacted.value(token)}`)],
    [users.own, hash(`Bearer ${Redacted.value(ownToken)}`)]
  ] as const
  return (request: IncomingMessage): string | undefined => {
    const shown = hash(request.headers.authorization ?? "")
    const [user] = known.filter(([, expected]) => timingSafeEqual(shown, expected)).map(([name]) => name)
    return user
  }
}

const urlOf = (request: IncomingMessage): URL | undefined =>
  URL.parse(request.url ?? "/", "https://127.0.0.1") ?? undefined

const headersOf = (answer: {
  readonly contentType: string
  readonly warnings?: ReadonlyArray<string>
}): OutgoingHttpHeaders => ({
  "content-type": answer.contentType,
  "cache-control": "no-cache, private",
  ...(answer.warnings === undefined || answer.warnings.length === 0
    ? {}
    : { Warning: answer.warnings.map((warning) => `299 - ${headerText(warning)}`) })
})

/** A quoted string of a header: one line of printable ASCII. */
const headerText = (text: string): string =>
  JSON.stringify(text.replaceAll(/[^\x20-\x7e]/gu, "?").slice(0, 1_000))

const sendError = (response: ServerResponse, error: ApiError): void => {
  const retryAfter = error.details?.["retryAfterSeconds"]
  const body = JSON.stringify(failure(error))
  response
    .writeHead(error.code, {
      ...headersOf({ contentType: "application/json" }),
      ...(typeof retryAfter === "number" ? { "retry-after": String(retryAfter) } : {}),
      ...(error.code === 401 ? { "www-authenticate": "Bearer" } : {}),
      // The rest of a body that was too long is not worth reading to its end.
      ...(error.code === 413 ? { connection: "close" } : {})
    })
    .end(body)
}

const drained = (response: ServerResponse) =>
  Effect.callback<void>((resume) => {
    const proceed = () => resume(Effect.void)
    response.once("drain", proceed)
    return Effect.sync(() => response.removeListener("drain", proceed))
  })

const send = Effect.fnUntraced(function* (response: ServerResponse, answer: Answer) {
  if (answer._tag === "Document") {
    const bytes = Buffer.from(answer.body)
    response.writeHead(answer.code, { ...headersOf(answer), "content-length": bytes.length }).end(bytes)
    return
  }
  response.writeHead(200, headersOf(answer)).flushHeaders()
  yield* Stream.runForEach(answer.bytes, (bytes) =>
    Effect.suspend(() => (response.write(bytes) ? Effect.void : drained(response)))
  )
  response.end()
})

const handle = Effect.fnUntraced(function* (
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
  userOf: (request: IncomingMessage) => string | undefined
) {
  const url = urlOf(request)
  const extra = url === undefined ? undefined : options.routes?.[url.pathname]
  if (extra !== undefined) {
    const page = yield* extra
    return yield* send(response, { _tag: "Document", code: page.code ?? 200, ...page })
  }
  const user = userOf(request)
  if (url === undefined || (user === undefined && !openPaths.has(url.pathname))) {
    return yield* unauthorized("Unauthorized")
  }
  const result = yield* answer({
    method: request.method ?? "GET",
    url,
    user,
    accept: request.headers.accept,
    contentType: request.headers["content-type"],
    body: readBody(request)
  })
  yield* send(response, result)
})

/** Whatever became of the request, the client gets an answer, or its stream an end. */
const finish = (response: ServerResponse, exit: Exit.Exit<void, ApiError>): void => {
  if (Exit.isSuccess(exit)) return
  if (response.headersSent) {
    response.end()
    return
  }
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "Some") return sendError(response, error.value)
  sendError(
    response,
    Cause.hasInterruptsOnly(exit.cause)
      ? unavailable("the server is shutting down")
      : internal("an unexpected error prevented the server from fulfilling your request")
  )
}

const listen = (server: HttpsServer, port: number) =>
  Effect.callback<number, ServerError>((resume) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      resume(
        new ServerError({
          reason: cause.code === "EADDRINUSE" ? new PortInUse({ port }) : new ListenFailed({ port, cause })
        })
      )
    )
    server.listen({ port, host: "127.0.0.1" }, () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })

/** Ended answers may leave; whoever does not take his within the limit is cut off. */
const close = (server: HttpsServer) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeIdleConnections()
  }).pipe(Effect.timeoutOption(closeMillis), Effect.andThen(Effect.sync(() => server.closeAllConnections())))

export const layer = (options: ServerOptions): Layer.Layer<Endpoint, ServerError, Apiserver | PodLogs> =>
  Layer.effect(
    Endpoint,
    Effect.gen(function* () {
      const { certificate, key } = options.certificates
      const server = yield* Effect.acquireRelease(
        Effect.sync(() =>
          createServer({
            cert: certificate,
            key: Redacted.value(key),
            minVersion: "TLSv1.2",
            keepAliveTimeout: keepAliveMillis
          })
        ),
        close
      )
      // Made after the server, so closed before it: requests are ended, then the connections.
      const run = yield* FiberSet.makeRuntime<Apiserver | PodLogs, void, never>()
      const userOf = authenticates(options.certificates)
      server.on("request", (request, response) => {
        const fiber = run(
          handle(request, response, options, userOf).pipe(
            Effect.onExit((exit) => Effect.sync(() => finish(response, exit))),
            Effect.catchCause((cause) =>
              Cause.hasInterruptsOnly(cause) || Cause.hasFails(cause)
                ? Effect.void
                : Effect.logError("a request to the embedded server failed", cause)
            )
          )
        )
        response.on("close", () => fiber.interruptUnsafe())
        response.on("error", () => fiber.interruptUnsafe())
      })
      const port = yield* listen(server, options.port)
      return Endpoint.of({ port, url: `https://127.0.0.1:${port}` })
    })
  )
