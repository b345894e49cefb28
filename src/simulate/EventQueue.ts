/** What happens when, in order; events of one moment stay in the order in which they were put in. */
import { Heap } from "../decide/heap.ts"

interface Entry<A> {
  readonly atMillis: number
  readonly number: number
  readonly event: A
}

export class EventQueue<A> {
  readonly #heap = new Heap<Entry<A>>(
    (a, b) => a.atMillis < b.atMillis || (a.atMillis === b.atMillis && a.number < b.number)
  )
  #count = 0

  /** When the next event is; infinity when there is none. */
  get nextMillis(): number {
    return this.#heap.top?.atMillis ?? Number.POSITIVE_INFINITY
  }

  add(atMillis: number, event: A): void {
    this.#heap.put({ atMillis, number: this.#count++, event })
  }

  /** Takes the next event. */
  next(): A | undefined {
    const first = this.#heap.top
    if (first !== undefined) this.#heap.delete(first)
    return first?.event
  }
}
