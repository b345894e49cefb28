/** The executor of a task: by the daemon's mode, then by what the Agent is. */
import { Effect } from "effect"

import type { Result } from "../../schema/Result.ts"
import { type AgentMode, chooseExecutor } from "../decide/executor.ts"
import { ExecutorError, type Run } from "./Executor.ts"
import * as NativeExecutor from "./NativeExecutor.ts"
import * as StubExecutor from "./StubExecutor.ts"
import * as ToolExecutor from "./ToolExecutor.ts"

/** `result.kind` of a run in this mode; a deterministic Agent's is the same as a model's. Contract §3.6. */
export const resultKind = (mode: AgentMode): string =>
  mode === "stub" ? StubExecutor.kind : "native-agent-loop"

const agentNotFound = (name: string): Result => ({
  schemaVersion: "foreman.v1",
  kind: "native-agent-loop",
  verdict: "INCOMPLETE",
  summary: `Agent ${name} does not exist in the task's namespace`,
  failureReason: "AgentNotFound",
  extra: { outcome: "EXECUTOR-PRECONDITION-FAILED", reason: "AgentNotFound" },
  elapsedSec: 0
})

/** Runs a claimed task. */
export const execute = (mode: AgentMode) =>
  Effect.fnUntraced(function* (run: Run) {
    const choice = chooseExecutor(mode, run.task.spec.agentRef?.name, run.agent)
    switch (choice.type) {
      case "Stub":
        return yield* StubExecutor.execute(run)
      case "Refuse":
        return yield* new ExecutorError({ message: choice.message })
      case "AgentNotFound":
        return agentNotFound(choice.name)
      case "Tool":
        return yield* ToolExecutor.execute(run)
      case "Native":
        return yield* NativeExecutor.execute(run)
    }
  })
