import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"

import * as HttpConnections from "../../layers/HttpConnections.ts"

type Answering = (request: IncomingMessage, response: ServerResponse) => void

/** A server that remembers its connections. */
const serve = (answer: Answering) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly sockets: ReadonlyArray<Socket>; close: () => void }>(
      (resume) => {
        const sockets: Array<Socket> = []
        const server = createServer(answer)
        server.on("connection", (socket) => sockets.push(socket))
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as AddressInfo
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}/`, sockets, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const pool = HttpConnections.make({
  keepAliveMillis: 10_000,
  connectTimeoutMillis: 10_000,
  maxConnections: 2
})

const closed = (socket: Socket | undefined) =>
  Effect.callback<boolean>((resume) => {
    if (socket === undefined || socket.destroyed) resume(Effect.succeed(socket !== undefined))
    else socket.once("close", () => resume(Effect.succeed(true)))
  })

describe("HttpConnections", () => {
  it.live("one request after another shares a connection, read to the end or let end", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* serve((_, response) => {
        response.write("a first piece, ")
        setImmediate(() => response.end("and a last"))
      })
      const { send } = yield* pool
      const read: Array<string> = []
      for (const isRead of [true, false, true]) {
        const answer = yield* send({ method: "GET", url, headers: {} })
        if (isRead) read.push((yield* HttpConnections.readBytes(answer, 100)).toString())
        else {
          HttpConnections.letEnd(answer)
          yield* Effect.callback<void>((resume) => void answer.once("close", () => resume(Effect.void)))
        }
      }
      assert.deepStrictEqual(read, ["a first piece, and a last", "a first piece, and a last"])
      assert.strictEqual(sockets.length, 1)
    })
  )

  it.live("no more connections than allowed are open; the other requests wait", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* serve((_, response) => void setImmediate(() => response.end("x")))
      const { send } = yield* pool
      const one = send({ method: "GET", url, headers: {} }).pipe(
        Effect.flatMap((answer) => HttpConnections.readBytes(answer, 1))
      )
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => one),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(Buffer.concat(all).toString(), "x".repeat(20))
      assert.strictEqual(sockets.length, 2)
    })
  )

  it.live("a request that is interrupted before its answer takes its connection along", () =>
    Effect.gen(function* () {
      let isAsked = (): void => {}
      const asked = new Promise<void>((resolve) => (isAsked = resolve))
      const { sockets, url } = yield* serve(() => isAsked())
      const { send } = yield* pool
      const fiber = yield* Effect.forkChild(send({ method: "POST", url, headers: {}, body: "{}" }))
      yield* Effect.promise(() => asked)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* closed(sockets[0]))
    })
  )

  it.live("an answer that is too large is cut off, and its connection closed", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* serve((_, response) => void response.write("x".repeat(100_000)))
      const { send } = yield* pool
      const answer = yield* send({ method: "GET", url, headers: {} })
      const bytes = yield* HttpConnections.readBytes(answer, 1_000)
      assert.isTrue(bytes.length > 1_000 && bytes.length <= 100_000)
      assert.isTrue(yield* closed(sockets[0]))
    })
  )

  it.live("no headers within the time that the request allows are an error", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* serve(() => {})
      const { send } = yield* pool
      const request = { method: "GET", url, headers: {}, answerWithin: Duration.millis(20) }
      const error = yield* Effect.flip(send(request))
      assert.strictEqual(error.message, "no answer within 20ms")
      assert.isTrue(yield* closed(sockets[0]))
    })
  )

  it.live("pieces are handed over until the end, a silence, enough of them, or a break", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((request, response) => {
        response.write("one,")
        setImmediate(() => {
          if (request.url === "/ends") response.end("two")
          else if (request.url === "/breaks") response.destroy()
          else response.write("two")
        })
      })
      const { send } = yield* pool
      const read = (path: string, patience: (text: string) => number) =>
        Effect.gen(function* () {
          const answer = yield* send({ method: "GET", url: `${url}${path}`, headers: {} })
          let text = ""
          const end = yield* HttpConnections.readPieces(answer, 5_000, (piece) => {
            text += piece.toString()
            return patience(text)
          }).pipe(Effect.catch((error) => Effect.succeed(error._tag)))
          answer.destroy()
          return [end, text]
        })
      assert.deepStrictEqual(
        yield* Effect.all([
          read("ends", () => 5_000),
          // More than a timer can be told is long, not nothing.
          read("ends", () => 1e12),
          read("stays", (text) => (text.endsWith("two") ? 10 : 5_000)),
          read("stays", (text) => (text.endsWith("two") ? 0 : 5_000)),
          read("breaks", () => 5_000)
        ]),
        [
          ["Ended", "one,two"],
          ["Ended", "one,two"],
          ["Silent", "one,two"],
          ["Enough", "one,two"],
          ["ConnectionError", "one,"]
        ]
      )
    })
  )

  it.live(
    "an answer that broke before it was read is an error at once, and a reader that throws ends no process",
    () =>
      Effect.gen(function* () {
        const { sockets, url } = yield* serve((_, response) => response.write("half"))
        const { send } = yield* pool
        const request = { method: "GET", url, headers: {} }
        const broken = yield* send(request)
        for (const socket of sockets) socket.destroy()
        yield* Effect.callback<void>((resume) => void broken.once("close", () => resume(Effect.void)))
        const error = yield* Effect.flip(HttpConnections.readPieces(broken, 60_000, () => 60_000))
        assert.strictEqual(error._tag, "ConnectionError")
        const thrown = yield* HttpConnections.readPieces(yield* send(request), 60_000, () => {
          throw new RangeError("a bug")
        }).pipe(Effect.exit)
        assert.include(String(thrown), "a bug")
      })
  )

  it.live("an answer that breaks off, a dead port, a URL and a header that are none: all are errors", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((_, response) => {
        response.write("half")
        setImmediate(() => response.destroy())
      })
      const { send } = yield* pool
      const read = (request: Partial<HttpConnections.HttpRequest>) =>
        send({ method: "GET", url, headers: {}, ...request }).pipe(
          Effect.flatMap((answer) => HttpConnections.readBytes(answer, 100)),
          Effect.flip,
          Effect.map(({ cause }) => (cause instanceof Error && "code" in cause ? cause.code : cause))
        )
      assert.deepStrictEqual(
        yield* Effect.all([
          read({}),
          read({ url: "http://127.0.0.1:1/" }),
          read({ url: "nowhere" }),
          read({ headers: { authorization: "Bearer a\nb" } })
        ]),
        ["ECONNRESET", "ECONNREFUSED", "ERR_INVALID_URL", "ERR_INVALID_CHAR"]
      )
    })
  )
})
