/** Whether a model's server can be reached, knows the model, and how much it takes. */
import { Clock, Effect, Result, Schema } from "effect"

import { addressesOf } from "../../layers/chat/contextWindow.ts"
import { ContextWindow } from "../../src/services/ContextWindow.ts"
import type { Endpoint } from "../../src/services/InferenceClient.ts"
import { type Answer, type NoAnswer, request } from "./http.ts"
import { fail, type Line, ok, skipped, warn } from "./Line.ts"

const ModelList = Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String })) })
const decodeModels = Schema.decodeUnknownResult(Schema.fromJsonString(ModelList))

/** Ids of the models that a list names; nothing where it is no list. */
export const modelsOf = (text: string): ReadonlyArray<string> | undefined =>
  Result.getOrUndefined(Result.map(decodeModels(text), ({ data }) => data.map(({ id }) => id)))

const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: start the server, or correct the port",
  ENOTFOUND: "the name is unknown here: correct the host, or add it to the name service",
  EAI_AGAIN: "the name service does not answer: look at this host's network",
  ETIMEDOUT: "packets are lost on the way: look at firewall and address",
  EHOSTUNREACH: "there is no way to that host: look at address and private network",
  CERT_HAS_EXPIRED: "renew the server's certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "make this host trust the certificate: NODE_EXTRA_CA_CERTS names a file",
  SELF_SIGNED_CERT_IN_CHAIN: "make this host trust the authority: NODE_EXTRA_CA_CERTS names a file",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is another host's: use the name that it was made for",
  ERR_SSL_WRONG_VERSION_NUMBER: "the server speaks plain HTTP: write http:// in place of https://"
}

/** What a request for the list of models says of the endpoint. `isBehindV1`: the same is there below `/v1`. */
export const reachedLine = (
  baseURL: string,
  outcome: Result.Result<Answer, NoAnswer>,
  isBehindV1: boolean
): Line => {
  const check = "endpoint"
  if (Result.isFailure(outcome)) {
    const { code, message } = outcome.failure
    const fix = unreachable[code] ?? "see whether the server is up and the base URL is right"
    return fail(check, `${baseURL} cannot be reached: ${message} (party network)`, fix)
  }
  const { status, text } = outcome.success
  if (status === 401 || status === 403) {
    return fail(
      check,
      `${baseURL} answers ${status} (party credentials)`,
      "name the key: apiKeySecretRef of the Agent, --model-token-file of the daemon, --model-token-file here"
    )
  }
  if (isBehindV1) {
    return fail(
      check,
      `${baseURL} answers ${status}, and ${baseURL}/v1 has the API (party configuration)`,
      `write ${baseURL}/v1`
    )
  }
  if (status >= 300 && status < 400) {
    return fail(
      check,
      `${baseURL} sends elsewhere (${status})`,
      "name the address that it sends to: a redirect is not followed with a key"
    )
  }
  if (status >= 500 || status === 429 || status === 402) {
    const words = text.slice(0, 200).replace(/\s+/gu, " ")
    return warn(
      check,
      `${baseURL} answers ${status}: ${words}`,
      "it says later: a run waits for it; see the server's log if it stays so"
    )
  }
  return status === 200 && modelsOf(text) !== undefined
    ? ok(check, `${baseURL} answers`)
    : warn(
        check,
        `${baseURL} answers ${status} when asked for its models`,
        "no fault if the next lines are right: some servers have no list"
      )
}

/** How many letters differ, for names of models; capped by what is looked at. */
const distance = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [i, a] of Array.from(one).entries()) {
    const next = [i + 1]
    for (const [j, b] of Array.from(other).entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a === b ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

const maxShown = 5

export const modelLine = (model: string, served: ReadonlyArray<string> | undefined): Line => {
  const check = "model"
  if (served === undefined) return skipped(check, "the server has no list of models")
  if (served.includes(model)) return ok(check, `${model} is served`)
  if (served.length === 0) return warn(check, "the server lists no model", "load one")
  const asked = model.slice(0, 200).toLowerCase()
  const near = served
    .map((name) => ({ name, far: distance(asked, name.slice(0, 200).toLowerCase()) }))
    .toSorted((a, b) => a.far - b.far)
    .slice(0, maxShown)
    .map(({ name }) => name)
  const fix = `write one that it has: ${near.join(", ")}`
  return model === ""
    ? warn(check, "no model is named; a server with one model takes that", fix)
    : warn(check, `${model} is not among the ${served.length} models of the server`, fix)
}

/** A first request holds up to 4,000 tokens, which may be a quarter of the window at most. */
const leastWindow = 16_000

export const windowLine = (server: number | undefined, agent: number): Line => {
  const check = "context"
  if (server === undefined && agent === 0) {
    return warn(
      check,
      "the server does not say how much its model takes: 32,768 tokens are taken for granted",
      "set contextWindowTokens of the Agent"
    )
  }
  if (server === undefined) return ok(check, `${agent} tokens, as the Agent says; the server does not say`)
  if (agent > server) {
    return fail(
      check,
      `the Agent says ${agent} tokens, the server ${server}`,
      "lower contextWindowTokens, or leave it out: the server is asked"
    )
  }
  const tokens = agent === 0 ? server : agent
  return tokens < leastWindow
    ? warn(
        check,
        `${tokens} tokens: a first request may fill a quarter of it`,
        `start the server with ${leastWindow} or more`
      )
    : ok(check, `${tokens} tokens${agent === 0 ? ", as the server says" : ""}`)
}

const maxSkewMillis = 30_000

export const clockLine = (hereMillis: number, thereMillis: number | undefined): Line => {
  const check = "clock"
  if (thereMillis === undefined) return skipped(check, "the server does not say its time")
  const skew = Math.abs(hereMillis - thereMillis)
  const seconds = Math.round(skew / 1000)
  return skew > maxSkewMillis
    ? warn(
        check,
        `this host's clock and the server's differ by ${seconds} s`,
        "let both follow a time server: claims and tokens live by the clock"
      )
    : ok(check, "this host's clock and the server's agree")
}

/** All that requests without a model say. */
export const probeEndpoint = Effect.fn("doctor.endpoint")(function* (
  endpoint: Endpoint,
  agentWindow: number
) {
  const { models } = addressesOf(endpoint.baseURL)
  const listed = yield* Effect.result(request(models, endpoint))
  const now = yield* Clock.currentTimeMillis
  const isLost =
    Result.isSuccess(listed) && listed.success.status === 404 && !/\/v1\/?$/u.test(endpoint.baseURL)
  const below = isLost
    ? yield* Effect.result(request(`${endpoint.baseURL.replace(/\/+$/u, "")}/v1/models`, endpoint))
    : undefined
  const isBehindV1 = below !== undefined && Result.isSuccess(below) && below.success.status === 200
  const reached = reachedLine(endpoint.baseURL, listed, isBehindV1)
  if (reached.status === "fail" || Result.isFailure(listed)) return { lines: [reached], isReached: false }
  const window = yield* ContextWindow
  const lines = [
    reached,
    modelLine(endpoint.model, modelsOf(listed.success.text)),
    windowLine(yield* window.ask(endpoint), agentWindow),
    clockLine(now, listed.success.serverMillis)
  ]
  return { lines, isReached: true }
})
