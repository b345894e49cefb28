/** A recorded session: what a coder did, in words that every agent's tools can say. It is not changed once it is recorded. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { Schema } from "effect"

const Step = Schema.Union([
  Schema.Struct({ do: Schema.Literal("list") }),
  Schema.Struct({ do: Schema.Literal("search"), pattern: Schema.String }),
  Schema.Struct({ do: Schema.Literal("read"), path: Schema.String, from: Schema.Int, lines: Schema.Int }),
  Schema.Struct({ do: Schema.Literal("run"), command: Schema.String }),
  /** `old` occurs once. */
  Schema.Struct({
    do: Schema.Literal("edit"),
    path: Schema.String,
    old: Schema.String,
    new: Schema.String
  })
])
export type Step = typeof Step.Type

const Session = Schema.Struct({
  /** On a public code host. */
  repository: Schema.String,
  commit: Schema.String,
  recorded: Schema.String,
  task: Schema.String,
  steps: Schema.Array(Step),
  /** What the coder says when it is done. */
  end: Schema.String
})
export type Session = typeof Session.Type

export const session: Session = Schema.decodeUnknownSync(Schema.fromJsonString(Session))(
  readFileSync(join(import.meta.dirname, "session.json"), "utf8")
)
