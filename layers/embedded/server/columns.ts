/** How the built-in kinds print: the columns of kubectl, as far as Foreman's objects fill them. Pure. */
import { formatAge, formatSpan } from "./age.ts"
import type { Json, JsonObject, ServedResource } from "../Apiserver.ts"
import { find } from "./jsonPath.ts"

export interface PrinterColumn {
  readonly name: string
  readonly type: "string" | "integer" | "number" | "boolean" | "date"
  readonly format?: string
  readonly description?: string
  /** Above 0: shown with `-o wide` only. */
  readonly priority?: number
  readonly cell: (object: JsonObject, now: number) => Json
}

const text = (value: Json | undefined): string =>
  value === undefined || value === null
    ? ""
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value)

const at = (path: string) => (object: JsonObject) => text(find(path, object)[0])
const or = (path: string, fallback: string) => (object: JsonObject) => at(path)(object) || fallback
const count =
  (...paths: ReadonlyArray<string>) =>
  (object: JsonObject) =>
    paths.reduce((sum, path) => sum + find(`${path}.*`, object).length, 0)
const joined = (path: string) => (object: JsonObject) => find(path, object).map(text).join(",") || "<none>"
const since = (path: string) => (object: JsonObject, now: number) => formatAge(find(path, object)[0], now)

const column = (
  name: string,
  cell: PrinterColumn["cell"],
  rest: Partial<Pick<PrinterColumn, "type" | "priority" | "format">> = {}
): PrinterColumn => ({ name, type: "string", cell, ...rest })

const wide = { priority: 1 }
const nameColumn = column("Name", at(".metadata.name"), { format: "name" })
const ageColumn = column("Age", since(".metadata.creationTimestamp"))

/** Why a pod is not simply in its phase: deletion first, then what its containers wait or ended for. */
const podStatus = (pod: JsonObject): string => {
  if (find(".metadata.deletionTimestamp", pod).length > 0) return "Terminating"
  const states = find(".status.containerStatuses[*].state", pod)
  const waiting = states.map(inside(".waiting.reason")).find((reason) => reason !== "")
  const ended = states.map(inside(".terminated.reason")).find((reason) => reason !== "")
  const phase = at(".status.phase")(pod) || "Unknown"
  const reason = at(".status.reason")(pod)
  if (reason !== "") return reason
  return waiting ?? (phase === "Running" ? phase : (ended ?? phase))
}
const inside = (path: string) => (value: Json) => text(find(path, value)[0])

const podReady = (pod: JsonObject): string =>
  `${find(".status.containerStatuses[?(@.ready=='true')]", pod).length}/${count(".spec.containers")(pod)}`

const podRestarts = (pod: JsonObject): string =>
  String(
    find(".status.containerStatuses[*].restartCount", pod).reduce<number>((sum, n) => sum + Number(n), 0)
  )

const jobStatus = (job: JsonObject): string => {
  const holds = (type: string) => find(`.status.conditions[?(@.type=='${type}')].status`, job)[0] === "True"
  if (holds("Complete")) return "Complete"
  if (holds("Failed")) return "Failed"
  if (find(".metadata.deletionTimestamp", job).length > 0) return "Terminating"
  return holds("Suspended") ? "Suspended" : "Running"
}

const jobDuration = (job: JsonObject, now: number): string => {
  const start = Date.parse(at(".status.startTime")(job))
  const failed = at(".status.conditions[?(@.type=='Failed')].lastTransitionTime")(job)
  const end = Date.parse(at(".status.completionTime")(job) || failed)
  return Number.isNaN(start) ? "" : formatSpan((Number.isNaN(end) ? now : end) - start)
}

const lastSeen = (event: JsonObject, now: number): string =>
  formatAge(
    [".series.lastObservedTime", ".lastTimestamp", ".eventTime", ".metadata.creationTimestamp"]
      .map((path) => at(path)(event))
      .find((time) => time !== ""),
    now
  )

const builtins: Readonly<Record<string, ReadonlyArray<PrinterColumn>>> = {
  pods: [
    nameColumn,
    column("Ready", podReady),
    column("Status", podStatus),
    column("Restarts", podRestarts),
    ageColumn,
    column("IP", or(".status.podIP", "<none>"), wide),
    column("Node", or(".spec.nodeName", "<none>"), wide)
  ],
  "jobs.batch": [
    nameColumn,
    column("Status", jobStatus),
    column(
      "Completions",
      (job) => `${or(".status.succeeded", "0")(job)}/${or(".spec.completions", "1")(job)}`
    ),
    column("Duration", jobDuration),
    ageColumn,
    column("Containers", joined(".spec.template.spec.containers[*].name"), wide),
    column("Images", joined(".spec.template.spec.containers[*].image"), wide)
  ],
  events: [
    column("Last Seen", lastSeen),
    column("Type", at(".type")),
    column("Reason", at(".reason")),
    column(
      "Object",
      (event) => `${at(".involvedObject.kind")(event).toLowerCase()}/${at(".involvedObject.name")(event)}`
    ),
    column("Message", (event) => at(".message")(event).trim()),
    column("Source", or(".source.component", ""), wide),
    column("Count", or(".count", "1"), wide),
    { ...nameColumn, ...wide }
  ],
  namespaces: [nameColumn, column("Status", at(".status.phase")), ageColumn],
  secrets: [
    nameColumn,
    column("Type", at(".type")),
    column("Data", count(".data"), { type: "integer" }),
    ageColumn
  ],
  configmaps: [nameColumn, column("Data", count(".data", ".binaryData"), { type: "integer" }), ageColumn],
  serviceaccounts: [nameColumn, column("Secrets", count(".secrets"), { type: "integer" }), ageColumn],
  persistentvolumeclaims: [
    nameColumn,
    column("Status", at(".status.phase")),
    column("Volume", at(".spec.volumeName")),
    column("Capacity", at(".status.capacity.storage")),
    column("Access Modes", joined(".spec.accessModes[*]")),
    column("StorageClass", at(".spec.storageClassName")),
    ageColumn
  ],
  "leases.coordination.k8s.io": [nameColumn, column("Holder", at(".spec.holderIdentity")), ageColumn],
  "endpointslices.discovery.k8s.io": [
    nameColumn,
    column("AddressType", at(".addressType")),
    column("Ports", joined(".ports[*].port")),
    column("Endpoints", joined(".endpoints[*].addresses[*]")),
    ageColumn
  ],
  "customresourcedefinitions.apiextensions.k8s.io": [
    nameColumn,
    column("Created At", at(".metadata.creationTimestamp"))
  ]
}

/** The cell of a CRD's column. A date is shown as an age; what is not there is an empty cell. */
const customCell =
  (path: string, type: string) =>
  (object: JsonObject, now: number): Json => {
    const found = find(path, object)
    const [first] = found
    if (first === undefined || first === null) return null
    if (type === "date") return formatAge(first, now)
    if (type === "integer") return typeof first === "number" ? Math.trunc(first) : null
    if (type === "number") return typeof first === "number" ? first : null
    if (type === "boolean") return typeof first === "boolean" ? first : null
    return found.map(text).join(" ")
  }

const columnTypes = ["string", "integer", "number", "boolean", "date"] as const

const custom = (definition: JsonObject): PrinterColumn => {
  const { name, jsonPath, description, priority } = definition
  const type = columnTypes.find((known) => known === definition["type"]) ?? "string"
  return {
    name: text(name),
    type,
    cell: customCell(text(jsonPath), type),
    ...(typeof description === "string" ? { description } : {}),
    ...(typeof priority === "number" ? { priority } : {})
  }
}

/** A CRD's own columns, a built-in's, or name and age. */
export const columnsOf = (resource: ServedResource): ReadonlyArray<PrinterColumn> => {
  if (resource.columns.length > 0) return [nameColumn, ...resource.columns.map(custom)]
  const key = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`
  return builtins[key] ?? [nameColumn, ageColumn]
}
