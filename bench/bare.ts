/** What this machine needs for the least that could be done, and the small API server that run-task is measured with. */
import { execFileSync, spawn } from "node:child_process"
import * as http from "node:http"
import type { AddressInfo } from "node:net"

import { Effect } from "effect"

export const p50 = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

/** As much of an API server as one run asks for: two GETs and a transcript. */
export const apiserver = (objects: Readonly<Record<string, unknown>>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: http.Server; readonly url: string }>((resume) => {
      const server = http.createServer((request, response) => {
        const found = objects[(request.url ?? "").replace(/\?.*/u, "")]
        const isWrite = request.method !== "GET"
        const body = isWrite ? { metadata: { name: "transcript" } } : (found ?? { kind: "Status", code: 404 })
        response.writeHead(isWrite ? 201 : found === undefined ? 404 : 200, {
          "content-type": "application/json"
        })
        response.end(JSON.stringify(body))
        request.resume()
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ server, url: `http://127.0.0.1:${port}` }))
      })
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

/** An empty process of this runtime: from its start to its end, and what is resident there (its peak would be ours: a fork inherits it). */
export const bareProcess = (): { readonly millis: number; readonly megabytes: number } => {
  const startedAt = performance.now()
  const bytes = execFileSync(process.execPath, ["-p", "process.memoryUsage.rss()"], { encoding: "utf8" })
  return { millis: performance.now() - startedAt, megabytes: Number(bytes) / 2 ** 20 }
}

/** A process that does nothing but what must be done: two reads, one after another, then the request. From its start to that. */
export const bareRequestMillis = (): Promise<number> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { server, url } = yield* apiserver({ "/": {} })
        const program = `const http = require("node:http"), agent = new http.Agent({ keepAlive: true })
          const get = (then) => http.get("${url}", { agent }, (r) => r.resume().on("end", then))
          get(() => setImmediate(() => get(() => setImmediate(() => get(() => process.exit())))))`
        return yield* Effect.callback<number>((resume) => {
          let requests = 0
          const startedAt = performance.now()
          server.on("request", () => {
            if (++requests === 3) resume(Effect.succeed(performance.now() - startedAt))
          })
          const child = spawn(process.execPath, ["-e", program], { stdio: "ignore" })
          return Effect.sync(() => child.kill("SIGKILL"))
        })
      })
    )
  )

/** The least that a reply and the next request can take: a loop of one connection on this machine. */
export const bareRoundTripMillis = (): Promise<number> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* apiserver({ "/": {} })
        const agent = new http.Agent({ keepAlive: true })
        const one = Effect.callback<number>((resume) => {
          const startedAt = performance.now()
          http.get(url, { agent }, (response) => {
            response.resume()
            response.on("end", () => resume(Effect.succeed(performance.now() - startedAt)))
          })
        })
        const times = yield* Effect.replicateEffect(one, 200)
        agent.destroy()
        return p50(times)
      })
    )
  )
