/** Whether an Agent can do its work as it is written (contract §2.4). */
import type { Agent } from "../../schema/Agent.ts"
import { isDeterministic } from "./executor.ts"
import { type ConditionUpdate, reason } from "./status.ts"
import { unreadFields } from "./unread.ts"

/** Tools without which a role cannot do its work. */
const toolsOfRole: Readonly<Record<Agent["spec"]["role"], ReadonlyArray<string>>> = {
  coder: [],
  verifier: [],
  reviewer: ["fetch_issue"],
  planner: []
}

/** The `Validated` condition. `toolNames` is what the catalogue holds; an Agent with MCP may name tools that only its servers know. */
export const validate = (agent: Agent, toolNames: ReadonlySet<string>): ConditionUpdate => {
  const { spec } = agent
  if (!isDeterministic(agent) && (spec.systemPrompt ?? "").trim() === "") {
    return invalid(reason.noSystemPrompt, "an Agent with a model needs a systemPrompt")
  }
  const missing = isDeterministic(agent)
    ? []
    : toolsOfRole[spec.role].filter((tool) => !spec.tools.includes(tool))
  if (missing.length > 0) {
    return invalid(reason.missingRoleTools, `a ${spec.role} needs the tools ${missing.join(", ")}`)
  }
  const unknown = spec.mcp?.enabled === true ? [] : spec.tools.filter((tool) => !toolNames.has(tool))
  if (unknown.length > 0) {
    return invalid(
      reason.unknownTool,
      `no such tool: ${unknown.join(", ")}; there are ${[...toolNames].sort().join(", ")}`
    )
  }
  const unread = unreadFields(agent)
  if (unread.length > 0) {
    return invalid(
      reason.notImplemented,
      `has no effect yet: ${unread.join(", ")}; the Agent runs without it`
    )
  }
  return {
    type: "Validated",
    status: "True",
    reason: reason.configComplete,
    message: "the Agent is complete"
  }
}

const invalid = (why: string, message: string): ConditionUpdate => ({
  type: "Validated",
  status: "False",
  reason: why,
  message
})
