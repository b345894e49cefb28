/**
 * A process that runs one task as `run-task` does, and sends itself a signal once it has made so many steps: before and after each write of
 * the journal and of the run's record. Prints the result when it comes to one. For tests whose runs end in the middle.
 */
import { Duration, Effect, Layer } from "effect"

import * as LiveCodingAgent from "../../layers/acp/LiveCodingAgent.ts"
import * as ChatCompletionsClient from "../../layers/ChatCompletionsClient.ts"
import * as FileJournal from "../../layers/FileJournal.ts"
import * as FileRunRecord from "../../layers/FileRunRecord.ts"
import * as GateAnalysis from "../../layers/GateAnalysis.ts"
import * as GitCliWorkspace from "../../layers/GitCliWorkspace.ts"
import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import type { AgentSpec } from "../../schema/Agent.ts"
import { agenticTasks, type TaskStatus } from "../../schema/AgenticTask.ts"
import { parkingOf } from "../../src/decide/parking.ts"
import { RunnerConfig } from "../../src/executors/Executor.ts"
import { noteEnd, noteHold } from "../../src/executors/history.ts"
import * as AcpExecutor from "../../src/executors/AcpExecutor.ts"
import * as NativeExecutor from "../../src/executors/NativeExecutor.ts"
import { IssueTracker, TrackerError } from "../../src/services/IssueTracker.ts"
import { Journal } from "../../src/services/Journal.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { agent, task } from "../builders.ts"
import * as FakeCluster from "../fakes/FakeCluster.ts"

export interface Arguments {
  readonly workspaceRoot: string
  readonly remote: string
  readonly baseURL: string
  /** The host that it is on; `node` when absent. */
  readonly node?: string
  /** How the task stood when this host claimed it. */
  readonly before?: TaskStatus
  readonly checkpointRemote?: boolean
  /** What of the Agent's spec is another. */
  readonly agentSpec?: Partial<AgentSpec>
  /** For an endpoint that says "later". */
  readonly maxWaitMillis?: number
  /** Which signal, at which step; none when absent. */
  readonly signal?: { readonly name: "SIGKILL" | "SIGSTOP" | "SIGTERM"; readonly atStep: number }
}
const {
  agentSpec,
  baseURL,
  before,
  checkpointRemote,
  maxWaitMillis,
  node = "node",
  remote,
  signal,
  workspaceRoot
}: Arguments = JSON.parse(process.argv[2] ?? "")

let steps = 0
const step = Effect.sync(() => {
  if (++steps !== signal?.atStep) return
  process.stdout.write("signal at step\n")
  process.kill(process.pid, signal.name)
})
const around = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  step.pipe(
    Effect.andThen(effect),
    Effect.tap(() => step)
  )

const steppedJournal = Layer.effect(
  Journal,
  Effect.map(Journal, (journal) =>
    Journal.of({
      ...journal,
      note: (uid, line) => around(journal.note(uid, line)),
      open: (uid, how) =>
        around(journal.open(uid, how)).pipe(
          Effect.map((writer) => ({
            ...writer,
            append: (lines, options) => around(writer.append(lines, options))
          }))
        )
    })
  )
).pipe(Layer.provide(FileJournal.layer(workspaceRoot)))
const steppedRecord = Layer.effect(
  RunRecord,
  Effect.map(RunRecord, (record) =>
    RunRecord.of({ ...record, update: (uid, fields) => around(record.update(uid, fields)) })
  )
).pipe(Layer.provide(FileRunRecord.layer(workspaceRoot)))

const theTask = task("fix", {
  metadata: { uid: "uid-of-fix" },
  spec: {
    kind: "issue-fix",
    agentRef: { name: "coder" },
    payload: { repo: "acme/demo", prompt: "be polite", branchStrategy: "reset" }
  }
})

const services = Layer.mergeAll(
  FakeCluster.layer,
  ChatCompletionsClient.layer,
  GitCliWorkspace.layer,
  GateAnalysis.layer,
  HostWorkspaceTools.layerHost,
  LiveCodingAgent.layer,
  steppedJournal,
  steppedRecord,
  Layer.succeed(IssueTracker, { issue: () => Effect.fail(new TrackerError({ message: "none" })) }),
  Layer.succeed(RunnerConfig, {
    workspaceRoot,
    keepWorkspace: false,
    gitRemoteURL: remote,
    gitToken: undefined,
    author: { name: "Foreman Bot", email: "bot@example.com" },
    committer: undefined,
    inferenceBaseURLOverride: baseURL,
    inferenceBaseURLHostOverride: undefined,
    foremanNamespace: "foreman-system",
    gateCachePVC: undefined,
    gateImage: "",
    checkpointRemote,
    ...(maxWaitMillis !== undefined && { maxWait: Duration.millis(maxWaitMillis) }),
    stubSleepMillis: 0
  })
)

const program = Effect.gen(function* () {
  const cluster = yield* FakeCluster.FakeCluster
  yield* cluster.seed(agenticTasks, theTask)
  const result = yield* (agentSpec?.executor === "ACP" ? AcpExecutor : NativeExecutor).execute({
    task: theTask,
    agent: agent("coder", {
      spec: {
        tools: ["bash", "grep", "read_file", "str_replace", "submit_result", "write_file"],
        maxTurns: 20,
        ...agentSpec
      }
    }),
    claimId: before === undefined ? "claim" : "another claim",
    nodeName: node,
    ...(before !== undefined && { before: { ...theTask, status: before } })
  })
  yield* parkingOf(result) === undefined ? noteEnd(theTask) : noteHold(theTask, "EndpointHeld")
  process.stdout.write(`${JSON.stringify({ steps, result })}\n`)
}).pipe(
  Effect.onInterrupt(() => noteHold(theTask, "Terminated")),
  Effect.provide(services),
  Effect.scoped
)

const stopped = new AbortController()
process.once("SIGTERM", () => stopped.abort())
await Effect.runPromise(program, { signal: stopped.signal })
