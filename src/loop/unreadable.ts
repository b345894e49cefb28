/** A tool call that cannot be read, and what the model is told of it. */
import * as Context from "../decide/context.ts"
import { unreadable } from "../decide/turn.ts"
import type { MalformedToolCall } from "../services/InferenceClient.ts"
import { withOwnIds } from "./callIds.ts"
import { add, type LoopEnd, type Progress } from "./Progress.ts"

/** A call that cannot be read is answered like any other; the history shows that there was one, in a form that every server reads. */
export const tellUnreadable = (progress: Progress, reason: MalformedToolCall): LoopEnd | undefined => {
  const advice = unreadable(++progress.unreadable, reason.message)
  if (advice === undefined) {
    return {
      _tag: "ModelMisunderstood",
      summary: `the model was told, and still: ${reason.message}`.slice(0, 400),
      reason: "MalformedToolCall",
      party: "model"
    }
  }
  progress.warmer = advice.warmer
  if (reason.tool === "") {
    add(progress, [
      Context.entryOf({
        role: "assistant",
        content: reason.content || "(a tool call that could not be read)"
      }),
      Context.entryOf({ role: "user", content: advice.text })
    ])
    return undefined
  }
  const written = JSON.stringify({ unreadable: reason.written.slice(0, 2_000) })
  const calls = withOwnIds(
    [{ id: "", type: "function", function: { name: reason.tool, arguments: written } }],
    progress.callIds
  )
  const content = reason.content === "" ? null : reason.content
  add(progress, [
    Context.entryOf({ role: "assistant", content, tool_calls: calls }),
    Context.entryOf({
      role: "tool",
      tool_call_id: calls[0]?.id ?? "",
      name: reason.tool,
      content: JSON.stringify({ error: advice.text })
    })
  ])
  return undefined
}
