/** A llama.cpp server says how far it has read a prompt, once it is asked to. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"

import * as ChatCompletionsClient from "../../layers/ChatCompletionsClient.ts"
import { InferenceClient } from "../../src/services/InferenceClient.ts"

/** Needs longer for its prompt than a turn may be silent, and says how far it is where it is asked. */
const serving = (name: string, readMillis: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly bodies: Array<string>; readonly close: () => void }>(
      (resume) => {
        const bodies: Array<string> = []
        const server = createServer((request, response) => {
          let body = ""
          request.on("data", (piece) => (body += piece))
          request.on("end", () => {
            bodies.push(body)
            response.setHeader("server", name)
            response.setHeader("content-type", "text/event-stream")
            const chunk = (value: unknown) => response.write(`data: ${JSON.stringify(value)}\n\n`)
            const isAsked = body.includes('"return_progress":true')
            const steps = bodies.length === 1 ? 0 : 5
            for (let step = 1; step <= steps; step++) {
              const prompt_progress = { total: 500, processed: step * 100 }
              if (isAsked) setTimeout(() => chunk({ choices: [], prompt_progress }), step * readMillis)
            }
            setTimeout(() => {
              chunk({ choices: [{ index: 0, delta: { content: "hello" }, finish_reason: "stop" }] })
              response.end("data: [DONE]\n\n")
            }, steps * readMillis)
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
          const close = () => {
            server.closeAllConnections()
            server.close()
          }
          resume(Effect.succeed({ url, bodies, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const ask = (baseURL: string) =>
  Effect.flatMap(InferenceClient, ({ complete }) =>
    complete({
      endpoint: { baseURL, model: "m" },
      messages: ['{"role":"user","content":"hi"}'],
      tools: [],
      turnTimeout: Duration.millis(400)
    })
  )

describe("a prompt that takes long to read", () => {
  it.live(
    "is no stall where llama.cpp serves the model: it is asked to say how far it is, once it is known",
    () =>
      Effect.gen(function* () {
        const { bodies, url } = yield* serving("llama.cpp", 200)
        yield* ask(url)
        const { content } = yield* ask(url)
        assert.strictEqual(content, "hello")
        const isAsked = bodies.map((body) => body.includes("return_progress"))
        assert.deepStrictEqual(isAsked, [false, true])
      }).pipe(Effect.provide(ChatCompletionsClient.layer))
  )

  it.live("is one elsewhere, where nobody is asked for what a server may not know", () =>
    Effect.gen(function* () {
      const { bodies, url } = yield* serving("uvicorn", 200)
      yield* ask(url)
      const { reason } = yield* Effect.flip(ask(url))
      assert.strictEqual(reason._tag, "ReplyStalled")
      assert.isFalse(bodies.some((body) => body.includes("return_progress")))
    }).pipe(Effect.provide(ChatCompletionsClient.layer))
  )
})
