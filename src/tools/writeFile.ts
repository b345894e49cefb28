import { Effect, Schema } from "effect"

import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { make, ToolError } from "./AgentTool.ts"

export const writeFile = make({
  name: "write_file",
  description: "Write a whole file of the workspace. Parent folders are made; what was there is replaced.",
  parameters: Schema.Struct({
    path: Schema.String.annotate({ description: "File in the workspace." }),
    content: Schema.String.annotate({ description: "All that the file shall hold." })
  }),
  run: Effect.fn("write_file")(function* ({ content, path }) {
    const files = yield* WorkspaceTools
    const bytes = yield* files
      .writeFile(path, content)
      .pipe(Effect.mapError((error) => new ToolError({ message: error.message })))
    return { output: { path, bytes } }
  })
})
