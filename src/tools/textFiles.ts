/** Files of the workspace as text, for the tools that read and edit them. */
import { Effect } from "effect"

import { readTextFile, type TextFile, writeTextFile } from "../decide/textFile.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { ToolError } from "./AgentTool.ts"

export const asToolError = Effect.mapError((error: Error) => new ToolError({ message: error.message }))

/** The file; a ToolError for one that is no text. */
export const readText = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<TextFile, ToolError, WorkspaceTools> {
  const files = yield* WorkspaceTools
  const file = readTextFile(yield* files.readFile(path).pipe(asToolError))
  return file ?? (yield* new ToolError({ message: `${path} is no text file` }))
})

/** Writes a text in the form that the file has. Nothing is written of what that form cannot hold. */
export const writeText = Effect.fnUntraced(function* (
  path: string,
  text: string,
  form: Omit<TextFile, "text">
): Effect.fn.Return<number, ToolError, WorkspaceTools> {
  const files = yield* WorkspaceTools
  const bytes = writeTextFile(text, form)
  if ("unwritable" in bytes) {
    const code = bytes.unwritable.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")
    return yield* new ToolError({
      message: `${path} is written in ${form.encoding}, which has no character ${bytes.unwritable} (U+${code}); nothing was changed`
    })
  }
  return yield* files.writeFile(path, bytes).pipe(asToolError)
})
