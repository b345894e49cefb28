/** The formats of a report, by name. */
import type { Envelope } from "../envelope.ts"
import { github } from "./github.ts"
import { gitlab } from "./gitlab.ts"
import { junit } from "./junit.ts"
import { markdown } from "./markdown.ts"
import { type Digest, sarif } from "./sarif.ts"
import { type Paint, table } from "./table.ts"

export const formats = ["table", "json", "sarif", "junit", "github", "gitlab", "markdown"] as const
export type Format = (typeof formats)[number]

export interface Rendering {
  /** The `foreman.v1` envelope, as the status of a task has it. */
  readonly result: unknown
  readonly paint: Paint
  readonly digest: Digest
  readonly version: string
}

/** Text without a line feed at its end. */
export const render = (format: Format, envelope: Envelope, how: Rendering): string => {
  switch (format) {
    case "table":
      return table(envelope, how.paint)
    case "json":
      return JSON.stringify(how.result)
    case "sarif":
      return JSON.stringify(sarif(envelope, how), undefined, 2)
    case "junit":
      return junit(envelope)
    case "github":
      return github(envelope)
    case "gitlab":
      return JSON.stringify(gitlab(envelope, how.digest), undefined, 2)
    case "markdown":
      return markdown(envelope)
  }
}
