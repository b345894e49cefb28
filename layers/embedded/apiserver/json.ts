/** Reading JSON objects without trusting them, and comparing them. */
import type { Json, JsonObject } from "../Apiserver.ts"

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const isList = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)

/** The object under a key; an empty one when there is none. */
export const objectAt = (object: JsonObject, key: string): JsonObject => {
  const value = object[key]
  return isObject(value) ? value : {}
}

export const listAt = (object: JsonObject, key: string): ReadonlyArray<Json> => {
  const value = object[key]
  return isList(value) ? value : []
}

/** The text under a key; "" when there is none, as Kubernetes' own types read it. */
export const textAt = (object: JsonObject, key: string): string => {
  const value = object[key]
  return typeof value === "string" ? value : ""
}

export const metadataOf = (object: JsonObject): JsonObject => objectAt(object, "metadata")

export const nameOf = (object: JsonObject): string => textAt(metadataOf(object), "name")

export const namespaceOf = (object: JsonObject): string => textAt(metadataOf(object), "namespace")

/** `namespace/name`, with an empty namespace for cluster-scoped kinds: the store's key, and the order of lists. */
export const keyOf = (object: JsonObject): string => `${namespaceOf(object)}/${nameOf(object)}`

export const withMetadata = (object: JsonObject, metadata: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...metadataOf(object), ...metadata }
})

export const without = (object: JsonObject, ...keys: ReadonlyArray<string>): JsonObject =>
  keys.some((key) => key in object)
    ? Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
    : object

/** Whether two values are the same JSON; the order of keys means nothing. */
export const equal = (a: Json | undefined, b: Json | undefined): boolean => {
  if (a === b) return true
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
  )
}

/** The value at a simple path such as `.spec.nodeName`. */
export const valueAt = (object: JsonObject, path: string): Json | undefined => {
  let value: Json | undefined = object
  for (const key of path.split(".")) {
    if (key === "") continue
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}
