/**
 * The kinds of Kubernetes itself that the embedded server knows. They have no schema: what comes is kept, defaults are filled, and what
 * Foreman or a person may well get wrong is refused as a real server refuses it.
 */
import type { JsonObject, ServedResource } from "../Apiserver.ts"
import * as builtinRules from "./builtinRules.ts"
import { type Cause, invalidValue, required } from "./errors.ts"
import { equal, metadataOf, nameOf, objectAt, textAt, withMetadata, without } from "./json.ts"
import { type Kind, verbs } from "./kind.ts"
import { labelRules } from "./metadata.ts"
import { podSpecDefaults } from "./podDefaults.ts"
import { podSpecRules } from "./podRules.ts"

type Prepare = (object: JsonObject, before: JsonObject | undefined) => JsonObject
type Rules = (object: JsonObject, before: JsonObject | undefined) => ReadonlyArray<Cause>

const keep: Prepare = (object) => object
const noRules: Rules = () => []

const kind = (
  names: Pick<ServedResource, "group" | "kind" | "plural"> & Partial<ServedResource>,
  options: { readonly prepare?: Prepare; readonly rules?: Rules } & Partial<Omit<Kind, "resource">> = {}
): Kind => {
  const { prepare = keep, rules = noRules, ...rest } = options
  return {
    resource: {
      version: "v1",
      singular: names.kind.toLowerCase(),
      shortNames: [],
      categories: [],
      namespaced: true,
      hasStatus: false,
      schema: undefined,
      columns: [],
      selectableFields: [],
      verbs,
      ...names
    },
    hasGeneration: false,
    takesUnconditionalUpdate: true,
    isNamedByLabel: false,
    admit: (object, before) => {
      const prepared = prepare(object, before)
      return { object: prepared, unknown: [], causes: rules(prepared, before) }
    },
    ...rest
  }
}

/** `stringData` is write-only: it folds into `data`. */
const secret: Prepare = (object) => {
  const plain = Object.entries(objectAt(object, "stringData"))
  const encoded = plain.map(([key, value]) => [key, Buffer.from(String(value)).toString("base64")])
  const data = { ...objectAt(object, "data"), ...Object.fromEntries(encoded) }
  return {
    type: "Opaque",
    ...without(object, "stringData"),
    ...(plain.length > 0 ? { data } : {})
  }
}

const namespace: Prepare = (object) => ({
  ...withMetadata(object, {
    labels: { ...objectAt(metadataOf(object), "labels"), "kubernetes.io/metadata.name": nameOf(object) }
  }),
  spec: { finalizers: ["kubernetes"], ...objectAt(object, "spec") },
  status: { phase: "Active", ...objectAt(object, "status") }
})

const pod: Prepare = (object) => ({
  ...object,
  spec: podSpecDefaults(objectAt(object, "spec")),
  status: { phase: "Pending", ...objectAt(object, "status") }
})

const podRules: Rules = (object) => podSpecRules(objectAt(object, "spec"), "spec")

/** The controller's own selector: the pods of this Job and of no other of the same name. */
const job: Prepare = (object) => {
  const spec = objectAt(object, "spec")
  const template = objectAt(spec, "template")
  const uid = textAt(metadataOf(object), "uid")
  const labels = {
    ...objectAt(metadataOf(template), "labels"),
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": nameOf(object),
    "controller-uid": uid,
    "job-name": nameOf(object)
  }
  const own = objectAt(metadataOf(object), "labels")
  const isManual = spec["manualSelector"] === true
  return {
    // A Job without labels of its own takes its pods'.
    ...(isManual || Object.keys(own).length > 0 ? object : withMetadata(object, { labels })),
    spec: {
      backoffLimit: 6,
      completionMode: "NonIndexed",
      completions: 1,
      parallelism: 1,
      suspend: false,
      ...(isManual ? {} : { selector: { matchLabels: { "batch.kubernetes.io/controller-uid": uid } } }),
      ...spec,
      template: {
        ...withMetadata(template, isManual ? {} : { labels }),
        spec: podSpecDefaults(objectAt(template, "spec"))
      }
    },
    status: objectAt(object, "status")
  }
}

const jobRules: Rules = (object, before) => {
  const template = objectAt(objectAt(object, "spec"), "template")
  const spec = objectAt(template, "spec")
  const policy = textAt(spec, "restartPolicy")
  const old = before === undefined ? template : objectAt(objectAt(before, "spec"), "template")
  return [
    ...labelRules(objectAt(metadataOf(template), "labels"), "spec.template.labels"),
    ...podSpecRules(spec, "spec.template.spec"),
    ...(policy === "Always"
      ? [required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')]
      : []),
    ...(equal(template, old) ? [] : [invalidValue("spec.template", template, "field is immutable")])
  ]
}

const claim: Prepare = (object) => ({
  ...object,
  spec: { volumeMode: "Filesystem", ...objectAt(object, "spec") },
  status: { phase: "Pending", ...objectAt(object, "status") }
})

const eventFields = [
  ...["apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid"].map(
    (field) => `.involvedObject.${field}`
  ),
  ".reason",
  ".reportingComponent",
  ".type"
]

const podFields = [".spec.nodeName", ".spec.restartPolicy", ".spec.serviceAccountName", ".status.phase"]

export const builtins: ReadonlyArray<Kind> = [
  kind(
    {
      group: "",
      kind: "Namespace",
      plural: "namespaces",
      shortNames: ["ns"],
      namespaced: false,
      hasStatus: true,
      selectableFields: [".status.phase"]
    },
    { prepare: namespace, isNamedByLabel: true }
  ),
  kind({ group: "", kind: "ConfigMap", plural: "configmaps", shortNames: ["cm"] }, builtinRules.configMap),
  kind(
    { group: "", kind: "Secret", plural: "secrets", selectableFields: [".type"] },
    { ...builtinRules.secret, prepare: secret }
  ),
  kind(
    {
      group: "",
      kind: "Event",
      plural: "events",
      shortNames: ["ev"],
      selectableFields: eventFields
    },
    builtinRules.event
  ),
  kind(
    {
      group: "",
      kind: "Pod",
      plural: "pods",
      shortNames: ["po"],
      categories: ["all"],
      hasStatus: true,
      selectableFields: podFields
    },
    { prepare: pod, rules: podRules, hasGeneration: true }
  ),
  kind(
    {
      group: "",
      kind: "PersistentVolumeClaim",
      plural: "persistentvolumeclaims",
      shortNames: ["pvc"],
      hasStatus: true
    },
    { prepare: claim }
  ),
  kind({ group: "", kind: "ServiceAccount", plural: "serviceaccounts", shortNames: ["sa"] }),
  kind(
    { group: "batch", kind: "Job", plural: "jobs", categories: ["all"], hasStatus: true },
    { prepare: job, rules: jobRules, hasGeneration: true, isNamedByLabel: false }
  ),
  kind(
    { group: "coordination.k8s.io", kind: "Lease", plural: "leases" },
    { ...builtinRules.lease, takesUnconditionalUpdate: false }
  ),
  kind({ group: "discovery.k8s.io", kind: "EndpointSlice", plural: "endpointslices" })
]
