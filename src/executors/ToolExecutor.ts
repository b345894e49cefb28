/** An Agent without a model: its first tool is run directly. It needs no clone, no token and no git URL (seed 001). */
import { Clock, Duration, Effect } from "effect"

import type { TaskPayload } from "../../schema/AgenticTask.ts"
import { refOf } from "../../schema/Meta.ts"
import type { Result } from "../../schema/Result.ts"
import { branchOf, remoteOf, upstreamOf } from "../decide/source.ts"
import { dispatched, preconditionFailed } from "../decide/verdict.ts"
import type { JobRunner } from "../services/JobRunner.ts"
import { runGateJob } from "../tools/runGateJob.ts"
import { ExecutorError, type Run, RunEvents, RunnerConfig } from "./Executor.ts"

export const execute = Effect.fn("ToolExecutor.execute")(function* (
  run: Run
): Effect.fn.Return<Result, ExecutorError, JobRunner | RunnerConfig> {
  const { agent, task } = run
  if (agent === undefined) {
    return yield* new ExecutorError({ message: `task ${task.metadata.name} names no agent` })
  }
  const config = yield* RunnerConfig
  const publish = yield* RunEvents
  const startedAt = yield* Clock.currentTimeMillis
  const elapsedSec = Effect.map(Clock.currentTimeMillis, (now) => (now - startedAt) / 1000)

  const name = agent.spec.tools.find((tool) => tool !== "submit_result")
  if (name === undefined) {
    return preconditionFailed({
      reason: "NoDeterministicTool",
      failureReason: "ToolFailed",
      message: `agent ${agent.metadata.name} has no model and no tool to run directly`,
      elapsedSec: yield* elapsedSec
    })
  }
  if (name !== "run_gate_job") {
    return preconditionFailed({
      reason: "ToolFailed",
      failureReason: "ToolFailed",
      message: `${name} cannot run without a model: no part of a task says what its arguments are`,
      elapsedSec: yield* elapsedSec
    })
  }

  const ref = refOf(task)
  const tool = runGateJob({
    namespace: config.foremanNamespace,
    gateImage: config.gateImage,
    toolchainImage: config.gateToolchainImage,
    gitSecret: config.gitSecret,
    cachePVC: config.gateCachePVC,
    deadlineSeconds: config.gateDeadlineSeconds,
    resources: config.gateResources,
    approvals: task.spec.approvals,
    claimId: run.claimId,
    taskUid: task.metadata.uid,
    earlierAttempts: task.status?.attempts?.length,
    gitRemoteURL: config.gitRemoteURL,
    onJobCreated: (jobName) =>
      publish({
        type: "JobCreated",
        task: ref,
        jobName,
        namespace: config.foremanNamespace,
        container: "gate"
      })
  })
  const { payload } = task.spec
  const branch = branchOf(task)
  const args = {
    ...sourceOf(payload, config.gitRemoteURL),
    branch,
    taskRef: { namespace: ref.namespace ?? "default", name: ref.name },
    ...(payload.issue !== undefined && { issue: payload.issue }),
    ...(payload.prompt !== undefined && { prompt: payload.prompt }),
    ...(payload.baseBranch !== undefined && { baseBranch: payload.baseBranch }),
    ...(task.spec.gateProfile !== undefined && { gateProfile: task.spec.gateProfile })
  }
  const outcome = yield* Effect.result(
    tool.call(args, { task: ref, bashTimeout: Duration.seconds(agent.spec.bashTimeoutSeconds) })
  )
  return outcome._tag === "Failure"
    ? preconditionFailed({
        reason: "ToolFailed",
        failureReason: "ToolFailed",
        message: outcome.failure.message,
        elapsedSec: yield* elapsedSec
      })
    : dispatched({
        tool: name,
        output: outcome.success.output,
        terminal: outcome.success.terminal,
        intendedBranch: branch,
        elapsedSec: yield* elapsedSec
      })
})

const slugOf = (url: string): string | undefined => /([^/:\s]+\/[^/:\s]+?)(?:\.git)?\/*$/u.exec(url)?.[1]

/** Where the branch is: the remote that a coder of this node pushes to, else GitHub. */
const sourceOf = (
  payload: TaskPayload,
  gitRemoteURL: string | undefined
): { readonly repo?: string; readonly cloneURL?: string; readonly upstreamURL?: string } => {
  const repo = payload.repo ?? (gitRemoteURL === undefined ? undefined : slugOf(gitRemoteURL))
  if (repo === undefined) return {}
  const cloneURL = remoteOf(payload, gitRemoteURL) ?? `https://github.com/${repo}.git`
  const upstreamURL = upstreamOf(payload, cloneURL)
  return { repo, cloneURL, ...(upstreamURL !== undefined && { upstreamURL }) }
}
