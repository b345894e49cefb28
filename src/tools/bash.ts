import { Effect, Schema } from "effect"

import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { make, resultLimit, ToolError } from "./AgentTool.ts"

/** Bytes of each stream that are handed over, half from its start and half from its end. */
const maxBytes = 16 * 1024

export const bash = make({
  name: "bash",
  description:
    "Run a command with sh in the workspace. No credentials and, as a rule, no network. Of each stream come back at most 16 KiB, its start and its end.",
  parameters: Schema.Struct({
    command: Schema.String.check(Schema.isMinLength(1)).annotate({ description: "The command line." })
  }),
  run: Effect.fn("bash")(function* ({ command }, context) {
    const host = yield* WorkspaceTools
    const { exitCode, stderr, stdout, timedOut, truncated } = yield* host
      .runCommand(command, { timeout: context.bashTimeout, maxBytes: resultLimit(maxBytes, context) })
      .pipe(Effect.mapError((error) => new ToolError({ message: error.message })))
    return {
      output: {
        command,
        exit_code: exitCode,
        stdout,
        stderr,
        timed_out: timedOut,
        ...(truncated ? { truncated } : {})
      }
    }
  })
})
