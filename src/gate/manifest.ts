/**
 * The gate Job. The judge is the main container and the toolchain its sidecar, so the Job follows the judge alone (design §3.6). What
 * comes from a task is a value of an environment variable, never a part of a script.
 */
import { label } from "../../schema/AgenticTask.ts"
import type { Approval } from "../../schema/Approval.ts"
import type { ResourceRequirements } from "../../schema/Agent.ts"
import { type EnvVar, type JobSpec, literal } from "../../schema/Job.ts"
import type { ObjectRef } from "../../schema/Meta.ts"
import { labelValue } from "../decide/labels.ts"
import type { Check } from "./checks.ts"
import { startLoop } from "./exchange.ts"
import { bytesOf, dataKiB, diskBelow, memoryBelow } from "./limits.ts"

/** Kubernetes ends the Job here, when nobody says otherwise. */
export const defaultDeadlineSeconds = 1800

/** The judge gives up a minute before Kubernetes does, and says so; of a short deadline it takes half. */
const judgeDeadlineSeconds = (deadlineSeconds: number): number =>
  Math.max(deadlineSeconds - 60, Math.floor(deadlineSeconds / 2))

/** The main container: its exit, its message and its log are the gate's. */
export const gateContainer = "gate"

const terminationMessagePath = "/dev/termination-log"
/** A judge whose node is silent cannot report. Kubernetes waits five minutes for the node to come back; a gate is soon run elsewhere. */
const silentNodeSeconds = 30

const defaultMemory = "8Gi"
/** Nobody's uid; the volumes are its group's. */
const uid = 65_532

export interface GateJob {
  readonly task: ObjectRef
  /** Attempts that the task ended before this one. */
  readonly earlierAttempts?: number | undefined
  readonly taskUid?: string | undefined
  /** Tells this Job from every other of the task. Kept whole in the name. */
  readonly suffix: string
  readonly namespace: string
  /** Foreman's own image. */
  readonly gateImage: string
  readonly toolchainImage: string
  readonly cachePVC?: string | undefined
  readonly repo: string
  readonly branch: string
  readonly cloneURL: string
  /** The remote's default branch when absent. */
  readonly baseBranch?: string | undefined
  /** Where the base branch is, when the clone is a fork. */
  readonly upstreamURL?: string | undefined
  /** Absent: the judge asks the base. */
  readonly checks?: ReadonlyArray<Check> | undefined
  /** What somebody allows; the judge holds each against the commit. */
  readonly approvals?: ReadonlyArray<Approval> | undefined
  readonly deadlineSeconds?: number | undefined
  /** Resources of the toolchain, each in place of its default. */
  readonly resources?: ResourceRequirements | undefined
  /** Secret that may hold a token for the clone; the judge alone sees it. */
  readonly gitSecret?: { readonly name: string; readonly key: string } | undefined
}

/** `foreman-gate-<task>-<suffix>` in at most 63 characters; what does not fit is taken from the task. */
export const gateJobName = (task: string, suffix: string): string => {
  const room = 63 - "foreman-gate-".length - 1 - suffix.length
  const part = task
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/gu, "-")
    .slice(0, room)
    .replaceAll(/^-+|-+$/gu, "")
  return `foreman-gate-${part === "" ? "task" : part}-${suffix}`
}

export const gateJob = (job: GateJob) => {
  const labels = {
    "app.kubernetes.io/name": "foreman-gate",
    [label.taskNamespace]: labelValue(job.task.namespace ?? "default"),
    [label.taskName]: labelValue(job.task.name),
    ...(job.taskUid === undefined ? {} : { [label.taskUid]: job.taskUid }),
    ...(job.earlierAttempts === undefined || job.earlierAttempts === 0
      ? {}
      : { [label.attempt]: String(job.earlierAttempts) })
  }
  return {
    metadata: {
      name: gateJobName(job.task.name, job.suffix),
      namespace: job.namespace,
      labels: { ...labels, "app.kubernetes.io/managed-by": "foreman-agent" }
    },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: job.deadlineSeconds ?? defaultDeadlineSeconds,
      ttlSecondsAfterFinished: 86_400,
      template: { metadata: { labels }, spec: podSpec(job) }
    } satisfies JobSpec
  }
}

const podSpec = (job: GateJob): JobSpec["template"]["spec"] => ({
  restartPolicy: "Never",
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 5,
  tolerations: ["not-ready", "unreachable"].map((state) => ({
    key: `node.kubernetes.io/${state}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: silentNodeSeconds
  })),
  securityContext: {
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: uid,
    fsGroup: uid,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" }
  },
  initContainers: [
    {
      name: "toolchain",
      image: job.toolchainImage,
      restartPolicy: "Always",
      command: startLoop.map(literal),
      env: [
        { name: "WORK_DIR", value: "/work/repository" },
        { name: "EXCHANGE_DIR", value: "/exchange" },
        { name: "HOME", value: "/scratch/home" },
        { name: "TMPDIR", value: "/scratch" },
        { name: "GOPATH", value: "/scratch/go" },
        { name: "CARGO_HOME", value: "/scratch/cargo" },
        { name: "GOMODCACHE", value: "/cache/gomod" },
        { name: "GOCACHE", value: "/cache/gobuild" },
        { name: "XDG_DATA_HOME", value: "/cache/xdg" },
        { name: "GOTOOLCHAIN", value: "auto" },
        ...memory(job, "DATA_KIB", dataKiB),
        ...sources(job)
      ],
      volumeMounts: [
        ...written,
        // A FIFO can be written on a read-only mount; nobody can put another in its place.
        { name: "exchange", mountPath: "/exchange", readOnly: true },
        // What one repository's candidate leaves in a cache reaches no other repository.
        { name: "cache", mountPath: "/cache", subPath: cacheFolder(job.repo) }
      ],
      resources: {
        requests: { cpu: "1900m", memory: "3968Mi", ...job.resources?.requests },
        limits: { cpu: "4", memory: defaultMemory, ...job.resources?.limits }
      },
      // Images of tools have folders on their PATH that anybody may write: a check could replace what the next one runs.
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] }
      }
    }
  ],
  containers: [
    {
      name: gateContainer,
      image: job.gateImage,
      command: ["foreman", "judge"],
      env: [
        { name: "WORK_DIR", value: "/work/repository" },
        { name: "VOLUME_DIR", value: "/volume" },
        ...diskBytes(job),
        ...memory(job, "MEMORY_BYTES", memoryBelow),
        { name: "EXCHANGE_DIR", value: "/exchange" },
        { name: "JUDGE_DIR", value: "/judge" },
        { name: "HOME", value: "/judge" },
        { name: "TMPDIR", value: "/judge" },
        { name: "FOREMAN_TERMINATION_LOG", value: terminationMessagePath },
        {
          name: "DEADLINE_SECONDS",
          value: String(judgeDeadlineSeconds(job.deadlineSeconds ?? defaultDeadlineSeconds))
        },
        { name: "CHECKS", value: literal(job.checks === undefined ? "" : JSON.stringify(job.checks)) },
        ...approvals(job),
        { name: "CLONE_URL", value: literal(job.cloneURL) },
        { name: "UPSTREAM_URL", value: literal(job.upstreamURL ?? "") },
        ...sources(job),
        ...token(job)
      ],
      volumeMounts: [
        { name: "work", mountPath: "/work", subPath: "work" },
        { name: "work", mountPath: "/volume", readOnly: true },
        { name: "exchange", mountPath: "/exchange" },
        { name: "judge", mountPath: "/judge" }
      ],
      // Both containers together ask for the 2 CPUs and 4Gi of the contract.
      resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "2", memory: "1Gi" } },
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      terminationMessagePath
    }
  ],
  volumes: [
    { name: "work", emptyDir: {} },
    { name: "exchange", emptyDir: {} },
    { name: "judge", emptyDir: {} },
    job.cachePVC === undefined
      ? { name: "cache", emptyDir: {} }
      : { name: "cache", persistentVolumeClaim: { claimName: job.cachePVC } }
  ]
})

/** What is made of the memory that the toolchain may hold; where no kubelet holds it to that, the judge and the loop do. */
const memory = (job: GateJob, name: string, of: (bytes: number) => number): ReadonlyArray<EnvVar> => {
  const bytes = bytesOf(job.resources?.limits?.["memory"] ?? defaultMemory)
  return bytes === undefined ? [] : [{ name, value: String(of(bytes)) }]
}

/** Where checks may write, caches aside: one volume, so that the judge sees how much it is. */
const written = ["work", "scratch", "tmp"].map((name) => ({
  name: "work",
  mountPath: `/${name}`,
  subPath: name
}))

/** Of a pod that may hold so much on disk, what one check may add to it. */
const diskBytes = ({ resources }: GateJob): ReadonlyArray<EnvVar> => {
  const bytes = bytesOf(resources?.limits?.["ephemeral-storage"] ?? "")
  return bytes === undefined ? [] : [{ name: "DISK_BYTES", value: String(diskBelow(bytes)) }]
}

const approvals = ({ approvals = [] }: GateJob): ReadonlyArray<EnvVar> =>
  approvals.length === 0 ? [] : [{ name: "APPROVALS", value: literal(JSON.stringify(approvals)) }]

/** One word of the file system for each repository, whatever its name. */
const cacheFolder = (repo: string): string =>
  repo
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/gu, (character) => (character === "/" ? "__" : "_"))
    .slice(0, 200)

const sources = (job: GateJob): ReadonlyArray<EnvVar> => [
  { name: "REPO", value: literal(job.repo) },
  { name: "BRANCH", value: literal(job.branch) },
  { name: "BASE_BRANCH", value: literal(job.baseBranch ?? "") }
]

const token = ({ gitSecret }: GateJob): ReadonlyArray<EnvVar> =>
  gitSecret === undefined
    ? []
    : [{ name: "GITHUB_TOKEN", valueFrom: { secretKeyRef: { ...gitSecret, optional: true } } }]
