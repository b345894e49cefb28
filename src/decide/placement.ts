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
  readonly #fitting: ReadonlyArray<Candidate>
  /** Before it all are full, and in one pass nothing becomes free. */
  #head = 0
  #message: string | undefined

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
    this.#fitting = open.sort((a, b) => compare(a.tier, b.tier) || compare(a.name, b.name))
  }

  /** The node to use, or `undefined` when none is open. Nodes that are full are passed once, and the first idle one ends the search. */
  pick(capacity: Capacity): string | undefined {
    const isFull = ({ name, slots }: Candidate): boolean =>
      !this.#demand.isJob && capacity.slotsUsed(name) >= slots
    for (let head = this.#fitting[this.#head]; head !== undefined && isFull(head);) {
      head = this.#fitting[++this.#head]
    }
    const tier = this.#fitting[this.#head]?.tier
    let best: string | undefined
    let least = Number.POSITIVE_INFINITY
    for (let at = this.#head; least > 0; at++) {
      const candidate = this.#fitting[at]
      if (candidate === undefined || candidate.tier !== tier) break
      if (isFull(candidate)) continue
      const load = this.#demand.isJob
        ? capacity.jobs(candidate.name)
        : capacity.slotsUsed(candidate.name) / candidate.slots
      if (load >= least) continue
      best = candidate.name
      least = load
    }
    return best
  }

  /** Why nothing was picked. */
  get message(): string {
    this.#message ??= noFit(
      this.#total,
      this.isShort ? new Map([...this.#refusals, ["are busy", this.#fitting.length]]) : this.#refusals
    )
    return this.#message
  }

  /** Some node would do, were it not busy: the wait is short, and not worth a word at once. */
  get isShort(): boolean {
    return this.#fitting.length > 0
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
