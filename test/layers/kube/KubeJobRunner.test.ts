import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

import { createOrAdopt } from "../../../layers/kube/createOrAdopt.ts"
import * as KubeJobRunner from "../../../layers/kube/KubeJobRunner.ts"
import { events } from "../../../schema/Core.ts"
import { jobs, pods, type PodStatus } from "../../../schema/Job.ts"
import { gateJob } from "../../../src/gate/manifest.ts"
import type { JobError, JobOutcome } from "../../../src/services/JobRunner.ts"
import { JobRunner } from "../../../src/services/JobRunner.ts"
import { Forbidden, Invalid, KubeClient, Unavailable } from "../../../src/services/KubeClient.ts"
import * as FakeCluster from "../../fakes/FakeCluster.ts"

const namespace = "foreman-system"
const uid = "6c1b3a52-0000-4000-8000-000000000001"

const manifest = (suffix: string, earlierAttempts?: number) =>
  gateJob({
    earlierAttempts,
    task: { namespace: "default", name: "gate-503" },
    taskUid: uid,
    suffix,
    namespace,
    gateImage: "foreman:test",
    toolchainImage: "golang:1.26",
    repo: "acme/widget",
    branch: "work",
    cloneURL: "https://example.com/acme/widget.git"
  })
const nameOf = (suffix: string) => `foreman-gate-gate-503-${suffix}`
const podRef = { namespace, name: "the-pod" }

const start = (suffix = "run-1") =>
  Effect.gen(function* () {
    const runner = yield* JobRunner
    const created: Array<string> = []
    const fiber = yield* runner
      .run({
        manifest: manifest(suffix),
        container: "gate",
        pollTimeout: Duration.hours(1),
        onCreated: (name) => Effect.sync(() => void created.push(name))
      })
      .pipe(Effect.forkChild)
    yield* turns
    return { fiber, created }
  })

/** Lets every fiber go on until it waits for something from outside. */
const turns = Effect.forEach(Array.from({ length: 20 }), () =>
  Effect.andThen(
    Effect.promise(() => Promise.resolve()),
    Effect.yieldNow
  )
)

const givePod = (status: PodStatus, job = nameOf("run-1")) =>
  Effect.gen(function* () {
    const cluster = yield* FakeCluster.FakeCluster
    yield* cluster.seed(pods, {
      metadata: { ...podRef, labels: { "job-name": job } },
      spec: { containers: [{ name: "gate", image: "foreman:test" }] },
      status
    })
    yield* turns
  })

const patchPod = (status: object, metadata: object = {}) =>
  Effect.gen(function* () {
    const kube = yield* KubeClient
    yield* kube.patch(pods, podRef, { type: "merge", body: { metadata, status } }, { subresource: "status" })
    yield* turns
  })

const patchJob = (condition: object) =>
  Effect.gen(function* () {
    const kube = yield* KubeClient
    const body = { status: { conditions: [condition] } }
    yield* kube.patch(
      jobs,
      { namespace, name: nameOf("run-1") },
      { type: "merge", body },
      { subresource: "status" }
    )
    yield* turns
  })

const running: PodStatus = {
  phase: "Running",
  containerStatuses: [{ name: "gate", state: { running: {} } }]
}
const ended = (exitCode: number, more: object = {}) => ({
  containerStatuses: [{ name: "gate", state: { terminated: { exitCode, message: "said", ...more } } }]
})
const waiting = (name: string, reason: string) => [
  { name, state: { waiting: { reason, message: `${reason}!` } } }
]

const unscheduled = (message: string): PodStatus => ({
  phase: "Pending",
  conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }]
})

const noNodeIsLargeEnough =
  "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
const noNodeIsFree =
  "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."

const nodeIsAway =
  "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."

const giveScaleUp = Effect.gen(function* () {
  const fake = yield* FakeCluster.FakeCluster
  yield* fake.seed(events, {
    metadata: { namespace, name: "scaling" },
    involvedObject: { kind: "Pod", ...podRef },
    type: "Normal",
    reason: "TriggeredScaleUp",
    message: "pod triggered scale-up"
  })
})

const giveWarning = (message: string) =>
  Effect.gen(function* () {
    const fake = yield* FakeCluster.FakeCluster
    yield* fake.seed(events, {
      metadata: { namespace, name: "refused" },
      involvedObject: { kind: "Job", namespace, name: nameOf("run-1") },
      type: "Warning",
      reason: "FailedCreate",
      message
    })
  })

/** How the run came out, in the terms that a caller branches on. */
const outcomeOf = (fiber: Fiber.Fiber<JobOutcome, JobError>) =>
  Fiber.join(fiber).pipe(
    Effect.map(({ exitCode, logHead, logTail, terminationMessage }) => ({
      exitCode,
      terminationMessage,
      logHead,
      logTail
    })),
    Effect.catchTag("JobError", ({ fault, isRetryable, message }) =>
      Effect.succeed({ fault, message, isRetryable })
    )
  )

const jobNames = Effect.gen(function* () {
  const kube = yield* KubeClient
  return (yield* kube.list(jobs)).items.map(({ metadata }) => metadata.name)
})

const cluster = KubeJobRunner.layer.pipe(Layer.provideMerge(FakeCluster.layer))

type World = KubeClient | FakeCluster.FakeCluster

/** What happens to a Job that was just created, the word for it, and whether the Job is left for its reader. */
const faults: ReadonlyArray<{
  readonly rule: string
  readonly play: Effect.Effect<unknown, unknown, World>
  readonly fault: string
  readonly message: string
  readonly isRetryable?: boolean
  readonly isKept?: boolean
}> = [
  {
    rule: "an image that cannot be pulled",
    play: givePod({ phase: "Pending", containerStatuses: waiting("gate", "ImagePullBackOff") }),
    fault: "ImagePullFailed",
    message: "container gate: ImagePullBackOff!"
  },
  {
    rule: "an image of the sidecar that has no valid name",
    play: givePod({ phase: "Pending", initContainerStatuses: waiting("toolchain", "InvalidImageName") }),
    fault: "ImagePullFailed",
    message: "container toolchain: InvalidImageName!"
  },
  {
    rule: "a container that cannot be configured",
    play: givePod({ phase: "Pending", containerStatuses: waiting("gate", "CreateContainerConfigError") }),
    fault: "ContainerFailed",
    message: "container gate: CreateContainerConfigError!"
  },
  {
    rule: "a main container killed for memory",
    play: givePod({ phase: "Failed", ...ended(137, { reason: "OOMKilled" }) }),
    fault: "OutOfMemory",
    message: "container gate was killed for want of memory"
  },
  {
    rule: "a sidecar killed for memory, which the judge only knows as dead",
    play: givePod({
      ...ended(69),
      initContainerStatuses: [
        { name: "toolchain", lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } }
      ]
    }),
    fault: "OutOfMemory",
    message: "container toolchain was killed for want of memory"
  },
  {
    rule: "a deadline, though the container's end is told first",
    play: Effect.gen(function* () {
      yield* givePod(running)
      yield* patchPod(ended(143))
      yield* patchJob({ type: "Failed", status: "True", reason: "DeadlineExceeded", message: "too long" })
    }),
    fault: "DeadlineExceeded",
    message: "too long",
    isKept: true
  },
  {
    rule: "an eviction",
    play: givePod({ phase: "Failed", reason: "Evicted", message: "low on ephemeral-storage" }),
    fault: "Evicted",
    message: "low on ephemeral-storage",
    isRetryable: true
  },
  {
    rule: "a node that is gone",
    play: givePod({
      ...running,
      conditions: [
        { type: "DisruptionTarget", status: "True", reason: "DeletionByTaintManager", message: "taint" }
      ]
    }),
    fault: "NodeLost",
    message: "taint",
    isRetryable: true
  },
  {
    rule: "a pod that somebody deletes",
    play: Effect.gen(function* () {
      yield* givePod(running)
      const kube = yield* KubeClient
      yield* kube.delete(pods, podRef, { gracePeriodSeconds: 0 })
      yield* turns
      yield* TestClock.adjust("3 seconds")
    }),
    fault: "PodDeleted",
    message: "the pod was deleted before it ended",
    isRetryable: true
  },
  {
    rule: "a Job that somebody deletes",
    play: Effect.gen(function* () {
      const kube = yield* KubeClient
      yield* kube.delete(jobs, { namespace, name: nameOf("run-1") }, { propagationPolicy: "Background" })
    }),
    fault: "JobDeleted",
    message: "the Job was deleted before it ended",
    isRetryable: true
  },
  {
    rule: "a volume that stays pending for two minutes",
    play: Effect.gen(function* () {
      yield* givePod(unscheduled("pod has unbound immediate PersistentVolumeClaims"))
      yield* TestClock.adjust("119 seconds")
      // The same reason told again, as the scheduler does, must not start the wait anew.
      yield* patchPod({ ...unscheduled("pod has unbound immediate PersistentVolumeClaims. Again") })
      yield* TestClock.adjust("1 second")
    }),
    fault: "VolumePending",
    message: "pod has unbound immediate PersistentVolumeClaims. Again"
  },
  {
    rule: "a pod that no node takes for five minutes",
    play: Effect.andThen(
      givePod(unscheduled("0/3 nodes are available: 3 Insufficient cpu.")),
      TestClock.adjust("5 minutes")
    ),
    fault: "Unschedulable",
    message: "0/3 nodes are available: 3 Insufficient cpu."
  },
  {
    rule: "a pod that no node is large enough for, half a minute later",
    play: Effect.andThen(givePod(unscheduled(noNodeIsLargeEnough)), TestClock.adjust("30 seconds")),
    fault: "Unschedulable",
    message: noNodeIsLargeEnough
  },
  {
    rule: "a pod that a full node may take soon, unless it stays full for five minutes",
    play: Effect.gen(function* () {
      yield* givePod(unscheduled(noNodeIsFree))
      yield* TestClock.adjust("299 seconds")
      yield* patchPod(unscheduled(noNodeIsLargeEnough))
    }),
    fault: "Unschedulable",
    message: noNodeIsLargeEnough
  },
  {
    rule: "a pod whose only node is away for now, unless it stays away for five minutes",
    play: Effect.gen(function* () {
      yield* givePod(unscheduled(nodeIsAway))
      yield* TestClock.adjust("299 seconds")
      yield* patchPod(unscheduled(noNodeIsLargeEnough))
    }),
    fault: "Unschedulable",
    message: noNodeIsLargeEnough
  },
  {
    rule: "a pod that an autoscaler brings a node for, unless none comes for five minutes",
    play: Effect.gen(function* () {
      yield* givePod(unscheduled(noNodeIsLargeEnough))
      yield* giveScaleUp
      yield* TestClock.adjust("299 seconds")
      yield* patchPod(unscheduled(noNodeIsFree))
      yield* TestClock.adjust("1 second")
    }),
    fault: "Unschedulable",
    message: noNodeIsFree
  },
  {
    rule: "a quota, which only an event tells",
    play: Effect.andThen(
      giveWarning('pods "x" is forbidden: exceeded quota: compute, requested: cpu=2'),
      TestClock.adjust("2 seconds")
    ),
    fault: "QuotaExceeded",
    message: 'pods "x" is forbidden: exceeded quota: compute, requested: cpu=2'
  },
  {
    rule: "Pod Security, which only an event tells",
    play: Effect.andThen(
      giveWarning('pods "x" is forbidden: violates PodSecurity "restricted:latest"'),
      TestClock.adjust("2 seconds")
    ),
    fault: "CreateForbidden",
    message: 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'
  },
  {
    rule: "a Job that never ends",
    play: Effect.andThen(givePod(running), TestClock.adjust("1 hour")),
    fault: "PollTimeout",
    message: "Job did not reach a terminal phase within 1h0m0s"
  },
  {
    rule: "an API server that stays away",
    play: Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      yield* fake.failNext(new Unavailable({ message: "connection refused" }), { times: 1000 })
      yield* fake.disconnectWatches
      yield* TestClock.adjust("3 minutes")
    }),
    fault: "ApiUnavailable",
    message: "watch jobs.batch foreman-system: connection refused",
    isRetryable: true,
    isKept: true
  }
]

const refusals = [
  { reason: new Forbidden({ message: "jobs.batch is forbidden" }), fault: "CreateForbidden" },
  { reason: new Forbidden({ message: "exceeded quota: jobs" }), fault: "QuotaExceeded" },
  { reason: new Invalid({ message: "bad label" }), fault: "CreateRejected" }
]

describe("KubeJobRunner", () => {
  it.effect("brings back exit, message and both ends of the log, and leaves the Job to be read", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      const { created, fiber } = yield* start()
      yield* givePod(running)
      yield* fake.setPodLog(podRef, "first\nlast €\n", "gate")
      yield* patchPod(ended(1))
      assert.deepStrictEqual<unknown>(yield* outcomeOf(fiber), {
        exitCode: 1,
        terminationMessage: "said",
        logHead: "first",
        logTail: "first\nlast €\n"
      })
      assert.deepStrictEqual(created, [nameOf("run-1")])
      assert.deepStrictEqual(yield* jobNames, [nameOf("run-1")])
      const requests = (yield* fake.requests).filter(({ key }) => key !== "default/x")
      assert.deepStrictEqual(
        requests.filter(({ verb }) => verb !== "patch").map(({ resource, verb }) => `${verb} ${resource}`),
        [
          "list jobs.batch",
          "create jobs.batch",
          "watch jobs.batch",
          "watch pods",
          "logs pods",
          "list jobs.batch"
        ]
      )
    }).pipe(Effect.provide(cluster))
  )

  it.effect("loses nothing when watches end and versions are compacted", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      const { fiber } = yield* start()
      yield* fake.disconnectWatches
      yield* givePod({ ...running, ...ended(0) })
      yield* fake.expire
      yield* TestClock.adjust("10 seconds")
      const outcome = yield* Fiber.join(fiber)
      assert.deepStrictEqual([outcome.exitCode, outcome.terminationMessage], [0, "said"])
    }).pipe(Effect.provide(cluster))
  )

  it.effect.each(faults)("has a word for $rule", ({ fault, isKept, isRetryable, message, play }) =>
    Effect.gen(function* () {
      const { fiber } = yield* start()
      yield* play
      const outcome = yield* outcomeOf(fiber)
      assert.deepStrictEqual<unknown>(outcome, { fault, message, isRetryable: isRetryable ?? false })
      if (fault === "ApiUnavailable") return
      assert.deepStrictEqual(yield* jobNames, isKept === true ? [nameOf("run-1")] : [])
    }).pipe(Effect.provide(cluster))
  )

  it.effect.each(refusals)("has a word for a Job that is refused: $fault", ({ fault, reason }) =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      yield* fake.failNext(reason, { when: ({ verb }) => verb === "create" })
      const { created, fiber } = yield* start()
      const message = `create job: ${reason.message}`
      assert.deepStrictEqual<unknown>(yield* outcomeOf(fiber), { fault, message, isRetryable: false })
      assert.deepStrictEqual(created, [])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("takes the Job for its own when the answer to its creation was lost", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      yield* fake.failNext(new Unavailable({ message: "reset" }), {
        when: ({ verb }) => verb === "create",
        isAfter: true
      })
      const { fiber } = yield* start()
      yield* TestClock.adjust("1 second")
      yield* givePod(ended(0))
      assert.strictEqual((yield* Fiber.join(fiber)).exitCode, 0)
      assert.deepStrictEqual(yield* jobNames, [nameOf("run-1")])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("does not take another's Job of the same name for its own", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      const other = manifest("run-1")
      yield* fake.seed(jobs, { ...other, metadata: { ...other.metadata, labels: { of: "another" } } })
      const { fiber } = yield* start()
      const outcome = yield* Effect.flip(Fiber.join(fiber))
      assert.deepStrictEqual(
        [outcome.fault, outcome.message.startsWith("create job: ")],
        ["CreateRejected", true]
      )
      assert.deepStrictEqual(yield* jobNames, [nameOf("run-1")])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("adopts the live Job of a daemon that was killed: one live Job a task", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      yield* fake.seed(jobs, {
        ...manifest("old-0"),
        status: { conditions: [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded" }] }
      })
      yield* fake.seed(jobs, manifest("old-1"))
      yield* givePod(running, nameOf("old-1"))
      const { created, fiber } = yield* start("new-1")
      yield* patchPod(ended(0))
      const { exitCode, jobName } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([exitCode, jobName, created], [0, nameOf("old-1"), [nameOf("old-1")]])
      assert.deepStrictEqual(yield* jobNames, [nameOf("old-0"), nameOf("old-1")])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("32d1d652 of two live Jobs of a task the newer is adopted and the older ended", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      yield* fake.seed(jobs, manifest("old-1"))
      yield* TestClock.adjust("2 seconds")
      yield* fake.seed(jobs, manifest("old-2"))
      yield* givePod(running, nameOf("old-2"))
      const { fiber } = yield* start("new-1")
      yield* patchPod(ended(0))
      assert.strictEqual((yield* Fiber.join(fiber)).jobName, nameOf("old-2"))
      assert.deepStrictEqual(yield* jobNames, [nameOf("old-2")])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("a live Job of an earlier attempt of the task is not adopted, and one of this attempt is", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      const kube = yield* KubeClient
      yield* fake.seed(jobs, manifest("first"), manifest("second", 1))
      const adopted = yield* createOrAdopt(kube, manifest("again", 1), () => false)
      assert.deepStrictEqual([adopted.job.metadata.name, adopted.isAdopted], [nameOf("second"), true])
      const anew = yield* createOrAdopt(kube, manifest("third", 2), () => false)
      assert.deepStrictEqual([anew.job.metadata.name, anew.isAdopted], [nameOf("third"), false])
      assert.deepStrictEqual(yield* jobNames, ["first", "second", "third"].map(nameOf))
    }).pipe(Effect.provide(cluster))
  )

  it.effect("9.1.6 a live Job of another task of the same name is neither adopted nor ended", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      const { metadata, spec } = manifest("theirs")
      const labels = { ...metadata.labels, "foreman.llmkube.dev/task-uid": "another" }
      yield* fake.seed(jobs, { metadata: { ...metadata, labels }, spec })
      const { fiber } = yield* start("ours")
      yield* givePod(running, nameOf("ours"))
      yield* patchPod(ended(0))
      assert.strictEqual((yield* Fiber.join(fiber)).jobName, nameOf("ours"))
      assert.deepStrictEqual(yield* jobNames, [nameOf("ours"), nameOf("theirs")])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("deletes its Job when it is interrupted", () =>
    Effect.gen(function* () {
      const { fiber } = yield* start()
      yield* givePod(running)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(yield* jobNames, [])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("deletes a Job whose creation it could not see the end of", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      yield* fake.failNext(new Unavailable({ message: "reset" }), {
        when: ({ verb }) => verb === "create",
        isAfter: true
      })
      const { fiber } = yield* start()
      assert.deepStrictEqual(yield* jobNames, [nameOf("run-1")])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* jobNames, [])
    }).pipe(Effect.provide(cluster))
  )

  it.effect("keeps a verdict whose log cannot be read", () =>
    Effect.gen(function* () {
      const fake = yield* FakeCluster.FakeCluster
      yield* fake.failNext(new Forbidden({ message: "no" }), { when: ({ verb }) => verb === "logs" })
      const { fiber } = yield* start()
      yield* givePod(ended(0))
      assert.deepStrictEqual<unknown>(yield* outcomeOf(fiber), {
        exitCode: 0,
        terminationMessage: "said",
        logHead: "",
        logTail: ""
      })
    }).pipe(Effect.provide(cluster))
  )
})
