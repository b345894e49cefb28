/**
 * The Job of a task whose Agent runs in one: `foreman-agent run-task` in a pod of its own. Pure; contract §3.8. What comes from a task or
 * a flag is an argument, never a part of a script.
 */
import type { Agent, ResourceRequirements } from "../../schema/Agent.ts"
import { type AgenticTask, agenticTasks, label } from "../../schema/AgenticTask.ts"
import { type Container, type EnvVar, type JobSpec, literal, type Volume } from "../../schema/Job.ts"
import { groupVersion } from "../../schema/Resource.ts"
import { labelValue } from "./labels.ts"

/** The main container: its exit, its message and its log are the run's. */
export const coderContainer = "coder"

const terminationMessagePath = "/dev/termination-log"
const modelTokenFile = "/secrets/model/token"
/** Nobody's uid. */
const uid = 65_532

/** What the node's flags say about coder Jobs. */
export interface CoderSettings {
  /** Where an Agent names none: `foreman-agent` on PATH, git, and what the checks of its repositories need. */
  readonly image: string
  /** Secret whose key `token` opens the model's endpoint; no endpoint asks for one when absent. */
  readonly modelSecret: string | undefined
  /** In place of the defaults; an Agent's own come before them. */
  readonly resources: ResourceRequirements
  /** PersistentVolumeClaim on which runs are kept, so that another pod goes on with them; they go with their pod when absent. */
  readonly journalPVC?: string | undefined
}

export interface CoderJob {
  readonly task: AgenticTask
  readonly agent: Agent
  readonly settings: CoderSettings
  /** Secret with the token that the branch is pushed with; it may be missing. */
  readonly gitSecret: { readonly name: string; readonly key: string } | undefined
  /** Tells this Job from every other of the task. Kept whole in the name. */
  readonly suffix: string
  readonly namespace: string
  readonly gitRemoteURL: string | undefined
  readonly author: { readonly name: string; readonly email: string } | undefined
  readonly committer: { readonly name: string; readonly email: string } | undefined
  /** Whether the run is kept on its remote, too; it is not when absent. */
  readonly checkpointRemote?: boolean | undefined
}

/** `foreman-coder-<task>-<suffix>` in at most 63 characters; what does not fit is taken from the task. */
export const coderJobName = (task: string, suffix: string): string => {
  const room = 63 - "foreman-coder-".length - 1 - suffix.length
  const part = task
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/gu, "-")
    .slice(0, room)
    .replaceAll(/^-+|-+$/gu, "")
  return `foreman-coder-${part === "" ? "task" : part}-${suffix}`
}

/** Kubernetes ends the Job here, in seconds: the Agent's word, or the task's where that is shorter. */
export const deadlineOf = ({ agent, task }: Pick<CoderJob, "agent" | "task">): number => {
  const own = agent.spec.execution?.activeDeadlineSeconds ?? 3600
  const asked = task.spec.timeoutSeconds ?? 0
  return asked > 0 ? Math.min(asked, own) : own
}

export const coderJob = (job: CoderJob) => {
  const { name, namespace = "default", uid: taskUid } = job.task.metadata
  const labels = {
    "app.kubernetes.io/name": "foreman-coder",
    [label.taskNamespace]: labelValue(namespace),
    [label.taskName]: labelValue(name),
    ...(taskUid === undefined ? {} : { [label.taskUid]: taskUid })
  }
  // An owner in another namespace counts as gone, and its Job with it (contract §9.1.5).
  const isOwned = taskUid !== undefined && namespace === job.namespace
  const owner = {
    apiVersion: groupVersion(agenticTasks),
    kind: agenticTasks.kind,
    name,
    uid: taskUid,
    controller: true
  }
  return {
    metadata: {
      name: coderJobName(name, job.suffix),
      namespace: job.namespace,
      labels: { ...labels, "app.kubernetes.io/managed-by": "foreman-agent" },
      ...(isOwned ? { ownerReferences: [owner] } : {})
    },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: deadlineOf(job),
      ttlSecondsAfterFinished: 86_400,
      template: { metadata: { labels }, spec: podSpec(job) }
    } satisfies JobSpec
  }
}

/**
 * Where the run is kept. A pod sees the folder of its own task and no other, so that no command reads another's run. `undefined` without a
 * claim, and for a uid that is not one of an API server, which could lead elsewhere.
 */
const journalOf = ({ settings, task }: Pick<CoderJob, "settings" | "task">) => {
  const { uid: taskUid = "" } = task.metadata
  if (settings.journalPVC === undefined || !/^[A-Za-z0-9-]+$/u.test(taskUid)) return undefined
  return {
    volume: { name: "journals", persistentVolumeClaim: { claimName: settings.journalPVC } },
    mount: { name: "journals", mountPath: `/workspace/.journals/${taskUid}`, subPath: taskUid }
  }
}

/** Whether another pod can go on with the run of one that was killed. Only our own loop keeps its runs on the remote. */
export const isKept = (job: Pick<CoderJob, "agent" | "checkpointRemote" | "settings" | "task">): boolean =>
  (job.checkpointRemote === true && job.agent.spec.executor !== "ACP") || journalOf(job) !== undefined

const podSpec = ({ agent, gitSecret, settings, ...job }: CoderJob): JobSpec["template"]["spec"] => {
  const { execution } = agent.spec
  const image = execution?.image ?? settings.image
  const journal = journalOf({ settings, task: job.task })
  return {
    restartPolicy: "Never",
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    ...(execution?.serviceAccountName === undefined
      ? {}
      : { serviceAccountName: execution.serviceAccountName }),
    // No fsGroup: it would let the pod's group read what only root may.
    securityContext: {
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: uid,
      seccompProfile: { type: "RuntimeDefault" }
    },
    ...(settings.modelSecret === undefined ? {} : { initContainers: [handOver(image)] }),
    containers: [
      {
        name: coderContainer,
        image,
        command: ["foreman-agent"],
        args: args(job),
        env: [
          ...token(gitSecret),
          { name: "GOMODCACHE", value: "/workspace/.cache/gomod" },
          { name: "GOCACHE", value: "/workspace/.cache/gobuild" },
          { name: "XDG_DATA_HOME", value: "/workspace/.cache/xdg" },
          { name: "HOME", value: "/scratch" },
          { name: "TMPDIR", value: "/scratch" },
          { name: "FOREMAN_TERMINATION_LOG", value: terminationMessagePath },
          ...(gitSecret === undefined ? [] : [{ name: "FOREMAN_GIT_SECRETS", value: "/secrets/git" }]),
          ...(settings.modelSecret === undefined
            ? []
            : [{ name: "FOREMAN_MODEL_TOKEN_FILE", value: modelTokenFile }])
        ],
        volumeMounts: [
          { name: "workspace", mountPath: "/workspace" },
          ...(journal === undefined ? [] : [journal.mount]),
          { name: "scratch", mountPath: "/scratch" },
          ...(gitSecret === undefined
            ? []
            : [{ name: "git-credentials", mountPath: "/secrets/git", readOnly: true }]),
          ...(settings.modelSecret === undefined
            ? []
            : [{ name: "model-token", mountPath: "/secrets/model" }])
        ],
        resources: {
          requests: {
            cpu: "2",
            memory: "4Gi",
            ...settings.resources.requests,
            ...execution?.resources?.requests
          },
          limits: { cpu: "4", memory: "8Gi", ...settings.resources.limits, ...execution?.resources?.limits }
        },
        securityContext,
        terminationMessagePath
      }
    ],
    volumes: [
      { name: "workspace", emptyDir: {} },
      ...(journal === undefined ? [] : [journal.volume]),
      { name: "scratch", emptyDir: {} },
      ...gitVolumes(gitSecret),
      ...modelVolumes(settings)
    ]
  }
}

const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } }

const args = ({
  author,
  checkpointRemote,
  committer,
  gitRemoteURL,
  task
}: Pick<
  CoderJob,
  "author" | "checkpointRemote" | "committer" | "gitRemoteURL" | "task"
>): ReadonlyArray<string> => {
  const flags: ReadonlyArray<readonly [string, string | undefined]> = [
    ["git-remote-url", gitRemoteURL],
    ["commit-author-name", author?.name],
    ["commit-author-email", author?.email],
    ["commit-committer-name", committer?.name],
    ["commit-committer-email", committer?.email],
    ["checkpoint-remote", checkpointRemote === true ? "true" : undefined]
  ]
  const { name, namespace = "default" } = task.metadata
  return [
    "run-task",
    "--task",
    name,
    "--namespace",
    namespace,
    "--workspace-dir",
    "/workspace",
    ...flags.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${literal(value)}`]))
  ]
}

/** Where the Secret's file can be removed, on the embedded cluster, it is. */
const handOverScript = `
if [ -r "$SOURCE" ]; then
  umask 077
  cat "$SOURCE" > "$TARGET" || exit 1
  rm -f "$SOURCE" 2> /dev/null || :
fi`

/**
 * A mounted Secret cannot be taken away from a container again, and the model's commands have the uid of run-task. So the token comes
 * in memory, as a file that run-task reads and removes before it starts anything.
 */
const handOver = (image: string): Container => ({
  name: "model-auth",
  image,
  command: ["/bin/sh", "-c", handOverScript],
  env: [
    { name: "SOURCE", value: "/secrets/source/token" },
    { name: "TARGET", value: modelTokenFile }
  ],
  volumeMounts: [
    { name: "model-auth", mountPath: "/secrets/source", readOnly: true },
    { name: "model-token", mountPath: "/secrets/model" }
  ],
  resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { cpu: "1", memory: "64Mi" } },
  securityContext
})

const token = (gitSecret: CoderJob["gitSecret"]): ReadonlyArray<EnvVar> =>
  gitSecret === undefined
    ? []
    : [{ name: "GITHUB_TOKEN", valueFrom: { secretKeyRef: { ...gitSecret, optional: true } } }]

/** Root's alone: run-task has the token from its environment, and what the model starts has the uid of run-task. */
const gitVolumes = (gitSecret: CoderJob["gitSecret"]): ReadonlyArray<Volume> =>
  gitSecret === undefined
    ? []
    : [
        {
          name: "git-credentials",
          secret: { secretName: gitSecret.name, optional: true, defaultMode: 0o400 }
        }
      ]

const modelVolumes = ({ modelSecret }: CoderSettings): ReadonlyArray<Volume> =>
  modelSecret === undefined
    ? []
    : [
        { name: "model-auth", secret: { secretName: modelSecret, optional: true, defaultMode: 0o444 } },
        { name: "model-token", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }
      ]
