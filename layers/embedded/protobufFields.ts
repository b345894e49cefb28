/**
 * The messages that kubectl and client-go send as protobuf, field by field, as Kubernetes' generated.proto numbers them. Only what
 * Foreman's users write: a message that holds another field is refused, so that nothing is lost in silence.
 */

/** `*`: a pointer in Go, whose zero value means something. `[]`: repeated. Map values are strings or bytes. */
export type FieldType =
  | "string"
  | "int"
  | "bool"
  | "bytes"
  | "time"
  | "microtime"
  | "map"
  | "bytesmap"
  | "quantitymap"

export interface Field {
  readonly name: string
  readonly type: FieldType | Message
  readonly repeated: boolean
  readonly pointer: boolean
}

export interface Message {
  readonly name: string
  readonly fields: ReadonlyMap<number, Field>
  /** A Quantity is a message on the wire and a string in JSON. */
  readonly isQuantity?: boolean
  /** The Go struct embeds the message, so that in JSON its fields are the parent's. */
  readonly inline?: ReadonlySet<number>
}

/** `{ 1: "name", 2: "count:int*", 3: ["items[]", Message] }`; a field is a string unless it says otherwise. */
type Spec = Readonly<Record<number, string | readonly [string, Message]>>

const types: ReadonlySet<string> = new Set<FieldType>([
  "string",
  "int",
  "bool",
  "bytes",
  "time",
  "microtime",
  "map",
  "bytesmap",
  "quantitymap"
])
const isType = (text: string): text is FieldType => types.has(text)

const field = (spec: string, message?: Message): Field => {
  const match = /^(\w+)(?::(\w+))?(\*?)((?:\[\])?)$/u.exec(spec)
  const [, name = spec, type = "string", pointer, repeated] = match ?? []
  if (!isType(type)) throw new Error(`${spec}: no such type`)
  return { name, type: message ?? type, pointer: pointer === "*", repeated: repeated === "[]" }
}

const message = (name: string, spec: Spec, rest: Pick<Message, "isQuantity" | "inline"> = {}): Message => ({
  name,
  fields: new Map(
    Object.entries(spec).map(([number, entry]) => [
      Number(number),
      typeof entry === "string" ? field(entry) : field(entry[0], entry[1])
    ])
  ),
  ...rest
})

const quantity = message("Quantity", { 1: "text" }, { isQuantity: true })
const localReference = message("LocalObjectReference", { 1: "name" })
const objectReference = message("ObjectReference", {
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
const meta = ["metadata", objectMeta] as const
/** Written as an empty message by every client; the server fills it. */
const emptyStatus = ["status", message("Status", {})] as const
const labelSelector = message("LabelSelector", {
  1: "matchLabels:map",
  2: ["matchExpressions[]", message("LabelSelectorRequirement", { 1: "key", 2: "operator", 3: "values[]" })]
})

const keySelector = message(
  "KeySelector",
  { 1: ["localObjectReference", localReference], 2: "key", 3: "optional:bool*" },
  { inline: new Set([1]) }
)
const envVar = message("EnvVar", {
  1: "name",
  2: "value",
  3: [
    "valueFrom",
    message("EnvVarSource", {
      1: ["fieldRef", message("ObjectFieldSelector", { 1: "apiVersion", 2: "fieldPath" })],
      3: ["configMapKeyRef", keySelector],
      4: ["secretKeyRef", keySelector]
    })
  ]
})
const envSource = message(
  "EnvSource",
  { 1: ["localObjectReference", localReference], 2: "optional:bool*" },
  { inline: new Set([1]) }
)
const volumeMount = message("VolumeMount", {
  1: "name",
  2: "readOnly:bool",
  3: "mountPath",
  4: "subPath",
  5: "mountPropagation*",
  6: "subPathExpr",
  7: "recursiveReadOnly*"
})
const containerPort = message("ContainerPort", {
  1: "name",
  2: "hostPort:int",
  3: "containerPort:int",
  4: "protocol",
  5: "hostIP"
})
const container = message("Container", {
  1: "name",
  2: "image",
  3: "command[]",
  4: "args[]",
  5: "workingDir",
  6: ["ports[]", containerPort],
  7: ["env[]", envVar],
  8: ["resources", message("ResourceRequirements", { 1: "limits:quantitymap", 2: "requests:quantitymap" })],
  9: ["volumeMounts[]", volumeMount],
  13: "terminationMessagePath",
  14: "imagePullPolicy",
  16: "stdin:bool",
  17: "stdinOnce:bool",
  18: "tty:bool",
  19: [
    "envFrom[]",
    message("EnvFromSource", { 1: "prefix", 2: ["configMapRef", envSource], 3: ["secretRef", envSource] })
  ],
  20: "terminationMessagePolicy",
  24: "restartPolicy*"
})
const keyToPath = message("KeyToPath", { 1: "key", 2: "path", 3: "mode:int*" })
const volume = message(
  "Volume",
  {
    1: "name",
    2: [
      "source",
      message("VolumeSource", {
        1: ["hostPath", message("HostPath", { 1: "path", 2: "type*" })],
        2: ["emptyDir", message("EmptyDir", { 1: "medium", 2: ["sizeLimit", quantity] })],
        6: [
          "secret",
          message("SecretVolume", {
            1: "secretName",
            2: ["items[]", keyToPath],
            3: "defaultMode:int*",
            4: "optional:bool*"
          })
        ],
        10: ["persistentVolumeClaim", message("ClaimVolume", { 1: "claimName", 2: "readOnly:bool" })],
        19: [
          "configMap",
          message(
            "ConfigMapVolume",
            {
              1: ["localObjectReference", localReference],
              2: ["items[]", keyToPath],
              3: "defaultMode:int*",
              4: "optional:bool*"
            },
            { inline: new Set([1]) }
          )
        ]
      })
    ]
  },
  { inline: new Set([2]) }
)
const podSpec = message("PodSpec", {
  1: ["volumes[]", volume],
  2: ["containers[]", container],
  3: "restartPolicy",
  4: "terminationGracePeriodSeconds:int*",
  5: "activeDeadlineSeconds:int*",
  6: "dnsPolicy",
  7: "nodeSelector:map",
  8: "serviceAccountName",
  9: "serviceAccount",
  10: "nodeName",
  11: "hostNetwork:bool",
  12: "hostPID:bool",
  13: "hostIPC:bool",
  14: [
    "securityContext",
    message("PodSecurityContext", {
      2: "runAsUser:int*",
      3: "runAsNonRoot:bool*",
      5: "fsGroup:int*",
      6: "runAsGroup:int*"
    })
  ],
  15: ["imagePullSecrets[]", localReference],
  16: "hostname",
  17: "subdomain",
  19: "schedulerName",
  20: ["initContainers[]", container],
  21: "automountServiceAccountToken:bool*",
  24: "priorityClassName",
  25: "priority:int*",
  30: "enableServiceLinks:bool*"
})
const podTemplate = message("PodTemplateSpec", { 1: meta, 2: ["spec", podSpec] })
const jobSpec = message("JobSpec", {
  1: "parallelism:int*",
  2: "completions:int*",
  3: "activeDeadlineSeconds:int*",
  4: ["selector", labelSelector],
  5: "manualSelector:bool*",
  6: ["template", podTemplate],
  7: "backoffLimit:int*",
  8: "ttlSecondsAfterFinished:int*",
  9: "completionMode*",
  10: "suspend:bool*",
  14: "podReplacementPolicy*"
})

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
