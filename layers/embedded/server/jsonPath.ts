/**
 * The part of Kubernetes' JSONPath that printer columns use: `.a.b`, `['a']`, `[0]`, `[*]`, `.*`, escaped dots, and filters of one
 * comparison, `[?(@.type=='Ready')]`. Pure.
 */
import type { Json } from "../Apiserver.ts"

type Step =
  | { readonly field: string }
  | { readonly index: number }
  | { readonly every: true }
  | { readonly where: ReadonlyArray<Step>; readonly equals: string; readonly negated: boolean }

/** Longer than any path in a CRD. */
const maximumLength = 1_000

const token =
  /\.((?:\\.|[^.[\\])+)|\[\s*(-?\d+)\s*\]|\[\s*\*\s*\]|\[\s*(?:'([^']*)'|"([^"]*)")\s*\]|\[\?\(\s*@((?:\.[^.[\]=!<>\s]+)+)\s*(==|!=)\s*(?:'([^']*)'|"([^"]*)"|([^'")\s]+))\s*\)\]/uy

/** Undefined when the path holds something else than the above. */
const parse = (path: string): ReadonlyArray<Step> | undefined => {
  const bare = path.startsWith("{") && path.endsWith("}") ? path.slice(1, -1) : path
  if (bare.length > maximumLength) return undefined
  const steps: Array<Step> = []
  const text = bare.startsWith("$") ? bare.slice(1) : bare
  for (let at = 0; at < text.length;) {
    token.lastIndex = at
    const match = token.exec(text)
    if (match === null) return undefined
    // Not `lastIndex`: reading a filter's own path moves it.
    at += match[0].length
    steps.push(step(match))
  }
  return steps
}

const step = (match: RegExpExecArray): Step => {
  const [, dotted, index, single, double, left, operator, ...right] = match
  if (left !== undefined) {
    const equals = right.find((value) => value !== undefined) ?? ""
    return { where: parse(left) ?? [], equals, negated: operator === "!=" }
  }
  if (index !== undefined) return { index: Number(index) }
  const field = dotted?.replaceAll(/\\(.)/gu, "$1") ?? single ?? double
  return field === undefined || field === "*" ? { every: true } : { field }
}

const children = (value: Json): ReadonlyArray<Json> => {
  if (typeof value !== "object" || value === null) return []
  return Array.isArray(value) ? value : Object.values(value)
}

const follow = (values: ReadonlyArray<Json>, steps: ReadonlyArray<Step>): ReadonlyArray<Json> =>
  steps.reduce((found, step) => found.flatMap((value) => take(value, step)), values)

const take = (value: Json, step: Step): ReadonlyArray<Json> => {
  if ("every" in step) return children(value)
  if ("where" in step) {
    return children(value).filter((child) => {
      const [found] = follow([child], step.where)
      return found !== undefined && (String(found) === step.equals) !== step.negated
    })
  }
  if ("index" in step) {
    const found = children(value).at(step.index)
    return found === undefined || !Array.isArray(value) ? [] : [found]
  }
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step.field)) return []
  const found = Object.entries(value).find(([name]) => name === step.field)
  return found === undefined ? [] : [found[1]]
}

const parsed = new Map<string, ReadonlyArray<Step> | undefined>()

/** All that `path` finds in `value`; nothing when the path is not understood. Paths come from stored CRDs, so few are ever kept. */
export const find = (path: string, value: Json): ReadonlyArray<Json> => {
  if (!parsed.has(path)) {
    if (parsed.size >= 1_000) parsed.clear()
    parsed.set(path, parse(path))
  }
  return follow([value], parsed.get(path) ?? [{ index: 0 }])
}
