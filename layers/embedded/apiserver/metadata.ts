/** metav1.ObjectMeta: what the server fills in, what it refuses. */
import { randomInt, randomUUID } from "node:crypto"

import { formatTime } from "../../../schema/Time.ts"
import type { Json, JsonObject } from "../Apiserver.ts"
import { badRequest, type Cause, forbiddenField, invalidValue, required } from "./errors.ts"
import { isList, isObject, listAt, metadataOf, objectAt, textAt, without } from "./json.ts"

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
const subdomain = String.raw`${label}(\.${label})*`
const qualified = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

const labelWords = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`
const subdomainWords = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomain}')`
const valueWords = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${qualified})?')`
const keyWords = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${qualified}')`

const isLabel = new RegExp(`^${label}$`, "u")
const isSubdomain = new RegExp(`^${subdomain}$`, "u")
const isQualified = new RegExp(`^${qualified}$`, "u")

/** Bytes of all annotations of one object. */
const maxAnnotationBytes = 262_144

/** A DNS label: what names a container, a volume or a namespace. */
export const labelNameRules = (field: string, name: string): ReadonlyArray<Cause> => [
  ...(name.length > 63 ? [invalidValue(field, name, "must be no more than 63 characters")] : []),
  ...(isLabel.test(name) ? [] : [invalidValue(field, name, labelWords)])
]

const nameRules = (name: string, isNamedByLabel: boolean): ReadonlyArray<Cause> =>
  isNamedByLabel
    ? labelNameRules("metadata.name", name)
    : [
        ...(name.length > 253
          ? [invalidValue("metadata.name", name, "must be no more than 253 characters")]
          : []),
        ...(isSubdomain.test(name) ? [] : [invalidValue("metadata.name", name, subdomainWords)])
      ]

const keyRules = (field: string, key: string): ReadonlyArray<Cause> => {
  const slash = key.indexOf("/")
  const name = key.slice(slash + 1)
  const causes: Array<Cause> = []
  const prefix = key.slice(0, Math.max(0, slash))
  if (prefix.length > 253) {
    causes.push(invalidValue(field, key, "prefix part must be no more than 253 characters"))
  }
  if (slash >= 0 && !isSubdomain.test(prefix)) {
    causes.push(invalidValue(field, key, `prefix part ${subdomainWords}`))
  }
  if (name.length > 63) causes.push(invalidValue(field, key, "name part must be no more than 63 characters"))
  if (!isQualified.test(name)) causes.push(invalidValue(field, key, keyWords))
  return causes
}

export const labelRules = (labels: JsonObject, field = "metadata.labels"): ReadonlyArray<Cause> =>
  Object.entries(labels).flatMap(([key, value]) => [
    ...keyRules(field, key),
    ...(typeof value === "string" && value.length > 63
      ? [invalidValue(field, value, "must be no more than 63 characters")]
      : []),
    ...(typeof value === "string" && value !== "" && !isQualified.test(value)
      ? [invalidValue(field, value, valueWords)]
      : [])
  ])

const annotationRules = (annotations: JsonObject): ReadonlyArray<Cause> => {
  const bytes = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0
  )
  return [
    ...Object.keys(annotations).flatMap((key) => keyRules("metadata.annotations", key.toLowerCase())),
    ...(bytes > maxAnnotationBytes
      ? [
          {
            reason: "FieldValueTooLong",
            field: "metadata.annotations",
            message: `Too long: may not be more than ${maxAnnotationBytes} bytes`
          }
        ]
      : [])
  ]
}

const ownerRules = (owners: ReadonlyArray<Json>): ReadonlyArray<Cause> => {
  const found = owners.filter(isObject)
  const controllers = found.filter((owner) => owner["controller"] === true)
  return [
    ...found.flatMap((owner) =>
      ["apiVersion", "kind", "name", "uid"]
        .filter((field) => textAt(owner, field) === "")
        .map((field) => invalidValue(`metadata.ownerReferences.${field}`, "", "must not be empty"))
    ),
    ...(controllers.length > 1
      ? [
          invalidValue(
            "metadata.ownerReferences",
            found,
            "Only one reference can have Controller set to true"
          )
        ]
      : [])
  ]
}

/** A finalizer may leave a dying object, none may come. */
const finalizerRules = (metadata: JsonObject, before: JsonObject | undefined): ReadonlyArray<Cause> => {
  if (before === undefined || before["deletionTimestamp"] === undefined) return []
  const old = listAt(before, "finalizers")
  const fresh = listAt(metadata, "finalizers").filter((finalizer) => !old.includes(finalizer))
  const told = fresh.map((finalizer) => JSON.stringify(finalizer)).join(", ")
  return fresh.length === 0
    ? []
    : [
        forbiddenField(
          "metadata.finalizers",
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${told}}`
        )
      ]
}

export const metadataRules = (
  object: JsonObject,
  before: JsonObject | undefined,
  isNamedByLabel: boolean
): ReadonlyArray<Cause> => {
  const metadata = metadataOf(object)
  return [
    ...(before === undefined ? nameRules(textAt(metadata, "name"), isNamedByLabel) : []),
    ...labelRules(objectAt(metadata, "labels")),
    ...annotationRules(objectAt(metadata, "annotations")),
    ...ownerRules(listAt(metadata, "ownerReferences")),
    ...finalizerRules(metadata, before === undefined ? undefined : metadataOf(before))
  ]
}

/** Go's decoder refuses metadata of the wrong shape before any rule is asked. Empty maps and lists are dropped, as it drops them. */
export const readMetadata = (object: JsonObject): JsonObject => {
  const { metadata } = object
  if (metadata === undefined || metadata === null) return { ...object, metadata: {} }
  if (!isObject(metadata)) throw unreadable("metadata", "an object")
  for (const field of ["labels", "annotations"]) {
    const map = metadata[field]
    if (map === undefined || map === null) continue
    if (!isObject(map) || Object.values(map).some((value) => typeof value !== "string" && value !== null)) {
      throw unreadable(`metadata.${field}`, "a map of strings")
    }
  }
  for (const field of ["name", "generateName", "namespace", "uid", "resourceVersion"]) {
    const text = metadata[field]
    if (text !== undefined && text !== null && typeof text !== "string") {
      throw unreadable(`metadata.${field}`, "a string")
    }
  }
  for (const field of ["ownerReferences", "finalizers"]) {
    const list = metadata[field]
    if (list !== undefined && list !== null && !isList(list)) throw unreadable(`metadata.${field}`, "a list")
  }
  return {
    ...object,
    metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => !isEmpty(value)))
  }
}

const isEmpty = (value: Json): boolean =>
  value === null ||
  value === "" ||
  (isList(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0)

const unreadable = (field: string, wanted: string) =>
  badRequest(`the object cannot be decoded: ${field} must be ${wanted}`)

/** As Kubernetes' own: no vowels and nothing that looks like another. */
const suffixLetters = "bcdfghjklmnpqrstvwxz2456789"
const suffix = (): string =>
  Array.from({ length: 5 }, () => suffixLetters[randomInt(suffixLetters.length)]).join("")

/** The metadata of a new object. Throws nothing: a missing name is a cause for the caller to list. */
export const newMetadata = (
  metadata: JsonObject,
  options: { readonly namespace: string | undefined; readonly hasGeneration: boolean; readonly now: number }
): JsonObject => {
  const prefix = textAt(metadata, "generateName")
  const name = textAt(metadata, "name")
  return {
    ...without(metadata, "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"),
    name: name === "" && prefix !== "" ? `${prefix.slice(0, 58)}${suffix()}` : name,
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    uid: randomUUID(),
    creationTimestamp: formatTime(options.now),
    ...(options.hasGeneration ? { generation: 1 } : {})
  }
}

export const nameMissing: Cause = required("metadata.name", "name or generateName is required")

/** Fields that no client moves. */
export const fixedFields = [
  "uid",
  "creationTimestamp",
  "generation",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "resourceVersion",
  "selfLink",
  "namespace",
  "name",
  "generateName"
] as const
