/** Runs a Job to its end and brings back what is known about it. */
import { Context, type Duration, type Effect, Schema } from "effect"

import type { Manifest } from "./KubeClient.ts"

/**
 * Why nothing was judged, one word each (design §3.6). The message is a sentence for a person. `Retryable` faults are weather: the
 * same Job may pass on another try. The rest needs a person.
 */
export const JobFault = Schema.Literals([
  "CreateForbidden",
  "CreateRejected",
  "QuotaExceeded",
  "ImagePullFailed",
  "VolumePending",
  "Unschedulable",
  "OutOfMemory",
  "DeadlineExceeded",
  "DiskFull",
  "Evicted",
  "PodDeleted",
  "JobDeleted",
  "NodeLost",
  "ContainerFailed",
  "PollTimeout",
  "ApiUnavailable"
])
export type JobFault = typeof JobFault.Type

export class JobError extends Schema.TaggedError<JobError>()("JobError", {
  jobName: Schema.String,
  namespace: Schema.String,
  fault: JobFault,
  message: Schema.String,
  /** The last of the main container's log, where there is one. */
  logTail: Schema.String
}) {
  /** Full disk, lost node, eviction, deleted pod, unreachable API: retried by the daemon, at most twice. */
  get isRetryable(): boolean {
    return ["DiskFull", "Evicted", "PodDeleted", "JobDeleted", "NodeLost", "ApiUnavailable"].includes(
      this.fault
    )
  }
}

/** The main container ended by itself, with whatever exit code: something can be read from it. */
export interface JobOutcome {
  readonly jobName: string
  readonly namespace: string
  readonly exitCode: number
  /** At most 4,096 bytes, as Kubernetes keeps them. */
  readonly terminationMessage: string
  /** First line of the main container's log. */
  readonly logHead: string
  /** The last 32 KiB of it, whole characters. */
  readonly logTail: string
}

export class JobRunner extends Context.Service<
  JobRunner,
  {
    /**
     * Creates the Job, or adopts the live one of the same task, and waits for its main container. Interruption deletes the Job.
     * `container` is the one whose exit, message and log count; `onCreated` runs once the Job exists.
     */
    readonly run: (options: {
      readonly manifest: Manifest
      readonly container: string
      /** Past this nothing is waited for: `PollTimeout`. */
      readonly pollTimeout: Duration.Duration
      readonly onCreated?: (jobName: string) => Effect.Effect<void>
      /** A Job of the same task that ended before, unseen, counts as this run's when its outcome passes; without it none does. */
      readonly accepts?: (outcome: JobOutcome) => boolean
      /** Asked on interruption: whether the Job goes too. When absent it does. */
      readonly isAbandoned?: Effect.Effect<boolean>
    }) => Effect.Effect<JobOutcome, JobError>
  }
>()("foreman/services/JobRunner") {}
