import { Effect, Schema } from "effect"

import { showTree } from "../decide/tree.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { make, resultLimit } from "./AgentTool.ts"
import { asToolError } from "./textFiles.ts"

/** Lines of one answer; a large folder is shown by its outline. */
const maxLines = 300
const maxNamed = 20
/** Of a path, about. */
const charsOfLine = 40

/** At most so many of a list, and how many more there are. */
const some = (names: ReadonlyArray<string>, count = names.length): ReadonlyArray<string> =>
  count > Math.min(names.length, maxNamed)
    ? [...names.slice(0, maxNamed), `and ${count - Math.min(names.length, maxNamed)} more`]
    : names

export const listFiles = make({
  name: "list_files",
  description:
    "List the files below a folder. Where there are many, folders are shown with the number of their files: list those then.",
  parameters: Schema.Struct({
    path: Schema.optionalKey(Schema.String.annotate({ description: "Folder; the workspace when absent." })),
    ignored: Schema.optionalKey(
      Schema.Boolean.annotate({ description: "List files that .gitignore names, too." })
    )
  }),
  run: Effect.fn("list_files")(function* ({ ignored = false, path = "." }, context) {
    const files = yield* WorkspaceTools
    const listing = yield* files.listFiles(path, { withIgnored: ignored }).pipe(asToolError)
    const { left: unlisted, lines } = showTree(
      listing.files,
      Math.floor(resultLimit(maxLines * charsOfLine, context) / charsOfLine)
    )
    const left = listing.ignored
    return {
      output: {
        path,
        files: lines,
        total: listing.files.length,
        truncated: unlisted > 0 || listing.truncated,
        ...(listing.links.length === 0 ? {} : { links: some(listing.links) }),
        ...(listing.submodules.length === 0 ? {} : { submodules: some(listing.submodules) }),
        ...(left.count === 0 ? {} : { ignored: some(left.some, left.count) })
      }
    }
  })
})
