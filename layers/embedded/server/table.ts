/** Objects in the form that was asked for: themselves, rows of a meta.k8s.io/v1 Table, or their metadata alone. Pure. */
import type { Representation } from "./accept.ts"
import type { ApiEvent, Json, JsonObject, ServedResource } from "../Apiserver.ts"
import { groupVersion } from "../../../schema/Resource.ts"
import { columnsOf } from "./columns.ts"

/** How much of the object each row of a Table carries. */
export type IncludeObject = "None" | "Metadata" | "Object"

export interface View {
  readonly resource: ServedResource
  readonly form: Representation
  readonly includeObject: IncludeObject
  /** Milliseconds; ages are counted from it. */
  readonly now: number
}

const meta = (kind: string): JsonObject => ({ kind, apiVersion: "meta.k8s.io/v1" })

const metadataOnly = (object: JsonObject): JsonObject => ({
  ...meta("PartialObjectMetadata"),
  metadata: object["metadata"] ?? {}
})

const rowObject = (object: JsonObject, include: IncludeObject): JsonObject => {
  if (include === "None") return {}
  return { object: include === "Object" ? object : metadataOnly(object) }
}

const definitions = (resource: ServedResource): Json =>
  columnsOf(resource).map(({ name, type, format, description, priority }) => ({
    name,
    // Ages are counted here, so to the client a date is a word.
    type: type === "date" ? "string" : type,
    format: format ?? "",
    description: description ?? "",
    priority: priority ?? 0
  }))

const table = (
  view: View,
  objects: ReadonlyArray<JsonObject>,
  metadata: JsonObject,
  withColumns: boolean
): JsonObject => {
  const columns = columnsOf(view.resource)
  return {
    ...meta("Table"),
    metadata,
    columnDefinitions: withColumns ? definitions(view.resource) : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, view.now)),
      ...rowObject(object, view.includeObject)
    }))
  }
}

const versionOf = (object: JsonObject): JsonObject => {
  const metadata = object["metadata"]
  return typeof metadata === "object" && metadata !== null && "resourceVersion" in metadata
    ? { resourceVersion: metadata.resourceVersion }
    : {}
}

export const showObject = (view: View, object: JsonObject): JsonObject => {
  switch (view.form.as) {
    case "Table":
      return table(view, [object], versionOf(object), true)
    case "PartialObjectMetadata":
      return metadataOnly(object)
    default:
      return object
  }
}

export const showList = (
  view: View,
  list: {
    readonly items: ReadonlyArray<JsonObject>
    readonly resourceVersion: string
    readonly continue: string | undefined
    readonly remainingItemCount: number | undefined
  }
): JsonObject => {
  const metadata: JsonObject = {
    resourceVersion: list.resourceVersion,
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount })
  }
  switch (view.form.as) {
    case "Table":
      return table(view, list.items, metadata, true)
    case "PartialObjectMetadata":
    case "PartialObjectMetadataList":
      return { ...meta("PartialObjectMetadataList"), metadata, items: list.items.map(metadataOnly) }
    default:
      return {
        kind: `${view.resource.kind}List`,
        apiVersion: groupVersion(view.resource),
        metadata,
        items: list.items
      }
  }
}

/** A Status in an ERROR event is never dressed up. Only the first event of a watch names its columns. */
export const showEvent = (view: View, event: ApiEvent, isFirst: boolean): JsonObject => {
  if (event.type === "ERROR" || view.form.as === "") return { type: event.type, object: event.object }
  const object =
    view.form.as === "Table"
      ? table(view, [event.object], versionOf(event.object), isFirst)
      : metadataOnly(event.object)
  return { type: event.type, object }
}
