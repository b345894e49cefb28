/** Runs an Agent's model over a checkout, and turns what it submits into a branch or a word. Contract §3.6 and §4. */
import { Clock, Deferred, Duration, Effect, Fiber, Result as Outcome, type Scope } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { Spend } from "../../schema/Budget.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { refOf } from "../../schema/Meta.ts"
import type { Result } from "../../schema/Result.ts"
import { formatMillis } from "../../schema/Time.ts"
import type { FailureReason } from "../../schema/Verdict.ts"
import type { Bound } from "../decide/limits.ts"
import { decided, limitReached, unfinished, type RunFacts } from "../decide/nativeVerdict.ts"
import { spendOf } from "../decide/spend.ts"
import { systemPrompt, taskPrompt } from "../decide/prompt.ts"
import { costWords } from "../decide/spend.ts"
import { limitsOf } from "../decide/stuck.ts"
import { preconditionFailed } from "../decide/verdict.ts"
import { type LoopReport, run as runLoop } from "../loop/loop.ts"
import type { LoopEnd, LoopOptions } from "../loop/Progress.ts"
import type { GateAnalysis } from "../services/GateAnalysis.ts"
import type { GitWorkspace, Workspace } from "../services/GitWorkspace.ts"
import type { Endpoint, InferenceClient, InferenceError } from "../services/InferenceClient.ts"
import { IssueTracker } from "../services/IssueTracker.ts"
import { Journal } from "../services/Journal.ts"
import type { KubeClient } from "../services/KubeClient.ts"
import type { RunRecord } from "../services/RunRecord.ts"
import { WorkspaceTools, type WorkspaceToolsHost } from "../services/WorkspaceTools.ts"
import { type CatalogTool, pick, toolNames } from "../tools/catalog.ts"
import {
  failAs,
  isAboutBranch,
  isEditing,
  openWorkspace,
  remoteFor,
  requireBranch,
  resumeImpossible,
  toolsOf
} from "./checkout.ts"
import { contextWindow, type KnownWindow } from "./contextWindow.ts"
import { ExecutorError, type Run, RunEvents, RunnerConfig } from "./Executor.ts"
import { type History, historyOf, record } from "./history.ts"
import { modelEndpoints, Precondition } from "./modelEndpoint.ts"
import { railed } from "./coderRails.ts"
import { keepWork } from "./keptWork.ts"
import { orient, roomFor } from "./orient.ts"
import { adopt, adoptTip, publish, type Remote } from "./publish.ts"
import { judge, onMovedBranch } from "./reviewing.ts"
import { runBounds, withKnownPrice } from "./runBounds.ts"
import * as Transcript from "./Transcript.ts"
import { treeState } from "./treeState.ts"

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

const maxOutputTokens = 8192
/** For an endpoint that says "later": a model that is loaded anew, a rate that is used up for some minutes. */
export const defaultMaxWait = Duration.minutes(15)

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

interface Prepared {
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
const prepare = Effect.fnUntraced(function* (
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
    if (earlier !== undefined) return earlier
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

const converse = Effect.fnUntraced(function* (run: Run, prepared: Prepared) {
  const { agent, bounds, endpoints, history, issue, workspace } = prepared
  const { spec } = agent
  const publishEvent = yield* RunEvents
  const task = refOf(run.task)
  const { firstWait, maxWait = defaultMaxWait } = yield* RunnerConfig
  const editing = isEditing(run.task, agent)
  const window = yield* prepared.window
  const files = yield* toolsOf(workspace)
  const judged = editing
    ? undefined
    : judge(
        run.task,
        yield* Effect.flatMap(workspace, (checkout) =>
          checkout.diff.pipe(failAs("BranchCheckoutFailed", "CloneFailed"))
        ),
        prepared.tools,
        window.windowTokens
      )
  const tools =
    judged?.tools ??
    (prepared.remote === undefined ? prepared.tools : yield* railed(run.task, workspace, prepared.tools))
  const begun = history.continuation?.journal
  const system = begun?.run.systemPrompt ?? systemPrompt(agent)
  const shown = { issueText: issue, diff: judged?.shown ?? { text: "" }, isEditing: editing }
  // A run that goes on was told before.
  const room = roomFor(window.windowTokens, tools, system + taskPrompt(run.task, shown))
  const isOriented = editing && prepared.remote !== undefined && begun === undefined
  const orientation = isOriented
    ? yield* Effect.flatMap(workspace, (checkout) => orient(run.task, issue, checkout, room))
    : ""
  const settings = {
    systemPrompt: system,
    taskPrompt: begun?.run.taskPrompt ?? taskPrompt(run.task, { ...shown, orientation }),
    maxTokens: spec.maxOutputTokens || maxOutputTokens,
    maxTurns: spec.maxTurns,
    ...window,
    stuckLimits: limitsOf(spec.stuckLoopDetection, editing)
  }
  const budget = Duration.seconds(spec.requestTimeoutSeconds)
  const recording = yield* record(run, agent, history, {
    head: {
      ...settings,
      ...(prepared.remote !== undefined && { branch: prepared.remote.branch }),
      tools: tools.map(({ description, name, parameters }) => ({ name, description, parameters })),
      budgetMillis: Duration.toMillis(budget),
      isEditing: editing
    },
    endpoints,
    workspace,
    tools
  }).pipe(failAs("JournalUnwritable", "InfrastructureError"))
  const before = begunBefore(history, endpoints[0])
  // Should this process be interrupted in order, it tells that, too.
  if (before !== undefined) yield* publishEvent({ type: "Spent", task, spend: before })
  const loop = runLoop<WorkspaceTools | IssueTracker>({
    ...settings,
    recorder: recording.recorder,
    endpoints,
    tools,
    knownTools: toolNames,
    toolContext: { task, bashTimeout: Duration.seconds(spec.bashTimeoutSeconds) },
    ...(spec.temperature === undefined ? {} : { temperature: Number(spec.temperature) }),
    ...(spec.chatTemplateKwargs === undefined ? {} : { chatTemplateKwargs: spec.chatTemplateKwargs }),
    maxRetries: spec.maxRetries,
    turnTimeout: Duration.seconds(spec.requestTurnTimeoutSeconds),
    // Time in which nobody worked is not the run's.
    budget: Duration.millis(Math.max(0, Duration.toMillis(budget) - (begun?.elapsedMillis ?? 0))),
    maxWait,
    ...(firstWait !== undefined && { firstWait }),
    onHeld: ({ party, untilMillis, words }) =>
      publishEvent({ type: "EndpointHeld", agent: refOf(agent), untilMillis, party, message: words }),
    onAnswered: publishEvent({
      type: "EndpointAnswered",
      agent: refOf(agent),
      isShown: agent.status?.endpoint !== undefined
    }),
    bounds,
    before,
    onSpent: (spend) => publishEvent({ type: "Spent", task, spend }),
    ...(editing && {
      treeState: workspace.pipe(
        Effect.flatMap(({ baseCommit }) => treeState(baseCommit)),
        Effect.orElseSucceed(() => "")
      )
    }),
    onTurn: ({ seconds, spent, tools, turn, usage }) =>
      Effect.logInfo("turn ended").pipe(
        Effect.annotateLogs({
          turn,
          tools: tools.join(" "),
          seconds,
          ...(usage !== undefined && { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens }),
          ...(spent !== undefined && { modelSeconds: spent.modelSeconds ?? 0, ...costWords(spent) })
        }),
        Effect.andThen(publishEvent({ type: "TurnEnded", task, turn, tools, seconds }))
      )
  }).pipe(Effect.provideService(WorkspaceTools, files))
  // A clone that fails ends the conversation with its own word, not with a tool's complaint.
  const report = yield* Effect.raceFirst(loop, Effect.andThen(workspace, Effect.never))
  yield* workspace
  return { report, recording }
})

/** Every end of the loop but a submission. */
const withoutSubmission = (end: Exclude<LoopEnd, { _tag: "Submitted" }>, facts: RunFacts): Result => {
  switch (end._tag) {
    case "EndpointFailed":
      return endpointFailed(end.error, facts)
    case "BudgetExhausted":
      return unfinished(facts, {
        outcome: "LOOP-BUDGET-EXHAUSTED",
        summary: `the loop's time was used up after ${facts.turnCount} turns`,
        failureReason: "Timeout",
        party: end.party,
        extra: { reason: "Timeout" }
      })
    case "NotRecorded":
      return unfinished(facts, {
        outcome: "LOOP-INCOMPLETE",
        summary: `the run's journal can be written no further: ${end.error.message}`,
        failureReason: "InfrastructureError",
        party: "workspace",
        extra: { reason: end.error.reason }
      })
    case "LimitReached":
      return limitReached(facts, end.hit)
    case "MaxTurnsExhausted":
      return unfinished(facts, {
        outcome: "LOOP-INCOMPLETE",
        summary: `no result after ${facts.turnCount} turns, the most that the agent may take`,
        failureReason: "MaxTurnsExhausted",
        party: "model",
        extra: { reason: "MaxTurnsExhausted" }
      })
    case "ModelMisunderstood":
      return unfinished(facts, {
        outcome: "LOOP-INCOMPLETE",
        summary: end.summary,
        failureReason: "ModelMisunderstood",
        party: end.party,
        extra: { reason: end.reason }
      })
    case "Stuck":
      return unfinished(facts, {
        outcome: "STUCK-LOOP-DETECTED",
        summary: `the run went in circles: ${end.detail}`,
        failureReason: "ModelMisunderstood",
        party: "model",
        extra: { signal: end.signal, detail: end.detail, terminateTurn: facts.turnCount }
      })
  }
}

const settle = Effect.fnUntraced(function* (
  run: Run,
  { agent, history, remote, workspace }: Prepared,
  report: LoopReport,
  startedAt: number
) {
  const config = yield* RunnerConfig
  const transcriptRef = yield* Transcript.store(run.task, report.transcript, report.turnCount)
  const ownSec = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  const elapsedSec = elapsedBefore(history) / 1000 + ownSec
  const facts: RunFacts = {
    intendedBranch: remote?.branch,
    transcriptRef,
    turnCount: report.turnCount,
    usage: report.spent && {
      ...report.spent,
      wallSeconds: (begunBefore(history)?.wallSeconds ?? 0) + ownSec
    },
    ...interruptions(history),
    elapsedSec
  }
  const { end } = report
  if (end._tag !== "Submitted") return withoutSubmission(end, facts)

  const { terminal } = end
  const { author, committer = author } = config
  const isPublished = terminal.verdict === "GO" && remote !== undefined && isEditing(run.task, agent)
  if (!isPublished || author === undefined || committer === undefined) {
    return decided(facts, yield* onMovedBranch(run.task, remote, yield* workspace, terminal))
  }
  const submission = { ...terminal, commitMessage: terminal.commitMessage ?? terminal.summary }
  return yield* publish(run, yield* workspace, remote, facts, submission, { author, committer })
})

/** The machine's word for an endpoint's failure; the rest is the server's own. */
const failureOf = ({ party }: InferenceError["reason"]): FailureReason => {
  switch (party) {
    case "credentials":
      return "AuthUnavailable"
    case "model":
      return "ModelMisunderstood"
    case "configuration":
    case "template":
    case "contentFilter":
      return "InfrastructureError"
    default:
      return "InferenceServiceUnavailable"
  }
}

const endpointFailed = (error: InferenceError, facts: RunFacts): Result => {
  const { reason } = error
  return unfinished(facts, {
    outcome: "LOOP-INCOMPLETE",
    summary: error.message,
    failureReason: failureOf(reason),
    party: reason.party,
    extra: {
      reason: reason._tag,
      ...(reason._tag === "EndpointHeld" && { heldUntil: formatMillis(reason.untilMillis) }),
      ...(reason._tag === "ContextOverflow" && {
        ...(reason.promptTokens !== undefined && { promptTokens: reason.promptTokens }),
        ...(reason.windowTokens !== undefined && { windowTokens: reason.windowTokens })
      })
    }
  })
}

/** What earlier processes of the run used and nobody was told: what one that ended in order used is in the task's status. */
const begunBefore = ({ continuation }: History, endpoint?: Endpoint): Spend | undefined => {
  if (continuation === undefined) return undefined
  const { modelMillis, usage, wallMillis } = continuation.journal.untold
  return { ...spendOf(usage, modelMillis / 1000, endpoint?.prices, false), wallSeconds: wallMillis / 1000 }
}

const elapsedBefore = ({ continuation }: History): number => continuation?.journal.elapsedMillis ?? 0

/** What the result says about interruptions of the run; nothing where there were none. */
const interruptions = ({ continuation, lost }: History): Pick<RunFacts, "resumes" | "beganAnew"> => ({
  ...(continuation !== undefined && { resumes: continuation.journal.resumes + 1 }),
  ...(lost !== undefined && { beganAnew: lost })
})

const isResult = (prepared: Prepared | Result): prepared is Result => "schemaVersion" in prepared

/** What must be repaired by a person is a Result; what only the machinery knows is an error. */
export const execute = Effect.fn("NativeExecutor.execute")(function* (
  run: Run
): Effect.fn.Return<Result, ExecutorError, Requirements | Scope.Scope> {
  const { agent, task } = run
  if (agent === undefined) {
    return yield* new ExecutorError({ message: `task ${task.metadata.name} names no agent` })
  }
  const startedAt = yield* Clock.currentTimeMillis
  const attempt = Effect.fnUntraced(function* (history: History) {
    const prepared = yield* prepare(run, agent, history)
    if (isResult(prepared)) return prepared
    const work = Effect.gen(function* () {
      const { recording, report } = yield* converse(run, prepared)
      const settled = yield* settle(run, prepared, report, startedAt)
      const isKept = prepared.remote !== undefined && isEditing(run.task, agent)
      const result = isKept ? yield* keepWork(run, prepared.workspace, recording.attempt, settled) : settled
      yield* recording.ended({ end: report.end._tag, result })
      return result
    })
    return yield* Effect.raceFirst(work, prepared.adopted)
  }, Effect.scoped)
  const outcome = yield* historyOf(run, agent).pipe(
    Effect.flatMap(attempt),
    Effect.catchIf(
      (error) => error._tag === "Precondition" && error.reason === resumeImpossible,
      ({ message }) =>
        Effect.andThen(Effect.logWarning(`the run begins anew: ${message}`), attempt({ lost: message }))
    ),
    Effect.result
  )
  if (Outcome.isSuccess(outcome)) return outcome.success
  if (outcome.failure._tag === "ExecutorError") return yield* outcome.failure
  const { failureReason, message, reason } = outcome.failure
  const elapsedSec = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  return preconditionFailed({ reason, failureReason, message, elapsedSec })
}, Effect.scoped)
