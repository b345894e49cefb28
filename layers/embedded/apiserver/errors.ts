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
      name,
      ...(resource.group === "" ? {} : { group: resource.group }),
      kind: resource.kind,
      causes: causes.map((cause) => ({ ...cause }))
    }
  })
}

/** A patched object that cannot be read: the server names no kind here. */
export const invalidPatch = (why: string) =>
  new ApiError({
    code: 422,
    reason: "Invalid",
    message: why,
    details: { causes: [{ reason: "FieldValueInvalid", field: "patch", message: why }] }
  })
