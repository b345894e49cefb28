/** What a gate runs for a repository. Contract §1.7. */
import { Schema } from "effect"

import { optional, strings } from "./Field.ts"

export const GateProfile = Schema.Struct({
  language: optional(
    Schema.Literals(["go", "python", "rust", "node", "generic"]),
    "Preset to start from; go when absent."
  ),
  image: optional(
    Schema.String,
    "Image of the toolchain container; it needs nothing but a POSIX shell and the tools of the checks."
  ),
  sourceExtensions: optional(strings, "Endings of source files."),
  testLayout: optional(
    Schema.Struct({
      testRoot: optional(Schema.String, "Folder of the tests."),
      sourceRoot: optional(Schema.String, "Folder of the sources.")
    }),
    "Where tests and sources lie."
  ),
  commands: optional(
    Schema.Struct({
      format: optional(Schema.String, "Command that checks the formatting."),
      lint: optional(Schema.String, "Command that lints."),
      build: optional(Schema.String, "Command that builds."),
      test: optional(Schema.String, "Command that runs the tests."),
      codegenCheck: optional(Schema.String, "Command that regenerates what is generated.")
    }),
    "Commands of the checks; each overrides the preset's."
  )
})
export type GateProfile = typeof GateProfile.Type
