/** What every Kubernetes object carries, and how one is named. */
import { Schema } from "effect"

import { nonEmpty, optional, required, strings, time } from "./Field.ts"

export const OwnerReference = Schema.Struct({
  apiVersion: Schema.String,
  kind: Schema.String,
  name: Schema.String,
  uid: Schema.String,
  controller: Schema.optionalKey(Schema.Boolean),
  blockOwnerDeletion: Schema.optionalKey(Schema.Boolean)
})
export type OwnerReference = typeof OwnerReference.Type

/** The part of metav1.ObjectMeta that Foreman reads or writes. */
export const ObjectMeta = Schema.Struct({
  name: Schema.String,
  generateName: Schema.optionalKey(Schema.String),
  namespace: Schema.optionalKey(Schema.String),
  uid: Schema.optionalKey(Schema.String),
  resourceVersion: Schema.optionalKey(Schema.String),
  generation: Schema.optionalKey(Schema.Int),
  creationTimestamp: Schema.optionalKey(Schema.String),
  deletionTimestamp: Schema.optionalKey(Schema.String),
  labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  annotations: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  ownerReferences: Schema.optionalKey(Schema.Array(OwnerReference)),
  finalizers: Schema.optionalKey(strings)
})
export type ObjectMeta = typeof ObjectMeta.Type

/** metav1.Condition. */
export const Condition = Schema.Struct({
  type: required(Schema.String, "What the condition is about, one CamelCase word."),
  status: required(Schema.Literals(["True", "False", "Unknown"]), "Whether it holds."),
  observedGeneration: optional(Schema.Int, "The generation of the spec that the condition speaks of."),
  lastTransitionTime: required(time, "When the status last changed; a new reason alone does not move it."),
  reason: required(Schema.String, "Why, one CamelCase word that programs may rely on."),
  message: required(Schema.String, "Why, one sentence that a person can act on.")
})
export type Condition = typeof Condition.Type

/** `status.conditions`: one entry a type. */
export const conditions = optional(
  Schema.Array(Condition).annotate({
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"]
  } as never),
  "What is known about the object, one entry for each type."
)

/**
 * `status` of a kind of ours, one value to whoever notes owners of fields. Nobody applies a status: its writers send merge patches of what
 * they mean. Notes on each field of it were half of an object, and cost a real API server a quarter of each write.
 */
export const statusOf = <S extends Schema.Top>(schema: S, description: string) =>
  optional<S>(schema.annotate({ "x-kubernetes-map-type": "atomic" } as never) as S, description)

/** A reference to an object of a known kind in the same namespace. */
export const LocalObjectReference = Schema.Struct({
  name: required(nonEmpty, "Name of the object, in the same namespace.")
})
export type LocalObjectReference = typeof LocalObjectReference.Type

/** Where an object lives. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectRef {
  readonly name: string
  readonly namespace?: string | undefined
}

/** `namespace/name`, or the name alone for a cluster-scoped object: the key of caches, queues and logs. */
export const refKey = (ref: ObjectRef): string =>
  ref.namespace === undefined || ref.namespace === "" ? ref.name : `${ref.namespace}/${ref.name}`

export const refOf = (object: { readonly metadata: ObjectMeta }): ObjectRef => ({
  name: object.metadata.name,
  namespace: object.metadata.namespace
})
