import { Effect, Schema } from "effect"

import { formOf, plain, readTextFile } from "../decide/textFile.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { make, ToolError } from "./AgentTool.ts"
import { writeText } from "./textFiles.ts"

export const writeFile = make({
  name: "write_file",
  description:
    "Write a whole file of the workspace. Parent folders are made; what was there is replaced, its encoding and line ends are kept.",
  parameters: Schema.Struct({
    path: Schema.String.annotate({ description: "File in the workspace." }),
    content: Schema.String.annotate({ description: "All that the file shall hold." })
  }),
  run: Effect.fn("write_file")(function* ({ content, path }) {
    const files = yield* WorkspaceTools
    // What cannot be read is not there, or says so when it is written.
    const before = yield* files.readFile(path).pipe(Effect.option)
    const form = before._tag === "None" || before.value.length === 0 ? plain : readTextFile(before.value)
    if (form === undefined) {
      return yield* new ToolError({
        message: `${path} is no text file; remove it first if text shall take its place`
      })
    }
    const bytes = yield* writeText(path, content, form)
    return { output: { path, bytes, ...formOf(form) } }
  })
})
