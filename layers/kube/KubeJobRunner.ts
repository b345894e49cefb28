/** JobRunner through KubeClient: create or adopt, watch the Job and its pod, bring back how the main container ended. */
import { Clock, Duration, Effect, Layer, Queue, type Scope } from "effect"

import { type Event, events } from "../../schema/Core.ts"
import { type Job, jobs, type Pod, pods } from "../../schema/Job.ts"
import { refOf } from "../../schema/Meta.ts"
import type { KubeError } from "../../src/services/KubeClient.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { JobError, type JobFault, type JobOutcome, JobRunner } from "../../src/services/JobRunner.ts"
import { readEnds } from "./containerLog.ts"
import { createOrAdopt } from "./createOrAdopt.ts"
import { follow, type Followed } from "./follow.ts"
import { isFinished, isUnscheduled, read, type Reading, type Seen, type Settled } from "./jobReading.ts"

/** A pod appears within milliseconds. Only when it does not are the events asked why. */
const podExpected = Duration.seconds(2)
const deletePatience = Duration.seconds(5)

type RunOptions = Parameters<JobRunner["Service"]["run"]>[0]

/** What came in from the watches. */
type Update =
  | { readonly _tag: "Job"; readonly change: Followed<Job> }
  | { readonly _tag: "Pod"; readonly change: Followed<Pod> }
  | { readonly _tag: "Event"; readonly event: Event }
  | { readonly _tag: "Unreachable"; readonly error: KubeError }

export const layer = Layer.effect(
  JobRunner,
  Effect.gen(function* () {
    const kube = yield* KubeClient

    const run = Effect.fn("KubeJobRunner.run")((options: RunOptions) =>
      Effect.suspend(() => {
        // Known by the name we asked for until the server has answered: an interrupted create may have been carried out.
        const { name = "", namespace = "default" } = options.manifest.metadata
        const target: Target = { ref: { name, namespace }, job: undefined }
        const clear = (options.isAbandoned ?? Effect.succeed(true)).pipe(
          Effect.timeoutOrElse({ duration: deletePatience, orElse: () => Effect.succeed(false) }),
          Effect.flatMap((isAbandoned) => (isAbandoned ? remove(kube, target) : Effect.void))
        )
        return runJob(kube, options, target).pipe(Effect.onInterrupt(() => clear))
      })
    )

    return JobRunner.of({ run })
  })
)

/** The Job of a run, as far as it is known. */
interface Target {
  ref: { readonly name: string; readonly namespace: string }
  job: Job | undefined
}

const remove = (kube: KubeClient["Service"], { job, ref }: Target): Effect.Effect<void> =>
  kube
    .delete(jobs, ref, {
      propagationPolicy: "Background",
      ...(job?.metadata.uid !== undefined && { preconditions: { uid: job.metadata.uid } })
    })
    .pipe(
      Effect.catchReason("KubeError", "NotFound", () => Effect.void),
      Effect.timeout(deletePatience),
      Effect.ignore({ log: "Warn" })
    )

/** Jobs that ended before are looked at one after another, newest first; what none of them tells, a new one will. */
const runJob = Effect.fnUntraced(function* (
  kube: KubeClient["Service"],
  options: RunOptions,
  target: Target
): Effect.fn.Return<JobOutcome, JobError> {
  const useless = new Set<string>()
  for (;;) {
    const { isAdopted, job } = yield* createOrAdopt(
      kube,
      options.manifest,
      ({ metadata }) => options.accepts !== undefined && !useless.has(metadata.name)
    )
    const outcome = yield* Effect.result(followJob(kube, options, target, job, isAdopted))
    const isOver = isAdopted && isFinished(job)
    if (!isOver) return yield* Effect.fromResult(outcome)
    if (outcome._tag === "Success" && options.accepts?.(outcome.success) === true) return outcome.success
    useless.add(job.metadata.name)
  }
})

const followJob = Effect.fnUntraced(function* (
  kube: KubeClient["Service"],
  options: RunOptions,
  target: Target,
  job: Job,
  isAdopted: boolean
): Effect.fn.Return<JobOutcome, JobError> {
  const where = { jobName: job.metadata.name, namespace: job.metadata.namespace ?? "default" }
  target.ref = { name: where.jobName, namespace: where.namespace }
  target.job = job
  if (options.onCreated !== undefined) yield* options.onCreated(where.jobName)

  let seen: Seen = { job, isJobGone: false, pod: undefined, isPodGone: false, events: [] }
  const waitForEnd = Effect.gen(function* () {
    const updates = yield* watch(kube, job, isAdopted)
    const wait = patienceOf(yield* Clock.currentTimeMillis)
    for (;;) {
      const reading = read(seen, options.container)
      if (reading._tag !== "Wait") return reading
      const update = yield* wait(reading, Queue.take(updates))
      if (update._tag === "Unreachable") {
        return { _tag: "Fault", fault: watchFault(update.error), message: update.error.message } as const
      }
      if (update._tag === "Expired") return update.reading
      seen = after(seen, update)
    }
  }).pipe(Effect.scoped)

  const end = yield* waitForEnd.pipe(
    Effect.timeoutOrElse({
      duration: options.pollTimeout,
      orElse: () =>
        Effect.succeed({
          _tag: "Fault" as const,
          fault: "PollTimeout" as const,
          message: `Job did not reach a terminal phase within ${goDuration(options.pollTimeout)}`
        })
    })
  )
  const { head, tail } = yield* ends(kube, seen.pod, options.container)
  if (end._tag === "Fault") {
    if (!isFinished(seen.job)) yield* remove(kube, target)
    return yield* new JobError({ ...where, fault: end.fault, message: end.message, logTail: tail })
  }
  return {
    ...where,
    exitCode: end.exitCode,
    terminationMessage: end.message,
    logHead: head,
    logTail: tail
  }
})

/** Waits for the next update, but never longer than the reading's patience, counted from when the same reading was first made. */
const patienceOf = (startedAtMillis: number) => {
  let since = startedAtMillis
  let about = ""
  return Effect.fnUntraced(function* (
    reading: Extract<Reading, { readonly _tag: "Wait" }>,
    next: Effect.Effect<Update>
  ): Effect.fn.Return<Update | { readonly _tag: "Expired"; readonly reading: Settled }> {
    const { outcome, patienceSeconds } = reading
    const now = yield* Clock.currentTimeMillis
    const subject = outcome?._tag === "Fault" ? outcome.fault : (outcome?._tag ?? "")
    if (subject !== about) {
      about = subject
      since = now
    }
    if (patienceSeconds === undefined || outcome === undefined) return yield* next
    return yield* next.pipe(
      Effect.timeoutOrElse({
        duration: Duration.millis(Math.max(0, since + patienceSeconds * 1000 - now)),
        orElse: () => Effect.succeed({ _tag: "Expired" as const, reading: outcome })
      })
    )
  })
}

const after = (seen: Seen, update: Exclude<Update, { readonly _tag: "Unreachable" }>): Seen => {
  switch (update._tag) {
    case "Job":
      return update.change._tag === "Gone"
        ? { ...seen, isJobGone: true }
        : { ...seen, job: update.change.object, isJobGone: false }
    case "Pod": {
      if (update.change._tag === "Gone") return seen.pod === undefined ? seen : { ...seen, isPodGone: true }
      return { ...seen, pod: update.change.object, isPodGone: false }
    }
    case "Event":
      return { ...seen, events: [...seen.events.slice(-20), update.event] }
  }
}

/** All that is told about the Job, in one queue, for as long as the scope is open. */
const watch = Effect.fnUntraced(function* (
  kube: KubeClient["Service"],
  job: Job,
  isAdopted: boolean
): Effect.fn.Return<Queue.Dequeue<Update>, never, Scope.Scope> {
  const { name, namespace } = refOf(job)
  const updates = yield* Queue.unbounded<Update>()
  // What was created has its version: from there the watches miss nothing, and nobody needs to list.
  const from = isAdopted ? undefined : job.metadata.resourceVersion
  const unreachable = (error: KubeError) => Queue.offer(updates, { _tag: "Unreachable", error } as const)
  const scope = yield* Effect.scope
  let isPodSeen = false
  let isPodUnscheduled = false

  yield* follow(kube, jobs, { namespace, fieldSelector: `metadata.name=${name}` }, from, (change) =>
    Queue.offer(updates, { _tag: "Job", change })
  ).pipe(Effect.catch(unreachable), Effect.forkScoped)
  // Without the right to read events, a quota shows as a Job that never begins: worse, but no reason to stop.
  const hear = (about: string, isNews: (event: Event) => boolean) =>
    follow(kube, events, { namespace, fieldSelector: `involvedObject.name=${about}` }, undefined, (change) =>
      change._tag === "Put" && isNews(change.object)
        ? Queue.offer(updates, { _tag: "Event", event: change.object })
        : Effect.void
    ).pipe(Effect.ignore({ log: "Debug" }), Effect.forkIn(scope))

  yield* follow(kube, pods, { namespace, labelSelector: `job-name=${name}` }, from, (change) => {
    if (change._tag !== "Put") return Queue.offer(updates, { _tag: "Pod", change })
    const isFirstSilence = !isPodUnscheduled && isUnscheduled(change.object)
    isPodSeen = true
    isPodUnscheduled = isPodUnscheduled || isFirstSilence
    // Whether an autoscaler brings a node is told there alone.
    return (
      isFirstSilence ? hear(change.object.metadata.name, ({ type }) => type !== "Warning") : Effect.void
    ).pipe(Effect.andThen(Queue.offer(updates, { _tag: "Pod", change })))
  }).pipe(Effect.catch(unreachable), Effect.forkScoped)
  yield* Effect.sleep(podExpected).pipe(
    Effect.andThen(
      Effect.suspend(() => (isPodSeen ? Effect.void : hear(name, ({ type }) => type === "Warning")))
    ),
    Effect.forkScoped
  )
  return updates
})

const watchFault = (error: KubeError): JobFault =>
  error.isTransient
    ? "ApiUnavailable"
    : error.reason._tag === "Forbidden" || error.reason._tag === "Unauthorized"
      ? "CreateForbidden"
      : "CreateRejected"

const ends = (kube: KubeClient["Service"], pod: Pod | undefined, container: string) => {
  const state = pod?.status?.containerStatuses?.find(({ name }) => name === container)?.state
  return pod === undefined || (state?.running === undefined && state?.terminated === undefined)
    ? Effect.succeed({ head: "", tail: "" })
    : readEnds(kube, refOf(pod), container)
}

/** As Go prints one: `1h0m0s`. */
const goDuration = (duration: Duration.Duration): string => {
  const total = Math.round(Duration.toSeconds(duration))
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  return `${hours > 0 ? `${hours}h` : ""}${total >= 60 ? `${minutes}m` : ""}${seconds}s`
}
