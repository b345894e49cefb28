/**
 * An Agent whose loop runs in a Job's pod: one Job a task, found again by whoever runs the task next. It ends with the task, not with the
 * daemon that waits for it. Seed 003, contract §3.8.
 */
import { Clock, Duration, Effect, type Result as Outcome } from "effect"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { refOf } from "../../schema/Meta.ts"
import type { Result } from "../../schema/Result.ts"
import { coderContainer, type CoderJob, coderJob, deadlineOf, isKept } from "../decide/coderJob.ts"
import { envelopeOf, isPodLost, jobError, jobResult, wasKilled } from "../decide/jobResult.ts"
import { parkingOf } from "../decide/parking.ts"
import { type JobError, type JobOutcome, JobRunner } from "../services/JobRunner.ts"
import { KubeClient } from "../services/KubeClient.ts"
import { ExecutorError, type Run, RunEvents, RunnerConfig } from "./Executor.ts"

export type Requirements = JobRunner | KubeClient | RunnerConfig

/**
 * Whether nobody will ask for the Job's result: the task is gone, or its own time is over. Otherwise the Job stays for the next daemon
 * that has the task, also when that is another's already; it is bounded by its deadline.
 */
const isAbandoned = Effect.fnUntraced(function* (run: Run, startedAt: number) {
  const kube = yield* KubeClient
  const { metadata, spec } = run.task
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  if ((spec.timeoutSeconds ?? 0) > 0 && seconds >= (spec.timeoutSeconds ?? 0)) return true
  return yield* kube.get(agenticTasks, refOf(run.task)).pipe(
    Effect.map((now) => now.metadata.uid !== metadata.uid || now.metadata.deletionTimestamp !== undefined),
    Effect.catchReason("KubeError", "NotFound", () => Effect.succeed(true)),
    Effect.catch((error) => Effect.as(Effect.logWarning("the Job stays until its deadline", error), false))
  )
})

/** Pods of one run, where it is kept: the first one and those that go on with it. */
const maxPods = 3

type Ended = Outcome.Result<JobOutcome, JobError>

export const execute = Effect.fn("JobExecutor.execute")(function* (
  run: Run
): Effect.fn.Return<Result, ExecutorError, Requirements> {
  const { agent, task } = run
  if (agent === undefined) {
    return yield* new ExecutorError({ message: `task ${task.metadata.name} names no agent` })
  }
  const config = yield* RunnerConfig
  if (config.coder === undefined) return yield* new ExecutorError({ message: "no Jobs are run here" })
  const kube = yield* KubeClient
  const runner = yield* JobRunner
  const publish = yield* RunEvents
  const startedAt = yield* Clock.currentTimeMillis
  const { coder } = config
  const runPod = Effect.fnUntraced(function* (pod: number): Effect.fn.Return<Ended> {
    const job: CoderJob = {
      task,
      agent,
      settings: coder,
      gitSecret: config.gitSecret,
      suffix: String(yield* Clock.currentTimeMillis),
      namespace: config.foremanNamespace,
      gitRemoteURL: config.gitRemoteURL,
      author: config.author,
      committer: config.committer,
      checkpointRemote: config.checkpointRemote
    }
    const ended = yield* Effect.result(
      runner.run({
        manifest: coderJob(job),
        container: coderContainer,
        pollTimeout: Duration.seconds(2 * deadlineOf({ agent, task })),
        onCreated: (jobName) =>
          publish({
            type: "JobCreated",
            task: refOf(task),
            jobName,
            namespace: config.foremanNamespace,
            container: coderContainer
          }),
        // A Job whose endpoint was held came to no end: taken up again, it would park the task again and again.
        accepts: (outcome) =>
          envelopeOf(outcome) !== undefined && parkingOf(jobResult(outcome, 0)) === undefined,
        isAbandoned: isAbandoned(run, startedAt).pipe(Effect.provideService(KubeClient, kube))
      })
    )
    const isLost = ended._tag === "Success" ? wasKilled(ended.success) : isPodLost(ended.failure)
    if (!isLost || !isKept(job) || pod === maxPods) return ended
    yield* Effect.logWarning("the run's pod was lost: another goes on with it").pipe(
      Effect.annotateLogs({
        pod,
        jobName: (ended._tag === "Success" ? ended.success : ended.failure).jobName
      })
    )
    return yield* runPod(pod + 1)
  })
  const ended = yield* runPod(1)
  const elapsedSec = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  return ended._tag === "Success"
    ? jobResult(ended.success, elapsedSec)
    : jobError(ended.failure, ended.failure, elapsedSec)
})
