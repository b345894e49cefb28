/** Runs an Agent's model over a checkout, and turns what it submits into a branch or a word. Contract §3.6 and §4. */
import { Duration, Effect } from "effect"

import { refOf } from "../../schema/Meta.ts"
import { systemPrompt, taskPrompt } from "../decide/prompt.ts"
import { costWords } from "../decide/spend.ts"
import { limitsOf } from "../decide/stuck.ts"
import { run as runLoop } from "../loop/loop.ts"
import { IssueTracker } from "../services/IssueTracker.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { toolNames } from "../tools/catalog.ts"
import { attempt } from "./attempt.ts"
import { failAs, isEditing, toolsOf } from "./checkout.ts"
import { type Run, RunEvents, RunnerConfig } from "./Executor.ts"
import { begunBefore, record } from "./history.ts"
import { railed } from "./coderRails.ts"
import type { Prepared } from "./prepare.ts"
import { orient, roomFor } from "./orient.ts"
import { judge } from "./reviewing.ts"
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

/** What must be repaired by a person is a Result; what only the machinery knows is an error. */
export const execute = Effect.fn("NativeExecutor.execute")((run: Run) => attempt(run, converse))
