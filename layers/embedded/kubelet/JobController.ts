/** The Job controller of the embedded cluster: watches Jobs and their pods, and takes the steps of `decideJob.ts`. */
import { Clock, Duration, Effect, FiberMap, Layer, Queue, type Scope } from "effect"

import { type Job, jobs, type Pod, pods } from "../../../schema/Job.ts"
import { refKey, refOf } from "../../../schema/Meta.ts"
import type { Cache, CacheEvent } from "../../../src/cache/Cache.ts"
import * as Reflector from "../../../src/cache/Reflector.ts"
import { KubeClient, type KubeError, type Manifest } from "../../../src/services/KubeClient.ts"
import { decideJob, JobDecision, podNameOf } from "./decideJob.ts"
import { recordEvent } from "../../../src/events/recordEvent.ts"

interface Gathered {
  readonly jobs: Cache<Job>
  readonly pods: Cache<Pod>
}

const byOwner = "owner"
const component = "job-controller"

/** A Job never needs more steps in a row; one that does is looked at again, after the others had their turn. */
const stepsInARow = 8
/** After a write that failed. A Conflict or a lost answer is over by then; what is refused for good must not spin. */
const lookAgain = Duration.seconds(1)

export const layer: Layer.Layer<never, never, KubeClient> = Layer.effectDiscard(
  Effect.gen(function* () {
    const cache: Gathered = {
      jobs: yield* Reflector.make(jobs, { indexes: {} }),
      pods: yield* Reflector.make(pods, {
        indexes: { [byOwner]: ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid) }
      })
    }
    /** Keys of Jobs to look at. Each is in it once, so it is bounded by the number of Jobs. */
    const due = yield* Queue.unbounded<string>()
    const waiting = new Set<string>()
    const timers = yield* FiberMap.make<string>()

    const look = (key: string) =>
      Effect.suspend(() => {
        if (waiting.has(key)) return Effect.void
        waiting.add(key)
        return Effect.asVoid(Queue.offer(due, key))
      })
    const lookLater = (key: string, delay: Duration.Duration) =>
      FiberMap.run(timers, key, Effect.andThen(Effect.sleep(delay), look(key)))

    yield* follow(cache.jobs, (event) => look(event.key))
    yield* follow(cache.pods, (event) => {
      const { metadata } = event.type === "delete" ? event.before : event.after
      const owner = metadata.ownerReferences?.find(({ kind }) => kind === jobs.kind)
      return owner === undefined
        ? Effect.void
        : look(refKey({ namespace: metadata.namespace, name: owner.name }))
    })

    yield* Effect.gen(function* () {
      yield* Effect.all([cache.jobs.synced, cache.pods.synced])
      yield* Effect.forEach([...cache.jobs.values()], (job) => look(refKey(refOf(job))))
      return yield* Effect.gen(function* () {
        const key = yield* Queue.take(due)
        waiting.delete(key)
        yield* FiberMap.remove(timers, key)
        const delay = yield* reconcile(cache, key).pipe(
          Effect.catchTag("KubeError", (error) =>
            Effect.as(
              Effect.logWarning("a Job is looked at again").pipe(
                Effect.annotateLogs({ job: key, error: error.message })
              ),
              lookAgain
            )
          )
        )
        if (delay !== undefined) yield* lookLater(key, delay)
      }).pipe(Effect.forever)
    }).pipe(Effect.forkScoped)
  })
)

const follow = <A extends Job | Pod>(
  cache: Cache<A>,
  onEvent: (event: CacheEvent<A>) => Effect.Effect<void>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const changes = yield* cache.subscribe
    yield* Queue.take(changes).pipe(Effect.flatMap(onEvent), Effect.forever, Effect.forkScoped)
  })

/** Returns when to look again, if it is known. */
const reconcile = Effect.fn("JobController.reconcile")(function* (
  cache: Gathered,
  key: string
): Effect.fn.Return<Duration.Duration | undefined, KubeError, KubeClient> {
  for (let step = 0; step < stepsInARow; step++) {
    const job = cache.jobs.get(key)
    if (job === undefined) return undefined
    const nowMillis = yield* Clock.currentTimeMillis
    const decision = decideJob({ job, ...(yield* gather(cache, job)), nowMillis })
    if (decision._tag === "Wait")
      return decision.untilMillis === undefined
        ? undefined
        : Duration.millis(decision.untilMillis - nowMillis)
    yield* apply(cache, job, decision)
  }
  return lookAgain
})

const gather = Effect.fnUntraced(function* (cache: Gathered, job: Job) {
  const owned = cache.pods.byIndex(byOwner, job.metadata.uid ?? "")
  const name = podNameOf(job, job.status?.failed ?? 0)
  if (job.status?.active !== 1 || owned.some(({ metadata }) => metadata.name === name))
    return { pods: owned, isPodGone: false }
  // Not in the cache is not proof: a pod counts as failed only when the server says that it is gone.
  const kube = yield* KubeClient
  const found = yield* kube
    .get(pods, { namespace: job.metadata.namespace, name })
    .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.void))
  return found === undefined
    ? { pods: owned, isPodGone: true }
    : { pods: [...owned, found], isPodGone: false }
})

const apply = Effect.fnUntraced(function* (cache: Gathered, job: Job, decision: JobDecision) {
  const kube = yield* KubeClient
  const uid = job.metadata.uid ?? ""
  yield* JobDecision.$match(decision, {
    CreatePod: ({ name }) =>
      Effect.gen(function* () {
        const pod = yield* createPod(job, name)
        yield* cache.pods.observe(pod)
        const message = `Created pod: ${name}`
        yield* recordEvent(jobs, job, { type: "Normal", reason: "SuccessfulCreate", message, component })
      }),
    WriteStatus: ({ status, event }) =>
      Effect.gen(function* () {
        // Absent fields are cleared: a Job without a live pod has no `active`.
        const body = {
          metadata: { resourceVersion: job.metadata.resourceVersion },
          status: { ...cleared, ...status }
        }
        yield* kube
          .patch(jobs, refOf(job), { type: "merge", body }, { subresource: "status" })
          .pipe(Effect.flatMap(cache.jobs.observe))
        if (event !== undefined) yield* recordEvent(jobs, job, { ...event, component })
      }),
    DeletePods: ({ pods: live }) =>
      Effect.forEach(
        live,
        (pod) =>
          kube.delete(pods, refOf(pod), { preconditions: { uid: pod.metadata.uid ?? "" } }).pipe(
            Effect.catchReason("KubeError", "NotFound", () => Effect.void),
            Effect.andThen(cache.pods.forget(refKey(refOf(pod))))
          ),
        { discard: true }
      ),
    DeleteJob: () =>
      kube.delete(jobs, refOf(job), { propagationPolicy: "Background", preconditions: { uid } }).pipe(
        Effect.catchReason("KubeError", "NotFound", () => Effect.void),
        Effect.andThen(cache.jobs.forget(refKey(refOf(job))))
      ),
    Wait: () => Effect.void
  })
})

const cleared = { active: null, failed: null, succeeded: null, completionTime: null }

/** The pod of this try; the one that is there already, when an earlier answer was lost. */
const createPod = Effect.fnUntraced(function* (job: Job, name: string) {
  const kube = yield* KubeClient
  const manifest = podManifest(job, name)
  return yield* kube
    .create(pods, manifest)
    .pipe(
      Effect.catchReason("KubeError", "AlreadyExists", () =>
        kube.get(pods, { namespace: job.metadata.namespace, name })
      )
    )
})

const podManifest = (job: Job, name: string): Manifest => {
  const { metadata, spec } = job.spec.template
  const uid = job.metadata.uid ?? ""
  return {
    metadata: {
      name,
      namespace: job.metadata.namespace ?? "default",
      labels: {
        ...metadata?.labels,
        "batch.kubernetes.io/job-name": job.metadata.name,
        "job-name": job.metadata.name,
        "batch.kubernetes.io/controller-uid": uid,
        "controller-uid": uid
      },
      annotations: metadata?.annotations ?? {},
      ownerReferences: [
        {
          apiVersion: "batch/v1",
          kind: jobs.kind,
          name: job.metadata.name,
          uid,
          controller: true,
          blockOwnerDeletion: true
        }
      ]
    },
    spec
  }
}
