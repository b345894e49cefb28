/**
 * The kinds that kubectl and client-go send as protobuf, field by field, as Kubernetes' generated.proto numbers them. Only what
 * Foreman's users write: a message that holds another field is refused, so that nothing is lost in silence.
 */
import { type Message, message } from "./protobufMessage.ts"
import { emptyStatus, localReference, meta, objectReference } from "./protobufMeta.ts"
import { jobSpec, podSpec } from "./protobufPods.ts"

/** By kind; the groups that Foreman meets name no kind twice. */
export const messages: Readonly<Record<string, Message>> = {
  Namespace: message("Namespace", {
    1: meta,
    2: ["spec", message("NamespaceSpec", { 1: "finalizers[]" })],
    3: ["status", message("NamespaceStatus", { 1: "phase" })]
  }),
  Secret: message("Secret", {
    1: meta,
    2: "data:bytesmap",
    3: "type",
    4: "stringData:map",
    5: "immutable:bool*"
  }),
  ConfigMap: message("ConfigMap", { 1: meta, 2: "data:map", 3: "binaryData:bytesmap", 4: "immutable:bool*" }),
  ServiceAccount: message("ServiceAccount", {
    1: meta,
    2: ["secrets[]", objectReference],
    3: ["imagePullSecrets[]", localReference],
    4: "automountServiceAccountToken:bool*"
  }),
  Event: message("Event", {
    1: meta,
    2: ["involvedObject", objectReference],
    3: "reason",
    4: "message",
    5: ["source", message("EventSource", { 1: "component", 2: "host" })],
    6: "firstTimestamp:time",
    7: "lastTimestamp:time",
    8: "count:int",
    9: "type",
    10: "eventTime:microtime",
    11: ["series", message("EventSeries", { 1: "count:int", 2: "lastObservedTime:microtime" })],
    12: "action",
    13: ["related", objectReference],
    14: "reportingComponent",
    15: "reportingInstance"
  }),
  Lease: message("Lease", {
    1: meta,
    2: [
      "spec",
      message("LeaseSpec", {
        1: "holderIdentity*",
        2: "leaseDurationSeconds:int*",
        3: "acquireTime:microtime",
        4: "renewTime:microtime",
        5: "leaseTransitions:int*",
        6: "strategy*",
        7: "preferredHolder*"
      })
    ]
  }),
  Pod: message("Pod", { 1: meta, 2: ["spec", podSpec], 3: emptyStatus }),
  Job: message("Job", { 1: meta, 2: ["spec", jobSpec], 3: emptyStatus }),
  SelfSubjectAccessReview: message("SelfSubjectAccessReview", {
    1: meta,
    2: [
      "spec",
      message("SelfSubjectAccessReviewSpec", {
        1: [
          "resourceAttributes",
          message("ResourceAttributes", {
            1: "namespace",
            2: "verb",
            3: "group",
            4: "version",
            5: "resource",
            6: "subresource",
            7: "name"
          })
        ],
        2: ["nonResourceAttributes", message("NonResourceAttributes", { 1: "path", 2: "verb" })]
      })
    ],
    3: [
      "status",
      message("SubjectAccessReviewStatus", {
        1: "allowed:bool",
        2: "reason",
        3: "evaluationError",
        4: "denied:bool"
      })
    ]
  }),
  SelfSubjectRulesReview: message("SelfSubjectRulesReview", {
    1: meta,
    2: ["spec", message("SelfSubjectRulesReviewSpec", { 1: "namespace" })],
    3: ["status", message("SubjectRulesReviewStatus", { 3: "incomplete:bool", 4: "evaluationError" })]
  }),
  SelfSubjectReview: message("SelfSubjectReview", {
    1: meta,
    2: [
      "status",
      message("SelfSubjectReviewStatus", {
        1: ["userInfo", message("UserInfo", { 1: "username", 2: "uid", 3: "groups[]" })]
      })
    ]
  }),
  DeleteOptions: message("DeleteOptions", {
    1: "gracePeriodSeconds:int*",
    2: ["preconditions", message("Preconditions", { 1: "uid*", 2: "resourceVersion*" })],
    3: "orphanDependents:bool*",
    4: "propagationPolicy*",
    5: "dryRun[]"
  })
}
