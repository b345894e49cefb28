/** One live Job a task: a Job that an earlier run left is taken over, never doubled. */
import { Effect, Schedule } from "effect"

import { label } from "../../schema/AgenticTask.ts"
import { type Job, jobs } from "../../schema/Job.ts"
import { type ObjectMeta, refOf } from "../../schema/Meta.ts"
import type { KubeClient, KubeError, Manifest } from "../../src/services/KubeClient.ts"
import { JobError, type JobFault } from "../../src/services/JobRunner.ts"
import { isFinished } from "./jobReading.ts"

/** An API server that restarts is back within half a minute. */
const weather = Schedule.exponential("250 millis").pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 7 }),
  Schedule.setInputType<KubeError>(),
  Schedule.while(({ input }) => input.isTransient)
)

const nameLabel = "app.kubernetes.io/name"

/** `mayAdopt` chooses among the Jobs that ended already; a live one is always adopted. */
export const createOrAdopt = Effect.fnUntraced(function* (
  kube: KubeClient["Service"],
  manifest: Manifest,
  mayAdopt: (ended: Job) => boolean
) {
  const { name = "", namespace = "default" } = manifest.metadata
  const failed = (error: KubeError) =>
    new JobError({ jobName: name, namespace, ...faultOf(error), logTail: "" })

  const adopted = yield* earlierJob(kube, manifest, mayAdopt).pipe(
    Effect.retry(weather),
    Effect.mapError(failed)
  )
  if (adopted !== undefined) return { job: adopted, isAdopted: true }
  // A create whose answer was lost comes back as AlreadyExists: the Job is ours if it says so.
  return yield* kube.create(jobs, manifest).pipe(
    Effect.map((job) => ({ job, isAdopted: false })),
    Effect.retry(weather),
    Effect.catchReason("KubeError", "AlreadyExists", (_, error) =>
      kube.get(jobs, { name, namespace }).pipe(
        Effect.filterOrFail(
          (job) => isOurs(job.metadata, manifest),
          () => error
        ),
        Effect.map((job) => ({ job, isAdopted: true }))
      )
    ),
    Effect.mapError(failed)
  )
})

const labelsOf = (manifest: Manifest): Readonly<Record<string, unknown>> => {
  const { labels } = manifest.metadata
  return typeof labels === "object" && labels !== null ? { ...labels } : {}
}

const isOurs = (metadata: ObjectMeta, manifest: Manifest): boolean =>
  [nameLabel, label.taskUid].every((key) => metadata.labels?.[key] === labelsOf(manifest)[key])

/** The newest Job of the task, a live one before one that ended; older live ones are deleted. A task without a uid has none. */
const earlierJob = Effect.fnUntraced(function* (
  kube: KubeClient["Service"],
  manifest: Manifest,
  mayAdopt: (ended: Job) => boolean
): Effect.fn.Return<Job | undefined, KubeError> {
  const labels = labelsOf(manifest)
  const uid = labels[label.taskUid]
  if (typeof uid !== "string") return undefined
  const { items } = yield* kube.list(jobs, {
    namespace: manifest.metadata.namespace,
    labelSelector: `${label.taskUid}=${uid},${nameLabel}=${String(labels[nameLabel])}`
  })
  const newestFirst = items
    .filter((job) => job.metadata.deletionTimestamp === undefined)
    // An attempt that was made anew is judged anew, also while the Job before it does not count as ended yet.
    .filter((job) => job.metadata.labels?.[label.attempt] === labels[label.attempt])
    .toSorted((a, b) => createdAt(b).localeCompare(createdAt(a)))
  const [newest, ...older] = newestFirst.filter((job) => !isFinished(job))
  yield* Effect.forEach(older, (job) =>
    kube
      .delete(jobs, refOf(job), { propagationPolicy: "Background" })
      .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.void))
  )
  return newest ?? newestFirst.find(mayAdopt)
})

const createdAt = (job: Job): string => job.metadata.creationTimestamp ?? ""

/** The sentence begins as contract §5.3 has it. */
const faultOf = (error: KubeError): { readonly fault: JobFault; readonly message: string } => {
  const message = `create job: ${error.reason.message}`
  switch (error.reason._tag) {
    case "Forbidden":
    case "Unauthorized":
      return { fault: /exceeded quota/iu.test(message) ? "QuotaExceeded" : "CreateForbidden", message }
    case "Unavailable":
    case "TooManyRequests":
      return { fault: "ApiUnavailable", message }
    default:
      return { fault: "CreateRejected", message }
  }
}
