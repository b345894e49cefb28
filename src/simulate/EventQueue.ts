/** What happens when, in order; events of one moment stay in the order in which they were put in. A binary heap. */

interface Entry<A> {
  readonly atMillis: number
  readonly number: number
  readonly event: A
}

const isBefore = <A>(a: Entry<A>, b: Entry<A>): boolean =>
  a.atMillis < b.atMillis || (a.atMillis === b.atMillis && a.number < b.number)

export class EventQueue<A> {
  readonly #heap: Array<Entry<A>> = []
  #count = 0

  /** When the next event is; infinity when there is none. */
  get nextMillis(): number {
    return this.#heap[0]?.atMillis ?? Number.POSITIVE_INFINITY
  }

  add(atMillis: number, event: A): void {
    const entry = { atMillis, number: this.#count++, event }
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(entry, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = entry
  }

  /** Takes the next event. */
  next(): A | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first?.event
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const [a, b] = [heap[left], heap[right]]
      if (a === undefined) break
      const below = b !== undefined && isBefore(b, a) ? right : left
      const child = heap[below]
      if (child === undefined || !isBefore(child, last)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
    return first.event
  }
}
