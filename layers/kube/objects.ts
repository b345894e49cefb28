/** Objects as the wire brings them: decoded here, once, and set aside one at a time when they cannot be. */
import { Predicate, Result, Schema } from "effect"

import { type ObjectRef, refKey } from "../../schema/Meta.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"
import { type KubeReason, Unavailable, Undecodable, type WatchEvent } from "../../src/services/KubeClient.ts"
import { reasonOf } from "./status.ts"

type Decoder<A> = (raw: unknown) => Result.Result<A, Schema.SchemaError>

/** What `raw` is, or why it is not: the message names the object, the field and the value. */
export const decoder = <A extends KubeObject>(resource: Resource<A>): Decoder<A> =>
  Schema.decodeUnknownResult(resource.schema)

const List = Schema.Struct({
  metadata: Schema.Struct({
    resourceVersion: Schema.optionalKey(Schema.String),
    continue: Schema.optionalKey(Schema.String)
  }),
  // null is how Go writes an empty list.
  items: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Unknown)))
})
export const decodeList = Schema.decodeUnknownResult(List)

/** The name of an object whose kind's schema did not fit. */
export const rawRef = (raw: unknown): ObjectRef => {
  const metadata = Predicate.hasProperty(raw, "metadata") ? raw.metadata : undefined
  const text = (field: string) =>
    Predicate.hasProperty(metadata, field) && typeof metadata[field] === "string"
      ? metadata[field]
      : undefined
  const namespace = text("namespace")
  return { name: text("name") ?? "?", ...(namespace === undefined ? {} : { namespace }) }
}

const rawVersion = (raw: unknown): string => {
  const metadata = Predicate.hasProperty(raw, "metadata") ? raw.metadata : undefined
  return Predicate.hasProperty(metadata, "resourceVersion") && typeof metadata.resourceVersion === "string"
    ? metadata.resourceVersion
    : ""
}

export const undecodable = (raw: unknown, error: Schema.SchemaError): Undecodable =>
  new Undecodable({ message: `${refKey(rawRef(raw))}: ${error.message}` })

/** One line of a watch. ERROR events and lines that are no events are failures of the watch, not of an object. */
export const decodeEvent = <A extends KubeObject>(
  line: string,
  decode: Decoder<A>
): Result.Result<WatchEvent<A>, KubeReason> => {
  const event = parse(line)
  if (!Predicate.hasProperty(event, "type") || !Predicate.hasProperty(event, "object")) {
    return Result.fail(new Unavailable({ message: `not a watch event: ${line.slice(0, 200)}` }))
  }
  const { object, type } = event
  const resourceVersion = rawVersion(object)
  switch (type) {
    case "BOOKMARK":
      return Result.succeed({ type, resourceVersion })
    case "ADDED":
    case "MODIFIED":
    case "DELETED": {
      const decoded = decode(object)
      return Result.succeed(
        Result.isSuccess(decoded)
          ? { type, object: decoded.success, resourceVersion }
          : { type: "UNDECODABLE", ref: rawRef(object), message: decoded.failure.message, resourceVersion }
      )
    }
    case "ERROR":
      return Result.fail(errorEvent(object))
    default:
      return Result.fail(new Unavailable({ message: `unknown watch event ${String(type)}` }))
  }
}

/** The object of an ERROR event is a metav1.Status. */
const errorEvent = (status: unknown): KubeReason =>
  reasonOf({
    status: Predicate.hasProperty(status, "code") && typeof status.code === "number" ? status.code : 500,
    body: JSON.stringify(status),
    retryAfter: undefined
  })

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
