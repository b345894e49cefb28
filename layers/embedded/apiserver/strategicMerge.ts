/** Strategic merge, the patch of the built-in kinds: as RFC 7386, but lists merge by their key and `$` directives say more. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { equal, isList, isObject } from "./json.ts"
import { child, item, listKind, type Place, root } from "./listKind.ts"

const directive = "$patch"

export const strategicMerge = (live: JsonObject, patch: JsonObject): JsonObject =>
  mergeObject(live, patch, root(undefined))

const mergeObject = (live: JsonObject, patch: JsonObject, place: Place): JsonObject => {
  if (patch[directive] === "replace") return plainObject(patch)
  if (patch[directive] === "delete") return {}
  const merged: Record<string, Json> = { ...live }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$") || key === "__proto__") continue
    if (value === null) delete merged[key]
    else merged[key] = mergeValue(live[key], value, child(place, key))
  }
  for (const [key, value] of Object.entries(patch)) {
    const [name = "", field = ""] = key.split("/", 2)
    const list = merged[field]
    if (!isList(value)) continue
    if (name === "$deleteFromPrimitiveList" && isList(list)) {
      merged[field] = list.filter((entry) => !value.some((gone) => equal(gone, entry)))
    }
    if (name === "$setElementOrder" && isList(list)) merged[field] = ordered(list, value, child(place, field))
    if (key === "$retainKeys") {
      for (const present of Object.keys(merged)) if (!value.includes(present)) delete merged[present]
    }
  }
  return merged
}

const mergeValue = (live: Json | undefined, patch: Json, place: Place): Json => {
  if (isObject(patch)) return mergeObject(isObject(live) ? live : {}, patch, place)
  return isList(patch) ? mergeList(isList(live) ? live : [], patch, place) : patch
}

const mergeList = (live: ReadonlyArray<Json>, patch: ReadonlyArray<Json>, place: Place): Json => {
  const kind = listKind(place)
  if (kind.type === "atomic") return patch.map(plain)
  if (kind.type === "set")
    return [...live, ...patch.filter((value) => !live.some((known) => equal(known, value)))]
  if (patch.some((entry) => isObject(entry) && entry[directive] === "replace")) {
    return patch.filter((entry) => !isObject(entry) || entry[directive] !== "replace").map(plain)
  }
  const key = kind.keys[0] ?? "name"
  return patch.reduce((list: ReadonlyArray<Json>, entry) => {
    if (!isObject(entry)) return list
    const isSame = (value: Json) => isObject(value) && equal(value[key], entry[key])
    if (entry[directive] === "delete") return list.filter((value) => !isSame(value))
    if (!list.some(isSame)) return [...list, plain(entry)]
    return list.map((value) =>
      isSame(value) && isObject(value) ? mergeObject(value, entry, item(place)) : value
    )
  }, live)
}

/** Listed items in the listed order, the others behind them in their own. */
const ordered = (
  list: ReadonlyArray<Json>,
  order: ReadonlyArray<Json>,
  place: Place
): ReadonlyArray<Json> => {
  const kind = listKind(place)
  const key = kind.type === "map" ? (kind.keys[0] ?? "name") : undefined
  const identity = (value: Json) => (key !== undefined && isObject(value) ? value[key] : value)
  const rank = (value: Json) => {
    const found = order.findIndex((wanted) => equal(identity(wanted), identity(value)))
    return found < 0 ? order.length : found
  }
  return [...list].sort((a, b) => rank(a) - rank(b))
}

const plain = (value: Json): Json => {
  if (isList(value)) return value.map(plain)
  return isObject(value) ? plainObject(value) : value
}

/** What is new is taken without directives, and without the nulls that would have cleared something. */
const plainObject = (value: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([key, field]) => !key.startsWith("$") && field !== null)
      .map(([key, field]) => [key, plain(field)])
  )
