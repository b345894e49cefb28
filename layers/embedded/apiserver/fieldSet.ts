/** Sets of fields as managedFields hold them (FieldsV1), and the values behind them. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { equal, isList, isObject } from "./json.ts"
import { child, identityOf, isAtomicMap, item, listKind, type Place } from "./listKind.ts"

/** A path is its segments (`f:name`, `k:{"name":"a"}`, `v:"x"`, `.`) joined by NUL, which no segment holds. */
const joint = "\u0000"
export const segmentsOf = (path: string): ReadonlyArray<string> => path.split(joint)
const under = (prefix: string, segment: string): string =>
  prefix === "" ? segment : `${prefix}${joint}${segment}`

/** Every leaf of a value with its path. An item of a map list is a leaf too (`.`), without a value of its own. */
export const leavesOf = (
  value: Json,
  place: Place,
  prefix = "",
  leaves = new Map<string, Json>()
): Map<string, Json> => {
  if (isObject(value) && Object.keys(value).length > 0 && !isAtomicMap(place)) {
    for (const [key, field] of Object.entries(value)) {
      leavesOf(field, child(place, key), under(prefix, `f:${key}`), leaves)
    }
    return leaves
  }
  const kind = listKind(place)
  if (!isList(value) || value.length === 0 || kind.type === "atomic") return leaves.set(prefix, value)
  for (const entry of value) {
    if (kind.type === "set") {
      leaves.set(under(prefix, `v:${JSON.stringify(entry)}`), entry)
      continue
    }
    const path = under(prefix, `k:${JSON.stringify(identityOf(entry, kind.keys))}`)
    leaves.set(under(path, "."), null)
    for (const [key, field] of Object.entries(isObject(entry) ? entry : {})) {
      leavesOf(field, child(item(place), key), under(path, `f:${key}`), leaves)
    }
  }
  return leaves
}

/** Paths whose value is new or another than before. */
export const changedPaths = (
  before: ReadonlyMap<string, Json>,
  after: ReadonlyMap<string, Json>
): Set<string> =>
  new Set(
    [...after]
      .filter(([path, value]) => !before.has(path) || !equal(before.get(path), value))
      .map(([path]) => path)
  )

export const toFieldsV1 = (paths: Iterable<string>): JsonObject => {
  const fields: Record<string, Json> = {}
  for (const path of paths) {
    let at = fields
    for (const segment of segmentsOf(path)) {
      const next: Record<string, Json> = { ...(isObject(at[segment]) ? at[segment] : {}) }
      at[segment] = next
      at = next
    }
  }
  return fields
}

export const fromFieldsV1 = (fields: JsonObject, prefix = "", paths = new Set<string>()): Set<string> => {
  for (const [segment, below] of Object.entries(fields)) {
    const path = under(prefix, segment)
    if (isObject(below) && Object.keys(below).length > 0) fromFieldsV1(below, path, paths)
    else paths.add(path)
  }
  return paths
}

/** As conflicts name a field: `.spec.containers[name="a"].image`. */
export const printPath = (path: string): string =>
  segmentsOf(path)
    .map((segment) => {
      const rest = segment.slice(2)
      if (segment.startsWith("f:")) return `.${rest}`
      if (segment.startsWith("v:")) return `[=${rest}]`
      if (!segment.startsWith("k:")) return ""
      const identity = JSON.parse(rest) as JsonObject
      const pairs = Object.entries(identity).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      return `[${pairs.join(",")}]`
    })
    .join("")

const isItem = (value: Json, segment: string): boolean => {
  const rest = JSON.parse(segment.slice(2)) as Json
  if (segment.startsWith("v:")) return equal(value, rest)
  return (
    isObject(value) &&
    isObject(rest) &&
    Object.entries(rest).every(([key, wanted]) => equal(value[key], wanted))
  )
}

/** The value without the field at a path. The keys of an item stay: only the item as a whole can go. */
export const withoutPath = (value: Json, segments: ReadonlyArray<string>, identity = "{}"): Json => {
  const [head = "", ...rest] = segments
  if (head.startsWith("f:")) {
    const key = head.slice(2)
    if (!isObject(value) || !(key in value)) return value
    if (rest.length > 0) return { ...value, [key]: withoutPath(value[key] ?? null, rest) }
    const keys = JSON.parse(identity) as JsonObject
    return key in keys ? value : Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
  }
  if (!isList(value)) return value
  const isWhole = head.startsWith("v:") || (rest.length === 1 && rest[0] === ".")
  return isWhole
    ? value.filter((entry) => !isItem(entry, head))
    : value.map((entry) => (isItem(entry, head) ? withoutPath(entry, rest, head.slice(2)) : entry))
}
