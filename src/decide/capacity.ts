/** Who runs what now: slots of nodes, runs of Agents, requests at endpoints. Counts what is in flight, and what this pass adds. */
import type { Agent } from "../../schema/Agent.ts"
import type { TaskPhase } from "../../schema/Verdict.ts"
import { reason } from "./status.ts"

export const isInFlight = (phase: TaskPhase | undefined): boolean =>
  phase === "Scheduled" || phase === "Running" || phase === "Verifying"

/** Who holds an Agent's model: tasks of all Agents with one such name share its slots. */
const endpointOf = ({ metadata, spec }: Agent): string =>
  spec.provider === "cloud-proxy"
    ? `${spec.providerConfig?.baseURL}`
    : `${metadata.namespace}/${spec.inferenceServiceRef?.name ?? ""}`

const add = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export class Capacity {
  /** Slots in use, by node; a Job takes none. */
  readonly #slots = new Map<string, number>()
  /** Jobs, by node. */
  readonly #jobs = new Map<string, number>()
  readonly #agents = new Map<string, number>()
  readonly #endpoints = new Map<string, number>()

  /** Counts a task of this Agent as in flight on `node`. */
  take(agent: Agent | undefined, node: string): void {
    add(agent?.spec.execution?.mode === "Job" ? this.#jobs : this.#slots, node)
    if (agent === undefined) return
    add(this.#agents, agentKey(agent))
    add(this.#endpoints, endpointOf(agent))
  }

  /** Counts a run that we know of only through what its node says. */
  occupy(node: string): void {
    add(this.#slots, node)
  }

  slotsUsed(node: string): number {
    return this.#slots.get(node) ?? 0
  }

  jobs(node: string): number {
    return this.#jobs.get(node) ?? 0
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

const agentKey = ({ metadata }: Agent): string => `${metadata.namespace}/${metadata.name}`
