/** Server-side apply: what this manager says becomes so, what it no longer says goes, what others say is a conflict. */
import { groupVersion } from "../../../schema/Resource.ts"
import { formatTime } from "../../../schema/Time.ts"
import { ApiError, type Json, type JsonObject, type ServedResource } from "../Apiserver.ts"
import { badRequest, invalidOptions, required } from "./errors.ts"
import { printPath, segmentsOf, withoutPath } from "./fieldSet.ts"
import { equal, isList, isObject, metadataOf, without } from "./json.ts"
import { child, identityOf, isAtomicMap, item, listKind, type Place, root } from "./listKind.ts"
import { entriesOf, type Entry, isSameWriter, ownedLeaves, withEntries } from "./managedFields.ts"

export interface Apply {
  readonly resource: ServedResource
  readonly fieldManager: string | undefined
  readonly force: boolean
  readonly subresource: "status" | undefined
  readonly now: number
}

/** Checks what only an apply must have, and gives the applied object with its manager as the only entry: how it begins. */
export const firstApply = (applied: JsonObject, how: Apply): JsonObject =>
  withEntries(applied, [mineOf(applied, how)])

/** The current object with the applied one over it. Throws ApiError 409 that names every field another manager holds. */
export const applyOver = (current: JsonObject, applied: JsonObject, how: Apply): JsonObject => {
  const { resource, subresource } = how
  const mine = mineOf(applied, how)
  const entries = entriesOf(current)
  const known = entries.length > 0 ? entries : [beforeFirstApply(current, how)]
  const others = known.filter((entry) => !isSameWriter(entry, mine))
  const previous = known.find((entry) => isSameWriter(entry, mine))

  const said = ownedLeaves(applied, resource, subresource)
  const is = ownedLeaves(current, resource, subresource)
  const contested = (entry: Entry) =>
    [...entry.paths].filter((path) => said.has(path) && is.has(path) && !equal(said.get(path), is.get(path)))
  const conflicts = others
    .map((entry) => ({ entry, paths: contested(entry) }))
    .filter(({ paths }) => paths.length > 0)
  if (conflicts.length > 0 && !how.force) throw applyConflict(conflicts)
  const left = others.map((entry) => {
    const lost = new Set(contested(entry))
    return { ...entry, paths: new Set([...entry.paths].filter((path) => !lost.has(path))) }
  })

  const merged = mergeApplied(current, without(applied, "apiVersion", "kind"), root(resource.schema))
  const dropped = [...(previous?.paths ?? [])].filter((path) => !mine.paths.has(path) && !isHeld(path, left))
  // Whole items first: their fields would take away the keys that they are found by.
  const pruned = [...dropped.filter(isItemMark), ...dropped.filter((path) => !isItemMark(path))].reduce(
    (object: Json, path) => withoutPath(object, segmentsOf(path)),
    merged
  )
  const object = isObject(pruned) ? pruned : current
  const isUnchanged =
    previous !== undefined &&
    equal([...previous.paths].sort(), [...mine.paths].sort()) &&
    equal(object, current)
  return withEntries(object, [...left, isUnchanged ? previous : mine])
}

const mineOf = (applied: JsonObject, { fieldManager, now, resource, subresource }: Apply): Entry => {
  if (fieldManager === undefined || fieldManager === "") {
    throw invalidOptions("PatchOptions", required("fieldManager", "is required for apply patch"))
  }
  if (metadataOf(applied)["managedFields"] !== undefined)
    throw badRequest("metadata.managedFields must be nil")
  return {
    manager: fieldManager,
    operation: "Apply",
    apiVersion: groupVersion(resource),
    subresource: subresource ?? "",
    time: formatTime(now),
    paths: new Set(ownedLeaves(applied, resource, subresource).keys())
  }
}

/** An object that nobody was noted for: everything in it belongs to whoever came before. */
const beforeFirstApply = (current: JsonObject, { now, resource }: Apply): Entry => ({
  manager: "before-first-apply",
  operation: "Update",
  apiVersion: groupVersion(resource),
  subresource: "",
  time: formatTime(now),
  paths: new Set(ownedLeaves(current, resource, undefined).keys())
})

const isItemMark = (path: string): boolean => path.endsWith("\u0000.")

/** Whether another manager holds the field, or for an item anything in it. */
const isHeld = (path: string, others: ReadonlyArray<Entry>): boolean => {
  const within = isItemMark(path) ? path.slice(0, -1) : undefined
  return others.some(
    ({ paths }) =>
      paths.has(path) || (within !== undefined && [...paths].some((held) => held.startsWith(within)))
  )
}

const mergeApplied = (live: Json | undefined, applied: Json, place: Place): Json => {
  if (isObject(applied) && isObject(live) && !isAtomicMap(place)) {
    const merged: Record<string, Json> = { ...live }
    for (const [key, value] of Object.entries(applied)) {
      merged[key] = mergeApplied(live[key], value, child(place, key))
    }
    return merged
  }
  const kind = listKind(place)
  if (!isList(applied) || !isList(live) || kind.type === "atomic") return applied
  if (kind.type === "set") {
    return [...live, ...applied.filter((value) => !live.some((known) => equal(known, value)))]
  }
  const isSame = (a: Json, b: Json) => equal(identityOf(a, kind.keys), identityOf(b, kind.keys))
  return [
    ...live.map((entry) => {
      const over = applied.find((value) => isSame(value, entry))
      return over === undefined ? entry : mergeApplied(entry, over, item(place))
    }),
    ...applied.filter((value) => !live.some((entry) => isSame(value, entry)))
  ]
}

const printManager = ({ apiVersion, manager, operation, subresource, time }: Entry): string =>
  [
    JSON.stringify(manager),
    ...(subresource === "" ? [] : [`with subresource ${JSON.stringify(subresource)}`]),
    ...(operation === "Update" ? [`using ${apiVersion}`] : []),
    ...(operation === "Update" && time !== "" ? [`at ${time}`] : [])
  ].join(" ")

const applyConflict = (
  conflicts: ReadonlyArray<{ readonly entry: Entry; readonly paths: ReadonlyArray<string> }>
) => {
  const count = conflicts.reduce((sum, { paths }) => sum + paths.length, 0)
  const told = conflicts.map(({ entry, paths }) => {
    const fields = paths.map(printPath)
    return fields.length === 1
      ? `conflict with ${printManager(entry)}: ${fields[0]}`
      : `conflicts with ${printManager(entry)}:\n${fields.map((field) => `- ${field}`).join("\n")}`
  })
  return new ApiError({
    code: 409,
    reason: "Conflict",
    message: `Apply failed with ${count} conflict${count === 1 ? "" : "s"}: ${told.join("\n")}`,
    details: {
      causes: conflicts.flatMap(({ entry, paths }) =>
        paths.map((path) => ({
          reason: "FieldManagerConflict",
          message: `conflict with ${printManager(entry)}`,
          field: printPath(path)
        }))
      )
    }
  })
}
