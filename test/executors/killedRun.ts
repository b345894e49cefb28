/**
 * A process that runs one task as `run-task` does, and kills itself (SIGKILL) once it has made so many steps: before and after each write of
 * the journal and of the run's record. Prints the result when it comes to one. The last argument is what of the Agent's spec is another.
 */
import { Effect, Layer } from "effect"

import * as LiveCodingAgent from "../../layers/acp/LiveCodingAgent.ts"
import * as ChatCompletionsClient from "../../layers/ChatCompletionsClient.ts"
import * as FileJournal from "../../layers/FileJournal.ts"
import * as FileRunRecord from "../../layers/FileRunRecord.ts"
import * as GateAnalysis from "../../layers/GateAnalysis.ts"
import * as GitCliWorkspace from "../../layers/GitCliWorkspace.ts"
import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import type { AgentSpec } from "../../schema/Agent.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { RunnerConfig } from "../../src/executors/Executor.ts"
import { noteEnd } from "../../src/executors/history.ts"
import * as AcpExecutor from "../../src/executors/AcpExecutor.ts"
import * as NativeExecutor from "../../src/executors/NativeExecutor.ts"
import { IssueTracker, TrackerError } from "../../src/services/IssueTracker.ts"
import { Journal } from "../../src/services/Journal.ts"
import { RunRecord } from "../../src/services/RunRecord.ts"
import { agent, task } from "../builders.ts"
import * as FakeCluster from "../fakes/FakeCluster.ts"

const [workspaceRoot = "", remote = "", baseURL = "", killAt = "", spec = "{}"] = process.argv.slice(2)
const agentSpec = JSON.parse(spec) as Partial<AgentSpec>

let steps = 0
const step = Effect.sync(() => {
  if (++steps === Number(killAt)) process.kill(process.pid, "SIGKILL")
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
    stubSleepMillis: 0
  })
)

const program = Effect.gen(function* () {
  const cluster = yield* FakeCluster.FakeCluster
  yield* cluster.seed(agenticTasks, theTask)
  const result = yield* (agentSpec.executor === "ACP" ? AcpExecutor : NativeExecutor).execute({
    task: theTask,
    agent: agent("coder", {
      spec: {
        tools: ["bash", "grep", "read_file", "str_replace", "submit_result", "write_file"],
        maxTurns: 20,
        ...agentSpec
      }
    }),
    claimId: "claim",
    nodeName: "node"
  })
  yield* noteEnd(theTask)
  process.stdout.write(`${JSON.stringify({ steps, result })}\n`)
}).pipe(Effect.provide(services), Effect.scoped)

await Effect.runPromise(program)
