/**
 * The nodes with what runs on them, and for each demand the nodes that could take it, kept up to date by difference.
 *
 * Memory: a node's report is as old as its last heartbeat. What a task asks for is promised from the moment it is placed until a heartbeat
 * that is a minute younger than its start, for a model that has run for a minute shows in the report.
 */
import { parseTime } from "../../schema/Time.ts"
import type { Demand, Host } from "./fit.ts"
import { type Load, Placement, slotsOf } from "./placement.ts"

/** A node, as the scheduler is told of it. */
export interface FleetHost extends Host {
  /** The node shows a Lease: a daemon of ours, which runs nothing that its tasks do not name (design §3.11). */
  readonly hasLease: boolean
}

/** A task in flight, as its node sees it. */
export interface Run {
  readonly node: string
  readonly isJob: boolean
  /** Memory that it asked for, in GiB. */
  readonly memoryGB: number
  /** When its node began it, by that node's clock; `undefined` as long as it has not. */
  readonly startedMillis: number | undefined
}

const unseenMillis = 60_000

interface Node extends Load {
  host: FleetHost | undefined
  /** What placement read of the host; equal for equal offers. */
  offer: string
  slots: number
  slotsUsed: number
  jobs: number
  freeGB: number
  promisedGB: number
  /** A run takes a slot that no task names. */
  isForeign: boolean
  /** Those whose memory counts. */
  readonly runs: Set<Run>
  readonly fits: Set<Placement>
}

/** Everything that placement reads of a host. Speed and heartbeat are for people. */
const offerOf = ({ node: { metadata, spec, status }, isLive }: FleetHost): string => {
  const { tokensPerSecond: _, ...capability } = status?.capability ?? {}
  return JSON.stringify([metadata.labels, spec.roles, status?.phase, capability, isLive])
}

export class Fleet {
  readonly #nodes = new Map<string, Node>()
  readonly #placements = new Map<string, Placement>()
  readonly #onTouched: (placement: Placement) => void
  /** How often a demand was held against a node. */
  fitChecks = 0

  /** `onTouched`: the placement may have room now, or other words. */
  constructor(onTouched: (placement: Placement) => void) {
    this.#onTouched = onTouched
  }

  hostOf(name: string): FleetHost | undefined {
    return this.#nodes.get(name)?.host
  }

  hostChanged(name: string, host: FleetHost | undefined): void {
    if (host === undefined && !this.#nodes.has(name)) return
    const node = this.#nodeOf(name)
    const offer = host === undefined ? "" : offerOf(host)
    node.host = host
    if (offer === node.offer) {
      if (node.runs.size > 0) this.#loadChanged(node)
      return
    }
    node.offer = offer
    node.slots = host === undefined ? 1 : slotsOf(host.node)
    node.freeGB = host?.node.status?.capability?.availableRAMGB ?? 0
    node.promisedGB = promisedOf(node)
    for (const placement of this.#placements.values()) this.#check(placement, node)
    this.#tidy(node)
  }

  /** Whether something runs there that only the host's `currentTask` names. */
  foreignChanged(name: string, isForeign: boolean): void {
    const node = this.#nodes.get(name)
    if (node === undefined || node.isForeign === isForeign) return
    node.isForeign = isForeign
    node.slotsUsed += isForeign ? 1 : -1
    this.#loadChanged(node)
  }

  take(run: Run): void {
    this.#count(run, 1)
  }

  release(run: Run): void {
    this.#count(run, -1)
  }

  /** The nodes for this demand; the same object for equal demands. */
  placementFor(demand: Demand): Placement {
    const shape = JSON.stringify(demand)
    const known = this.#placements.get(shape)
    if (known !== undefined) return known
    const placement = new Placement(demand)
    this.#placements.set(shape, placement)
    for (const node of this.#nodes.values()) this.#check(placement, node)
    return placement
  }

  /** Nobody asks for this demand any more. */
  forget(placement: Placement): void {
    this.#placements.delete(JSON.stringify(placement.demand))
    for (const node of this.#nodes.values()) node.fits.delete(placement)
  }

  #nodeOf(name: string): Node {
    const known = this.#nodes.get(name)
    if (known !== undefined) return known
    const node: Node = {
      name,
      host: undefined,
      offer: "",
      slots: 1,
      slotsUsed: 0,
      jobs: 0,
      freeGB: 0,
      promisedGB: 0,
      isForeign: false,
      runs: new Set(),
      fits: new Set()
    }
    this.#nodes.set(name, node)
    return node
  }

  #check(placement: Placement, node: Node): void {
    this.fitChecks++
    const before = placement.edition
    const had = node.fits.has(placement)
    const fits = placement.hostChanged(node, node.host)
    if (fits) node.fits.add(placement)
    else node.fits.delete(placement)
    if (fits || had || placement.edition !== before) this.#onTouched(placement)
  }

  #count(run: Run, difference: 1 | -1): void {
    const node = this.#nodeOf(run.node)
    if (run.isJob) node.jobs += difference
    else node.slotsUsed += difference
    if (run.memoryGB > 0) {
      if (difference === 1) node.runs.add(run)
      else node.runs.delete(run)
    }
    this.#loadChanged(node)
    this.#tidy(node)
  }

  #loadChanged(node: Node): void {
    node.promisedGB = promisedOf(node)
    for (const placement of node.fits) {
      placement.loadChanged(node)
      this.#onTouched(placement)
    }
  }

  /** A node that is gone is remembered for as long as something runs there. */
  #tidy(node: Node): void {
    if (node.host === undefined && node.slotsUsed === 0 && node.jobs === 0) this.#nodes.delete(node.name)
  }
}

const promisedOf = ({ host, runs }: Node): number => {
  if (runs.size === 0) return 0
  const heardMillis = parseTime(host?.node.status?.lastHeartbeatTime) ?? Number.NEGATIVE_INFINITY
  let promised = 0
  for (const { memoryGB, startedMillis } of runs) {
    if (startedMillis === undefined || heardMillis < startedMillis + unseenMillis) promised += memoryGB
  }
  return promised
}
