import { Effect } from "effect"

import type { Result } from "../../schema/Result.ts"
import { ExecutorError, type Run } from "./Executor.ts"

export const execute = (run: Run): Effect.Effect<Result, ExecutorError> =>
  Effect.fail(new ExecutorError({ message: `no executor yet for ${run.task.metadata.name}` }))
