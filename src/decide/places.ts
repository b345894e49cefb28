/** The places there are, who has them and who waits for one. Ready tasks come in, and whoever's turn it is comes out. */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import { Capacity, endpointOf } from "./capacity.ts"
import { Decision, type Wait } from "./decision.ts"
import { type Demand, demandOf, demandOfAgent } from "./fit.ts"
import { HeldEndpoints, type Refusal } from "./endpointHold.ts"
import { Fleet } from "./fleet.ts"
import { blockedWords, PathLocks } from "./locks.ts"
import { takesTurnBefore } from "./order.ts"
import { memoryOf, type Placement } from "./placement.ts"
import { Lane, type Line, Queue, type Ticket } from "./queue.ts"
import { putInto, takeFrom } from "./sets.ts"
import type { SpentLimits } from "./spentLimits.ts"
import { reason } from "./status.ts"

/** Told when the words of a waiting task may be other ones. */
export interface Listener {
  readonly queueChanged: (queue: Queue) => void
  readonly laneChanged: (lane: Lane) => void
}

export class Places {
  readonly fleet = new Fleet((placement) => {
    for (const queue of this.#users.get(placement) ?? []) this.#touch(queue)
  })
  readonly #queues = new Map<string, Queue>()
  readonly #users = new Map<Placement, Set<Queue>>()
  /** Queues whose Agents share a model endpoint. */
  readonly #endpoints = new Map<string, Set<Queue>>()
  readonly #capacity = new Capacity()
  readonly #held = new HeldEndpoints()
  readonly #limits: Pick<SpentLimits, "dayRefusal">
  readonly #locks = new PathLocks<Ticket, Lane>()
  /** Queues that may have a place now. */
  readonly #touched = new Set<Queue>()
  readonly #listener: Listener
  #starts = 0
  /** How often a queue was asked for its first task. */
  looked = 0

  constructor(listener: Listener, limits: Pick<SpentLimits, "dayRefusal">) {
    this.#listener = listener
    this.#limits = limits
  }

  /** The line in which a task waits: one for each workload, in one queue for each Agent and each demand of tasks that name no Agent. */
  lineFor(task: AgenticTask, workload: string, agent: Agent | undefined): Line {
    const { metadata, spec } = task
    const key =
      spec.agentRef === undefined
        ? JSON.stringify(demandOf(task, undefined))
        : agentQueueKey(refKey({ namespace: metadata.namespace, name: spec.agentRef.name }))
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      queue = new Queue(key)
      this.#queues.set(key, queue)
      if (spec.agentRef === undefined) this.#bind(queue, demandOf(task, undefined))
      else this.#bindAgent(queue, agent)
    }
    return queue.lineOf(workload)
  }

  /** Nobody asks for this line any more. */
  forget({ queue, workload }: Line): void {
    queue.lines.delete(workload)
    if (queue.lines.size > 0) return
    this.#unbind(queue)
    this.#queues.delete(queue.key)
    this.#touched.delete(queue)
  }

  /** The Agent as it is now, by `namespace/name`. Returns the lines of its tasks: those in flight are to be taken anew. */
  agentChanged(key: string, agent: Agent | undefined): ReadonlyArray<Line> {
    const queue = this.#queues.get(agentQueueKey(key))
    if (queue === undefined) return []
    this.#unbind(queue)
    this.#bindAgent(queue, agent)
    return [...queue.lines.values()]
  }

  /** A task is ready, and waits for a place. */
  enter(ticket: Ticket): void {
    const { line } = ticket
    // Nobody is in the way of what it holds.
    const locks = ticket.isParked ? undefined : ticket.locks
    const folders = locks === undefined ? "" : locks.folders.join("\n")
    let lane = line.lanes.get(folders)
    if (lane === undefined) {
      lane = new Lane(line, folders, locks)
      line.lanes.set(folders, lane)
      this.#locks.want(lane)
    }
    lane.tickets.put(ticket)
    ticket.lane = lane
    line.laneChanged(lane)
    this.#touched.add(line.queue)
  }

  /** The task waits for a place no longer. */
  leave(ticket: Ticket): void {
    const { lane, line } = ticket
    if (lane === undefined) return
    ticket.lane = undefined
    lane.tickets.delete(ticket)
    line.laneChanged(lane)
    if (lane.tickets.size > 0) return
    line.lanes.delete(lane.folders)
    this.#locks.giveUp(lane)
  }

  /** A queue may have a place, or other words. */
  get isTouched(): boolean {
    return this.#touched.size > 0
  }

  /** Gives a place to the task whose turn it is; `undefined` when nobody has both turn and place. */
  give(nowMillis: number): { readonly ticket: Ticket; readonly node: string } | undefined {
    let best: Line | undefined
    for (const queue of this.#touched) {
      this.looked++
      const line = this.#isOpen(queue) ? queue.first : undefined
      if (line?.head === undefined) this.#touched.delete(queue)
      else if (best?.head === undefined || takesTurnBefore(line.head, line.last, best.head, best.last))
        best = line
    }
    const ticket = best?.head
    const node = best?.queue.placement?.best
    if (best === undefined || ticket === undefined || node === undefined) return undefined
    this.leave(ticket)
    best.started({ millis: nowMillis, count: ++this.#starts })
    this.take(ticket, node, undefined)
    return { ticket, node }
  }

  /** The task is in flight. `startedMillis`: since when, by the node's clock. */
  take(ticket: Ticket, node: string, startedMillis: number | undefined): void {
    const { agent } = ticket.line.queue
    const demand = agent === undefined ? demandOf(ticket.task, undefined) : demandOfAgent(agent)
    ticket.taken = { node, agent, startedMillis, isJob: demand.isJob, memoryGB: memoryOf(demand) }
    // Its paths go on as those of a task in flight.
    ticket.isParked = false
    this.fleet.take(ticket.taken)
    if (agent !== undefined) {
      this.#capacity.take(agent)
      this.#held.take(agent)
      this.#touchAgent(agent, ticket.line.queue)
    }
    for (const lane of this.#locks.hold(ticket)) this.#laneChanged(lane)
  }

  /** The task is in flight no longer. */
  release(ticket: Ticket): void {
    const { taken, line } = ticket
    if (taken === undefined) return
    ticket.taken = undefined
    this.fleet.release(taken)
    if (taken.agent !== undefined) {
      this.#capacity.release(taken.agent)
      this.#held.release(taken.agent)
      this.#touchAgent(taken.agent, line.queue)
    }
    for (const lane of this.#locks.free(ticket)) this.#laneChanged(lane)
  }

  /** Whether a task that waits keeps its paths. To be said after `release`. */
  park(ticket: Ticket, isParked: boolean): void {
    if (ticket.isParked === isParked) return
    const isWaiting = ticket.lane !== undefined
    if (isWaiting) this.leave(ticket)
    ticket.isParked = isParked
    const changed = isParked
      ? this.#locks.hold(ticket)
      : ticket.taken === undefined
        ? this.#locks.free(ticket)
        : []
    for (const lane of changed) this.#laneChanged(lane)
    if (isWaiting) this.enter(ticket)
  }

  /** What an Agent says of its endpoint, as it was and as it is; `aheadMillis` is added to its times. */
  holdChanged(before: Agent | undefined, after: Agent | undefined, aheadMillis: number): void {
    if (!this.#held.agentChanged(before, after, aheadMillis)) return
    for (const agent of [before, after]) {
      if (agent === undefined) continue
      for (const queue of this.#endpoints.get(endpointOf(agent)) ?? []) this.#touch(queue)
    }
  }

  /** What the Agent's day has left may be another thing. */
  dayChanged(agentKey: string): void {
    const queue = this.#queues.get(agentQueueKey(agentKey))
    if (queue !== undefined) this.#touch(queue)
  }

  /** Time goes on: holds end, and probes. */
  pass(nowMillis: number): void {
    for (const endpoint of this.#held.pass(nowMillis)) {
      for (const queue of this.#endpoints.get(endpoint) ?? []) this.#touch(queue)
    }
  }

  /** When time alone may give a place; infinity for never. */
  get lookAtMillis(): number {
    return this.#held.lookAtMillis
  }

  /** Why the tasks of a lane wait. */
  waitOf({ blocker, locks, line: { queue } }: Lane): Wait {
    if (blocker !== undefined && locks !== undefined) {
      return Decision.Wait({
        reason: reason.pathsLocked,
        message: blockedWords(locks, blocker),
        isShort: true
      })
    }
    const refused = queue.agent === undefined ? undefined : this.#refusal(queue.agent)
    if (refused !== undefined) return Decision.Wait({ isShort: true, ...refused })
    const { message = "", isShort = false } = queue.placement ?? {}
    return Decision.Wait({ reason: reason.unschedulable, message, isShort })
  }

  /** Tasks that wait for a place, by lane. */
  *lanes(): Iterable<Lane> {
    for (const queue of this.#queues.values()) {
      for (const line of queue.lines.values()) yield* line.lanes.values()
    }
  }

  #isOpen({ agent, placement }: Queue): boolean {
    return placement?.best !== undefined && (agent === undefined || this.#refusal(agent) === undefined)
  }

  #refusal(agent: Agent): (Refusal & { readonly isShort?: boolean }) | undefined {
    return this.#limits.dayRefusal(agent) ?? this.#held.refusal(agent) ?? this.#capacity.refusal(agent)
  }

  #touch(queue: Queue): void {
    this.#touched.add(queue)
    this.#listener.queueChanged(queue)
  }

  #touchAgent(agent: Agent, queue: Queue): void {
    this.#touch(queue)
    for (const other of this.#endpoints.get(endpointOf(agent)) ?? []) this.#touch(other)
  }

  #laneChanged(lane: Lane): void {
    lane.line.laneChanged(lane)
    this.#touched.add(lane.line.queue)
    this.#listener.laneChanged(lane)
  }

  #bindAgent(queue: Queue, agent: Agent | undefined): void {
    queue.agent = agent
    if (agent === undefined) return
    putInto(this.#endpoints, endpointOf(agent), queue)
    this.#bind(queue, demandOfAgent(agent))
  }

  #bind(queue: Queue, demand: Demand): void {
    queue.placement = this.fleet.placementFor(demand)
    putInto(this.#users, queue.placement, queue)
    this.#touch(queue)
  }

  #unbind(queue: Queue): void {
    if (queue.agent !== undefined) takeFrom(this.#endpoints, endpointOf(queue.agent), queue)
    queue.agent = undefined
    const { placement } = queue
    queue.placement = undefined
    if (placement === undefined) return
    takeFrom(this.#users, placement, queue)
    if (!this.#users.has(placement)) this.fleet.forget(placement)
  }
}

const agentQueueKey = (key: string): string => `Agent ${key}`
