import { Effect, Schema } from "effect"

import { linesOf, withLineEnds } from "../decide/lineEnds.ts"
import { cannotAdd, type Encoding } from "../decide/textFile.ts"
import { make, ToolError } from "./AgentTool.ts"
import { notesOn, readTextIfThere, refuseLfs, writeText } from "./textFiles.ts"

const mark = "\ufeff"

export const writeFile = make({
  name: "write_file",
  description:
    "Write a whole text file of the workspace. Parent folders are made; what was there is replaced, its encoding and line ends stay.",
  parameters: Schema.Struct({
    path: Schema.String.annotate({ description: "File in the workspace." }),
    content: Schema.String.annotate({ description: "All that the file shall hold." })
  }),
  run: Effect.fn("write_file")(function* ({ content, path }) {
    const before = yield* readTextIfThere(path)
    const hasMark = content.startsWith(mark)
    if (before === undefined) {
      const encoding: Encoding = hasMark ? "UTF-8 with BOM" : "UTF-8"
      const bytes = yield* writeText(path, { text: hasMark ? content.slice(1) : content, encoding })
      return { output: { path, bytes } }
    }
    yield* refuseLfs(path, before.text)
    const { encoding } = before
    const refusal = cannotAdd(encoding, content, before.text)
    if (refusal !== undefined) return yield* new ToolError({ message: `${path} was not changed: ${refusal}` })
    const { ends } = linesOf(before.text)
    // A file that has a mark gets it anew; one that has none, and is UTF-8, keeps none.
    const text = withLineEnds(hasMark ? content.slice(1) : content, ends)
    const bytes = yield* writeText(path, { text, encoding })
    return { output: { path, bytes, ...notesOn(encoding, ends) } }
  })
})
