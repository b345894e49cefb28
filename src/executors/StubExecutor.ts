/** Sleeps and says GO: shows that dispatch works before any model is there. Seeds 002 and 004. */
import { Clock, Effect } from "effect"

import { refKey, refOf } from "../../schema/Meta.ts"
import type { Result } from "../../schema/Result.ts"
import { type Run, RunnerConfig } from "./Executor.ts"

export const kind = "stub"

/** `8.001s` as Go prints it: milliseconds when there are any, no more. */
const formatSeconds = (millis: number): string => `${(millis / 1000).toFixed(3).replace(/\.?0+$/u, "")}s`

export const execute = Effect.fn("StubExecutor.execute")(function* (run: Run) {
  const { stubSleepMillis } = yield* RunnerConfig
  const begin = yield* Clock.currentTimeMillis
  yield* Effect.sleep(stubSleepMillis)
  const elapsed = (yield* Clock.currentTimeMillis) - begin
  const { spec } = run.task
  const result: Result = {
    schemaVersion: "foreman.v1",
    kind,
    verdict: "GO",
    summary: `stub executor slept ${formatSeconds(elapsed)} on task ${refKey(refOf(run.task))}`,
    extra: {
      taskKind: spec.kind,
      agentName: spec.payload.agent ?? "",
      modelRef: spec.modelRef ?? ""
    },
    elapsedSec: elapsed / 1000
  }
  return result
})
