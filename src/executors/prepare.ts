/** All that a run of a model needs before the model is asked. */
import { Clock, Deferred, Effect, Fiber, type Scope } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Result } from "../../schema/Result.ts"
import type { Bound } from "../decide/limits.ts"
import type { LoopOptions } from "../loop/Progress.ts"
import type { GateAnalysis } from "../services/GateAnalysis.ts"
import type { GitWorkspace, Workspace } from "../services/GitWorkspace.ts"
import type { InferenceClient } from "../services/InferenceClient.ts"
import { IssueTracker } from "../services/IssueTracker.ts"
import { Journal } from "../services/Journal.ts"
import type { KubeClient } from "../services/KubeClient.ts"
import type { RunRecord } from "../services/RunRecord.ts"
import type { WorkspaceToolsHost } from "../services/WorkspaceTools.ts"
import { type CatalogTool, pick } from "../tools/catalog.ts"
import { failAs, isAboutBranch, isEditing, openWorkspace, remoteFor, requireBranch } from "./checkout.ts"
import { contextWindow, type KnownWindow } from "./contextWindow.ts"
import { type Run, RunnerConfig } from "./Executor.ts"
import type { History } from "./history.ts"
import { modelEndpoints, Precondition } from "./modelEndpoint.ts"
import { adopt, adoptTip, type Remote } from "./publish.ts"
import { drop } from "./remoteCheckpoints.ts"
import { runBounds, withKnownPrice } from "./runBounds.ts"

export type Requirements =
  | GateAnalysis
  | GitWorkspace
  | InferenceClient
  | IssueTracker
  | Journal
  | KubeClient
  | RunnerConfig
  | RunRecord
  | WorkspaceToolsHost

/** The payload's own words; without any, the issue's. A tracker that does not answer costs the text, not the run. */
const issueText = Effect.fnUntraced(function* (task: AgenticTask) {
  const { issue, prompt = "", repo } = task.spec.payload
  if (prompt !== "" || issue === undefined || repo === undefined) return prompt
  const tracker = yield* IssueTracker
  return yield* tracker.issue(repo, issue).pipe(
    Effect.map(({ body, title }) => `${title}\n\n${body}`),
    Effect.catch((error) => Effect.as(Effect.logWarning("issue not readable", error), ""))
  )
})

export interface Prepared {
  readonly agent: Agent
  readonly endpoints: LoopOptions<never>["endpoints"]
  readonly bounds: ReadonlyArray<Bound>
  readonly remote: Remote | undefined
  /** The checkout, once it is there. */
  readonly workspace: Effect.Effect<Workspace, Precondition>
  /** What an earlier run of the task came to, once the checkout proves it; then there is no workspace. */
  readonly adopted: Effect.Effect<Result>
  readonly tools: ReadonlyArray<CatalogTool>
  readonly issue: string
  readonly window: Effect.Effect<KnownWindow>
  readonly history: History
}

/**
 * All that must be there before the model is asked, in the contract's order. The clone goes on meanwhile: whoever needs the checkout
 * waits for it.
 */
export const prepare = Effect.fnUntraced(function* (
  run: Run,
  agent: Agent,
  history: History
): Effect.fn.Return<Prepared | Result, Precondition, Requirements | Scope.Scope> {
  const { task } = run
  const config = yield* RunnerConfig
  const { namespace = "default" } = task.metadata
  const bounds = runBounds(task, agent, yield* Clock.currentTimeMillis)
  const endpoints = yield* withKnownPrice(yield* modelEndpoints(agent, namespace), bounds)
  const window = yield* Effect.forkScoped(contextWindow(agent.spec, history, endpoints[0]))
  const remote = yield* remoteFor(task)
  if (remote !== undefined && isEditing(task, agent)) {
    if (config.author === undefined) {
      return yield* new Precondition({
        reason: "CommitAuthorNotConfigured",
        failureReason: "InfrastructureError",
        message: "nobody to commit as: start the node with --commit-author-email"
      })
    }
    const earlier = yield* adopt(run, remote).pipe(failAs("CloneFailed", "CloneFailed"))
    if (earlier !== undefined) {
      yield* drop(task, remote)
      return earlier
    }
  }
  if (remote !== undefined && !isEditing(task, agent) && isAboutBranch(task)) yield* requireBranch(remote)
  const tools = yield* Effect.fromResult(pick(agent.spec.tools)).pipe(
    Effect.mapError((message) => ({ message })),
    failAs("ToolRegistryBuildFailed", "ToolFailed")
  )
  const opened = yield* Deferred.make<Workspace, Precondition>()
  const adopted = yield* Deferred.make<Result>()
  const mayAdopt = remote !== undefined && isEditing(task, agent)
  // One fiber clones, holds and removes the checkout, so that a run that is cut short ends git before the folder is wiped.
  yield* openWorkspace(run, remote, agent, history.continuation).pipe(
    Effect.flatMap((workspace) =>
      Effect.flatMap(mayAdopt ? adoptTip(run, workspace, remote) : Effect.undefined, (earlier) =>
        earlier === undefined ? Deferred.succeed(opened, workspace) : Deferred.succeed(adopted, earlier)
      )
    ),
    Effect.andThen(Effect.never),
    Effect.scoped,
    Effect.onError((cause) => Deferred.failCause(opened, cause)),
    Effect.forkScoped
  )
  const issue = history.continuation === undefined ? yield* issueText(task) : ""
  return {
    agent,
    endpoints,
    bounds,
    remote,
    workspace: Deferred.await(opened),
    adopted: Deferred.await(adopted),
    tools,
    issue,
    window: Fiber.join(window),
    history
  }
})

export const isResult = (prepared: Prepared | Result): prepared is Result => "schemaVersion" in prepared
