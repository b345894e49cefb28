/** The messages that every kind has part in, as Kubernetes' generated.proto numbers them. */
import { message } from "./protobufMessage.ts"

export const localReference = message("LocalObjectReference", { 1: "name" })
export const objectReference = message("ObjectReference", {
  1: "kind",
  2: "namespace",
  3: "name",
  4: "uid",
  5: "apiVersion",
  6: "resourceVersion",
  7: "fieldPath"
})
const ownerReference = message("OwnerReference", {
  1: "kind",
  3: "name",
  4: "uid",
  5: "apiVersion",
  6: "controller:bool*",
  7: "blockOwnerDeletion:bool*"
})
const managedFields = message("ManagedFieldsEntry", {
  1: "manager",
  2: "operation",
  3: "apiVersion",
  4: "time:time",
  6: "fieldsType",
  7: ["fieldsV1", message("FieldsV1", { 1: "Raw:bytes" })],
  8: "subresource"
})
const objectMeta = message("ObjectMeta", {
  1: "name",
  2: "generateName",
  3: "namespace",
  4: "selfLink",
  5: "uid",
  6: "resourceVersion",
  7: "generation:int",
  8: "creationTimestamp:time",
  9: "deletionTimestamp:time",
  10: "deletionGracePeriodSeconds:int*",
  11: "labels:map",
  12: "annotations:map",
  13: ["ownerReferences[]", ownerReference],
  14: "finalizers[]",
  17: ["managedFields[]", managedFields]
})
export const meta = ["metadata", objectMeta] as const
/** Written as an empty message by every client; the server fills it. */
export const emptyStatus = ["status", message("Status", {})] as const
export const labelSelector = message("LabelSelector", {
  1: "matchLabels:map",
  2: ["matchExpressions[]", message("LabelSelectorRequirement", { 1: "key", 2: "operator", 3: "values[]" })]
})
