/** A coder's way of handing in: its GO meets the rails (`ownGate.ts`) before it counts. */
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

/** A coder's tools, its submission among them held to the rails. */
export const railed = Effect.fnUntraced(function* (
  task: AgenticTask,
  workspace: Effect.Effect<Workspace, Precondition>,
  tools: ReadonlyArray<CatalogTool>
): Effect.fn.Return<ReadonlyArray<CatalogTool>, never, GateAnalysis> {
  const analysis = yield* GateAnalysis
  const submit = submitWork((stated, { bashTimeout }) =>
    workspace.pipe(
      Effect.mapError(({ message }) => new ToolError({ message })),
      Effect.flatMap((checkout) =>
        Effect.flatMap(ownGate, ({ inspect }) => inspect(task, checkout, bashTimeout, stated))
      ),
      Effect.provideService(GateAnalysis, analysis)
    )
  )
  return tools.map((tool) => (tool.name === "submit_result" ? submit : tool))
})
