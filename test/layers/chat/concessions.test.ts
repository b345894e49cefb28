/** Servers that refuse a conversation until it is said as they take it: what the client asks, and how often. */
import { createServer } from "node:http"

import { assert, describe, layer } from "@effect/vitest"
import { Duration, Effect } from "effect"

import * as ChatCompletionsClient from "../../../layers/ChatCompletionsClient.ts"
import { InferenceClient } from "../../../src/services/InferenceClient.ts"

type Message = {
  readonly role: string
  readonly content?: unknown
  readonly tool_call_id?: string
  readonly tool_calls?: ReadonlyArray<{ readonly id: string }>
}
interface Body {
  readonly messages: ReadonlyArray<Message>
  readonly tools?: unknown
}
/** The words of a refusal, with status 400; undefined answers. */
type Check = (body: Body) => string | undefined

const completion = JSON.stringify({
  choices: [{ index: 0, message: { role: "assistant", content: "fine" }, finish_reason: "stop" }]
})

const strict = (check: Check) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const bodies: Array<Body> = []
      const server = createServer((request, response) => {
        const parts: Array<Buffer> = []
        request.on("data", (part) => parts.push(part))
        request.on("end", () => {
          const body: Body = JSON.parse(Buffer.concat(parts).toString())
          bodies.push(body)
          const words = check(body)
          response.writeHead(words === undefined ? 200 : 400, { "content-type": "application/json" })
          response.end(words === undefined ? completion : JSON.stringify({ error: { message: words } }))
        })
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { server, bodies, baseURL: `http://127.0.0.1:${port}/v1` }
    }),
    ({ server }) => Effect.sync(() => server.closeAllConnections())
  )

const call = (id: string) => ({ id, type: "function", function: { name: "a", arguments: "{}" } })
const turn = (id: string) => [
  { role: "assistant", content: null, tool_calls: [call(id)] },
  { role: "tool", tool_call_id: id, name: "a", content: "done" }
]
const texts = (...messages: ReadonlyArray<object>) => messages.map((message) => JSON.stringify(message))
const start = texts({ role: "system", content: "be brief" }, { role: "user", content: "do" })

const idsOf = ({ messages }: Body) =>
  messages.flatMap(({ tool_call_id, tool_calls = [] }) => [
    ...tool_calls.map(({ id }) => id),
    ...(tool_call_id === undefined ? [] : [tool_call_id])
  ])
const nine: Check = (body) =>
  idsOf(body).every((id) => /^[a-zA-Z0-9]{9}$/u.test(id))
    ? undefined
    : "Tool call id was call_0 but must be a-z, A-Z, 0-9, with a length of 9."
const noTools: Check = ({ tools }) => (tools === undefined ? undefined : "gemma:2b does not support tools")
const noSystem: Check = ({ messages }) =>
  messages.some(({ role }) => role === "system") ? "System role not supported" : undefined
const alternate: Check = ({ messages }) =>
  messages.every(({ role }, index) => role === (index % 2 === 0 ? "user" : "assistant"))
    ? undefined
    : "Conversation roles must alternate user/assistant/user/assistant/..."

describe("a server that refuses a conversation", () => {
  layer(ChatCompletionsClient.layer, { excludeTestServices: true })((it) => {
    const ask = (baseURL: string, messages: ReadonlyArray<string>, hasToolsAsText = false) =>
      Effect.gen(function* () {
        const client = yield* InferenceClient
        return yield* client.complete({
          endpoint: { baseURL, model: "m" },
          messages,
          hasToolsAsText,
          tools: [{ name: "a", description: "does a", parameters: {} }],
          turnTimeout: Duration.seconds(5)
        })
      })

    it.effect.each<[string, Check, number]>([
      ["for its ids", nine, 2],
      ["for its system's message", noSystem, 2],
      ["for its tools", noTools, 2],
      [
        "for the order of its roles, and then for that of what is left",
        (body) => noSystem(body) ?? alternate(body),
        4
      ],
      ["for all of this", (body) => noTools(body) ?? nine(body) ?? noSystem(body) ?? alternate(body), 3]
    ])("%s is asked as it wants, from then on at once", ([, check, requests]) =>
      Effect.gen(function* () {
        const { baseURL, bodies } = yield* strict(check)
        const messages = [...start, ...texts(...turn("call_0"))]
        yield* ask(baseURL, messages)
        assert.strictEqual(bodies.length, requests)
        messages.push(...texts(...turn("call_1")))
        yield* ask(baseURL, messages)
        assert.strictEqual(bodies.length, requests + 1)
        // What was said before is the same, so that a server keeps what it has read of it; the last one may grow.
        const [before = [], after = []] = bodies.slice(-2).map(({ messages: said }) => said)
        assert.deepStrictEqual(after.slice(0, before.length - 1), before.slice(0, -1))
      })
    )

    it.effect("learns nothing of a run that has its tools in words", () =>
      Effect.gen(function* () {
        const { baseURL, bodies } = yield* strict(noSystem)
        yield* ask(baseURL, start, true)
        yield* ask(baseURL, start)
        assert.deepStrictEqual(
          bodies.map(({ messages: [first], tools }) => [first?.role, tools !== undefined]),
          [
            ["system", false],
            ["user", false],
            ["user", true]
          ]
        )
      })
    )

    it.effect("once more is refused: nobody asks without end", () =>
      Effect.gen(function* () {
        const { baseURL, bodies } = yield* strict(() => "Jinja Exception: conversation roles must alternate")
        const { reason } = yield* Effect.flip(ask(baseURL, start))
        assert.deepStrictEqual([reason._tag, reason.party], ["RequestRejected", "template"])
        assert.strictEqual(bodies.length, 3)
      })
    )

    it.effect("runs that ask at once learn of each other", () =>
      Effect.gen(function* () {
        const check: Check = (body) => nine(body) ?? noSystem(body)
        const { baseURL } = yield* strict(check)
        const messages = [...start, ...texts(...turn("call_0"))]
        const replies = yield* Effect.all(
          Array.from({ length: 8 }, () => ask(baseURL, [...messages])),
          { concurrency: "unbounded" }
        )
        assert.isTrue(replies.every(({ content }) => content === "fine"))
      })
    )
  })
})
