import { Effect, Schema } from "effect"

import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { make } from "./AgentTool.ts"
import { asToolError } from "./textFiles.ts"

export const moveFile = make({
  name: "move",
  description:
    "Move or rename a file or folder of the workspace. Parent folders are made; nothing is replaced.",
  parameters: Schema.Struct({
    from: Schema.String.annotate({ description: "File or folder." }),
    to: Schema.String.annotate({ description: "Its new path, which must be free." })
  }),
  run: Effect.fn("move")(function* ({ from, to }) {
    const files = yield* WorkspaceTools
    yield* files.moveFile(from, to).pipe(asToolError)
    return { output: { from, to } }
  })
})

export const deleteFile = make({
  name: "delete",
  description: "Delete a file, a symbolic link or an empty folder of the workspace.",
  parameters: Schema.Struct({
    path: Schema.String.annotate({ description: "What to delete." })
  }),
  run: Effect.fn("delete")(function* ({ path }) {
    const files = yield* WorkspaceTools
    yield* files.deleteFile(path).pipe(asToolError)
    return { output: { path, deleted: true } }
  })
})
