/** What servers say of their context, read from answers as they send them, and over HTTP. */
import { createServer, type ServerResponse } from "node:http"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { addressesOf, fromModels, fromProps } from "../../layers/chat/contextWindow.ts"
import * as ServerContextWindow from "../../layers/ServerContextWindow.ts"
import { contextWindow } from "../../src/executors/contextWindow.ts"
import { ContextWindow } from "../../src/services/ContextWindow.ts"

const props = '{"default_generation_settings":{"n_ctx":4096},"total_slots":2,"n_ctx":8192}'

describe("the context that a server names", () => {
  it("is that of one slot of llama.cpp", () => {
    assert.strictEqual(fromProps(props), 4096)
    assert.isUndefined(fromProps('{"default_generation_settings":{"n_ctx":0},"role":"router"}'))
  })

  it.each([
    ["vLLM, SGLang", { id: "m", max_model_len: 40_960 }, 40_960],
    ["OpenRouter", { id: "m", context_length: 131_072, top_provider: { context_length: 65_536 } }, 65_536],
    ["LM Studio", { id: "m", max_context_length: 131_072, loaded_context_length: 4096 }, 4096],
    ["Groq", { id: "m", context_window: 131_072 }, 131_072],
    [
      "llama.cpp, which says what the model was trained with",
      { id: "m", meta: { n_ctx_train: 8192 } },
      undefined
    ],
    ["OpenAI", { id: "m", object: "model" }, undefined],
    ["nobody: a text", { id: "m", max_model_len: "40960" }, undefined]
  ])("is read from the list of models as %s sends it", (_, entry, tokens) => {
    assert.strictEqual(fromModels(JSON.stringify({ data: [{ id: "other" }, entry] }), "m"), tokens)
  })

  it("is that of the only model, whatever its name, and of none of several others", () => {
    const one = { id: "/models/x.gguf", max_model_len: 2048 }
    assert.strictEqual(fromModels(JSON.stringify({ data: [one] }), "m"), 2048)
    assert.isUndefined(fromModels(JSON.stringify({ data: [one, one] }), "m"))
  })

  it.each(["", "no JSON", "null", "[]", '{"data":{}}', '{"data":[null]}'])("is none in %j", (body) => {
    assert.isUndefined(fromModels(body, "m"))
    assert.isUndefined(fromProps(body))
  })

  it("is asked beside /v1 and below it", () => {
    assert.deepStrictEqual(addressesOf("http://h/a/v1/"), {
      props: "http://h/a/props",
      models: "http://h/a/v1/models"
    })
  })

  const serve = (answer: (url: string, response: ServerResponse) => void) =>
    Effect.acquireRelease(
      Effect.callback<{
        readonly baseURL: string
        readonly asked: Array<string>
        readonly close: () => void
      }>((resume) => {
        const asked: Array<string> = []
        const server = createServer(({ url = "" }, response) => {
          asked.push(url)
          answer(url, response)
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            server.closeAllConnections()
            server.close()
          }
          resume(Effect.succeed({ baseURL: `http://127.0.0.1:${port}/v1`, asked, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    )
  const known = (baseURL: string) => contextWindow({}, {}, { baseURL, model: "m" })

  it.live("is asked of it once", () =>
    Effect.gen(function* () {
      const { asked, baseURL } = yield* serve((url, response) =>
        url === "/props" ? response.end(props) : response.writeHead(404).end()
      )
      const window = yield* Effect.andThen(known(baseURL), known(baseURL)).pipe(
        Effect.provide(ServerContextWindow.layer)
      )
      assert.deepStrictEqual(window, { windowTokens: 4096, windowFrom: "server" })
      assert.deepStrictEqual(asked.toSorted(), ["/props", "/v1/models"])
    })
  )

  it.live("is the default where nothing is there, or no sense, or nothing listens", () =>
    Effect.gen(function* () {
      const { baseURL } = yield* serve((url, response) =>
        url === "/props" ? response.destroy() : response.end("<html>")
      )
      const unknown = { windowTokens: 32_768, windowFrom: "default" }
      const layer = Effect.provide(ServerContextWindow.layer)
      assert.deepStrictEqual(yield* known(baseURL).pipe(layer), unknown)
      assert.deepStrictEqual(yield* known("http://127.0.0.1:1/v1").pipe(layer), unknown)
      assert.deepStrictEqual(yield* known("no address").pipe(layer), unknown)
    })
  )

  it.effect("is not asked for where the Agent says it", () =>
    Effect.gen(function* () {
      const window = yield* contextWindow({ contextWindowTokens: 9_000 }, {}, { baseURL: "", model: "" })
      assert.deepStrictEqual(window, { windowTokens: 9_000, windowFrom: "agent" })
    }).pipe(Effect.provideService(ContextWindow, { ask: () => Effect.die("asked") }))
  )
})
