import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks, type TaskSpec } from "../../schema/AgenticTask.ts"
import { type RunEvent, RunEvents, RunnerConfig } from "../../src/executors/Executor.ts"
import { envelopeOf as envelopeIn } from "../../src/decide/taskLog.ts"
import * as JobExecutor from "../../src/executors/JobExecutor.ts"
import { JobError, JobRunner } from "../../src/services/JobRunner.ts"
import { KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { agent, epoch, task } from "../builders.ts"
import * as FakeCluster from "../fakes/FakeCluster.ts"

type RunOptions = Parameters<JobRunner["Service"]["run"]>[0]

const configWith = (more: Partial<RunnerConfig["Service"]> = {}) =>
  Layer.succeed(
    RunnerConfig,
    RunnerConfig.of({
      workspaceRoot: "/nowhere",
      keepWorkspace: false,
      gitRemoteURL: undefined,
      gitToken: undefined,
      author: undefined,
      committer: undefined,
      inferenceBaseURLOverride: undefined,
      inferenceBaseURLHostOverride: undefined,
      foremanNamespace: "foreman-system",
      gateCachePVC: undefined,
      gateImage: "foreman:test",
      coder: { image: "foreman-builder:test", modelSecret: undefined, resources: {} },
      stubSleepMillis: 0,
      ...more
    })
  )

const execute = Effect.fnUntraced(function* (
  run: JobRunner["Service"]["run"],
  spec: Partial<TaskSpec> = {},
  config: Partial<RunnerConfig["Service"]> = {}
) {
  yield* TestClock.setTime(epoch)
  const cluster = yield* FakeCluster.FakeCluster
  const kube = yield* KubeClient
  yield* cluster.seed(agenticTasks, task("fix-620", { spec: { kind: "issue-fix", ...spec } }))
  const seeded = yield* kube.get(agenticTasks, { namespace: "default", name: "fix-620" })
  const published: Array<RunEvent> = []
  const result = JobExecutor.execute({
    task: seeded,
    agent: agent("coder", { spec: { execution: { mode: "Job", activeDeadlineSeconds: 600 } } }),
    claimId: "claim-1",
    nodeName: "node-1"
  }).pipe(
    Effect.provideService(RunEvents, (event) => Effect.sync(() => void published.push(event))),
    Effect.provideService(JobRunner, JobRunner.of({ run })),
    Effect.provide(configWith(config))
  )
  return { result, published }
})

/** A Job that never ends, and what its runner was asked to do with it when the run was cut short. */
const cutShort = Effect.fnUntraced(function* (
  before: Effect.Effect<unknown, unknown, KubeClient | FakeCluster.FakeCluster>,
  spec: Partial<TaskSpec> = {}
) {
  const asked = yield* Deferred.make<boolean>()
  const { result } = yield* execute(
    ({ isAbandoned = Effect.succeed(true) }) =>
      Effect.never.pipe(
        Effect.onInterrupt(() => Effect.flatMap(isAbandoned, (answer) => Deferred.succeed(asked, answer)))
      ),
    spec
  )
  const fiber = yield* Effect.forkChild(result, { startImmediately: true })
  yield* before
  yield* Fiber.interrupt(fiber)
  return yield* Deferred.await(asked)
})

const ref = { namespace: "default", name: "fix-620" }

describe("JobExecutor", () => {
  it.effect("runs one Job for the task, tells its name, and brings back what it came to", () =>
    Effect.gen(function* () {
      const seen: Array<RunOptions> = []
      const { published, result } = yield* execute((options) =>
        Effect.gen(function* () {
          seen.push(options)
          const jobName = String(options.manifest.metadata.name)
          if (options.onCreated !== undefined) yield* options.onCreated(jobName)
          yield* TestClock.adjust("2 seconds")
          return {
            jobName,
            namespace: "foreman-system",
            exitCode: 0,
            terminationMessage: "",
            logHead: "x",
            logTail: 'FOREMAN-RESULT: {"verdict":"NO-GO","summary":"not a bug"}\n'
          }
        })
      )
      const { elapsedSec, extra, verdict } = yield* result
      const jobName = `foreman-coder-fix-620-${epoch}`
      assert.deepStrictEqual<unknown>([verdict, extra?.["jobName"], elapsedSec], ["NO-GO", jobName, 2])
      assert.deepStrictEqual(published, [
        { type: "JobCreated", task: ref, jobName, namespace: "foreman-system", container: "coder" }
      ])
      const [options] = seen
      const base = {
        jobName,
        namespace: "n",
        exitCode: 137,
        terminationMessage: "",
        logHead: "",
        logTail: ""
      }
      // What parked the task is not its end: the next run makes a Job of its own.
      const heldUntil = new Date(epoch).toISOString()
      const held = envelopeIn({
        schemaVersion: "foreman.v1",
        kind: "native-agent-loop",
        verdict: "INCOMPLETE",
        summary: "is held",
        extra: { reason: "EndpointHeld", party: "quota", heldUntil },
        elapsedSec: 1
      })
      assert.deepStrictEqual(
        [
          seen.length,
          options?.container,
          String(options?.pollTimeout),
          options?.accepts?.(base),
          options?.accepts?.({ ...base, exitCode: 0, logTail: "FOREMAN NO-GO: seen" }),
          options?.accepts?.({ ...base, exitCode: 0, logTail: `FOREMAN-RESULT: ${JSON.stringify(held)}\n` })
        ],
        [1, "coder", "1200000 millis", false, true, false]
      )
    }).pipe(Effect.provide(FakeCluster.layer))
  )

  it.effect.each([
    ["that was killed", { exitCode: 137, logTail: "" }, 3],
    ["that was drained", { exitCode: 0, logTail: "FOREMAN ERROR: interrupted\n" }, 3],
    ["whose node is lost", "NodeLost", 3],
    ["that filled its memory", "OutOfMemory", 1],
    ["that came to a result", { exitCode: 0, logTail: "FOREMAN NO-GO: seen\n" }, 1],
    ["that ended with an error of its own", { exitCode: 1, logTail: "FOREMAN ERROR: no such task\n" }, 1]
  ] as const)(
    "a pod %s is followed by others of the same claim, at most two, where the run is kept: %#",
    ([, end, pods]) =>
      Effect.gen(function* () {
        const podsOf = Effect.fnUntraced(function* (config: Partial<RunnerConfig["Service"]>) {
          const names: Array<string> = []
          const { result } = yield* execute(
            ({ manifest }) =>
              Effect.gen(function* () {
                const jobName = String(manifest.metadata.name)
                names.push(jobName)
                yield* TestClock.adjust("1 second")
                const where = { jobName, namespace: "foreman-system" }
                return typeof end === "string"
                  ? yield* new JobError({ ...where, fault: end, message: end, logTail: "" })
                  : { ...where, terminationMessage: "", logHead: "FOREMAN-NONCE: x", ...end }
              }),
            {},
            config
          )
          yield* result
          return names
        }, Effect.provide(FakeCluster.layer))
        const coder = {
          image: "foreman-builder:test",
          modelSecret: undefined,
          resources: {},
          journalPVC: "runs"
        }
        const kept = yield* podsOf({ coder })
        assert.strictEqual(kept.length, pods)
        assert.strictEqual(new Set(kept).size, pods)
        assert.strictEqual((yield* podsOf({})).length, 1)
      })
  )

  it.effect("a Job that could not be run is INCOMPLETE, whose fault it was", () =>
    Effect.gen(function* () {
      const { result } = yield* execute(({ manifest }) =>
        Effect.fail(
          new JobError({
            jobName: String(manifest.metadata.name),
            namespace: "foreman-system",
            fault: "CreateForbidden",
            message: "create job: forbidden",
            logTail: ""
          })
        )
      )
      const { extra, failureReason, verdict } = yield* result
      assert.deepStrictEqual<unknown>(
        [verdict, failureReason, extra?.["fault"], extra?.["reason"]],
        ["INCOMPLETE", "InfrastructureError", "CreateForbidden", "create job: forbidden"]
      )
    }).pipe(Effect.provide(FakeCluster.layer))
  )

  it.effect.each([
    ["stays when the daemon goes down: the next one adopts it", false, Effect.void, {}],
    ["goes with its task", true, Effect.flatMap(KubeClient, (kube) => kube.delete(agenticTasks, ref)), {}],
    ["goes when the task's time is over", true, TestClock.adjust("60 seconds"), { timeoutSeconds: 60 }],
    [
      "stays when nobody can tell: its deadline ends it",
      false,
      Effect.flatMap(FakeCluster.FakeCluster, (fake) =>
        fake.failNext(new Unavailable({ message: "connection refused" }), { times: 9 })
      ),
      {}
    ]
  ] as const)("a Job whose run is cut short %s", ([, expected, before, spec]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* cutShort(before, spec), expected)
    }).pipe(Effect.provide(FakeCluster.layer))
  )
})
