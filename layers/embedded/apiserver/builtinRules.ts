/** What a real API server refuses in the built-in kinds that Foreman writes: times, keys, and fields that stay as they are. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { type Cause, forbiddenField, invalidValue } from "./errors.ts"
import { equal, isObject, namespaceOf, objectAt, textAt } from "./json.ts"

type Rules = (object: JsonObject, before: JsonObject | undefined) => ReadonlyArray<Cause>
/** Why Go's decoder does not take the object; undefined when it does. It stops at the first. */
type Unreadable = (object: JsonObject) => string | undefined

const first = (...found: ReadonlyArray<string | undefined>): string | undefined =>
  found.find((why) => why !== undefined)

const typeName = (value: Json): string => {
  if (Array.isArray(value)) return "array"
  return typeof value === "boolean" ? "bool" : typeof value
}

const textMap = (kind: string, object: JsonObject, field: string): string | undefined => {
  const map = object[field] ?? null
  if (map === null) return undefined
  const wrong = (value: Json, type: string) =>
    `json: cannot unmarshal ${typeName(value)} into Go struct field ${kind}.${field} of type ${type}`
  if (!isObject(map)) return wrong(map, "map[string]string")
  const value = Object.values(map).find((value) => typeof value !== "string")
  return value === undefined ? undefined : wrong(value, "string")
}

/** Six digits and no other number of them. */
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})(Z|[+-]\d\d:\d\d)$/u
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/u

const timeAt = (object: JsonObject, field: string, form: RegExp): string | undefined => {
  const value = object[field] ?? null
  if (value === null || (typeof value === "string" && form.test(value))) return undefined
  const layout = form === microTime ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00"
  const said = JSON.stringify(value)
  const rest =
    typeof value === "string" ? (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(.*)$/u.exec(value)?.[1] ?? "") : ""
  const why = rest === "" ? `${said} as "2006"` : `${JSON.stringify(rest)} as ".000000"`
  return `parsing time ${said} as "${layout}": cannot parse ${why}`
}

const keyWords =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

const keyRules = (object: JsonObject, field: string): ReadonlyArray<Cause> =>
  Object.keys(objectAt(object, field)).flatMap((key) => {
    const at = `${field}[${key}]`
    return [
      ...(key.length > 253 ? [invalidValue(at, key, "must be no more than 253 characters")] : []),
      ...(/^[-._a-zA-Z0-9]+$/u.test(key) ? [] : [invalidValue(at, key, keyWords)]),
      ...(key === "." || key === ".." ? [invalidValue(at, key, `must not be '${key}'`)] : [])
    ]
  })

/** Data of an object that says `immutable: true` stays, and so does that word. */
const immutableRules: Rules = (object, before) => {
  if (before?.["immutable"] !== true) return []
  const isSame = ["immutable", "data", "binaryData"].map((field) => [
    field,
    equal(object[field], before[field])
  ])
  return isSame.flatMap(([field, same]) =>
    same === true ? [] : [forbiddenField(String(field), "field is immutable when `immutable` is set")]
  )
}

export const configMap: { readonly rules: Rules; readonly unreadable: Unreadable } = {
  rules: (object, before) => [
    ...keyRules(object, "data"),
    ...keyRules(object, "binaryData"),
    ...immutableRules(object, before)
  ],
  unreadable: (object) =>
    first(textMap("ConfigMap", object, "data"), textMap("ConfigMap", object, "binaryData"))
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u

export const secret: { readonly rules: Rules; readonly unreadable: Unreadable } = {
  rules: (object, before) => [
    ...keyRules(object, "data"),
    ...immutableRules(object, before),
    ...(before === undefined || before["type"] === object["type"]
      ? []
      : [invalidValue("type", textAt(object, "type"), "field is immutable")])
  ],
  unreadable: (object) => {
    const data = Object.values(objectAt(object, "data"))
    return first(
      textMap("Secret", object, "stringData"),
      textMap("Secret", object, "data"),
      data.every((value) => typeof value === "string" && base64.test(value))
        ? undefined
        : "illegal base64 data at input byte 0"
    )
  }
}

export const lease: { readonly rules: Rules; readonly unreadable: Unreadable } = {
  rules: (object) => {
    const { leaseDurationSeconds, leaseTransitions } = objectAt(object, "spec")
    return [
      ...(typeof leaseDurationSeconds === "number" && leaseDurationSeconds <= 0
        ? [invalidValue("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0")]
        : []),
      ...(typeof leaseTransitions === "number" && leaseTransitions < 0
        ? [invalidValue("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0")]
        : [])
    ]
  },
  unreadable: (object) => {
    const spec = objectAt(object, "spec")
    return first(timeAt(spec, "acquireTime", microTime), timeAt(spec, "renewTime", microTime))
  }
}

export const event: { readonly rules: Rules; readonly unreadable: Unreadable } = {
  rules: (object) => {
    const about = textAt(objectAt(object, "involvedObject"), "namespace")
    const namespace = namespaceOf(object)
    // What belongs to no namespace is told in the default one.
    return about === namespace || (about === "" && namespace === "default")
      ? []
      : [invalidValue("involvedObject.namespace", about, "does not match event.namespace")]
  },
  unreadable: (object) =>
    first(
      timeAt(object, "firstTimestamp", time),
      timeAt(object, "lastTimestamp", time),
      timeAt(object, "eventTime", microTime)
    )
}
