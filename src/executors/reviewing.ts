/** A judge's run: what it is shown of the change, the tools that take note of what it reads, and whether its word still fits the branch. */
import { Effect, Schema } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { maxDiffChars, type ShownDiff } from "../decide/prompt.ts"
import { Reading } from "../decide/reading.ts"
import { diffChars } from "../decide/window.ts"
import { GitWorkspace, type Workspace } from "../services/GitWorkspace.ts"
import type { Terminal } from "../tools/AgentTool.ts"
import type { CatalogTool } from "../tools/catalog.ts"
import { readDiff } from "../tools/readDiff.ts"
import { submitReview } from "../tools/submitReview.ts"
import type { Remote } from "./publish.ts"

const isReview = ({ spec }: AgenticTask): boolean => spec.kind === "review"

/** The part of the diff that goes into the prompt, and the tools of the run. Only a review is held to what it read. */
export const judge = (
  task: AgenticTask,
  diff: string,
  tools: ReadonlyArray<CatalogTool>,
  windowTokens: number
): { readonly shown: ShownDiff; readonly tools: ReadonlyArray<CatalogTool> } => {
  const reading = new Reading(diff)
  const page = reading.show(1, Math.min(maxDiffChars, diffChars(windowTokens)))
  const isWhole = page.to === page.total
  const shown = { text: page.text, ...(isWhole ? {} : { next: page.to + 1 }) }
  const more = isWhole ? [] : [readDiff(reading)]
  if (!isReview(task)) return { shown, tools: [...tools, ...more] }
  const noted = tools.map((tool) =>
    tool.name === "submit_result"
      ? submitReview(reading)
      : tool.name === "read_file"
        ? noting(tool, reading)
        : tool
  )
  return { shown, tools: [...noted, ...more] }
}

const isFilePage = Schema.is(
  Schema.Struct({ path: Schema.String, content: Schema.String, start_line: Schema.Number })
)

/** The same tool; what it hands over counts as read. */
const noting = (tool: CatalogTool, reading: Reading): CatalogTool => {
  const partOf = (output: { readonly content: string; readonly path: string; readonly start_line: number }) =>
    [output.path.replace(/^(?:\.\/)+/u, ""), output.start_line, output.content] as const
  const note = (output: unknown): void => {
    if (isFilePage(output)) reading.showFile(...partOf(output))
  }
  return {
    name: tool.name,
    description: tool.description,
    get parameters() {
      return tool.parameters
    },
    call: (args, context) =>
      Effect.tap(tool.call(args, context), ({ output }) => Effect.sync(() => note(output))),
    recall: note,
    forget: (output) => {
      if (isFilePage(output)) reading.forgetFile(...partOf(output))
    },
    ...(tool.isBounded === true && { isBounded: true })
  }
}

/** A GO is about the commit that was read. Where the branch went on meanwhile, nobody has judged what it holds now. */
export const onMovedBranch = Effect.fnUntraced(function* (
  task: AgenticTask,
  remote: Remote | undefined,
  { seen }: Workspace,
  terminal: Terminal
): Effect.fn.Return<Terminal, never, GitWorkspace> {
  if (!isReview(task) || remote === undefined || seen === undefined) return terminal
  const bound = { ...terminal, facts: { ...terminal.facts, reviewedCommit: seen } }
  if (terminal.verdict !== "GO") return bound
  const git = yield* GitWorkspace
  // A remote that does not answer now says nothing against the commit.
  const head = yield* git.remoteHead(remote).pipe(Effect.orElseSucceed(() => seen))
  if (head === seen) return bound
  return {
    ...bound,
    verdict: "INCOMPLETE",
    failureReason: "InfrastructureError",
    summary: `the branch moved from ${seen.slice(0, 12)} to ${head?.slice(0, 12) ?? "nothing"} during the review: what it holds now was not read`,
    facts: { ...bound.facts, reason: "BranchMoved", modelSummary: terminal.summary }
  }
})
