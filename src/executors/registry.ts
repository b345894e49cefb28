/** The executor of a task: by the daemon's mode, then by what the Agent is. */
import { Effect, Schedule } from "effect"

import { agents } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Result } from "../../schema/Result.ts"
import { type AgentMode, chooseExecutor } from "../decide/executor.ts"
import { KubeClient, type KubeError } from "../services/KubeClient.ts"
import { ExecutorError, type Run } from "./Executor.ts"
import * as JobExecutor from "./JobExecutor.ts"
import * as NativeExecutor from "./NativeExecutor.ts"
import { withinWallTime } from "./runBounds.ts"
import * as StubExecutor from "./StubExecutor.ts"
import * as ToolExecutor from "./ToolExecutor.ts"

/** Loaded by the first run that needs it. */
const acpExecutor = Effect.promise(() => import("./AcpExecutor.ts"))

/** `result.kind` of a run in this mode; a deterministic Agent's is the same as a model's. Contract §3.6. */
export const resultKind = (mode: AgentMode): string =>
  mode === "stub" ? StubExecutor.kind : "native-agent-loop"

const agentNotFound = (name: string): Result => ({
  schemaVersion: "foreman.v1",
  kind: "native-agent-loop",
  verdict: "INCOMPLETE",
  summary: `Agent ${name} does not exist in the task's namespace`,
  failureReason: "AgentNotFound",
  extra: { outcome: "EXECUTOR-PRECONDITION-FAILED", reason: "AgentNotFound", party: "configuration" },
  elapsedSec: 0
})

/** An API server that restarts is back within half a minute; a claimed task can wait that long. */
const serverBlinks = Schedule.exponential("250 millis").pipe(
  Schedule.upTo({ times: 7 }),
  Schedule.setInputType<KubeError>(),
  Schedule.while(({ input }) => input.isTransient)
)

/** The Agent that the task names; `undefined` when it names none, or one that does not exist. */
const agentOf = Effect.fnUntraced(function* (task: AgenticTask) {
  const name = task.spec.agentRef?.name
  if (name === undefined) return undefined
  const kube = yield* KubeClient
  return yield* kube.get(agents, { name, namespace: task.metadata.namespace }).pipe(
    Effect.catchReason("KubeError", "NotFound", () => Effect.succeed(undefined)),
    Effect.retry(serverBlinks),
    Effect.mapError((error) => new ExecutorError({ message: error.message }))
  )
})

/** Whether the task's Agent works in a Job; `undefined` where the Agent cannot be read now. */
export const isJob = (mode: AgentMode) => (task: AgenticTask) =>
  agentOf(task).pipe(
    Effect.timeout("2 seconds"),
    Effect.map((agent) => chooseExecutor(mode, task.spec.agentRef?.name, agent).type === "Job"),
    Effect.orElseSucceed(() => undefined)
  )

/** Runs a claimed task. The Agent is read now, so that a run begins with what its author last said. */
export const execute = (mode: AgentMode) =>
  Effect.fnUntraced(function* (claimed: Omit<Run, "agent">) {
    const agent = mode === "stub" ? undefined : yield* agentOf(claimed.task)
    const run: Run = { ...claimed, agent }
    const choice = chooseExecutor(mode, run.task.spec.agentRef?.name, agent)
    switch (choice.type) {
      case "Stub":
        return yield* StubExecutor.execute(run)
      case "Refuse":
        return yield* new ExecutorError({ message: choice.message })
      case "AgentNotFound":
        return agentNotFound(choice.name)
      case "Tool":
        return yield* withinWallTime(run, ToolExecutor.execute(run))
      case "Native":
        return yield* NativeExecutor.execute(run)
      case "ACP": {
        const acp = yield* acpExecutor
        return yield* acp.execute(run)
      }
      case "Job":
        return yield* JobExecutor.execute(run)
    }
  })
