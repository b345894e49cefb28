/** Whether an Agent can do its work as it is written (contract §2.4). */
import type { Agent } from "../../schema/Agent.ts"
import { acpFault } from "./acp.ts"
import { isDeterministic } from "./executor.ts"
import { boundsOf, isMeasurable } from "./limits.ts"
import { ratesOf } from "./spend.ts"
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
  const unusable = acpFault(agent)
  if (unusable !== undefined) return invalid(reason.executorUnusable, unusable)
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
  const unpriced = priceFault(agent)
  if (unpriced !== undefined) return invalid(reason.priceUnknown, unpriced)
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

/** Why prices or limits in money cannot be used as they are written. */
const priceFault = ({ spec: { limits, limitsPerDay, prices } }: Agent): string | undefined => {
  const needed = "give input and output, or hardwarePerHour alone"
  if (prices !== undefined && ratesOf(prices) === undefined) {
    return `spec.prices do not tell what a reply costs: ${needed}`
  }
  const bounds = boundsOf([
    { of: "spec.limits", limits },
    { of: "spec.limitsPerDay", limits: limitsPerDay }
  ])
  const fault = bounds.find((bound) => !isMeasurable([bound], prices))
  if (fault === undefined) return undefined
  const why = prices === undefined ? "there are no prices" : `prices are in ${prices.currency}`
  return `${fault.of}.cost cannot be held, so that no run begins: ${why}; ${needed}, in the currency of the limit`
}

const invalid = (why: string, message: string): ConditionUpdate => ({
  type: "Validated",
  status: "False",
  reason: why,
  message
})
