/** Whether a list is one value, a set, or a map in disguise: what decides how two writers share it. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { isObject, listAt } from "./json.ts"
import { fieldSchema, itemSchema } from "./structural.ts"

export type ListKind =
  | { readonly type: "atomic" }
  | { readonly type: "set" }
  | { readonly type: "map"; readonly keys: ReadonlyArray<string> }

/** Where in an object one is. Without a schema it is a built-in kind, or metadata, and the field's name decides. */
export interface Place {
  readonly schema: JsonObject | undefined
  readonly field: string
}

const atomic: ListKind = { type: "atomic" }
const byName: ListKind = { type: "map", keys: ["name"] }

/** The lists of the built-in kinds that are not atomic. */
const builtInLists = new Map<string, ListKind>(
  Object.entries({
    conditions: { type: "map", keys: ["type"] },
    containers: byName,
    containerStatuses: byName,
    env: byName,
    ephemeralContainers: byName,
    finalizers: { type: "set" },
    imagePullSecrets: byName,
    initContainers: byName,
    initContainerStatuses: byName,
    ownerReferences: { type: "map", keys: ["uid"] },
    ports: { type: "map", keys: ["containerPort", "protocol"] },
    secrets: byName,
    volumeDevices: { type: "map", keys: ["devicePath"] },
    volumeMounts: { type: "map", keys: ["mountPath"] },
    volumes: byName
  } satisfies Record<string, ListKind>)
)

export const root = (schema: JsonObject | undefined): Place => ({ schema, field: "" })

export const child = (place: Place, field: string): Place => ({
  field,
  schema:
    place.schema === undefined || (place.field === "" && field === "metadata")
      ? undefined
      : (fieldSchema(place.schema, field) ?? {})
})

export const item = (place: Place): Place => ({
  field: "[]",
  schema: place.schema === undefined ? undefined : itemSchema(place.schema)
})

export const listKind = ({ field, schema }: Place): ListKind => {
  if (schema === undefined) return builtInLists.get(field) ?? atomic
  switch (schema["x-kubernetes-list-type"]) {
    case "set":
      return { type: "set" }
    case "map":
      return { type: "map", keys: listAt(schema, "x-kubernetes-list-map-keys").map(String) }
    default:
      return atomic
  }
}

export const isAtomicMap = ({ schema }: Place): boolean => schema?.["x-kubernetes-map-type"] === "atomic"

/** The identity of an item of a map list: the values of its keys. */
export const identityOf = (value: Json, keys: ReadonlyArray<string>): JsonObject =>
  isObject(value)
    ? Object.fromEntries(keys.filter((key) => key in value).map((key) => [key, value[key] ?? null]))
    : {}
