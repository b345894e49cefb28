/** An API server that answers as the test says: real sockets, any bytes. */
import { Effect } from "effect"
import * as http from "node:http"
import type { AddressInfo, Socket } from "node:net"

import type { KubeConfig } from "../../../layers/kube/KubeConfig.ts"

export interface Seen {
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
  readonly contentType: string | undefined
  readonly body: string
}

export type Answer = (response: http.ServerResponse, seen: Seen, nth: number) => void

/** `answer` gets each request with its number, from 0. */
export const server = (answer: Answer) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{
          readonly url: string
          readonly seen: Array<Seen>
          readonly open: Set<Socket>
          readonly stop: () => Promise<void>
        }>((resolve) => {
          const seen: Array<Seen> = []
          const open = new Set<Socket>()
          const listening = http.createServer((request, response) => {
            let body = ""
            request.on("data", (chunk: Buffer) => (body += chunk.toString()))
            request.on("end", () => {
              const one: Seen = {
                method: request.method ?? "",
                url: request.url ?? "",
                authorization: request.headers.authorization,
                contentType: request.headers["content-type"],
                body
              }
              seen.push(one)
              answer(response, one, seen.length - 1)
            })
          })
          listening.on("connection", (socket) => {
            open.add(socket)
            socket.on("close", () => open.delete(socket))
          })
          listening.listen(0, "127.0.0.1", () => {
            const { port } = listening.address() as AddressInfo
            resolve({
              url: `http://127.0.0.1:${port}`,
              seen,
              open,
              stop: () =>
                new Promise((done) => {
                  listening.close(() => done())
                  listening.closeAllConnections()
                })
            })
          })
        })
    ),
    ({ stop }) => Effect.promise(stop)
  )

export const json = (response: http.ServerResponse, code: number, body: unknown, headers = {}) =>
  response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

export const status = (response: http.ServerResponse, code: number, reason: string, headers = {}) =>
  json(response, code, { kind: "Status", code, reason, message: `${reason} it is` }, headers)

export const configOf = (
  url: string,
  authorization: KubeConfig["authorization"] = Effect.undefined
): KubeConfig => ({
  server: url,
  namespace: "here",
  tls: { insecureSkipVerify: false },
  authorization
})
