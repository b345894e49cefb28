/** The slices of batch/v1 Job and core/v1 Pod that Foreman writes and reads. */
import { Schema } from "effect"

import { strings } from "./Field.ts"
import { ObjectMeta } from "./Meta.ts"
import type { Resource } from "./Resource.ts"

const opt = Schema.optionalKey

const KeyRef = Schema.Struct({ name: Schema.String, key: Schema.String, optional: opt(Schema.Boolean) })

export const EnvVar = Schema.Struct({
  name: Schema.String,
  value: opt(Schema.String),
  valueFrom: opt(
    Schema.Struct({
      secretKeyRef: opt(KeyRef),
      configMapKeyRef: opt(KeyRef),
      fieldRef: opt(Schema.Struct({ fieldPath: Schema.String }))
    })
  )
})
export type EnvVar = typeof EnvVar.Type

/** A value or an argument as it stands: the kubelet reads `$(NAME)` and `$$` in them, and doubled each dollar sign stands for itself. */
export const literal = (text: string): string => text.split("$").join("$$")

export const VolumeMount = Schema.Struct({
  name: Schema.String,
  mountPath: Schema.String,
  subPath: opt(Schema.String),
  readOnly: opt(Schema.Boolean)
})
export type VolumeMount = typeof VolumeMount.Type

export const Container = Schema.Struct({
  name: Schema.String,
  image: opt(Schema.String),
  imagePullPolicy: opt(Schema.String),
  command: opt(strings),
  args: opt(strings),
  workingDir: opt(Schema.String),
  env: opt(Schema.Array(EnvVar)),
  volumeMounts: opt(Schema.Array(VolumeMount)),
  resources: opt(
    Schema.Struct({
      requests: opt(Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite]))),
      limits: opt(Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite])))
    })
  ),
  securityContext: opt(Schema.Record(Schema.String, Schema.Json)),
  terminationMessagePath: opt(Schema.String),
  terminationMessagePolicy: opt(Schema.String),
  /** `Always` on an init container makes it a native sidecar (Kubernetes 1.29). */
  restartPolicy: opt(Schema.String)
})
export type Container = typeof Container.Type

export const Volume = Schema.Struct({
  name: Schema.String,
  emptyDir: opt(Schema.Struct({ medium: opt(Schema.String), sizeLimit: opt(Schema.String) })),
  persistentVolumeClaim: opt(Schema.Struct({ claimName: Schema.String, readOnly: opt(Schema.Boolean) })),
  secret: opt(
    Schema.Struct({
      secretName: Schema.String,
      optional: opt(Schema.Boolean),
      defaultMode: opt(Schema.Int),
      items: opt(Schema.Array(Schema.Struct({ key: Schema.String, path: Schema.String })))
    })
  ),
  configMap: opt(
    Schema.Struct({
      name: Schema.String,
      optional: opt(Schema.Boolean),
      items: opt(Schema.Array(Schema.Struct({ key: Schema.String, path: Schema.String })))
    })
  )
})
export type Volume = typeof Volume.Type

export const PodSpec = Schema.Struct({
  containers: Schema.Array(Container),
  initContainers: opt(Schema.Array(Container)),
  volumes: opt(Schema.Array(Volume)),
  restartPolicy: opt(Schema.String),
  serviceAccountName: opt(Schema.String),
  automountServiceAccountToken: opt(Schema.Boolean),
  activeDeadlineSeconds: opt(Schema.Int),
  terminationGracePeriodSeconds: opt(Schema.Int),
  securityContext: opt(Schema.Record(Schema.String, Schema.Json)),
  nodeName: opt(Schema.String),
  tolerations: opt(
    Schema.Array(
      Schema.Struct({
        key: opt(Schema.String),
        operator: opt(Schema.String),
        value: opt(Schema.String),
        effect: opt(Schema.String),
        /** How long the pod stays on a node that has the taint; for ever when absent. */
        tolerationSeconds: opt(Schema.Int)
      })
    )
  ),
  enableServiceLinks: opt(Schema.Boolean)
})
export type PodSpec = typeof PodSpec.Type

export const ContainerState = Schema.Struct({
  waiting: opt(Schema.Struct({ reason: opt(Schema.String), message: opt(Schema.String) })),
  running: opt(Schema.Struct({ startedAt: opt(Schema.String) })),
  terminated: opt(
    Schema.Struct({
      exitCode: Schema.Int,
      signal: opt(Schema.Int),
      reason: opt(Schema.String),
      message: opt(Schema.String),
      startedAt: opt(Schema.NullOr(Schema.String)),
      finishedAt: opt(Schema.NullOr(Schema.String))
    })
  )
})

export const ContainerStatus = Schema.Struct({
  name: Schema.String,
  state: opt(ContainerState),
  lastState: opt(ContainerState),
  ready: opt(Schema.Boolean),
  restartCount: opt(Schema.Int)
})
export type ContainerStatus = typeof ContainerStatus.Type

/** A condition of a built-in kind: looser than metav1.Condition. */
const BuiltInCondition = Schema.Struct({
  type: Schema.String,
  status: Schema.String,
  reason: opt(Schema.String),
  message: opt(Schema.String),
  lastTransitionTime: opt(Schema.NullOr(Schema.String))
})

export const PodStatus = Schema.Struct({
  phase: opt(Schema.Literals(["Pending", "Running", "Succeeded", "Failed", "Unknown"])),
  reason: opt(Schema.String),
  message: opt(Schema.String),
  startTime: opt(Schema.String),
  conditions: opt(Schema.Array(BuiltInCondition)),
  containerStatuses: opt(Schema.Array(ContainerStatus)),
  initContainerStatuses: opt(Schema.Array(ContainerStatus))
})
export type PodStatus = typeof PodStatus.Type

export const Pod = Schema.Struct({ metadata: ObjectMeta, spec: PodSpec, status: opt(PodStatus) })
export interface Pod extends Schema.Schema.Type<typeof Pod> {}

export const JobSpec = Schema.Struct({
  backoffLimit: opt(Schema.Int),
  activeDeadlineSeconds: opt(Schema.Int),
  ttlSecondsAfterFinished: opt(Schema.Int),
  completions: opt(Schema.Int),
  parallelism: opt(Schema.Int),
  suspend: opt(Schema.Boolean),
  template: Schema.Struct({
    metadata: opt(
      Schema.Struct({
        labels: opt(Schema.Record(Schema.String, Schema.String)),
        annotations: opt(Schema.Record(Schema.String, Schema.String))
      })
    ),
    spec: PodSpec
  })
})
export type JobSpec = typeof JobSpec.Type

export const Job = Schema.Struct({
  metadata: ObjectMeta,
  spec: JobSpec,
  status: opt(
    Schema.Struct({
      active: opt(Schema.Int),
      succeeded: opt(Schema.Int),
      failed: opt(Schema.Int),
      ready: opt(Schema.Int),
      startTime: opt(Schema.String),
      completionTime: opt(Schema.String),
      conditions: opt(Schema.Array(BuiltInCondition))
    })
  )
})
export interface Job extends Schema.Schema.Type<typeof Job> {}

const built = { shortNames: [], namespaced: true, version: "v1" } as const

export const jobs: Resource<Job> = {
  ...built,
  group: "batch",
  kind: "Job",
  plural: "jobs",
  singular: "job",
  schema: Job
}
export const pods: Resource<Pod> = {
  ...built,
  group: "",
  kind: "Pod",
  plural: "pods",
  singular: "pod",
  shortNames: ["po"],
  schema: Pod
}
