/** The options of a request, from its query and, for a delete, its body. */
import { Effect } from "effect"

import type { ApiRequest } from "./answers.ts"
import type { ApiError, Json, JsonObject, WriteOptions } from "../Apiserver.ts"
import { badRequest, invalidOptions, type OptionsKind, unsupported } from "../apiserver/errors.ts"
import { isList, objectAt } from "../apiserver/json.ts"
import { parseObject } from "./requestBody.ts"
import type { IncludeObject } from "./table.ts"

export const isTrue = (value: string | null): boolean => value === "true" || value === "1"

/** How much of the object a row of a Table carries. */
export const includeObject = (query: URLSearchParams): IncludeObject => {
  const asked = query.get("includeObject")
  return asked === "None" || asked === "Object" ? asked : "Metadata"
}

export const integer = (
  query: URLSearchParams,
  name: string
): Effect.Effect<number | undefined, ApiError> => {
  const value = query.get(name)
  if (value === null || value === "") return Effect.undefined
  const number = Number(value)
  return Number.isSafeInteger(number) && number >= 0
    ? Effect.succeed(number)
    : Effect.fail(
        badRequest(`${name}: Invalid value: "${value.slice(0, 80)}": must be an integer, 0 or more`)
      )
}

const dryRun = (values: ReadonlyArray<Json>, kind: OptionsKind) => {
  if (values.length === 0) return Effect.succeed(false)
  return values.every((value) => value === "All")
    ? Effect.succeed(true)
    : Effect.fail(invalidOptions(kind, unsupported("dryRun", values, ["All"])))
}

const fieldValidations = ["Ignore", "Warn", "Strict"] as const

export const writeOptions = Effect.fnUntraced(function* (
  { url, user }: Pick<ApiRequest, "url" | "user">,
  kind: OptionsKind
): Effect.fn.Return<WriteOptions, ApiError> {
  const query = url.searchParams
  const asked = query.get("fieldValidation")
  const fieldValidation = fieldValidations.find((known) => known === (asked || "Warn"))
  if (fieldValidation === undefined) {
    const supported = ["", "Ignore", "Strict", "Warn"]
    return yield* invalidOptions(kind, unsupported("fieldValidation", asked, supported))
  }
  const fieldManager = query.get("fieldManager")
  return {
    dryRun: yield* dryRun(
      query.getAll("dryRun").filter((value) => value !== ""),
      kind
    ),
    fieldValidation,
    user,
    ...(fieldManager === null || fieldManager === "" ? {} : { fieldManager })
  }
})

const propagationPolicies = ["Background", "Foreground", "Orphan"] as const

/** DeleteOptions come in the body, or, from curl, in the query. */
export const deleteOptions = Effect.fnUntraced(function* (request: ApiRequest) {
  const bytes = yield* request.body
  const body: JsonObject = bytes.length === 0 ? {} : yield* parseObject(bytes, request.contentType)
  const query = request.url.searchParams
  const policy = body["propagationPolicy"] ?? query.get("propagationPolicy")
  const propagationPolicy = propagationPolicies.find((known) => known === policy)
  if (propagationPolicy === undefined && policy !== null && policy !== undefined && policy !== "") {
    const supported = ["Foreground", "Background", "Orphan", "nil"]
    return yield* invalidOptions("DeleteOptions", unsupported("propagationPolicy", policy, supported))
  }
  const grace = body["gracePeriodSeconds"] ?? (yield* integer(query, "gracePeriodSeconds"))
  const asked = body["dryRun"]
  const { uid, resourceVersion } = objectAt(body, "preconditions")
  return {
    dryRun: yield* dryRun([...(isList(asked) ? asked : []), ...query.getAll("dryRun")], "DeleteOptions"),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(typeof grace === "number" ? { gracePeriodSeconds: grace } : {}),
    preconditions: {
      ...(typeof uid === "string" ? { uid } : {}),
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {})
    }
  }
})
