/** The slices of other built-in kinds that Foreman uses. */
import { Schema } from "effect"

import { ObjectMeta } from "./Meta.ts"
import type { Resource } from "./Resource.ts"

const opt = Schema.optionalKey
const map = Schema.Record(Schema.String, Schema.String)
const names = { shortNames: [], namespaced: true, version: "v1" } as const

export const ConfigMap = Schema.Struct({ metadata: ObjectMeta, data: opt(map), binaryData: opt(map) })
export interface ConfigMap extends Schema.Schema.Type<typeof ConfigMap> {}
export const configMaps: Resource<ConfigMap> = {
  ...names,
  group: "",
  kind: "ConfigMap",
  plural: "configmaps",
  singular: "configmap",
  shortNames: ["cm"],
  schema: ConfigMap
}

/** `data` is base64; `stringData` is write-only plain text. */
export const Secret = Schema.Struct({
  metadata: ObjectMeta,
  type: opt(Schema.String),
  data: opt(map),
  stringData: opt(map)
})
export interface Secret extends Schema.Schema.Type<typeof Secret> {}
export const secrets: Resource<Secret> = {
  ...names,
  group: "",
  kind: "Secret",
  plural: "secrets",
  singular: "secret",
  schema: Secret
}

export const Namespace = Schema.Struct({
  metadata: ObjectMeta,
  status: opt(Schema.Struct({ phase: opt(Schema.String) }))
})
export interface Namespace extends Schema.Schema.Type<typeof Namespace> {}
export const namespaces: Resource<Namespace> = {
  ...names,
  group: "",
  kind: "Namespace",
  plural: "namespaces",
  singular: "namespace",
  shortNames: ["ns"],
  namespaced: false,
  schema: Namespace
}

/** core/v1 Event: what `kubectl describe` shows under an object. */
export const Event = Schema.Struct({
  metadata: ObjectMeta,
  involvedObject: Schema.Struct({
    kind: opt(Schema.String),
    apiVersion: opt(Schema.String),
    namespace: opt(Schema.String),
    name: opt(Schema.String),
    uid: opt(Schema.String)
  }),
  type: opt(Schema.String),
  reason: opt(Schema.String),
  message: opt(Schema.String),
  count: opt(Schema.Int),
  firstTimestamp: opt(Schema.NullOr(Schema.String)),
  lastTimestamp: opt(Schema.NullOr(Schema.String)),
  source: opt(Schema.Struct({ component: opt(Schema.String), host: opt(Schema.String) })),
  reportingComponent: opt(Schema.String),
  reportingInstance: opt(Schema.String)
})
export interface Event extends Schema.Schema.Type<typeof Event> {}
export const events: Resource<Event> = {
  ...names,
  group: "",
  kind: "Event",
  plural: "events",
  singular: "event",
  shortNames: ["ev"],
  schema: Event
}

/** coordination.k8s.io/v1 Lease: who holds a right, and until when. Times are MicroTime. */
export const Lease = Schema.Struct({
  metadata: ObjectMeta,
  spec: opt(
    Schema.Struct({
      holderIdentity: opt(Schema.String),
      leaseDurationSeconds: opt(Schema.Int),
      acquireTime: opt(Schema.String),
      renewTime: opt(Schema.String),
      leaseTransitions: opt(Schema.Int)
    })
  )
})
export interface Lease extends Schema.Schema.Type<typeof Lease> {}
export const leases: Resource<Lease> = {
  ...names,
  group: "coordination.k8s.io",
  kind: "Lease",
  plural: "leases",
  singular: "lease",
  schema: Lease
}
