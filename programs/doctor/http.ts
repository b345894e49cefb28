/** One request to a model's server, as the doctor makes it. */
import { Duration, Effect, Redacted } from "effect"

import { told } from "../../layers/HttpConnections.ts"
import type { Endpoint } from "../../src/services/InferenceClient.ts"

export interface Answer {
  readonly status: number
  readonly text: string
  /** Milliseconds of the epoch by the server's clock; absent where it does not say. */
  readonly serverMillis: number | undefined
}

/** Why there was no answer: the code of the socket's or the name service's error, in words where it has none. */
export interface NoAnswer {
  readonly code: string
  readonly message: string
}

const codeOf = (cause: unknown): string => {
  if (typeof cause !== "object" || cause === null) return ""
  if ("code" in cause && typeof cause.code === "string") return cause.code
  return "cause" in cause ? codeOf(cause.cause) : ""
}
const patience = Duration.seconds(20)
const maxChars = 4 * 1024 * 1024

export const request = (
  url: string,
  { apiKey }: Pick<Endpoint, "apiKey">,
  body?: unknown
): Effect.Effect<Answer, NoAnswer> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          accept: "application/json",
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(apiKey !== undefined && { authorization: `Bearer ${Redacted.value(apiKey)}` })
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: "manual",
        signal
      })
      const date = Date.parse(response.headers.get("date") ?? "")
      return {
        status: response.status,
        text: (await response.text()).slice(0, maxChars),
        serverMillis: Number.isNaN(date) ? undefined : date
      }
    },
    catch: (cause): NoAnswer => {
      const code = codeOf(cause)
      const message = told(cause)
      return { code, message: code === "" ? message : code }
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.fail({ code: "ETIMEDOUT", message: `no answer within ${Duration.format(patience)}` })
    })
  )
