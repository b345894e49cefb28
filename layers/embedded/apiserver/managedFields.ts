/** metadata.managedFields: which writer last said which field. */
import { groupVersion } from "../../../schema/Resource.ts"
import { formatTime } from "../../../schema/Time.ts"
import type { Json, JsonObject, ServedResource, WriteOptions } from "../Apiserver.ts"
import { changedPaths, fromFieldsV1, leavesOf, segmentsOf, toFieldsV1 } from "./fieldSet.ts"
import { isObject, listAt, metadataOf, objectAt, textAt, withMetadata, without } from "./json.ts"
import { root } from "./listKind.ts"
import { fixedFields } from "./metadata.ts"

export interface Entry {
  readonly manager: string
  readonly operation: "Apply" | "Update"
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string
  readonly paths: ReadonlySet<string>
}

export const entriesOf = (object: JsonObject): ReadonlyArray<Entry> =>
  listAt(metadataOf(object), "managedFields")
    .filter(isObject)
    .map((entry) => ({
      manager: textAt(entry, "manager"),
      operation: entry["operation"] === "Apply" ? "Apply" : "Update",
      apiVersion: textAt(entry, "apiVersion"),
      subresource: textAt(entry, "subresource"),
      time: textAt(entry, "time"),
      paths: fromFieldsV1(objectAt(entry, "fieldsV1"))
    }))

/** Entries that own nothing any more are left out. */
export const withEntries = (object: JsonObject, entries: ReadonlyArray<Entry>): JsonObject => {
  const managedFields = entries
    .filter(({ paths }) => paths.size > 0)
    .map((entry): Json => ({
      manager: entry.manager,
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      ...(entry.time === "" ? {} : { time: entry.time }),
      fieldsType: "FieldsV1",
      fieldsV1: toFieldsV1(entry.paths),
      ...(entry.subresource === "" ? {} : { subresource: entry.subresource })
    }))
  return managedFields.length === 0
    ? { ...object, metadata: without(metadataOf(object), "managedFields") }
    : withMetadata(object, { managedFields })
}

/** Leaves that a client can own: not the server's own metadata, and status only through its subresource. */
export const ownedLeaves = (
  object: JsonObject,
  resource: ServedResource,
  subresource: "status" | undefined
): ReadonlyMap<string, Json> => {
  const { metadata, status, ...rest } = without(object, "apiVersion", "kind")
  const isStatusApart = resource.hasStatus && subresource === undefined
  const own =
    subresource === "status"
      ? {}
      : {
          ...rest,
          metadata: without(
            objectAt({ metadata: metadata ?? {} }, "metadata"),
            ...fixedFields,
            "managedFields"
          )
        }
  const leaves = leavesOf(
    { ...own, ...(isStatusApart || status === undefined ? {} : { status }) },
    root(resource.schema)
  )
  leaves.delete("")
  if (leaves.get("f:metadata") !== undefined) leaves.delete("f:metadata")
  return leaves
}

export interface How {
  readonly resource: ServedResource
  readonly options: WriteOptions
  readonly subresource?: "status" | undefined
  readonly now: number
}

/**
 * Notes who wrote what. A writer without a name is noted only where others are, so that Foreman's own traffic, which nobody applies
 * over, carries no such ballast.
 */
export const trackUpdate = (before: JsonObject | undefined, after: JsonObject, how: How): JsonObject => {
  const { now, options, resource, subresource } = how
  const noted = before === undefined ? [] : entriesOf(after)
  if (options.fieldManager === undefined && noted.length === 0) return withEntries(after, [])
  const was = before === undefined ? new Map<string, Json>() : ownedLeaves(before, resource, subresource)
  const is = ownedLeaves(after, resource, subresource)
  const changed = changedPaths(was, is)
  const removed = new Set([...was.keys()].filter((path) => !is.has(path)))
  if (changed.size === 0 && removed.size === 0) return after
  const mine: Entry = {
    manager: options.fieldManager ?? "unknown",
    operation: "Update",
    apiVersion: groupVersion(resource),
    subresource: subresource ?? "",
    time: formatTime(now),
    paths: changed
  }
  const entries = noted.map((entry) => {
    const paths = [...entry.paths].filter((path) => !removed.has(path))
    return isSameWriter(entry, mine)
      ? { ...mine, paths: new Set([...paths, ...changed]) }
      : { ...entry, paths: new Set(paths.filter((path) => !changed.has(path) || isItemMark(path))) }
  })
  return withEntries(after, noted.some((entry) => isSameWriter(entry, mine)) ? entries : [...entries, mine])
}

export const isSameWriter = (a: Entry, b: Entry): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === "Apply" || a.apiVersion === b.apiVersion)

const isItemMark = (path: string): boolean => segmentsOf(path).at(-1) === "."
