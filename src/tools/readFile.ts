import { Effect, Schema } from "effect"

import { linesOf } from "../decide/lineEnds.ts"
import { make, resultLimit, ToolError } from "./AgentTool.ts"
import { isLfsPointer, notesOn, readText } from "./textFiles.ts"

/** Bytes of a file that one call hands over; the rest is there by `offset`. */
const maxBytes = 16 * 1024
const line = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 }))

const parameters = Schema.Struct({
  path: Schema.String.annotate({ description: "File in the workspace." }),
  offset: Schema.optionalKey(line.annotate({ description: "First line, counted from 1." })),
  limit: Schema.optionalKey(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
      description: "Number of lines; 0 or absent means to the end."
    })
  )
})

/** As many whole lines as fit; of a first line that is too long itself, its beginning. */
const take = (lines: ReadonlyArray<string>, limit: number) => {
  const encoder = new TextEncoder()
  let size = 0
  let count = 0
  for (const text of lines) {
    size += encoder.encode(text).byteLength + 1
    if (size > limit + 1) break
    count++
  }
  if (count > 0 || lines.length === 0) return { content: lines.slice(0, count).join("\n"), count }
  const cut = new TextDecoder().decode(encoder.encode(lines[0] ?? "").subarray(0, limit), { stream: true })
  return { content: cut, count: 1 }
}

export const readFile = make({
  name: "read_file",
  description:
    "Read a text file of the workspace. At most 16 KiB a call: use offset and limit for the rest of a larger one.",
  parameters,
  isBounded: true,
  run: Effect.fn("read_file")(function* ({ limit = 0, offset = 1, path }, context) {
    const file = yield* readText(path)
    const { ends, text } = linesOf(file.text)
    const lines = text.split("\n")
    // A final newline ends the last line; it does not begin another.
    if (lines.at(-1) === "") lines.pop()
    if (offset > Math.max(1, lines.length)) {
      return yield* new ToolError({
        message: `${path} has ${lines.length} lines; there is no line ${offset}`
      })
    }
    const wanted = lines.slice(offset - 1, limit === 0 ? undefined : offset - 1 + limit)
    const { content, count } = take(wanted, resultLimit(maxBytes, context))
    const isWhole = count === wanted.length && content.length === wanted.join("\n").length
    const isToTheEnd = isWhole && offset - 1 + count === lines.length
    return {
      output: {
        path,
        content: isToTheEnd && text.endsWith("\n") ? `${content}\n` : content,
        bytes: file.bytes,
        truncated: !isWhole,
        start_line: offset,
        end_line: offset - 1 + count,
        total_lines: lines.length,
        ...notesOn(file.encoding, ends),
        ...(isLfsPointer(file.text) ? { note: "a pointer of Git LFS; the file itself is not here" } : {})
      }
    }
  })
})
