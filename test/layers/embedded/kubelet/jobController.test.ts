import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import * as JobController from "../../../../layers/embedded/kubelet/JobController.ts"
import { events } from "../../../../schema/Core.ts"
import { type Job, jobs, type Pod, pods } from "../../../../schema/Job.ts"
import { formatTime } from "../../../../schema/Time.ts"
import { KubeClient, Unavailable } from "../../../../src/services/KubeClient.ts"
import { epoch } from "../../../builders.ts"
import * as FakeCluster from "../../../fakes/FakeCluster.ts"

const ref = { namespace: "foreman-system", name: "gate-1" }

const create = Effect.fnUntraced(function* (spec: Partial<Job["spec"]> = {}) {
  yield* TestClock.setTime(epoch)
  const cluster = yield* FakeCluster.FakeCluster
  yield* cluster.seed(jobs, {
    metadata: ref,
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: { task: "t1" } },
        spec: { restartPolicy: "Never", containers: [{ name: "gate", image: "i", command: ["true"] }] }
      },
      ...spec
    }
  })
})

/** The controller and the cluster need turns, not time. */
const eventually = Effect.fnUntraced(function* <A>(
  read: Effect.Effect<A, unknown, KubeClient>,
  holds: (value: A) => boolean
) {
  for (let turn = 0; turn < 2000; turn++) {
    const value = yield* Effect.option(read)
    if (value._tag === "Some" && holds(value.value)) return value.value
    yield* Effect.yieldNow
  }
  return yield* Effect.die(new Error(`never held; last: ${JSON.stringify(yield* Effect.result(read))}`))
})

const job = Effect.flatMap(KubeClient, (kube) => kube.get(jobs, ref))
const allPods = Effect.flatMap(KubeClient, (kube) => kube.list(pods)).pipe(Effect.map(({ items }) => items))
const podCount = (count: number) => eventually(allPods, (items) => items.length === count)
const newest = (items: ReadonlyArray<Pod>): Pod => {
  const pod = items.find((candidate) => candidate.status?.phase === "Pending")
  if (pod === undefined) throw new Error("no pod is pending")
  return pod
}

const setPhase = Effect.fnUntraced(function* (pod: Pod, phase: string, status: object = {}) {
  const kube = yield* KubeClient
  yield* kube.patch(
    pods,
    { namespace: ref.namespace, name: pod.metadata.name },
    { type: "merge", body: { status: { phase, ...status } } },
    { subresource: "status" }
  )
})
const isOver = (found: Job) => found.status?.conditions?.some(({ type }) => type !== "FailureTarget") === true
const conditions = (found: Job) =>
  found.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`)

/** Everything but what the server made up. */
const summary = (found: Job) => {
  const { conditions: _, ...counts } = found.status ?? {}
  return { ...counts, conditions: conditions(found) }
}

const cluster = Effect.provide(FakeCluster.layer)
const controller = Effect.provide(JobController.layer)
const endedAt = (millis: number) => ({
  containerStatuses: [
    { name: "gate", state: { terminated: { exitCode: 1, finishedAt: formatTime(millis) } } }
  ]
})

describe("a Job", () => {
  it.effect("gets one pod with its labels and owner, and completes with it", () =>
    Effect.gen(function* () {
      yield* create()
      yield* Effect.gen(function* () {
        const pod = newest(yield* podCount(1))
        const uid = (yield* job).metadata.uid ?? ""
        assert.deepStrictEqual(pod.metadata.labels, {
          task: "t1",
          "batch.kubernetes.io/controller-uid": uid,
          "batch.kubernetes.io/job-name": "gate-1",
          "controller-uid": uid,
          "job-name": "gate-1"
        })
        assert.deepStrictEqual(pod.metadata.ownerReferences, [
          {
            apiVersion: "batch/v1",
            kind: "Job",
            name: "gate-1",
            uid,
            controller: true,
            blockOwnerDeletion: true
          }
        ])
        yield* eventually(job, (found) => found.status?.active === 1)
        yield* setPhase(newest(yield* allPods), "Running", {
          conditions: [{ type: "Ready", status: "True" }]
        })
        yield* eventually(job, (found) => found.status?.ready === 1)
        yield* TestClock.adjust("3 seconds")
        yield* setPhase(pod, "Succeeded")
        assert.deepStrictEqual(summary(yield* eventually(job, isOver)), {
          startTime: formatTime(epoch),
          completionTime: formatTime(epoch + 3000),
          succeeded: 1,
          ready: 0,
          conditions: ["SuccessCriteriaMet=True CompletionsReached", "Complete=True CompletionsReached"]
        })
        const said = yield* eventually(
          Effect.flatMap(KubeClient, (kube) => kube.list(events)),
          ({ items }) => items.length === 2
        )
        assert.deepStrictEqual(said.items.map(({ reason }) => reason).toSorted(), [
          "Completed",
          "SuccessfulCreate"
        ])
      }).pipe(controller)
    }).pipe(cluster)
  )

  it.effect("fails with its last try, and each try waits longer than the one before", () =>
    Effect.gen(function* () {
      yield* create({ backoffLimit: 2 })
      yield* Effect.gen(function* () {
        yield* podCount(1)
        yield* setPhase(newest(yield* allPods), "Failed", endedAt(epoch))
        yield* eventually(job, (found) => found.status?.failed === 1)
        yield* TestClock.adjust("9 seconds")
        assert.lengthOf(yield* allPods, 1)
        yield* TestClock.adjust("1 second")
        yield* podCount(2)
        yield* setPhase(newest(yield* allPods), "Failed", endedAt(epoch + 10_000))
        yield* eventually(job, (found) => found.status?.failed === 2)
        yield* TestClock.adjust("19 seconds")
        assert.lengthOf(yield* allPods, 2)
        yield* TestClock.adjust("1 second")
        yield* podCount(3)
        yield* setPhase(newest(yield* allPods), "Failed", endedAt(epoch + 30_000))
        assert.deepStrictEqual(summary(yield* eventually(job, isOver)), {
          startTime: formatTime(epoch),
          failed: 3,
          ready: 0,
          conditions: ["FailureTarget=True BackoffLimitExceeded", "Failed=True BackoffLimitExceeded"]
        })
      }).pipe(controller)
    }).pipe(cluster)
  )

  it.effect("that is past its deadline fails, and its pod is deleted", () =>
    Effect.gen(function* () {
      yield* create({ activeDeadlineSeconds: 60 })
      yield* Effect.gen(function* () {
        yield* podCount(1)
        yield* eventually(job, (found) => found.status?.active === 1)
        yield* TestClock.adjust("60 seconds")
        assert.deepStrictEqual(summary(yield* eventually(job, isOver)), {
          startTime: formatTime(epoch),
          failed: 1,
          ready: 0,
          conditions: ["FailureTarget=True DeadlineExceeded", "Failed=True DeadlineExceeded"]
        })
        yield* podCount(0)
      }).pipe(controller)
    }).pipe(cluster)
  )

  it.effect("whose pod is deleted counts that as a failed try", () =>
    Effect.gen(function* () {
      yield* create()
      yield* Effect.gen(function* () {
        const [pod] = yield* podCount(1)
        yield* eventually(job, (found) => found.status?.active === 1)
        const kube = yield* KubeClient
        yield* kube.delete(pods, { namespace: ref.namespace, name: pod?.metadata.name ?? "" })
        assert.deepStrictEqual(conditions(yield* eventually(job, isOver)), [
          "FailureTarget=True BackoffLimitExceeded",
          "Failed=True BackoffLimitExceeded"
        ])
        assert.lengthOf(yield* allPods, 0)
      }).pipe(controller)
    }).pipe(cluster)
  )

  it.effect("is deleted some time after its end, its pods with it", () =>
    Effect.gen(function* () {
      yield* create({ ttlSecondsAfterFinished: 100 })
      yield* Effect.gen(function* () {
        yield* podCount(1)
        yield* setPhase(newest(yield* allPods), "Succeeded")
        yield* eventually(job, isOver)
        yield* TestClock.adjust("99 seconds")
        yield* job
        yield* TestClock.adjust("1 second")
        yield* eventually(Effect.flip(job), (error) => String(error).includes("not found"))
        yield* podCount(0)
      }).pipe(controller)
    }).pipe(cluster)
  )

  it.effect("that wants more than one pod is refused with a condition", () =>
    Effect.gen(function* () {
      yield* create({ parallelism: 3, completions: 3 })
      yield* Effect.gen(function* () {
        const found = yield* eventually(job, isOver)
        assert.deepStrictEqual(conditions(found), [
          "FailureTarget=True Unsupported",
          "Failed=True Unsupported"
        ])
        assert.lengthOf(yield* allPods, 0)
      }).pipe(controller)
    }).pipe(cluster)
  )
})

describe("a controller that starts anew", () => {
  it.effect("adopts the pod of the try that was under way", () =>
    Effect.gen(function* () {
      yield* create()
      yield* podCount(1).pipe(controller)
      const before = yield* allPods
      yield* Effect.gen(function* () {
        yield* eventually(job, (found) => found.status?.active === 1)
        assert.deepStrictEqual(
          (yield* allPods).map(({ metadata }) => metadata.uid),
          before.map(({ metadata }) => metadata.uid)
        )
        yield* setPhase(newest(before), "Succeeded")
        yield* eventually(job, isOver)
      }).pipe(controller)
    }).pipe(cluster)
  )

  it.effect("makes no second pod when the answer to its first create was lost", () =>
    Effect.gen(function* () {
      yield* create()
      const { failNext } = yield* FakeCluster.FakeCluster
      yield* failNext(new Unavailable({ message: "connection reset" }), {
        when: ({ verb, resource }) => verb === "create" && resource === "pods",
        isAfter: true
      })
      yield* Effect.gen(function* () {
        yield* podCount(1)
        yield* TestClock.adjust("2 seconds")
        yield* eventually(job, (found) => found.status?.active === 1)
        assert.lengthOf(yield* allPods, 1)
      }).pipe(controller)
    }).pipe(cluster)
  )
})
