/**
 * HTTP/1.1 over kept connections: Node's own client, since another costs a Job's pod 40 ms and 15 MB at its start. A request that is
 * interrupted, or an answer that is destroyed, takes its connection along; an answer that is read to its end gives it back.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http"
import type { AgentOptions } from "node:https"
import type { TLSSocket } from "node:tls"
import { urlToHttpOptions } from "node:url"

import { Duration, Effect, Schema, type Scope } from "effect"

export interface Options {
  /** Requests at the same time for one origin; others wait. Default: any number. */
  readonly maxConnections?: number
  /** An idle connection is closed after this long; a shorter hint of the server wins. */
  readonly keepAliveMillis: number
  readonly connectTimeoutMillis: number
  readonly tls?: Pick<AgentOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername">
}

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  /** For the headers of the answer to be there. Default: any time, once connected. */
  readonly answerWithin?: Duration.Duration
}

/** What a socket error says. The error of several addresses that were all tried has no message of its own. */
export const told = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.errors.length > 0) return told(cause.errors[0])
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message
}

/** No answer, or half of one: what the socket said, or what is wrong about the URL or a header. */
export class ConnectionError extends Schema.TaggedError<ConnectionError>()("ConnectionError", {
  cause: Schema.Defect()
}) {
  /** Whether it is connected, and the answer did not begin in time. */
  get isLate(): boolean {
    return this.cause instanceof LateAnswer
  }
  override get message(): string {
    return told(this.cause)
  }
}

class LateAnswer extends Error {}

export interface HttpConnections {
  /** Succeeds when the headers are there. */
  readonly send: (request: HttpRequest) => Effect.Effect<IncomingMessage, ConnectionError>
}

// As an import, node:http would be asked for all its names, and a few of them load a whole second client.
const http = process.getBuiltinModule("node:http")
const https = () => process.getBuiltinModule("node:https")

/** What is said of certificates is read once, not for each connection, and is no part of the name under which a connection is kept. */
const secureAgent = ({ ca, cert, key, ...pool }: AgentOptions) =>
  new (https().Agent)({
    ...pool,
    secureContext: process.getBuiltinModule("node:tls").createSecureContext({ ca, cert, key })
  })

/** A timer of more than some 25 days would go off at once. */
const after = (millis: number, action: () => void) => setTimeout(action, Math.min(millis, 2 ** 31 - 1))

export const make = (options: Options): Effect.Effect<HttpConnections, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pool: AgentOptions = {
      keepAlive: true,
      maxSockets: options.maxConnections ?? Infinity,
      timeout: options.keepAliveMillis,
      ...options.tls
    }
    let plain: InstanceType<typeof http.Agent> | undefined
    let secure: InstanceType<ReturnType<typeof https>["Agent"]> | undefined
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        plain?.destroy()
        secure?.destroy()
      })
    )
    // A model is asked at the same address in every turn.
    let target: { readonly url: string; readonly parts: RequestOptions } | undefined
    const open = ({ headers, method, url }: HttpRequest) => {
      if (target?.url !== url) target = { url, parts: urlToHttpOptions(new URL(url)) }
      const { parts } = target
      return parts.protocol === "https:"
        ? https().request({ ...parts, agent: (secure ??= secureAgent(pool)), method, headers })
        : http.request({ ...parts, agent: (plain ??= new http.Agent(pool)), method, headers })
    }

    const prepare = (request: HttpRequest) =>
      Effect.try({
        try: () => open(request),
        catch: (cause) => new ConnectionError({ cause })
      })

    const exchange = (outgoing: ClientRequest, { answerWithin, body }: HttpRequest) =>
      Effect.callback<IncomingMessage, ConnectionError>((resume) => {
        if (answerWithin !== undefined) {
          const late = () =>
            outgoing.destroy(new LateAnswer(`no answer within ${Duration.format(answerWithin)}`))
          const waiting = after(Duration.toMillis(answerWithin), late)
          const isOver = () => clearTimeout(waiting)
          outgoing.once("response", isOver).once("close", isOver)
        }
        let connecting: NodeJS.Timeout | undefined
        outgoing.once("socket", (socket) => {
          if (!socket.connecting) return
          const limit = options.connectTimeoutMillis
          connecting = setTimeout(
            () => outgoing.destroy(new Error(`no connection within ${limit} ms`)),
            limit
          )
          const isConnected = () => clearTimeout(connecting)
          socket.once(isSecure(socket) ? "secureConnect" : "connect", isConnected).once("close", isConnected)
        })
        outgoing.once("response", (answer) => resume(Effect.succeed(answer)))
        // Stays: a socket may break once more after we let go of it.
        outgoing.on("error", (cause) => resume(Effect.fail(new ConnectionError({ cause }))))
        outgoing.end(body)
        return Effect.sync(() => outgoing.destroy())
      })

    return {
      send: (request) => Effect.flatMap(prepare(request), (outgoing) => exchange(outgoing, request))
    }
  })

const isSecure = (socket: object): socket is TLSSocket => "encrypted" in socket

/** How long the last bytes of an answer may take when nobody needs them; they only save the next request a connection. */
const lastBytesMillis = 1_000

/** Gives the connection back when what is left of the answer comes at once, and closes it when not. */
export const letEnd = (answer: IncomingMessage): void => {
  if (answer.readableEnded || answer.destroyed) return
  const late = setTimeout(() => answer.destroy(), lastBytesMillis).unref()
  answer.once("close", () => clearTimeout(late)).resume()
}

/**
 * Hands over the pieces of an answer as they come, until it ends, or nothing came for too long, or `take` wants no more: it says how many
 * milliseconds the next piece may take, 0 for none. One listener and one timer for all of them: an answer of a model has hundreds. What
 * is left of it is lost, and the answer must be ended (`letEnd`) or destroyed.
 */
export const readPieces = (
  answer: IncomingMessage,
  firstMillis: number,
  take: (piece: Buffer) => number
): Effect.Effect<"Ended" | "Enough" | "Silent", ConnectionError> =>
  Effect.callback((resume) => {
    // What broke while nobody listened says so to nobody later.
    if (answer.destroyed && !answer.readableEnded) {
      return resume(Effect.fail(new ConnectionError({ cause: answer.errored ?? new Error("aborted") })))
    }
    const settle = (outcome: Parameters<typeof resume>[0]) => {
      clearTimeout(limit)
      answer.off("data", onData)
      resume(outcome)
    }
    const wait = (millis: number) => after(millis, () => settle(Effect.succeed("Silent")))
    const onData = (piece: Buffer) => {
      clearTimeout(limit)
      try {
        const millis = take(piece)
        if (millis > 0) limit = wait(millis)
        else settle(Effect.succeed("Enough"))
      } catch (defect) {
        // Thrown from here it would end the process, not the fiber.
        settle(Effect.die(defect))
      }
    }
    let limit = wait(firstMillis)
    answer.on("data", onData)
    answer.once("end", () => settle(Effect.succeed("Ended")))
    answer.on("error", (cause) => settle(Effect.fail(new ConnectionError({ cause }))))
    return Effect.sync(() => {
      clearTimeout(limit)
      answer.off("data", onData).destroy()
    })
  })

/** The bytes of an answer, up to and with the piece that passes `maxBytes`. An answer that breaks off is an error. */
export const readBytes = (
  answer: IncomingMessage,
  maxBytes: number
): Effect.Effect<Buffer, ConnectionError> =>
  Effect.callback((resume) => {
    const pieces: Array<Buffer> = []
    let size = 0
    answer.on("data", (piece: Buffer) => {
      pieces.push(piece)
      size += piece.length
      if (size > maxBytes) answer.destroy()
    })
    answer.on("error", (cause) => resume(Effect.fail(new ConnectionError({ cause }))))
    // Not at its end: by now the connection is back, and the next request finds it.
    answer.once("close", () => resume(Effect.succeed(Buffer.concat(pieces))))
    return Effect.sync(() => answer.destroy())
  })
