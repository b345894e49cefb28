/** Text files of the workspace, in whatever encoding they are: read, and written so that what was not changed stays byte for byte. */
import { Effect, Result } from "effect"

import { type LineEnds } from "../decide/lineEnds.ts"
import { decodeText, encodeText, type Encoding, type TextFile } from "../decide/textFile.ts"
import { WorkspaceTools, type WorkspaceToolError } from "../services/WorkspaceTools.ts"
import { ToolError } from "./AgentTool.ts"

export const asToolError = Effect.mapError(
  (error: WorkspaceToolError) => new ToolError({ message: error.message })
)

const decoded = (path: string, bytes: Uint8Array): Effect.Effect<TextFile, ToolError> => {
  const file = decodeText(bytes)
  return Result.isSuccess(file)
    ? Effect.succeed(file.success)
    : Effect.fail(new ToolError({ message: `${path} is not a text file: ${file.failure}` }))
}

/** A file as text. */
export const readText = Effect.fnUntraced(function* (path: string) {
  const files = yield* WorkspaceTools
  const bytes = yield* files.readFile(path).pipe(asToolError)
  return { ...(yield* decoded(path, bytes)), bytes: bytes.byteLength }
})

/** The same; `undefined` when there is no such file. */
export const readTextIfThere = Effect.fnUntraced(function* (path: string) {
  const files = yield* WorkspaceTools
  const bytes = yield* files.readFile(path).pipe(
    Effect.catch((error) => (error.reason._tag === "FileMissing" ? Effect.undefined : Effect.fail(error))),
    asToolError
  )
  return bytes === undefined ? undefined : yield* decoded(path, bytes)
})

/** Writes a text in its encoding. Returns the number of bytes. */
export const writeText = Effect.fnUntraced(function* (path: string, file: TextFile) {
  const files = yield* WorkspaceTools
  const bytes = encodeText(file)
  if (Result.isFailure(bytes)) {
    return yield* new ToolError({ message: `${path} was not changed: ${bytes.failure}` })
  }
  return yield* files.writeFile(path, bytes.success).pipe(asToolError)
})

/** What Git LFS leaves in a checkout in place of a large file. */
export const isLfsPointer = (text: string): boolean =>
  text.length < 1024 && /^version https:\/\/git-lfs\.github\.com\/spec\/v\d+\n/u.test(text)

/** A pointer that was edited names a file that nobody stored. */
export const refuseLfs = (path: string, text: string): Effect.Effect<void, ToolError> =>
  isLfsPointer(text)
    ? Effect.fail(
        new ToolError({
          message: `${path} was not changed: it is kept in Git LFS, which is not supported; only its pointer is here`
        })
      )
    : Effect.void

/** What a model should know of a file that is not UTF-8 with LF. */
export const notesOn = (
  encoding: Encoding,
  ends: LineEnds
): { readonly encoding?: string; readonly line_ends?: string } => ({
  ...(encoding === "UTF-8" ? {} : { encoding }),
  ...(ends === "LF" || ends === "none" ? {} : { line_ends: ends })
})
