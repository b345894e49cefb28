/** RFC 6902. */
import type { Json } from "../Apiserver.ts"
import { badRequest, patchRejected } from "./errors.ts"
import { equal, isList, isObject, textAt } from "./json.ts"

/** Operations of one patch, as a real API server bounds them. */
const maxOperations = 10_000

const parsePointer = (pointer: string): ReadonlyArray<string> => {
  if (pointer === "") return []
  if (!pointer.startsWith("/")) throw patchRejected()
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
}

const read = (document: Json, path: ReadonlyArray<string>): Json | undefined => {
  let value: Json | undefined = document
  for (const part of path) {
    if (isList(value)) value = /^\d+$/u.test(part) ? value[Number(part)] : undefined
    else if (isObject(value)) value = value[part]
    else return undefined
  }
  return value
}

/** A copy of the document in which the parent of the last step was changed by `change`. */
const rewrite = (
  document: Json,
  path: ReadonlyArray<string>,
  change: (parent: Json, last: string) => Json
): Json => {
  const [head, ...rest] = path
  if (head === undefined) return document
  if (rest.length === 0) return change(document, head)
  if (isList(document)) {
    const index = Number(head)
    return document.map((item, i) => (i === index ? rewrite(item, rest, change) : item))
  }
  return isObject(document) && head in document
    ? { ...document, [head]: rewrite(document[head] ?? null, rest, change) }
    : document
}

const add = (document: Json, path: ReadonlyArray<string>, value: Json): Json => {
  if (path.length === 0) return value
  const parent = read(document, path.slice(0, -1))
  if (!isObject(parent) && !isList(parent)) throw patchRejected()
  return rewrite(document, path, (at, last) => {
    if (!isList(at)) return { ...(isObject(at) ? at : {}), [last]: value }
    const index = last === "-" ? at.length : Number(last)
    if (!Number.isInteger(index) || index < 0 || index > at.length) throw patchRejected()
    return [...at.slice(0, index), value, ...at.slice(index)]
  })
}

const remove = (document: Json, path: ReadonlyArray<string>): Json => {
  if (read(document, path) === undefined) throw patchRejected()
  return rewrite(document, path, (at, last) =>
    isList(at)
      ? at.filter((_, i) => i !== Number(last))
      : Object.fromEntries(Object.entries(isObject(at) ? at : {}).filter(([key]) => key !== last))
  )
}

const replace = (document: Json, path: ReadonlyArray<string>, value: Json): Json => {
  if (path.length === 0) return value
  if (read(document, path) === undefined) throw patchRejected()
  return rewrite(document, path, (at, last) =>
    isList(at)
      ? at.map((item, i) => (i === Number(last) ? value : item))
      : { ...(isObject(at) ? at : {}), [last]: value }
  )
}

/** Applies the operations in order, all or none. A failed `test` or a path that is not there is 422. */
export const jsonPatch = (document: Json, patch: Json): Json => {
  if (!isList(patch)) throw badRequest("a JSON patch is a list of operations")
  if (patch.length > maxOperations) throw badRequest(`a JSON patch has at most ${maxOperations} operations`)
  let result = document
  for (const operation of patch) {
    if (!isObject(operation)) throw badRequest("an operation of a JSON patch is an object")
    const path = parsePointer(textAt(operation, "path"))
    const { from, op, value = null } = operation
    const source = typeof from === "string" ? from : ""
    switch (op) {
      case "add":
        result = add(result, path, value)
        break
      case "remove":
        result = remove(result, path)
        break
      case "replace":
        result = replace(result, path, value)
        break
      case "move":
      case "copy": {
        const moved = read(result, parsePointer(source))
        if (moved === undefined) throw patchRejected()
        const rest = op === "move" ? remove(result, parsePointer(source)) : result
        result = add(rest, path, moved)
        break
      }
      case "test":
        if (!equal(read(result, path), value)) throw patchRejected()
        break
      default:
        throw patchRejected()
    }
  }
  return result
}
