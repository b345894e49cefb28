/** Who runs what now, by Agent and by model endpoint. Slots of nodes are counted in `fleet.ts`. */
import type { Agent } from "../../schema/Agent.ts"
import type { TaskPhase } from "../../schema/Verdict.ts"
import { addTo } from "./sets.ts"
import { reason } from "./status.ts"

export const isInFlight = (phase: TaskPhase | undefined): boolean =>
  phase === "Scheduled" || phase === "Running" || phase === "Verifying"

const agentKey = ({ metadata }: Agent): string => `${metadata.namespace}/${metadata.name}`

/** Who holds an Agent's model: tasks of all Agents with one such name share its slots. */
export const endpointOf = ({ metadata, spec }: Agent): string =>
  spec.provider === "cloud-proxy"
    ? `${spec.providerConfig?.baseURL}`
    : `${metadata.namespace}/${spec.inferenceServiceRef?.name ?? ""}`

export class Capacity {
  readonly #agents = new Map<string, number>()
  readonly #endpoints = new Map<string, number>()

  /** Counts a task of this Agent as in flight. */
  take(agent: Agent): void {
    addTo(this.#agents, agentKey(agent), 1)
    addTo(this.#endpoints, endpointOf(agent), 1)
  }

  release(agent: Agent): void {
    addTo(this.#agents, agentKey(agent), -1)
    addTo(this.#endpoints, endpointOf(agent), -1)
  }

  /** Why no further task of this Agent may start now; `undefined` when one may. */
  refusal(agent: Agent): { readonly reason: string; readonly message: string } | undefined {
    const { maxConcurrentTasks, endpointSlots } = agent.spec
    if (maxConcurrentTasks !== undefined && (this.#agents.get(agentKey(agent)) ?? 0) >= maxConcurrentTasks) {
      return {
        reason: reason.agentBusy,
        message: `Agent ${agent.metadata.name} runs ${maxConcurrentTasks} of at most ${maxConcurrentTasks} tasks`
      }
    }
    const endpoint = endpointOf(agent)
    if (endpointSlots !== undefined && (this.#endpoints.get(endpoint) ?? 0) >= endpointSlots) {
      return {
        reason: reason.endpointBusy,
        message: `model endpoint ${endpoint} serves ${endpointSlots} of at most ${endpointSlots} tasks`
      }
    }
    return undefined
  }
}
