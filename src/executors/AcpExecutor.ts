/** Runs another coding agent over a checkout: the same claims, confinement, budgets, journal and checks as our own loop's. */
import { Clock, Deferred, Duration, Effect, Redacted } from "effect"

import { refOf } from "../../schema/Meta.ts"
import { acpFault, isPermitted, launchOf } from "../decide/acp.ts"
import { systemPrompt, taskPrompt } from "../decide/prompt.ts"
import { AgentStory } from "../journal/AgentStory.ts"
import * as Budget from "../loop/budget.ts"
import type { LoopEnd } from "../loop/Progress.ts"
import { type AgentOptions, type CodingAgentError, CodingAgentHost } from "../services/CodingAgent.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import type { ToolContext } from "../tools/AgentTool.ts"
import { readText } from "../tools/textFiles.ts"
import { writeFile } from "../tools/writeFile.ts"
import * as AcpModel from "./acpModel.ts"
import * as AcpRecording from "./acpRecording.ts"
import { attempt, type Conversed } from "./attempt.ts"
import { converse as converseWith } from "./acpSession.ts"
import { toolsOf } from "./checkout.ts"
import { type Run, RunEvents, RunnerConfig } from "./Executor.ts"
import { begunBefore, openJournal } from "./history.ts"
import { Precondition } from "./modelEndpoint.ts"
import type { Prepared } from "./prepare.ts"

/** Names of variables whose values are not written down. */
const secretName = /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL/iu

const unusable = (message: string) =>
  new Precondition({ reason: "ExecutorUnusable", failureReason: "InfrastructureError", message })

/** Turns, windows and the like of our own loop, which a journal's first record has, too. */
const notOurs = {
  tools: [],
  maxTokens: 0,
  stuckLimits: { repeatedToolThreshold: 0, editFreeTurnsLimit: 0, contextSoftCap: 0, contextHardCap: 0 },
  executor: "ACP"
} as const

const converse = Effect.fnUntraced(function* (run: Run, prepared: Prepared) {
  const { agent, bounds, endpoints, history, issue, remote } = prepared
  const { spec } = agent
  const fault = acpFault(agent)
  if (spec.acp === undefined || fault !== undefined) return yield* unusable(fault ?? "there is no spec.acp")
  const { acp } = spec
  const task = refOf(run.task)
  const publishEvent = yield* RunEvents
  const { author } = yield* RunnerConfig
  const host = yield* CodingAgentHost
  const files = yield* toolsOf(prepared.workspace)
  const checkout = yield* prepared.workspace
  const window = yield* prepared.window
  const begun = history.continuation?.journal
  const startedAtMillis = yield* Clock.currentTimeMillis
  const budgetMillis = Math.max(0, spec.requestTimeoutSeconds * 1000 - (begun?.elapsedMillis ?? 0))
  const end = yield* Deferred.make<LoopEnd>()

  const prompt =
    begun?.run.taskPrompt ??
    `${systemPrompt(agent)}\n\n${taskPrompt(run.task, { issueText: issue, diff: { text: "" }, isEditing: true, isByMessage: true })}`
  const secrets = [
    ...endpoints.map(({ apiKey }) => apiKey),
    ...(acp.env ?? []).flatMap(({ name, value = "" }) =>
      secretName.test(name) ? [Redacted.make(value)] : []
    )
  ]
  const open = yield* openJournal(run, agent, history, secrets).pipe(
    Effect.mapError(
      ({ message }) =>
        new Precondition({ reason: "JournalUnwritable", failureReason: "InfrastructureError", message })
    )
  )
  const recording = yield* AcpRecording.begin(open, {
    head: {
      ...notOurs,
      ...window,
      systemPrompt: "",
      taskPrompt: prompt,
      ...(remote !== undefined && { branch: remote.branch }),
      maxTurns: spec.maxTurns,
      budgetMillis: spec.requestTimeoutSeconds * 1000,
      isEditing: true
    },
    history,
    checkout,
    onFull: (error) => Deferred.succeed(end, { _tag: "NotRecorded", error })
  })
  const before = begunBefore(history, endpoints[0])
  if (before !== undefined) yield* publishEvent({ type: "Spent", task, spend: before })
  const spending = Budget.make(
    { bounds, before, onSpent: (spend) => publishEvent({ type: "Spent", task, spend }) },
    startedAtMillis
  )
  const story = new AgentStory()
  const model = yield* AcpModel.make(run, prepared, spending, {
    startedAtMillis,
    budgetMillis,
    end,
    takeTools: () => story.takeTools(),
    onUsed: (usage, modelMillis) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) =>
        recording.write([{ type: "spent", at, usage, modelMillis }])
      )
  })
  const home = open?.folder === undefined ? undefined : `${open.folder}/agent`
  if (home !== undefined && begun === undefined) yield* host.forget(home)

  const redact = open?.redact ?? ((text: string) => text)
  const failed = ({ message, reason }: CodingAgentError): LoopEnd =>
    // An agent that ends since its model failed is not to blame.
    model.failure === undefined
      ? { _tag: "AgentFailed", reason: reason._tag, party: reason.party, summary: redact(message) }
      : { _tag: "EndpointFailed", error: model.failure }

  let isTold = false
  const executor: Record<string, string> = { type: "ACP" }
  const worked = Effect.gen(function* () {
    const gateway = yield* host.openGateway({
      ask: model.ask,
      endpoint: endpoints[0],
      turnTimeout: Duration.seconds(spec.requestTurnTimeoutSeconds)
    })
    executor["network"] = gateway.isOnlyNetwork ? "ModelOnly" : "Host"
    const coder = yield* host.start({
      gateway,
      ...launchOf(acp, {
        origin: gateway.origin,
        key: gateway.key,
        model: endpoints[0].model || "default",
        windowTokens: window.windowTokens
      }),
      directory: checkout.directory,
      identity: author,
      home,
      permit: ({ toolCall }) => isPermitted(acp.permissions, toolCall.kind),
      onEvent: Effect.fnUntraced(function* (event) {
        // What an agent says again when it goes on with a session is in the journal already.
        if (!isTold) return
        yield* recording.write(story.take(event, yield* Clock.currentTimeMillis))
        if (story.endsWork(event)) yield* recording.checkpointSoon
      }),
      files: textFiles(files, { task, bashTimeout: Duration.seconds(spec.bashTimeoutSeconds) })
    })
    executor["agent"] = coder.name
    return yield* converseWith({
      run,
      prepared,
      checkout,
      coder,
      prompt,
      story,
      recording,
      model,
      onOpened: Effect.sync(() => (isTold = true))
    })
  }).pipe(
    Effect.catchTag("CodingAgentError", (error) => Effect.succeed(failed(error))),
    Effect.provideService(WorkspaceTools, files),
    // Nothing of the agent is left when its work is looked at for the last time.
    Effect.scoped
  )
  const how = yield* Budget.within(spending, Effect.raceFirst(worked, Deferred.await(end))).pipe(
    Effect.timeoutOrElse({
      duration: Duration.millis(budgetMillis),
      orElse: () =>
        Effect.sync((): LoopEnd => ({
          _tag: "BudgetExhausted",
          party: model.asking > 0 ? "server" : "model"
        }))
    })
  )
  yield* recording.write(story.flush(yield* Clock.currentTimeMillis))
  const isHeld = how._tag === "EndpointFailed" && how.error.reason._tag === "EndpointHeld"
  if (home !== undefined && !isHeld) yield* host.forget(home)
  const transcript = story.transcript.map(redact)
  return {
    report: { end: how, turnCount: model.turns, transcript, spent: spending.spent },
    recording,
    executor
  } satisfies Conversed
})

/** Text files for the agent, as our own tools read and write them: the encoding stays, and what would be damaged is refused. */
const textFiles = (files: WorkspaceTools["Service"], context: ToolContext): AgentOptions["files"] => ({
  read: (path) =>
    readText(path).pipe(
      Effect.map(({ text }) => text),
      Effect.provideService(WorkspaceTools, files)
    ),
  write: (path, content) =>
    writeFile
      .call({ path, content }, context)
      .pipe(Effect.asVoid, Effect.provideService(WorkspaceTools, files))
})

/** What must be repaired by a person is a Result; what only the machinery knows is an error. */
export const execute = Effect.fn("AcpExecutor.execute")((run: Run) => attempt(run, converse))
