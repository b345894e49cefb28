/** The failures of an API server, in Kubernetes' words: clients and people match on them. */
import { groupResource } from "../../../schema/Resource.ts"
import { ApiError, type Json, type JsonObject, type ServedResource } from "../Apiserver.ts"

type Named = Pick<ServedResource, "group" | "plural">

const detailsOf = (resource: Named, name: string): JsonObject => ({
  name,
  ...(resource.group === "" ? {} : { group: resource.group }),
  kind: resource.plural
})

export const notFound = (resource: Named, name: string) =>
  new ApiError({
    code: 404,
    reason: "NotFound",
    message: `${groupResource(resource)} "${name}" not found`,
    details: detailsOf(resource, name)
  })

export const notServed = () =>
  new ApiError({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource"
  })

export const alreadyExists = (resource: Named, name: string) =>
  new ApiError({
    code: 409,
    reason: "AlreadyExists",
    message: `${groupResource(resource)} "${name}" already exists`,
    details: detailsOf(resource, name)
  })

export const conflict = (
  resource: Named,
  name: string,
  why = "the object has been modified; please apply your changes to the latest version and try again"
) =>
  new ApiError({
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ${groupResource(resource)} "${name}": ${why}`,
    details: detailsOf(resource, name)
  })

export const forbidden = (resource: Named, name: string, why: string) =>
  new ApiError({
    code: 403,
    reason: "Forbidden",
    message: `${groupResource(resource)} "${name}" is forbidden: ${why}`,
    details: detailsOf(resource, name)
  })

export const badRequest = (message: string) => new ApiError({ code: 400, reason: "BadRequest", message })

export const unsupportedMediaType = (message: string) =>
  new ApiError({ code: 415, reason: "UnsupportedMediaType", message })

/** The version to go on from is compacted, or was never ours. */
export const expired = (message: string) => new ApiError({ code: 410, reason: "Expired", message })

/** One thing wrong with an object: what `details.causes` holds and the message lists. */
export interface Cause {
  readonly reason: string
  readonly field: string
  readonly message: string
}

const quoted = (value: Json): string => JSON.stringify(value)

export const required = (field: string, why = ""): Cause => ({
  reason: "FieldValueRequired",
  field,
  message: why === "" ? "Required value" : `Required value: ${why}`
})

export const invalidValue = (field: string, value: Json, why: string): Cause => ({
  reason: "FieldValueInvalid",
  field,
  message: `Invalid value: ${quoted(value)}: ${why}`
})

export const duplicate = (field: string, value: Json): Cause => ({
  reason: "FieldValueDuplicate",
  field,
  message: `Duplicate value: ${quoted(value)}`
})

/** The field names something that is not there. */
export const notFoundValue = (field: string, value: Json): Cause => ({
  reason: "FieldValueNotFound",
  field,
  message: `Not found: ${quoted(value)}`
})

export const forbiddenField = (field: string, why: string): Cause => ({
  reason: "FieldValueForbidden",
  field,
  message: `Forbidden: ${why}`
})

/** An object that breaks its kind's rules: 422 with every cause, not only the first. */
export const invalid = (
  resource: Pick<ServedResource, "group" | "kind">,
  name: string,
  causes: ReadonlyArray<Cause>
) => {
  const told = causes.map((cause) => `${cause.field}: ${cause.message}`)
  const kind = resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`
  return new ApiError({
    code: 422,
    reason: "Invalid",
    message: `${kind} ${JSON.stringify(name)} is invalid: ${told.length === 1 ? told[0] : `[${told.join(", ")}]`}`,
    details: {
      ...(name === "" ? {} : { name }),
      ...(resource.group === "" ? {} : { group: resource.group }),
      kind: resource.kind,
      causes: causes.map((cause) => ({ ...cause }))
    }
  })
}

/** Options of a request that break their rules, as `CreateOptions.meta.k8s.io "" is invalid: …`. */
export const invalidOptions = (kind: OptionsKind, cause: Cause) =>
  invalid({ group: "meta.k8s.io", kind }, "", [cause])

export type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions" | "DeleteOptions"

export const unsupported = (field: string, value: Json, supported: ReadonlyArray<string>): Cause => ({
  reason: "FieldValueNotSupported",
  field,
  message: `Unsupported value: ${quoted(value)}: supported values: ${supported.map(quoted).join(", ")}`
})

/** A patched object that cannot be read: the server names no kind here. */
export const invalidPatch = (patched: JsonObject, why: string) => {
  const cause = invalidValue("patch", quoted(patched), why)
  return new ApiError({
    code: 422,
    reason: "Invalid",
    message: ` "" is invalid: patch: ${cause.message}`,
    details: { causes: [{ ...cause }] }
  })
}

/** A JSON patch that does not apply; the server does not say which operation. */
export const patchRejected = () =>
  new ApiError({
    code: 422,
    reason: "Invalid",
    message: "the server rejected our request due to an error in our request",
    details: {}
  })

/** A refusal for which a real API server has no reason and the code 500. */
export const unexplained = (message: string) => new ApiError({ code: 500, reason: "", message })

/** The decoder of a kind does not take the object. */
export const cannotHandle = ({ kind, version }: Pick<ServedResource, "kind" | "version">, why: string) =>
  badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`)
