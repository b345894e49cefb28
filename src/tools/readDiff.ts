import { Effect, Schema } from "effect"

import type { Reading } from "../decide/reading.ts"
import { make, resultLimit, ToolError } from "./AgentTool.ts"

/** Characters that one call hands over. */
const maxChars = 16 * 1024

/** For a reviewer whose diff is longer than its prompt. */
export const readDiff = (reading: Reading) =>
  make({
    name: "read_diff",
    description:
      "Read the change under review, as a diff. At most 16 KiB a call: go on from next until it is absent.",
    parameters: Schema.Struct({
      from: Schema.optionalKey(
        Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
          description: "First line of the diff, counted from 1."
        })
      ),
      path: Schema.optionalKey(
        Schema.String.annotate({ description: "Start at this file of the change instead." })
      )
    }),
    isBounded: true,
    run: Effect.fn("read_diff")(function* ({ from, path }, context) {
      const start = from ?? (path === undefined ? 1 : reading.startOf(path))
      const total = reading.diff.lines.length
      if (start === undefined) return yield* new ToolError({ message: `${path} is not in the diff` })
      if (start > total) {
        return yield* new ToolError({ message: `the diff has ${total} lines; there is no line ${start}` })
      }
      const page = reading.show(start, resultLimit(maxChars, context))
      return {
        output: {
          diff: page.text,
          from: page.from,
          to: page.to,
          total: page.total,
          ...(page.to < total ? { next: page.to + 1 } : {})
        }
      }
    }),
    recall: ({ from, to }) => {
      if (typeof from === "number" && typeof to === "number") reading.note(from, to)
    },
    forget: ({ from, to }) => {
      if (typeof from === "number" && typeof to === "number") reading.forget(from, to)
    }
  })
