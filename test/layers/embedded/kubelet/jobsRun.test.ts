import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"

import * as JobController from "../../../../layers/embedded/kubelet/JobController.ts"
import { type Job, jobs, pods } from "../../../../schema/Job.ts"
import { KubeClient } from "../../../../src/services/KubeClient.ts"
import * as FakeCluster from "../../../fakes/FakeCluster.ts"
import { cluster, kubelet, logOf, namespace, noneLeft, processesWith, sh, temporary } from "./podHarness.ts"

/** Controller and kubelet together, as in `foreman up`. */
const withJobs = <A, E>(test: Effect.Effect<A, E, KubeClient | FakeCluster.FakeCluster | LogsOfKubelet>) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    return yield* test.pipe(Effect.provide(Layer.merge(JobController.layer, kubelet(folder))))
  }).pipe(cluster)
type LogsOfKubelet = Layer.Success<ReturnType<typeof kubelet>>

const create = Effect.fnUntraced(function* (name: string, script: string, spec: Partial<Job["spec"]> = {}) {
  const { seed } = yield* FakeCluster.FakeCluster
  yield* seed(jobs, {
    metadata: { name, namespace },
    spec: {
      backoffLimit: 0,
      template: { spec: { restartPolicy: "Never", containers: [sh("gate", script)] } },
      ...spec
    }
  })
})

const until = Effect.fnUntraced(function* (name: string, holds: (job: Job) => boolean) {
  const kube = yield* KubeClient
  return yield* kube
    .get(jobs, { namespace, name })
    .pipe(
      Effect.repeat({ until: holds, schedule: Schedule.spaced("10 millis") }),
      Effect.timeout("8 seconds")
    )
})
const isOver = (job: Job) => (job.status?.conditions ?? []).length > 0

describe("a Job", () => {
  it.live("runs its command once and completes", () =>
    withJobs(
      Effect.gen(function* () {
        yield* create("once", "echo judged")
        const job = yield* until("once", isOver)
        assert.strictEqual(job.status?.succeeded, 1)
        const kube = yield* KubeClient
        const { items } = yield* kube.list(pods)
        assert.deepStrictEqual(
          items.map(({ status }) => status?.phase),
          ["Succeeded"]
        )
        assert.strictEqual(yield* logOf(items[0]?.metadata.name ?? ""), "judged\n")
      })
    )
  )

  it.live("fails when its command does", () =>
    withJobs(
      Effect.gen(function* () {
        yield* create("red", "exit 1")
        const job = yield* until("red", isOver)
        assert.deepStrictEqual(
          [job.status?.failed, job.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`)],
          [1, ["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]]
        )
      })
    )
  )

  it.live("that is deleted takes its processes along", () =>
    withJobs(
      Effect.gen(function* () {
        const mark = "foreman-job-mark"
        const command = ["bash", "-c", `exec -a ${mark} sleep 60`]
        yield* create("stop", "", {
          template: { spec: { restartPolicy: "Never", containers: [{ name: "gate", image: "i", command }] } }
        })
        yield* until("stop", () => processesWith(mark) === 1)
        const kube = yield* KubeClient
        yield* kube.delete(jobs, { namespace, name: "stop" }, { propagationPolicy: "Background" })
        yield* noneLeft(mark)
      })
    )
  )
})
