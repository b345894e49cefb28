/** Label and field selectors, as Kubernetes reads them. */
import type { Json, JsonObject, ServedResource } from "../Apiserver.ts"
import { badRequest } from "./errors.ts"
import { metadataOf, objectAt, valueAt } from "./json.ts"

export type Matches = (object: JsonObject) => boolean

const word = String.raw`[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?`
const setBased = new RegExp(String.raw`^\s*(${word})\s+(in|notin)\s*\(([^()]*)\)\s*$`, "u")
const comparison = new RegExp(String.raw`^\s*(${word})\s*(==|=|!=|>|<)\s*([A-Za-z0-9._-]*)\s*$`, "u")
const existence = new RegExp(String.raw`^\s*(!?)\s*(${word})\s*$`, "u")

/** Splits at commas outside parentheses. */
const requirements = (selector: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let depth = 0
  let start = 0
  for (let i = 0; i < selector.length; i++) {
    if (selector[i] === "(") depth++
    else if (selector[i] === ")") depth--
    else if (selector[i] === "," && depth === 0) {
      parts.push(selector.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, selector.slice(start)]
}

type LabelRule = (labels: JsonObject) => boolean

const labelRule = (text: string): LabelRule => {
  const set = setBased.exec(text)
  if (set !== null) {
    const [, key = "", , operator, list = ""] = set
    const values = new Set(list.split(",").map((value) => value.trim()))
    return operator === "in"
      ? (labels) => typeof labels[key] === "string" && values.has(labels[key])
      : (labels) => typeof labels[key] !== "string" || !values.has(labels[key])
  }
  const compared = comparison.exec(text)
  if (compared !== null) {
    const [, key = "", , operator, value = ""] = compared
    switch (operator) {
      case "!=":
        return (labels) => labels[key] !== value
      case ">":
        return (labels) => typeof labels[key] === "string" && Number(labels[key]) > Number(value)
      case "<":
        return (labels) => typeof labels[key] === "string" && Number(labels[key]) < Number(value)
      default:
        return (labels) => labels[key] === value
    }
  }
  const exists = existence.exec(text)
  if (exists !== null) {
    const [, not, key = ""] = exists
    return (labels) => key in labels === (not === "")
  }
  throw badRequest(`unable to parse requirement: ${JSON.stringify(text)} is no label requirement`)
}

export const labelSelector = (selector: string | undefined): Matches => {
  if (selector === undefined || selector.trim() === "") return () => true
  const rules = requirements(selector).map(labelRule)
  return (object) => {
    const labels = objectAt(metadataOf(object), "labels")
    return rules.every((rule) => rule(labels))
  }
}

const fieldText = (value: Json | undefined): string =>
  value === undefined || value === null
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value)

export const fieldSelector = (resource: ServedResource, selector: string | undefined): Matches => {
  if (selector === undefined || selector.trim() === "") return () => true
  const allowed = new Set(resource.selectableFields.map((path) => path.replace(/^\./u, "")))
  const rules = selector.split(",").map((text): Matches => {
    const parsed = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/u.exec(text)
    if (parsed === null) throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`)
    const [, path = "", operator, value] = parsed
    if (path !== "metadata.name" && path !== "metadata.namespace" && !allowed.has(path)) {
      throw badRequest(`field label not supported: ${path}`)
    }
    const wanted = operator !== "!="
    return (object) => (fieldText(valueAt(object, path)) === value) === wanted
  })
  return (object) => rules.every((rule) => rule(object))
}

/** Both selectors and the namespace as one question. Throws ApiError 400 for a selector that cannot be read. */
export const selects = (selection: {
  readonly resource: ServedResource
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}): Matches => {
  const byLabel = labelSelector(selection.labelSelector)
  const byField = fieldSelector(selection.resource, selection.fieldSelector)
  const { namespace } = selection
  return (object) =>
    (namespace === undefined || namespace === "" || metadataOf(object)["namespace"] === namespace) &&
    byLabel(object) &&
    byField(object)
}
