/** Which node takes a demand: the best fit of those that are open (design §3.4). Looks at each node once a demand, not once a task. */
import type { FleetNode } from "../../schema/FleetNode.ts"
import type { Capacity } from "./capacity.ts"
import { type Demand, hasInstalled, type Host, misfit, noFit } from "./fit.ts"

export const slotsOf = (node: FleetNode): number => node.status?.capability?.slots ?? 1

interface Candidate {
  readonly node: FleetNode
  readonly name: string
  readonly slots: number
  /** Model resident first, then the least capable: equal tiers are equally good. */
  readonly tier: string
}

const pad = (value: number): string => String(value).padStart(10, "0")

const tierOf = (demand: Demand, node: FleetNode): string => {
  if (demand.isJob) return ""
  const offers = node.status?.capability
  return [
    hasInstalled(demand.models, node) ? "0" : "1",
    offers?.accelerator === undefined || offers.accelerator === "none" ? "0" : "1",
    pad(offers?.totalRAMGB ?? offers?.availableRAMGB ?? 0),
    pad(offers?.maxContextTokens ?? 0),
    pad(node.spec.roles?.length ?? 0)
  ].join()
}

/** The nodes that one demand could use, in this pass. */
export class Placement {
  readonly #demand: Demand
  readonly #total: number
  readonly #refusals = new Map<string, number>()
  readonly #fitting: number
  #open: ReadonlyArray<Candidate>

  constructor(demand: Demand, hosts: ReadonlyArray<Host>) {
    this.#demand = demand
    this.#total = hosts.length
    const open: Array<Candidate> = []
    for (const host of hosts) {
      const because = misfit(demand, host)
      if (because !== undefined) {
        this.#refusals.set(because, (this.#refusals.get(because) ?? 0) + 1)
        continue
      }
      const { node } = host
      open.push({ node, name: node.metadata.name, slots: slotsOf(node), tier: tierOf(demand, node) })
    }
    this.#fitting = open.length
    this.#open = open.sort((a, b) => compare(a.tier, b.tier) || compare(a.name, b.name))
  }

  /** The node to use, or `undefined` when none is open. */
  pick(capacity: Capacity): string | undefined {
    if (!this.#demand.isJob) {
      this.#open = this.#open.filter(({ name, slots }) => capacity.slotsUsed(name) < slots)
    }
    const load = (candidate: Candidate): number =>
      this.#demand.isJob
        ? capacity.jobs(candidate.name)
        : capacity.slotsUsed(candidate.name) / candidate.slots
    let best: Candidate | undefined
    for (const candidate of this.#open) {
      if (best !== undefined && candidate.tier !== best.tier) break
      if (best === undefined || load(candidate) < load(best)) best = candidate
    }
    return best?.name
  }

  /** Why nothing was picked. */
  get message(): string {
    return noFit(
      this.#total,
      this.#fitting === 0 ? this.#refusals : new Map([...this.#refusals, ["are busy", this.#fitting]])
    )
  }

  /** Some node would do, were it not busy: the wait is short, and not worth a word at once. */
  get isShort(): boolean {
    return this.#fitting > 0
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
