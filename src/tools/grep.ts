import { Clock, Effect, Result, Schema } from "effect"

import { linePattern } from "../decide/linePattern.ts"
import { readTextFile } from "../decide/textFile.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { make, ToolError } from "./AgentTool.ts"

const maxMatches = 200
/** Characters of a line that are searched and of one that is shown. */
const searchedChars = 4096
const shownChars = 512
/** Larger files are no source text. */
const maxFileBytes = 4 * 1024 * 1024
/** Wall time of one search, and of a part of it in which nothing else runs. */
const maxMillis = 10_000
const maxBusyMillis = 50

const parameters = Schema.Struct({
  pattern: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(1000)).annotate({
    description: "Regular expression in Go's syntax (RE2): no look-around, no back references."
  }),
  path: Schema.optionalKey(
    Schema.String.annotate({ description: "File or folder; the workspace when absent." })
  ),
  max: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxMatches })).annotate({
      description: "Most matches to return; 200 when absent."
    })
  ),
  maxLineChars: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: searchedChars })).annotate({
      description: "Characters of a line that are shown; 512 when absent."
    })
  )
})

interface Match {
  readonly path: string
  readonly line: number
  readonly text: string
}

/** Files that were not searched and are named; of more than these, the number. */
const maxSkipped = 20

/** The lines of a file, or why it has none. */
const linesOf = (bytes: Uint8Array): ReadonlyArray<string> | "too large" | "no text" => {
  if (bytes.byteLength > maxFileBytes) return "too large"
  return readTextFile(bytes)?.text.split("\n") ?? "no text"
}

export const grep = make({
  name: "grep",
  description:
    "Search files of the workspace line by line. .git and what git ignores are left out, unless path names it; files that are not searched are named.",
  parameters,
  run: Effect.fn("grep")(function* ({ max = maxMatches, maxLineChars = shownChars, path = ".", pattern }) {
    const files = yield* WorkspaceTools
    const test = linePattern(pattern)
    if (Result.isFailure(test)) {
      return yield* new ToolError({ message: `pattern: ${test.failure}; write it in Go's regexp syntax` })
    }
    const asToolError = Effect.mapError((error: Error) => new ToolError({ message: error.message }))
    const paths = yield* files.listFiles(path).pipe(asToolError)
    const clock = yield* Clock.Clock
    const deadline = clock.currentTimeMillisUnsafe() + maxMillis
    let restedAt = clock.currentTimeMillisUnsafe()

    const matches: Array<Match> = []
    const skipped: Array<{ readonly path: string; readonly why: string }> = []
    let truncated = false
    for (const file of paths) {
      if (matches.length >= max || clock.currentTimeMillisUnsafe() > deadline) {
        truncated = true
        break
      }
      // A file that vanished or may not be read is not the search's failure.
      const bytes = yield* files.readFile(file).pipe(Effect.option)
      const lines = bytes._tag === "None" ? "too large" : linesOf(bytes.value)
      if (typeof lines === "string") {
        skipped.push({ path: file, why: lines })
        continue
      }
      for (const [index, text] of lines.entries()) {
        const now = clock.currentTimeMillisUnsafe()
        if (now - restedAt > maxBusyMillis) {
          // Others have a turn: a Lease is renewed, a signal heard.
          yield* Effect.yieldNow
          restedAt = clock.currentTimeMillisUnsafe()
        }
        if (now > deadline) {
          truncated = true
          break
        }
        if (!test.success(text.slice(0, searchedChars))) continue
        if (matches.length >= max) {
          truncated = true
          break
        }
        matches.push({ path: file, line: index + 1, text: text.slice(0, maxLineChars) })
      }
    }
    // A binary file has no lines that somebody could miss; a large one may.
    const unread = skipped.filter(({ why }) => why === "too large")
    return {
      output: {
        matches: matches.map((match) => ({ ...match })),
        truncated: truncated || unread.length > 0,
        ...(skipped.length > 0 && { skipped: skipped.slice(0, maxSkipped), skipped_files: skipped.length })
      }
    }
  })
})
