/** The tools of a model's run. An Agent's `spec.tools` picks from them by name. */
import { Result } from "effect"

import type { IssueTracker } from "../services/IssueTracker.ts"
import type { WorkspaceTools } from "../services/WorkspaceTools.ts"
import type { AgentTool } from "./AgentTool.ts"
import { bash } from "./bash.ts"
import { fetchIssue } from "./fetchIssue.ts"
import { grep } from "./grep.ts"
import { listFiles } from "./listFiles.ts"
import { deleteFile, moveFile } from "./moveAndDelete.ts"
import { readFile } from "./readFile.ts"
import { strReplace } from "./strReplace.ts"
import { submitResult } from "./submitResult.ts"
import { writeFile } from "./writeFile.ts"

export type CatalogTool = AgentTool<WorkspaceTools | IssueTracker>

/** A fresh set for one run; some tools remember. Sorted by name, as requests carry them. */
const all = (): ReadonlyArray<CatalogTool> => [
  bash,
  deleteFile,
  fetchIssue,
  grep,
  listFiles,
  moveFile,
  readFile,
  strReplace(),
  submitResult(),
  writeFile
]

/** Tools that run without a model, or that later kinds of task use: known, but not a model's to call here. */
const others = ["fetch_pull_request", "run_gate_job", "run_integrate", "run_reconcile"]

/** Every name that an Agent may list. */
export const toolNames: ReadonlySet<string> = new Set([...all().map((tool) => tool.name), ...others])

/** The tools that an Agent lists, or a sentence about the first name that is none. */
export const pick = (names: ReadonlyArray<string>): Result.Result<ReadonlyArray<CatalogTool>, string> => {
  const tools = all()
  const unknown = names.find((name) => !tools.some((tool) => tool.name === name))
  if (unknown !== undefined) {
    return Result.fail(
      toolNames.has(unknown)
        ? `the tool ${unknown} cannot be called by a model`
        : `there is no tool ${unknown}; there is: ${tools.map((tool) => tool.name).join(", ")}`
    )
  }
  return Result.succeed(tools.filter((tool) => names.includes(tool.name)))
}
