/**
 * One task in this process, then the end: what a coder Job's pod runs. It never writes the task's status; the result goes home as the
 * last lines of the log and as the pod's termination message. Contract §3.7, design §3.7.
 */
import { randomBytes } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"

import { Cause, Effect, Exit, Layer, Result as Outcome } from "effect"

import * as ChatCompletionsClient from "../layers/ChatCompletionsClient.ts"
import { HiddenPaths } from "../layers/confinedShell.ts"
import * as FileJournal from "../layers/FileJournal.ts"
import * as FileRunRecord from "../layers/FileRunRecord.ts"
import * as GateAnalysis from "../layers/GateAnalysis.ts"
import * as GitCliWorkspace from "../layers/GitCliWorkspace.ts"
import * as HostWorkspaceTools from "../layers/HostWorkspaceTools.ts"
import * as HttpKubeClient from "../layers/kube/HttpKubeClient.ts"
import * as KubeConfig from "../layers/kube/KubeConfig.ts"
import * as Observability from "../layers/Observability.ts"
import * as ServerContextWindow from "../layers/ServerContextWindow.ts"
import { type Agent, agents } from "../schema/Agent.ts"
import { type AgenticTask, agenticTasks } from "../schema/AgenticTask.ts"
import type { Result } from "../schema/Result.ts"
import { chooseExecutor, workerOf } from "../src/decide/executor.ts"
import { parkingOf } from "../src/decide/parking.ts"
import * as TaskLog from "../src/decide/taskLog.ts"
import { preconditionFailed } from "../src/decide/verdict.ts"
import { ExecutorError, type Run, RunnerConfig } from "../src/executors/Executor.ts"
import { noteEnd, noteHold } from "../src/executors/history.ts"
import * as NativeExecutor from "../src/executors/NativeExecutor.ts"
import { IssueTracker } from "../src/services/IssueTracker.ts"
import { KubeClient } from "../src/services/KubeClient.ts"
import { credentialPaths } from "./credentialPaths.ts"
import { gitToken } from "./gitToken.ts"
import { modelToken } from "./modelToken.ts"
import * as GoFlags from "./goFlags.ts"
import { launch } from "./launch.ts"

type Env = Readonly<Record<string, string | undefined>>

const flags = {
  task: GoFlags.string("", "Name of the task to run (required)"),
  namespace: GoFlags.string("default", "Namespace of the task"),
  "workspace-dir": GoFlags.string("", "Folder for checkouts (default: $HOME/foreman-workspaces)"),
  kubeconfig: GoFlags.string("", "Path of a kubeconfig"),
  "kube-context": GoFlags.string("", "Context in it"),
  "git-remote-url": GoFlags.string("", "Remote to clone from and push to"),
  "inference-base-url-override": GoFlags.string(
    "",
    "Base URL of the model, instead of the InferenceService's"
  ),
  "inference-base-url-host-override": GoFlags.string("", "Host of the model, for a node outside the cluster"),
  "commit-author-name": GoFlags.string("Foreman Bot", "Author of commits"),
  "commit-author-email": GoFlags.string("", "Their address"),
  "commit-committer-name": GoFlags.string("", "Committer (default: the author)"),
  "commit-committer-email": GoFlags.string("", "Their address (default: the author's)"),
  "foreman-namespace": GoFlags.string("foreman-system", "Namespace of Foreman's own objects"),
  "max-wait": GoFlags.duration(
    "15m",
    "How long a run waits for a model's endpoint that is away or says later, in one piece; then it ends INCOMPLETE with reason EndpointHeld"
  ),
  "checkpoint-remote": GoFlags.bool(
    false,
    "Keep each turn on the task's remote, too, as refs/foreman/..., so that another host can go on with it"
  ),
  "keep-workspace": GoFlags.bool(false, "Leave the checkout when the run ends"),
  "gate-cache-pvc": GoFlags.string("", "PersistentVolumeClaim of the gate's caches"),
  ...GoFlags.zapFlags
} as const satisfies GoFlags.Table
type Values = GoFlags.Values<typeof flags>

const configOf = (values: Values, env: Env): RunnerConfig["Service"] => {
  const author = { name: values["commit-author-name"], email: values["commit-author-email"] }
  const committer = {
    name: values["commit-committer-name"] || author.name,
    email: values["commit-committer-email"] || author.email
  }
  return {
    workspaceRoot: values["workspace-dir"] || join(env["HOME"] ?? "/tmp", "foreman-workspaces"),
    keepWorkspace: values["keep-workspace"],
    maxWait: values["max-wait"],
    checkpointRemote: values["checkpoint-remote"],
    gitRemoteURL: values["git-remote-url"] || undefined,
    gitToken: gitToken(env),
    author: author.email === "" ? undefined : author,
    committer: committer.email === "" ? undefined : committer,
    inferenceBaseURLOverride: values["inference-base-url-override"] || undefined,
    inferenceBaseURLHostOverride: values["inference-base-url-host-override"] || undefined,
    foremanNamespace: values["foreman-namespace"],
    gateCachePVC: values["gate-cache-pvc"] || undefined,
    gateImage: "",
    modelToken: modelToken(env),
    stubSleepMillis: 0
  }
}

/** Few tasks come without their issue's text, so the tracker's client is loaded for those only. */
const lazyTracker = ({ gitToken: token }: RunnerConfig["Service"]) =>
  Layer.succeed(IssueTracker, {
    issue: (repo, number) =>
      Effect.promise(() => import("../layers/GithubIssueTracker.ts")).pipe(
        Effect.flatMap((module) => module.make({ token }).issue(repo, number))
      )
  })

/**
 * V8 notes what a function works with from its eighth call on, and is slow until then: for most of a run with few turns. Not from the start
 * of the process, whose functions are called once: at 200 turns that would be 3 MB.
 */
const notingTypesAtOnce = Effect.sync(() => setFlagsFromString("--no-lazy-feedback-allocation"))

/** One task, run here until its end is told. */
const runTask = Effect.fn("run-task")(function* (
  name: string,
  namespace: string,
  tell: (exit: Exit.Exit<Result, { readonly message: string }>) => void
) {
  const kube = yield* KubeClient
  const task = yield* kube.get(agenticTasks, { name, namespace })
  const result = yield* execute(task, namespace).pipe(Effect.onInterrupt(() => noteHold(task, "Terminated")))
  tell(Exit.succeed(result))
  yield* parkingOf(result) === undefined ? noteEnd(task) : noteHold(task, "EndpointHeld")
})

/** Few runs need what speaks to another coding agent, so it is loaded for those only. */
const byAnotherAgent = Effect.fnUntraced(function* (run: Run) {
  const [executor, host] = yield* Effect.promise(() =>
    Promise.all([import("../src/executors/AcpExecutor.ts"), import("../layers/acp/LiveCodingAgent.ts")])
  )
  return yield* executor.execute(run).pipe(Effect.provide(host.layer))
})

/** The task and its Agent. A failure is an ExecutorError: there is no Result to speak of. */
const execute = Effect.fnUntraced(function* (task: AgenticTask, namespace: string) {
  const kube = yield* KubeClient
  const agentName = task.spec.agentRef?.name
  const agent: Agent | undefined =
    agentName === undefined
      ? undefined
      : yield* kube
          .get(agents, { name: agentName, namespace })
          .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.undefined))
  const choice = chooseExecutor("native", agentName, agent)
  switch (choice.type) {
    case "Native":
    case "ACP":
    // The Job of a Job-mode Agent is where we are.
    case "Job": {
      const run = {
        task,
        agent,
        claimId: task.status?.claim?.id ?? "",
        nodeName: task.status?.assignedNode ?? ""
      }
      if (agent !== undefined && workerOf(agent).type === "ACP") return yield* byAnotherAgent(run)
      yield* notingTypesAtOnce
      return yield* NativeExecutor.execute(run)
    }
    case "AgentNotFound":
      return preconditionFailed({
        reason: "AgentNotFound",
        failureReason: "AgentNotFound",
        message: `Agent ${choice.name} does not exist in namespace ${namespace}`,
        elapsedSec: 0
      })
    case "Refuse":
      return yield* new ExecutorError({ message: choice.message })
    default:
      return yield* new ExecutorError({
        message: `agent ${agentName} has no model: the daemon runs its tool, not run-task`
      })
  }
})

/** Writes where Kubernetes looks; anywhere else there is no such file, and the log is the only road. */
const writeTermination = (env: Env, text: string): void => {
  try {
    const path = env["FOREMAN_TERMINATION_LOG"] ?? "/dev/termination-log"
    writeFileSync(path, text, { flag: env["FOREMAN_TERMINATION_LOG"] === undefined ? "r+" : "w" })
  } catch {
    // Not in a pod.
  }
}

/** The last words, whatever happened. Nothing is printed to stdout after them. */
const report = (nonce: string, env: Env, exit: Exit.Exit<Result, { readonly message: string }>): void => {
  if (Exit.isSuccess(exit)) {
    const envelope = TaskLog.envelopeOf(exit.value)
    process.stdout.write(TaskLog.resultLines(nonce, envelope))
    writeTermination(env, TaskLog.terminationMessage(nonce, envelope))
    return
  }
  const isInterrupted = Cause.hasInterruptsOnly(exit.cause)
  const error = Cause.squash(exit.cause)
  const message = isInterrupted ? "interrupted" : error instanceof Error ? error.message : String(error)
  process.stdout.write(TaskLog.errorLine(message))
  if (!isInterrupted) writeTermination(env, TaskLog.errorLine(message).slice(0, 1024))
}

export const main = (argv: ReadonlyArray<string>, env: Env): void => {
  const parsed = GoFlags.parse({ name: "foreman run-task", table: flags, argv, env })
  if (Outcome.isFailure(parsed)) {
    const { exitCode, stream, text } = parsed.failure
    process[stream].write(`${text}\n`)
    process.exitCode = exitCode
    return
  }
  const { values } = parsed.success
  if (values.task === "") {
    process.stderr.write(`--task is required\n${GoFlags.usage("foreman run-task", flags)}\n`)
    process.exitCode = 2
    return
  }
  // Before anything is read: only the first line may tell the nonce.
  const nonce = randomBytes(16).toString("hex")
  process.stdout.write(TaskLog.nonceLine(nonce))

  const config = configOf(values, env)
  const kube = KubeConfig.load({
    kubeconfig: values.kubeconfig,
    context: values["kube-context"],
    env
  }).pipe(
    Effect.map((loaded) => HttpKubeClient.layer(loaded)),
    Layer.unwrap
  )
  const services = Layer.mergeAll(
    kube,
    ChatCompletionsClient.layer,
    ServerContextWindow.layer,
    GitCliWorkspace.layer,
    GateAnalysis.layer,
    HostWorkspaceTools.layerHost,
    FileRunRecord.layer(config.workspaceRoot),
    FileJournal.layer(config.workspaceRoot),
    lazyTracker(config),
    Layer.succeed(RunnerConfig, config)
  )
  const tell = (exit: Exit.Exit<Result, { readonly message: string }>) => report(nonce, env, exit)
  const program = runTask(values.task, values.namespace, tell).pipe(
    Effect.provide(services),
    Effect.provideService(HiddenPaths, credentialPaths(values.kubeconfig, env)),
    Effect.onError((cause) => Effect.sync(() => tell(Exit.failCause(cause))))
  )
  launch(program, {
    name: "run-task",
    hasPlainExitCodes: true,
    observability: Observability.layer({
      name: "run-task",
      level: GoFlags.logLevelOf(values["zap-log-level"]),
      env
    })
  })
}
