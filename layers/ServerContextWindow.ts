/** ContextWindow over HTTP: `GET /props` and `GET /v1/models`, both at once. */
import { Clock, Duration, Effect, Layer, Redacted } from "effect"

import { ContextWindow } from "../src/services/ContextWindow.ts"
import type { Endpoint } from "../src/services/InferenceClient.ts"
import { addressesOf, fromModels, fromProps } from "./chat/contextWindow.ts"
import * as HttpConnections from "./HttpConnections.ts"

/** For all of it: a run waits for the answer. */
const patience = Duration.seconds(2)
/** Bytes of one answer: lists of hundreds of models are long. */
const maxBytes = 4 * 1024 * 1024
/** How long an answer holds, since a server may be started again with another context, and how long none does. */
const answerMillis = 15 * 60_000
const silenceMillis = 60_000

export const layer = Layer.effect(
  ContextWindow,
  Effect.gen(function* () {
    const connections = yield* HttpConnections.make({ keepAliveMillis: 1_000, connectTimeoutMillis: 2_000 })
    const known = new Map<string, { readonly tokens: number | undefined; readonly untilMillis: number }>()

    const get = (url: string, { apiKey }: Endpoint): Effect.Effect<string | undefined> =>
      Effect.gen(function* () {
        const answer = yield* connections.send({
          method: "GET",
          url,
          headers: {
            accept: "application/json",
            ...(apiKey !== undefined && { authorization: `Bearer ${Redacted.value(apiKey)}` })
          },
          answerWithin: patience
        })
        if (answer.statusCode !== 200) {
          HttpConnections.letEnd(answer)
          return undefined
        }
        const bytes = yield* HttpConnections.readBytes(answer, maxBytes)
        return bytes.toString("utf8")
      }).pipe(
        Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.undefined }),
        Effect.orElseSucceed(() => undefined)
      )

    const look = Effect.fnUntraced(function* (endpoint: Endpoint) {
      const { models, props } = addressesOf(endpoint.baseURL)
      const [ofServer, ofModel] = yield* Effect.all([get(props, endpoint), get(models, endpoint)], {
        concurrency: 2
      })
      return fromProps(ofServer ?? "") ?? fromModels(ofModel ?? "", endpoint.model)
    })

    return {
      ask: Effect.fn("ServerContextWindow.ask")(function* (endpoint) {
        const key = `${endpoint.baseURL} ${endpoint.model}`
        const now = yield* Clock.currentTimeMillis
        const before = known.get(key)
        if (before !== undefined && before.untilMillis > now) return before.tokens
        const tokens = yield* look(endpoint)
        const untilMillis = now + (tokens === undefined ? silenceMillis : answerMillis)
        known.set(key, { tokens, untilMillis })
        return tokens
      })
    }
  })
)
