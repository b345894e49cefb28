/**
 * Tasks that are ready and wait for a place. A queue holds those that ask for the same, a line those of one workload in it, a lane those
 * that lock the same paths; so whatever is freed meets the heads of few queues, however long they are.
 */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Run } from "./fleet.ts"
import { Heap } from "./heap.ts"
import type { Holder, Locks } from "./locks.ts"
import { goesBefore, type LastStart, neverStarted, type Order, takesTurnBefore } from "./order.ts"
import type { Placement } from "./placement.ts"

/** A task in flight, with all that it takes. */
export interface Taken extends Run {
  readonly agent: Agent | undefined
}

/** A task, as far as its place is concerned. */
export interface Ticket extends Order {
  readonly line: Line
  readonly locks: Locks | undefined
  task: AgenticTask
  /** Where it waits for a place. */
  lane: Lane | undefined
  /** It waits, and keeps its paths as if it ran. */
  isParked: boolean
  /** The place that it has. */
  taken: Taken | undefined
}

export class Lane {
  readonly line: Line
  /** Its name within the line. */
  readonly folders: string
  readonly locks: Locks | undefined
  readonly tickets = new Heap<Ticket>(goesBefore)
  blocker: Holder | undefined

  constructor(line: Line, folders: string, locks: Locks | undefined) {
    this.line = line
    this.folders = folders
    this.locks = locks
  }
}

const headOf = ({ tickets }: Lane): Order => tickets.top ?? nobody
const nobody: Order = { key: "", madeMillis: Number.POSITIVE_INFINITY, leadMillis: 0 }

export class Line {
  readonly queue: Queue
  readonly workload: string
  /** When a task of this line was last given a place. */
  last: LastStart = neverStarted
  /** The keys of its tasks, whatever their phase: the line is remembered as long as there are any. */
  readonly members = new Set<string>()
  readonly lanes = new Map<string, Lane>()
  readonly #open = new Heap<Lane>((a, b) => goesBefore(headOf(a), headOf(b)))

  constructor(queue: Queue, workload: string) {
    this.queue = queue
    this.workload = workload
  }

  /** The first task that no lock holds back. */
  get head(): Ticket | undefined {
    return this.#open.top?.tickets.top
  }

  /** A lane has another head, or another blocker. */
  laneChanged(lane: Lane): void {
    if (lane.blocker === undefined && lane.tickets.size > 0) this.#open.put(lane)
    else this.#open.delete(lane)
    this.queue.lineChanged(this)
  }

  started(last: LastStart): void {
    this.last = last
    this.queue.lineChanged(this)
  }
}

export class Queue {
  readonly key: string
  /** The Agent that its tasks name; `undefined` when they name none, or one that does not exist. */
  agent: Agent | undefined
  /** `undefined` while the Agent does not exist. */
  placement: Placement | undefined
  readonly lines = new Map<string, Line>()
  readonly #ready = new Heap<Line>((a, b) =>
    takesTurnBefore(a.head ?? nobody, a.last, b.head ?? nobody, b.last)
  )

  constructor(key: string) {
    this.key = key
  }

  /** The line whose turn it is; its head is the task. */
  get first(): Line | undefined {
    return this.#ready.top
  }

  lineOf(workload: string): Line {
    const known = this.lines.get(workload)
    if (known !== undefined) return known
    const line = new Line(this, workload)
    this.lines.set(workload, line)
    return line
  }

  lineChanged(line: Line): void {
    if (line.head === undefined) this.#ready.delete(line)
    else this.#ready.put(line)
  }
}
