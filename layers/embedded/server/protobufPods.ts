/** What a pod and a Job are to do, as Kubernetes' generated.proto numbers it. */
import { message } from "./protobufMessage.ts"
import { labelSelector, localReference, meta } from "./protobufMeta.ts"

const quantity = message("Quantity", { 1: "text" }, { isQuantity: true })
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
export const podSpec = message("PodSpec", {
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
export const jobSpec = message("JobSpec", {
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
