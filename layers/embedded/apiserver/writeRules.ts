/** What a write may say, and what the server makes of it: identity, the split of spec and status, generations. */
import { groupVersion } from "../../../schema/Resource.ts"
import type { JsonObject, ServedResource, Target, WriteOptions } from "../Apiserver.ts"
import * as errors from "./errors.ts"
import { equal, listAt, metadataOf, nameOf, objectAt, textAt, withMetadata, without } from "./json.ts"
import type { Kind } from "./kind.ts"
import { fixedFields } from "./metadata.ts"
import { prune } from "./structural.ts"

/** How an update came: it decides the words of a refusal and who is noted as the writer. */
export type UpdateVia = "PUT" | "PATCH" | "APPLY"

/** The body with the apiVersion and kind of its URL. Throws ApiError 400 when it says others. */
export const withKind = (body: JsonObject, resource: ServedResource): JsonObject => {
  const { apiVersion = groupVersion(resource), kind = resource.kind, ...rest } = body
  if (apiVersion !== groupVersion(resource)) {
    throw errors.badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${groupVersion(resource)})`
    )
  }
  if (kind !== resource.kind) {
    if (resource.schema === undefined) {
      throw errors.badRequest(`the kind in the data (${String(kind)}) is not ${resource.kind}`)
    }
    const other = { group: resource.group, kind: String(kind) }
    throw errors.invalid(other, nameOf(body), [errors.invalidValue("kind", kind, `must be ${resource.kind}`)])
  }
  return { apiVersion, kind, ...rest }
}

/** The namespace of a new object: of the URL, else its own, else `default`. */
export const namespaceFor = (object: JsonObject, requested: string | undefined): string => {
  const own = textAt(metadataOf(object), "namespace")
  const namespace = requested ?? (own === "" ? "default" : own)
  if (own !== "" && own !== namespace) {
    throw errors.badRequest(
      `the namespace of the provided object does not match the namespace sent on the request`
    )
  }
  return namespace
}

/** Warnings for unknown fields, or a refusal, as the writer asked. */
export const unknownFields = (
  unknown: ReadonlyArray<string>,
  options: WriteOptions,
  refuse: (why: string) => Error
): ReadonlyArray<string> => {
  const told = unknown.map((field) => `unknown field "${field}"`)
  if (told.length === 0 || options.fieldValidation === "Ignore") return []
  if (options.fieldValidation === "Strict") throw refuse(told.join(", "))
  return told
}

/** An apply must know each field of what it owns: it is refused where another write would only lose the unknown ones. */
export const checkDeclared = (applied: JsonObject, resource: ServedResource): void => {
  if (resource.schema === undefined) return
  const told = prune(applied, resource.schema).unknown.map(
    (field) => `.${field}: field not declared in schema`
  )
  if (told.length === 0) return
  const what = `${textAt(metadataOf(applied), "namespace")}/${nameOf(applied)}; ${groupVersion(resource)}, Kind=${resource.kind}`
  const why = told.length === 1 ? told[0] : ["errors:", ...told.map((each) => `  ${each}`)].join("\n")
  throw errors.unexplained(`failed to create typed patch object (${what}): ${why}`)
}

/** Throws ApiError when the proposal is of another object, of another life of it, or of another version. */
export const checkIdentity = (
  kind: Kind,
  target: Target,
  current: JsonObject,
  proposed: JsonObject,
  via: UpdateVia
): void => {
  const { name, resource, subresource } = target
  const metadata = metadataOf(proposed)
  const was = metadataOf(current)
  const said = textAt(metadata, "name")
  if (said !== name && said !== "") {
    throw errors.badRequest(`the name of the object (${said}) does not match the name on the URL (${name})`)
  }
  const namespace = textAt(metadata, "namespace")
  if (namespace !== "" && namespace !== textAt(was, "namespace")) {
    throw errors.badRequest(
      "the namespace of the provided object does not match the namespace sent on the request"
    )
  }
  const { resourceVersion, uid } = metadata
  // A status write takes nothing from metadata but the version, not even who is meant.
  const isStatusApart = resource.schema !== undefined && subresource === "status"
  if (uid !== undefined && uid !== was["uid"] && !isStatusApart) {
    throw errors.invalid(resource, name, [errors.invalidValue("metadata.uid", uid, "field is immutable")])
  }
  if (resourceVersion !== undefined && resourceVersion !== was["resourceVersion"]) {
    throw errors.conflict(resource, name)
  }
  if (via === "PUT" && resourceVersion === undefined && !kind.takesUnconditionalUpdate) {
    // The words of the storage, which knows the plural and a version that is a number.
    throw errors.invalid({ group: resource.group, kind: resource.plural }, name, [
      errors.invalidValue("metadata.resourceVersion", 0, "must be specified for an update")
    ])
  }
}

/** Main writes cannot touch status, status writes can touch nothing else, and nobody moves the fixed fields. */
export const composed = (
  { resource, subresource }: Target,
  current: JsonObject,
  proposed: JsonObject
): JsonObject => {
  const { status: wanted } = proposed
  const { managedFields } = metadataOf(proposed)
  if (subresource === "status") {
    const fields = managedFields === undefined ? {} : { managedFields }
    const kept = withMetadata(without(current, "status"), fields)
    return wanted === undefined || wanted === null ? kept : { ...kept, status: wanted }
  }
  const was = metadataOf(current)
  const metadata = {
    ...without(metadataOf(proposed), ...fixedFields),
    ...Object.fromEntries(
      fixedFields.filter((field) => field in was).map((field) => [field, was[field] ?? null])
    ),
    ...(managedFields === undefined && was["managedFields"] !== undefined
      ? { managedFields: was["managedFields"] }
      : {})
  }
  if (!resource.hasStatus) return { ...proposed, metadata }
  const { status } = current
  return { ...without(proposed, "status"), metadata, ...(status === undefined ? {} : { status }) }
}

/** Counts a change of what the object asks for. */
export const withGeneration = (kind: Kind, before: JsonObject, after: JsonObject): JsonObject => {
  const { generation } = metadataOf(before)
  if (!kind.hasGeneration || typeof generation !== "number") return after
  const apart = kind.resource.hasStatus ? ["metadata", "status"] : ["metadata"]
  return equal(without(before, ...apart), without(after, ...apart))
    ? after
    : withMetadata(after, { generation: generation + 1 })
}

/** Nothing holds a dying object any more: no finalizer, no time of grace, no content. */
export const isFinished = (object: JsonObject): boolean => {
  const metadata = metadataOf(object)
  return (
    listAt(metadata, "finalizers").length === 0 &&
    metadata["deletionGracePeriodSeconds"] === 0 &&
    listAt(objectAt(object, "spec"), "finalizers").length === 0 &&
    textAt(object, "kind") !== "CustomResourceDefinition" &&
    nameOf(object) !== ""
  )
}
