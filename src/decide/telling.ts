/** When a waiting task's words are new: a reason at once, other numbers in its message only now and then. */
import type { Wait } from "./decision.ts"
import type { Lane, Queue, Ticket } from "./queue.ts"

/** The numbers in a message are brought up to date this often. */
const refreshMillis = 30_000

export interface Told {
  readonly waits: ReadonlyArray<{ readonly key: string; readonly wait: Wait }>
  /** When further words are due without a change. Milliseconds since the epoch; infinity for never. */
  readonly lookAtMillis: number
}

interface Said {
  readonly reason: string
  readonly message: string
  readonly atMillis: number
}

/** Why a ticket waits, and why all of a lane do; `undefined` when they do not. */
export interface Words {
  readonly ofTicket: (ticket: Ticket) => Wait | undefined
  readonly ofLane: (lane: Lane) => Wait | undefined
}

export class Telling {
  readonly #words: Words
  readonly #queues = new Set<Queue>()
  readonly #lanes = new Set<Lane>()
  readonly #tickets = new Set<Ticket>()
  readonly #said = new WeakMap<Lane | Ticket, Said>()

  constructor(words: Words) {
    this.#words = words
  }

  queueChanged(queue: Queue): void {
    this.#queues.add(queue)
  }
  laneChanged(lane: Lane): void {
    this.#lanes.add(lane)
  }
  ticketChanged(ticket: Ticket): void {
    this.#tickets.add(ticket)
  }
  /** What was said of it is forgotten, so that it is said again if it waits again. */
  forget(ticket: Ticket): void {
    this.#tickets.delete(ticket)
    this.#said.delete(ticket)
  }

  waits(nowMillis: number): Told {
    const waits = new Map<string, Wait>()
    let lookAtMillis = Number.POSITIVE_INFINITY
    /** Says it, leaves it for later, or has nothing to say. */
    const consider = <A extends Lane | Ticket>(all: Set<A>, it: A, wait: Wait | undefined): boolean => {
      const said = this.#said.get(it)
      if (wait === undefined || (said?.reason === wait.reason && said.message === wait.message)) {
        all.delete(it)
        return false
      }
      if (said?.reason === wait.reason && nowMillis < said.atMillis + refreshMillis) {
        lookAtMillis = Math.min(lookAtMillis, said.atMillis + refreshMillis)
        return false
      }
      all.delete(it)
      this.#said.set(it, { reason: wait.reason, message: wait.message, atMillis: nowMillis })
      return true
    }
    for (const queue of this.#queues) {
      for (const line of queue.lines.values()) for (const lane of line.lanes.values()) this.#lanes.add(lane)
    }
    this.#queues.clear()
    for (const lane of this.#lanes) {
      const wait = this.#words.ofLane(lane)
      if (!consider(this.#lanes, lane, wait) || wait === undefined) continue
      for (const { key } of lane.tickets.values()) waits.set(key, wait)
    }
    for (const ticket of this.#tickets) {
      const wait = this.#words.ofTicket(ticket)
      if (consider(this.#tickets, ticket, wait) && wait !== undefined) waits.set(ticket.key, wait)
    }
    return { waits: Array.from(waits, ([key, wait]) => ({ key, wait })), lookAtMillis }
  }
}
