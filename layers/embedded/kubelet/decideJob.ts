/**
 * What the Job controller does next, one step at a time: create the pod of this try, write the status, end what is left, or wait.
 * Pure. A try is counted in `status.failed`, and its pod's name follows from the Job's uid and the try, so a controller that died
 * between two steps meets the pod it made.
 */
import { createHash } from "node:crypto"

import { Data } from "effect"

import type { Job, Pod } from "../../../schema/Job.ts"
import { formatTime, parseTime } from "../../../schema/Time.ts"

export type JobStatus = NonNullable<Job["status"]>

export interface JobEvent {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

export type JobDecision = Data.TaggedEnum<{
  CreatePod: { readonly name: string }
  WriteStatus: { readonly status: JobStatus; readonly event: JobEvent | undefined }
  /** The Job is over, these pods are not. */
  DeletePods: { readonly pods: ReadonlyArray<Pod> }
  /** Its time to be kept after the end is over. */
  DeleteJob: {}
  /** Until something changes, or until a time. */
  Wait: { readonly untilMillis: number | undefined }
}>
export const JobDecision = Data.taggedEnum<JobDecision>()

export interface World {
  readonly job: Job
  /** The pods that the Job owns, of all tries. */
  readonly pods: ReadonlyArray<Pod>
  /** The server was asked for the pod of this try and has none. */
  readonly isPodGone: boolean
  readonly nowMillis: number
}

/** Kubernetes' own: 10 s doubling to 10 minutes. */
const retryDelayMillis = (failed: number): number => Math.min(10_000 * 2 ** (failed - 1), 600_000)

/** Pod names are at most 63 here, as labels are. */
export const podNameOf = (job: Job, attempt: number): string => {
  const suffix = createHash("sha256")
    .update(`${job.metadata.uid ?? ""}/${attempt}`)
    .digest("hex")
    .slice(0, 5)
  return `${job.metadata.name.slice(0, 57).replace(/[-.]+$/u, "")}-${suffix}`
}

export const decideJob = (world: World): JobDecision => {
  const { job, pods, nowMillis } = world
  if (job.metadata.deletionTimestamp !== undefined) return JobDecision.Wait({ untilMillis: undefined })
  const finishedAt = finishTime(job)
  if (finishedAt !== undefined) return afterEnd(job, pods, finishedAt, nowMillis)

  const failed = job.status?.failed ?? 0
  const pod = pods.find((candidate) => candidate.metadata.name === podNameOf(job, failed))
  const startedAt = parseTime(job.status?.startTime) ?? nowMillis
  const refusal = refusalOf(job)
  if (refusal !== undefined) return fail(world, startedAt, failed, "Unsupported", refusal)

  const seconds = job.spec.activeDeadlineSeconds
  const deadline = seconds === undefined ? undefined : startedAt + seconds * 1000
  if (pod?.status?.phase === "Succeeded") return complete(world, startedAt)
  const lost = pod?.status?.phase === "Failed" || (pod === undefined && world.isPodGone)
  if (lost) return retryOrFail(world, startedAt, failed + 1)
  if (deadline !== undefined && deadline <= nowMillis)
    return fail(
      world,
      startedAt,
      failed + (pod === undefined ? 0 : 1),
      "DeadlineExceeded",
      "Job was active longer than specified deadline"
    )
  if (pod !== undefined && restartsOf(pod) > backoffLimit(job))
    return retryOrFail(world, startedAt, Math.max(failed + 1, backoffLimit(job) + 1))

  if (pod === undefined) {
    const due = dueAt(world, failed)
    return due > nowMillis
      ? JobDecision.Wait({ untilMillis: deadline === undefined ? due : Math.min(due, deadline) })
      : JobDecision.CreatePod({ name: podNameOf(job, failed) })
  }
  const isReady = pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True")
  const status = statusWith(job, startedAt, { active: 1, ready: isReady === true ? 1 : 0, failed })
  return write(world, status, undefined) ?? JobDecision.Wait({ untilMillis: deadline })
}

const backoffLimit = (job: Job): number => job.spec.backoffLimit ?? 6

const isLive = (pod: Pod): boolean => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed"

const restartsOf = (pod: Pod): number =>
  (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0)

const refusalOf = (job: Job): string | undefined => {
  const { parallelism, completions, suspend } = job.spec
  if ((parallelism ?? 1) !== 1 || (completions ?? 1) !== 1)
    return "The embedded cluster runs one pod for a Job: parallelism and completions must be 1."
  return suspend === true ? "The embedded cluster does not suspend Jobs." : undefined
}

const finishTime = (job: Job): number | undefined => {
  const end = job.status?.conditions?.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True"
  )
  return end === undefined ? undefined : (parseTime(end.lastTransitionTime ?? undefined) ?? 0)
}

/** The status that ends a Job is written before its pods are deleted, so both happen, whatever comes between. */
const afterEnd = (job: Job, pods: ReadonlyArray<Pod>, finishedAt: number, nowMillis: number): JobDecision => {
  const live = pods.filter((pod) => isLive(pod) && pod.metadata.deletionTimestamp === undefined)
  if (live.length > 0) return JobDecision.DeletePods({ pods: live })
  const ttl = job.spec.ttlSecondsAfterFinished
  if (ttl === undefined) return JobDecision.Wait({ untilMillis: undefined })
  const untilMillis = finishedAt + ttl * 1000
  return untilMillis <= nowMillis ? JobDecision.DeleteJob() : JobDecision.Wait({ untilMillis })
}

/** When the next try may start: some time after the last one ended. */
const dueAt = ({ job, pods, nowMillis }: World, failed: number): number => {
  if (failed === 0) return nowMillis
  const last = pods.find((pod) => pod.metadata.name === podNameOf(job, failed - 1))
  const ends = (last?.status?.containerStatuses ?? []).flatMap(
    ({ state }) => parseTime(state?.terminated?.finishedAt ?? undefined) ?? []
  )
  return ends.length === 0 ? nowMillis : Math.max(...ends) + retryDelayMillis(failed)
}

const statusWith = (
  job: Job,
  startedAt: number,
  counts: {
    readonly active?: number
    readonly ready: number
    readonly failed: number
    readonly succeeded?: number
  },
  conditions: JobStatus["conditions"] = job.status?.conditions
): JobStatus => ({
  startTime: job.status?.startTime ?? formatTime(startedAt),
  ready: counts.ready,
  ...(counts.active === undefined ? {} : { active: counts.active }),
  ...(counts.failed === 0 ? {} : { failed: counts.failed }),
  ...(counts.succeeded === undefined ? {} : { succeeded: counts.succeeded }),
  ...(conditions === undefined ? {} : { conditions })
})

const conditionsOf = (types: ReadonlyArray<string>, reason: string, message: string, nowMillis: number) =>
  types.map((type) => ({
    type,
    status: "True",
    reason,
    message,
    lastTransitionTime: formatTime(nowMillis)
  }))

const complete = (world: World, startedAt: number): JobDecision => {
  const { job, nowMillis } = world
  const conditions = conditionsOf(
    ["SuccessCriteriaMet", "Complete"],
    "CompletionsReached",
    "Reached expected number of succeeded pods",
    nowMillis
  )
  const status = {
    ...statusWith(job, startedAt, { ready: 0, failed: job.status?.failed ?? 0, succeeded: 1 }, conditions),
    completionTime: formatTime(nowMillis)
  }
  return JobDecision.WriteStatus({
    status,
    event: { type: "Normal", reason: "Completed", message: "Job completed" }
  })
}

const fail = (
  { job, nowMillis }: World,
  startedAt: number,
  failed: number,
  reason: string,
  message: string
): JobDecision =>
  JobDecision.WriteStatus({
    status: statusWith(
      job,
      startedAt,
      { ready: 0, failed },
      conditionsOf(["FailureTarget", "Failed"], reason, message, nowMillis)
    ),
    event: { type: "Warning", reason, message }
  })

const retryOrFail = (world: World, startedAt: number, failed: number): JobDecision =>
  failed > backoffLimit(world.job)
    ? fail(world, startedAt, failed, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    : JobDecision.WriteStatus({
        status: statusWith(world.job, startedAt, { ready: 0, failed }),
        event: undefined
      })

const counted = (status: JobStatus | undefined) => ({
  startTime: status?.startTime,
  active: status?.active ?? 0,
  ready: status?.ready ?? 0,
  failed: status?.failed ?? 0
})

/** Only what is news. */
const write = ({ job }: World, status: JobStatus, event: JobEvent | undefined): JobDecision | undefined =>
  JSON.stringify(counted(job.status)) === JSON.stringify(counted(status))
    ? undefined
    : JobDecision.WriteStatus({ status, event })
