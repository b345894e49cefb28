/** What a structural schema does to an object before it is judged: unknown fields go, defaults come. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { isList, isObject, objectAt } from "./json.ts"

/** The schema of a field of an object with this schema; undefined for a field it does not know. */
export const fieldSchema = (schema: JsonObject, field: string): JsonObject | undefined => {
  const properties = objectAt(schema, "properties")
  const named = Object.hasOwn(properties, field) ? properties[field] : undefined
  if (isObject(named)) return named
  const rest = schema["additionalProperties"]
  return isObject(rest) ? rest : rest === true ? {} : undefined
}

export const itemSchema = (schema: JsonObject): JsonObject => objectAt(schema, "items")

export const keepsUnknown = (schema: JsonObject): boolean =>
  schema["x-kubernetes-preserve-unknown-fields"] === true

const pruneValue = (value: Json, schema: JsonObject, path: string, unknown: Array<string>): Json => {
  if (isList(value)) {
    const items = itemSchema(schema)
    return value.map((item, i) => pruneValue(item, items, `${path}[${i}]`, unknown))
  }
  if (!isObject(value)) return value
  const kept: Record<string, Json> = {}
  for (const [key, field] of Object.entries(value)) {
    const where = path === "" ? key : `${path}.${key}`
    const known = fieldSchema(schema, key)
    if (known !== undefined) kept[key] = pruneValue(field, known, where, unknown)
    else if (keepsUnknown(schema) || schema["type"] === undefined) kept[key] = field
    else unknown.push(where)
  }
  return kept
}

/** metav1.ObjectMeta, which every kind shares and no CRD spells out. */
const metadataFields = new Set([
  "annotations",
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "finalizers",
  "generateName",
  "generation",
  "labels",
  "managedFields",
  "name",
  "namespace",
  "ownerReferences",
  "resourceVersion",
  "selfLink",
  "uid"
])

/** Takes out what the schema does not know, and says what that was, in the order of the alphabet. */
export const prune = (
  object: JsonObject,
  schema: JsonObject
): { readonly object: JsonObject; readonly unknown: ReadonlyArray<string> } => {
  const unknown: Array<string> = []
  const { apiVersion, kind, metadata, ...rest } = object
  const pruned = pruneValue(rest, schema, "", unknown)
  const meta = Object.entries(isObject(metadata) ? metadata : {})
  for (const [field] of meta) if (!metadataFields.has(field)) unknown.push(`metadata.${field}`)
  return {
    object: {
      ...(apiVersion === undefined ? {} : { apiVersion }),
      ...(kind === undefined ? {} : { kind }),
      metadata: Object.fromEntries(meta.filter(([field]) => metadataFields.has(field))),
      ...(isObject(pruned) ? pruned : {})
    },
    unknown: unknown.sort()
  }
}

/** Fills defaults from the outside in. A null where null may not stand and a default exists counts as absent. */
export const withDefaults = (object: JsonObject, schema: JsonObject): JsonObject => {
  const filled: Record<string, Json> = { ...object }
  for (const [field, known] of Object.entries(objectAt(schema, "properties"))) {
    if (!isObject(known)) continue
    const fallback = known["default"]
    const value = filled[field]
    const isAbsent = value === undefined || (value === null && known["nullable"] !== true)
    if (isAbsent && fallback !== undefined) filled[field] = fallback
  }
  for (const [field, value] of Object.entries(filled)) {
    const known = field === "metadata" ? undefined : fieldSchema(schema, field)
    if (known !== undefined) filled[field] = defaultsWithin(value, known)
  }
  return filled
}

const defaultsWithin = (value: Json, schema: JsonObject): Json => {
  if (isObject(value)) return withDefaults(value, schema)
  return isList(value) ? value.map((item) => defaultsWithin(item, itemSchema(schema))) : value
}
