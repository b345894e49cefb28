/** Which node takes a demand: the best fit of those with room (design §3.4). Each node is looked at when it changes, not for each task. */
import type { FleetNode } from "../../schema/FleetNode.ts"
import { type Demand, hasInstalled, type Host, misfit, noFit } from "./fit.ts"
import { Heap } from "./heap.ts"
import { addTo } from "./sets.ts"

export const slotsOf = ({ status }: FleetNode): number => status?.capability?.slots ?? 1

/** What runs on a node, as far as placement reads it. */
export interface Load {
  readonly name: string
  readonly slots: number
  readonly slotsUsed: number
  /** Runs that are pods of their own and take no slot. */
  readonly jobs: number
  /** Memory that is promised and that the node's report cannot show yet, in GiB. */
  readonly promisedGB: number
  readonly freeGB: number
}

/** Memory that a demand takes of a node's free memory. A model that is loaded has its memory already. */
export const memoryOf = ({ isJob, required }: Demand): number =>
  isJob || required.requiresModelInstalled === true ? 0 : (required.minRAMGB ?? 0)

interface Candidate {
  readonly load: Load
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

/** The nodes that one demand could use. */
export class Placement {
  readonly demand: Demand
  readonly #memoryGB: number
  readonly #refused = new Map<Load, string>()
  readonly #refusals = new Map<string, number>()
  readonly #fitting = new Map<Load, Candidate>()
  readonly #open: Heap<Candidate>
  #message: string | undefined
  /** Grows whenever the message may have changed. */
  edition = 0

  constructor(demand: Demand) {
    this.demand = demand
    this.#memoryGB = memoryOf(demand)
    const { isJob } = demand
    const loadOf = ({ load }: Candidate) => (isJob ? load.jobs : load.slotsUsed / load.slots)
    this.#open = new Heap((a, b) => {
      if (a.tier !== b.tier) return a.tier < b.tier
      const difference = loadOf(a) - loadOf(b)
      return difference === 0 ? a.load.name < b.load.name : difference < 0
    })
  }

  /** Looks at the node anew; `undefined` when it is gone. Returns whether the demand fits it, leaving aside whether it is busy. */
  hostChanged(load: Load, host: Host | undefined): boolean {
    const because = host === undefined ? undefined : misfit(this.demand, host)
    const isFitting = host !== undefined && because === undefined
    const before = this.#refused.get(load)
    if (before !== because || isFitting !== this.#fitting.has(load)) {
      this.#message = undefined
      this.edition++
    }
    if (before !== because) {
      if (before !== undefined) addTo(this.#refusals, before, -1)
      if (because === undefined) this.#refused.delete(load)
      else {
        addTo(this.#refusals, because, 1)
        this.#refused.set(load, because)
      }
    }
    const candidate = this.#fitting.get(load)
    if (candidate !== undefined) this.#open.delete(candidate)
    if (isFitting) this.#fitting.set(load, { load, tier: tierOf(this.demand, host.node) })
    else this.#fitting.delete(load)
    this.loadChanged(load)
    return isFitting
  }

  /** Something started or ended on a node that fits. */
  loadChanged(load: Load): void {
    const candidate = this.#fitting.get(load)
    if (candidate === undefined) return
    if (this.#hasRoom(load)) this.#open.put(candidate)
    else this.#open.delete(candidate)
  }

  #hasRoom({ slots, slotsUsed, freeGB, promisedGB }: Load): boolean {
    if (this.demand.isJob) return true
    return slotsUsed < slots && (this.#memoryGB === 0 || freeGB - promisedGB >= this.#memoryGB)
  }

  /** The node to use, or `undefined` when none has room. */
  get best(): string | undefined {
    return this.#open.top?.load.name
  }

  /** Why there is none. */
  get message(): string {
    this.#message ??= noFit(
      this.#refused.size + this.#fitting.size,
      this.isShort ? new Map([...this.#refusals, ["are busy", this.#fitting.size]]) : this.#refusals
    )
    return this.#message
  }

  /** Some node would do, were it not busy: the wait is short, and not worth a word at once. */
  get isShort(): boolean {
    return this.#fitting.size > 0
  }
}
