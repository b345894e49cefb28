/** A coder's way of handing in: its GO meets the rails (`ownGate.ts`) before it counts, and its stop the base (`stopping.ts`). */
import { Effect } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { GateAnalysis } from "../services/GateAnalysis.ts"
import type { Workspace } from "../services/GitWorkspace.ts"
import { ToolError } from "../tools/AgentTool.ts"
import type { CatalogTool } from "../tools/catalog.ts"
import { submitWork } from "../tools/submitWork.ts"
import type { Precondition } from "./modelEndpoint.ts"

/** Loaded when there is something to inspect: a run starts sooner without it. */
const ownGate = Effect.promise(() => import("./ownGate.ts"))
const stopping = Effect.promise(() => import("./stopping.ts"))

/** A coder's tools, its submission among them held to the rails. */
export const railed = Effect.fnUntraced(function* (
  task: AgenticTask,
  workspace: Effect.Effect<Workspace, Precondition>,
  tools: ReadonlyArray<CatalogTool>
): Effect.fn.Return<ReadonlyArray<CatalogTool>, never, GateAnalysis> {
  const analysis = yield* GateAnalysis
  const opened = Effect.mapError(workspace, ({ message }) => new ToolError({ message }))
  const submit = submitWork({
    inspect: (stated, { bashTimeout }) =>
      Effect.all([ownGate, opened]).pipe(
        Effect.flatMap(([{ inspect }, checkout]) => inspect(task, checkout, bashTimeout, stated)),
        Effect.provideService(GateAnalysis, analysis)
      ),
    checkStop: (stop, { bashTimeout }) =>
      Effect.all([stopping, opened]).pipe(
        Effect.flatMap(([{ checkStop }, checkout]) => checkStop(stop, checkout, bashTimeout))
      )
  })
  return tools.map((tool) => (tool.name === "submit_result" ? submit : tool))
})
