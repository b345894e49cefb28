/** An object against its structural schema, in the words of a real API server. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { type Cause, invalidValue, required } from "./errors.ts"
import { equal, isList, isObject, listAt, objectAt } from "./json.ts"
import { fieldSchema, itemSchema } from "./structural.ts"

const typeOf = (value: Json): string => {
  if (value === null) return "null"
  if (isList(value)) return "array"
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number"
  return typeof value
}

const hasType = (actual: string, wanted: string): boolean =>
  actual === wanted || (wanted === "number" && actual === "integer")

const formats: Record<string, RegExp> = {
  "date-time": /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/u,
  date: /^\d{4}-\d\d-\d\d$/u,
  byte: /^[A-Za-z0-9+/]*={0,2}$/u,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/iu
}

const wrongType = (path: string, wanted: string, actual: string): Cause => ({
  reason: "FieldValueTypeInvalid",
  field: path,
  message: `Invalid value: ${JSON.stringify(actual)}: ${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`
})

const numberRules = (value: number, schema: JsonObject, path: string): ReadonlyArray<Cause> => {
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum } = schema
  const causes: Array<Cause> = []
  if (typeof minimum === "number" && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    const bound = exclusiveMinimum === true ? "greater than" : "greater than or equal to"
    causes.push(invalidValue(path, value, `${path} in body should be ${bound} ${minimum}`))
  }
  if (typeof maximum === "number" && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    const bound = exclusiveMaximum === true ? "less than" : "less than or equal to"
    causes.push(invalidValue(path, value, `${path} in body should be ${bound} ${maximum}`))
  }
  return causes
}

const patterns = new Map<string, RegExp>()
const regExpOf = (pattern: string): RegExp => {
  const known = patterns.get(pattern) ?? new RegExp(pattern, "u")
  patterns.set(pattern, known)
  return known
}

const textRules = (value: string, schema: JsonObject, path: string): ReadonlyArray<Cause> => {
  const { format, maxLength, minLength, pattern } = schema
  const length = [...value].length
  const causes: Array<Cause> = []
  if (typeof maxLength === "number" && length > maxLength) {
    const message = `Too long: may not be more than ${maxLength} bytes`
    causes.push({ reason: "FieldValueTooLong", field: path, message })
  }
  if (typeof minLength === "number" && length < minLength) {
    causes.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`))
  }
  if (typeof pattern === "string" && !regExpOf(pattern).test(value)) {
    causes.push(invalidValue(path, value, `${path} in body should match '${pattern}'`))
  }
  if (typeof format === "string" && formats[format]?.test(value) === false) {
    const message = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`
    causes.push(invalidValue(path, value, message))
  }
  return causes
}

const duplicates = (value: ReadonlyArray<Json>, schema: JsonObject, path: string): ReadonlyArray<Cause> => {
  const keys = listAt(schema, "x-kubernetes-list-map-keys").map(String)
  const type = schema["x-kubernetes-list-type"]
  if (type !== "set" && type !== "map") return []
  const identities = value.map((item): Json =>
    type === "set" || !isObject(item) ? item : Object.fromEntries(keys.map((key) => [key, item[key] ?? null]))
  )
  return identities.flatMap((identity, i) =>
    identities.slice(0, i).some((earlier) => equal(earlier, identity))
      ? [
          {
            reason: "FieldValueDuplicate",
            field: `${path}[${i}]`,
            message: `Duplicate value: ${JSON.stringify(identity)}`
          }
        ]
      : []
  )
}

const listRules = (value: ReadonlyArray<Json>, schema: JsonObject, path: string): ReadonlyArray<Cause> => {
  const { maxItems, minItems } = schema
  const items = itemSchema(schema)
  const causes: Array<Cause> = []
  if (typeof maxItems === "number" && value.length > maxItems) {
    const message = `Too many: ${value.length}: must have at most ${maxItems} item${maxItems === 1 ? "" : "s"}`
    causes.push({ reason: "FieldValueTooMany", field: path, message })
  }
  if (typeof minItems === "number" && value.length < minItems) {
    causes.push(invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`))
  }
  for (const [i, item] of value.entries()) causes.push(...check(item, items, `${path}[${i}]`))
  return [...causes, ...duplicates(value, schema, path)]
}

const objectRules = (value: JsonObject, schema: JsonObject, path: string): ReadonlyArray<Cause> => {
  const under = (field: string): string => (path === "" ? field : `${path}.${field}`)
  const causes = listAt(schema, "required")
    .map(String)
    .filter((field) => !Object.hasOwn(value, field))
    .map((field) => required(under(field)))
  for (const [field, item] of Object.entries(value)) {
    const known = fieldSchema(schema, field)
    if (known !== undefined) causes.push(...check(item, known, under(field)))
  }
  return causes
}

const check = (value: Json, schema: JsonObject, path: string): ReadonlyArray<Cause> => {
  if (value === null && schema["nullable"] === true) return []
  const actual = typeOf(value)
  if (schema["x-kubernetes-int-or-string"] === true) {
    return actual === "integer" || actual === "string" ? [] : [wrongType(path, "integer,string", actual)]
  }
  const wanted = schema["type"]
  if (typeof wanted === "string" && wanted !== "" && !hasType(actual, wanted)) {
    return [wrongType(path, wanted, actual)]
  }
  const choices = schema["enum"]
  const causes: Array<Cause> = []
  if (isList(choices) && !choices.some((choice) => equal(choice, value))) {
    const supported = choices.map((choice) => JSON.stringify(choice)).join(", ")
    causes.push({
      reason: "FieldValueNotSupported",
      field: path,
      message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`
    })
  }
  if (typeof value === "number") causes.push(...numberRules(value, schema, path))
  else if (typeof value === "string") causes.push(...textRules(value, schema, path))
  else if (isList(value)) causes.push(...listRules(value, schema, path))
  else if (isObject(value)) causes.push(...objectRules(value, schema, path))
  return causes
}

/** Everything that is wrong with an object, in the order of its fields. */
export const violations = (object: JsonObject, schema: JsonObject): ReadonlyArray<Cause> =>
  check(
    Object.fromEntries(
      Object.entries(object).filter(([key]) => !["apiVersion", "kind", "metadata"].includes(key))
    ),
    {
      ...schema,
      required: listAt(schema, "required").filter(
        (field) => typeof field === "string" && !["apiVersion", "kind", "metadata"].includes(field)
      ),
      properties: objectAt(schema, "properties")
    },
    ""
  )
