/** A request's body as JSON: read up to a bound, decoded by its content type. */
import type { IncomingMessage } from "node:http"

import { Effect } from "effect"

import { type ApiError, type Json, type JsonObject, type PatchType } from "../Apiserver.ts"
import { badRequest, unsupportedMediaType } from "../apiserver/errors.ts"
import { isObject } from "../apiserver/json.ts"
import { tooLarge } from "./metaStatus.ts"

/** What a real API server takes: 3 MiB. */
const maximumBodyBytes = 3 * 1024 * 1024

/** The whole body. Fails with 413 as soon as it is too long, and with 400 when the client breaks off. */
export const readBody = (request: IncomingMessage): Effect.Effect<Buffer, ApiError> =>
  Effect.callback<Buffer, ApiError>((resume) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    const fail = (error: ApiError) => {
      // What still comes is read and dropped, so that the client gets to see the answer.
      request.removeAllListeners("data").resume()
      resume(Effect.fail(error))
    }
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maximumBodyBytes) fail(tooLarge(`limit is ${maximumBodyBytes} bytes`))
      else chunks.push(chunk)
    })
    request.on("end", () => resume(Effect.succeed(Buffer.concat(chunks))))
    request.on("error", (cause) => fail(badRequest(`the body could not be read: ${cause.message}`)))
  })

const mediaType = (header: string | undefined): string =>
  (header ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? ""

const parse = (what: string, text: () => unknown): Effect.Effect<Json, ApiError> =>
  Effect.try({
    // JSON.parse and the YAML parser (core schema, maps with string keys) yield nothing but JSON.
    try: () => text() as Json,
    catch: (cause) =>
      badRequest(
        `error decoding ${what}: ${cause instanceof Error ? cause.message.slice(0, 500) : String(cause)}`
      )
  })

const parseJson = (body: Buffer) => parse("JSON", () => JSON.parse(body.toString("utf8")))

const parseYaml = (body: Buffer) =>
  // JSON is YAML too, and far quicker to read as JSON; kubectl sends it under either name.
  parseJson(body).pipe(
    Effect.catch(() =>
      Effect.promise(() => import("yaml")).pipe(
        Effect.flatMap((yaml) =>
          // `toJSON` through text: dates, cycles and non-string keys have no place in an object of the API.
          parse("YAML", () => {
            const value: unknown = yaml.parse(body.toString("utf8"), { maxAliasCount: 100, stringKeys: true })
            return JSON.parse(JSON.stringify(value ?? null))
          })
        )
      )
    )
  )

const parseProtobuf = (body: Buffer) =>
  Effect.promise(() => import("./protobuf.ts")).pipe(
    Effect.flatMap(({ decodeEnvelope }) => Effect.fromResult(decodeEnvelope(body)))
  )

/** The object of a create, replace or delete. */
export const parseObject = Effect.fnUntraced(function* (
  body: Buffer,
  contentType: string | undefined
): Effect.fn.Return<JsonObject, ApiError> {
  const media = mediaType(contentType)
  const parser =
    media === "application/json"
      ? parseJson
      : media === "application/yaml"
        ? parseYaml
        : media === "application/vnd.kubernetes.protobuf"
          ? parseProtobuf
          : undefined
  if (parser === undefined) {
    return yield* unsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
  }
  const value = yield* parser(body)
  return isObject(value) ? value : yield* badRequest("the body of the request is not an object")
})

const patchTypes: ReadonlyArray<PatchType> = [
  "application/merge-patch+json",
  "application/json-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml"
]

export const parsePatch = Effect.fnUntraced(function* (
  body: Buffer,
  contentType: string | undefined
): Effect.fn.Return<{ readonly type: PatchType; readonly body: Json }, ApiError> {
  const media = mediaType(contentType)
  const type = patchTypes.find((known) => known === media)
  if (type === undefined) {
    return yield* unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${patchTypes.join(", ")}`
    )
  }
  const value = yield* type === "application/apply-patch+yaml" ? parseYaml(body) : parseJson(body)
  const isFit = type === "application/json-patch+json" ? Array.isArray(value) : isObject(value)
  if (!isFit) {
    return yield* badRequest(
      `a ${type} is ${type === "application/json-patch+json" ? "a list of operations" : "an object"}`
    )
  }
  return { type, body: value }
})
