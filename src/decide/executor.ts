/** Which executor an Agent asks for. */
import type { Agent } from "../../schema/Agent.ts"

/** How a daemon runs tasks: really, or as the stub that sleeps and says GO. */
export type AgentMode = "native" | "stub"

export const parseAgentMode = (text: string): AgentMode | undefined =>
  text === "native" || text === "stub" ? text : undefined

/** No model stands behind the Agent, so its first tool is run as it is. Contract §0. */
export const isDeterministic = (agent: Agent): boolean =>
  agent.spec.executor !== "ACP" &&
  agent.spec.provider === "local" &&
  (agent.spec.inferenceServiceRef?.name ?? "") === ""

export type Choice =
  | { readonly type: "Stub" }
  /** The machinery cannot run the task at all; phase Failed. */
  | { readonly type: "Refuse"; readonly message: string }
  /** `agentRef` names nobody: a Result that says so, since the task's author can repair it. */
  | { readonly type: "AgentNotFound"; readonly name: string }
  | { readonly type: "Tool" }
  | { readonly type: "Native" }
  /** Another coding agent does the work. */
  | { readonly type: "ACP" }
  /** The Agent's loop runs in a pod of its own. */
  | { readonly type: "Job" }

export const chooseExecutor = (
  mode: AgentMode,
  agentName: string | undefined,
  agent: Agent | undefined
): Choice => {
  if (mode === "stub") return { type: "Stub" }
  if (agentName === undefined) {
    return { type: "Refuse", message: "spec.agentRef is required: the native executor runs an Agent" }
  }
  if (agent === undefined) return { type: "AgentNotFound", name: agentName }
  if (isDeterministic(agent)) return { type: "Tool" }
  return agent.spec.execution?.mode === "Job" ? { type: "Job" } : workerOf(agent)
}

/** Who does the work of an Agent with a model, wherever it is done. */
export const workerOf = (agent: Agent): Extract<Choice, { readonly type: "ACP" | "Native" }> => ({
  type: agent.spec.executor
})
