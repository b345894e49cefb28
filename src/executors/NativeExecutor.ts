/** Runs an Agent's model over a checkout, and turns what it submits into a branch or a word. Contract §3.6 and §4. */
import { Clock, Duration, Effect, Result as Outcome, type Scope } from "effect"

import { refOf } from "../../schema/Meta.ts"
import type { Result } from "../../schema/Result.ts"
import { decided, type RunFacts } from "../decide/nativeVerdict.ts"
import { systemPrompt, taskPrompt } from "../decide/prompt.ts"
import { costWords } from "../decide/spend.ts"
import { limitsOf } from "../decide/stuck.ts"
import { preconditionFailed } from "../decide/verdict.ts"
import { type LoopReport, run as runLoop } from "../loop/loop.ts"
import { IssueTracker } from "../services/IssueTracker.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { toolNames } from "../tools/catalog.ts"
import { failAs, isEditing, resumeImpossible, toolsOf } from "./checkout.ts"
import { ExecutorError, type Run, RunEvents, RunnerConfig } from "./Executor.ts"
import {
  begunBefore,
  elapsedBefore,
  type History,
  historyOf,
  interruptions,
  lockRun,
  record
} from "./history.ts"
import { railed } from "./coderRails.ts"
import { isResult, prepare, type Prepared, type Requirements } from "./prepare.ts"
import { withoutSubmission } from "./unsubmitted.ts"
import { keepWork } from "./keptWork.ts"
import { orient, roomFor } from "./orient.ts"
import { publish } from "./publish.ts"
import { drop } from "./remoteCheckpoints.ts"
import { judge, onMovedBranch } from "./reviewing.ts"
import * as Transcript from "./Transcript.ts"
import { treeState } from "./treeState.ts"

const maxOutputTokens = 8192
/** For an endpoint that says "later": a model that is loaded anew, a rate that is used up for some minutes. */
export const defaultMaxWait = Duration.minutes(15)

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
    remote: prepared.remote,
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
    onTurn: ({ action = "", contextTokens, seconds, spent, tools, turn, usage, windowTokens }) =>
      Effect.logInfo("turn ended").pipe(
        Effect.annotateLogs({
          turn,
          tools: tools.join(" "),
          action,
          seconds,
          contextTokens,
          windowTokens,
          ...(usage !== undefined && { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens }),
          ...(spent !== undefined && { modelSeconds: spent.modelSeconds ?? 0, ...costWords(spent) })
        }),
        Effect.andThen(
          publishEvent({ type: "TurnEnded", task, turn, maxTurns: spec.maxTurns, tools, action, seconds })
        )
      )
  }).pipe(Effect.provideService(WorkspaceTools, files))
  // A clone that fails ends the conversation with its own word, not with a tool's complaint.
  const report = yield* Effect.raceFirst(loop, Effect.andThen(workspace, Effect.never))
  yield* workspace
  return { report, recording }
})

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

/** What must be repaired by a person is a Result; what only the machinery knows is an error. */
export const execute = Effect.fn("NativeExecutor.execute")(function* (
  run: Run
): Effect.fn.Return<Result, ExecutorError, Requirements | Scope.Scope> {
  const { agent, task } = run
  if (agent === undefined) {
    return yield* new ExecutorError({ message: `task ${task.metadata.name} names no agent` })
  }
  // Before anything of the other process is touched: its checkout has the same folder.
  yield* lockRun(run)
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
    const result = yield* Effect.raceFirst(work, prepared.adopted)
    if (result.verdict === "GO" && prepared.remote !== undefined && isEditing(run.task, agent)) {
      yield* drop(run.task, prepared.remote)
    }
    return result
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
