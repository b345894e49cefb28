/** Lists, whole or in pages that all show one moment. */
import { groupResource } from "../../../schema/Resource.ts"
import { ApiError, type JsonObject, type Selection } from "../Apiserver.ts"
import { badRequest, expired } from "./errors.ts"
import { isObject, keyOf, textAt } from "./json.ts"
import { inVersion } from "./Objects.ts"
import { selects } from "./selectors.ts"
import type { Store } from "./Store.ts"

export interface ListRequest extends Selection {
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
}

export interface Listed {
  readonly items: ReadonlyArray<JsonObject>
  readonly resourceVersion: string
  readonly continue: string | undefined
  readonly remainingItemCount: number | undefined
}

const byKey = (a: JsonObject, b: JsonObject): number => (keyOf(a) < keyOf(b) ? -1 : 1)

const encodeToken = (revision: number, after: string): string =>
  Buffer.from(JSON.stringify({ rv: revision, after })).toString("base64url")

const decodeToken = (token: string): { readonly revision: number; readonly after: string } => {
  const parsed = parseToken(Buffer.from(token, "base64url").toString())
  const revision = isObject(parsed) ? Number(parsed["rv"]) : Number.NaN
  if (!isObject(parsed) || !Number.isSafeInteger(revision)) {
    throw badRequest("continue key is not valid")
  }
  return { revision, after: textAt(parsed, "after") }
}

const parseToken = (text: string) => {
  try {
    return JSON.parse(text)
  } catch {
    throw badRequest("continue key is not valid")
  }
}

/** A resource as it was at an earlier revision: what is there now, with later writes taken back. */
const snapshot = (store: Store, resource: string, revision: number): Iterable<JsonObject> => {
  if (revision === store.revision) return store.all(resource)
  if (revision < store.compacted || revision > store.revision) {
    throw expired("The provided continue parameter is too old to display a consistent list result.")
  }
  const objects = new Map(store.all(resource).map((object) => [keyOf(object), object]))
  const later = store.since(revision, resource)
  for (const event of later.toReversed()) {
    if (event.before !== undefined) objects.set(keyOf(event.before), event.before)
    else if (event.after !== undefined) objects.delete(keyOf(event.after))
  }
  return objects.values()
}

/** A revision in a request. Absent, "" and "0" mean any. */
export const parseRevision = (text: string | undefined): number => {
  if (text === undefined || text === "") return 0
  const revision = Number(text)
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw badRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion is not a number`)
  }
  return revision
}

export const list = (store: Store, request: ListRequest): Listed => {
  const matches = selects(request)
  const resource = groupResource(request.resource)
  const limit = request.limit ?? 0
  const token =
    request.continue === undefined || request.continue === "" ? undefined : decodeToken(request.continue)
  const wanted = parseRevision(request.resourceVersion)
  if (wanted > store.revision) {
    throw new ApiError({
      code: 504,
      reason: "Timeout",
      message: `Too large resource version: ${wanted}, current: ${store.revision}`,
      details: {
        retryAfterSeconds: 1,
        causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }]
      }
    })
  }
  const revision = token?.revision ?? store.revision
  const found = [...snapshot(store, resource, revision)].filter(matches).sort(byKey)
  const rest = token === undefined ? found : found.filter((object) => keyOf(object) > token.after)
  const page = limit > 0 ? rest.slice(0, limit) : rest
  const last = page.at(-1)
  const left = rest.length - page.length
  const isWhole = (request.labelSelector ?? "") === "" && (request.fieldSelector ?? "") === ""
  return {
    items: page.map((object) => inVersion(object, request.resource)),
    resourceVersion: String(revision),
    continue: left > 0 && last !== undefined ? encodeToken(revision, keyOf(last)) : undefined,
    remainingItemCount: left > 0 && isWhole ? left : undefined
  }
}
