/** A binary heap whose members may be moved and taken out: the least of many that change. */
export class Heap<A extends object> {
  readonly #items: Array<A> = []
  readonly #at = new Map<A, number>()
  readonly #isBefore: (a: A, b: A) => boolean

  constructor(isBefore: (a: A, b: A) => boolean) {
    this.#isBefore = isBefore
  }

  get top(): A | undefined {
    return this.#items[0]
  }

  get size(): number {
    return this.#items.length
  }

  /** In no order. */
  values(): Iterable<A> {
    return this.#items
  }

  /** Puts an item in, or into its new place after its order changed. */
  put(item: A): void {
    this.#rise(item, this.#at.get(item) ?? this.#items.length)
    this.#sink(item, this.#at.get(item) ?? 0)
  }

  /** Takes an item out, which need not be in. */
  delete(item: A): void {
    const at = this.#at.get(item)
    const last = this.#items.at(-1)
    if (at === undefined || last === undefined) return
    this.#items.pop()
    this.#at.delete(item)
    if (last === item) return
    this.#set(last, at)
    this.put(last)
  }

  #set(item: A, at: number): void {
    this.#items[at] = item
    this.#at.set(item, at)
  }

  #rise(item: A, from: number): void {
    let at = from
    for (;;) {
      const parent = at === 0 ? undefined : this.#items[(at - 1) >> 1]
      if (parent === undefined || !this.#isBefore(item, parent)) break
      this.#set(parent, at)
      at = (at - 1) >> 1
    }
    this.#set(item, at)
  }

  #sink(item: A, from: number): void {
    let at = from
    for (;;) {
      const left = this.#items[2 * at + 1]
      const right = this.#items[2 * at + 2]
      const isRight = left !== undefined && right !== undefined && this.#isBefore(right, left)
      const child = isRight ? right : left
      if (child === undefined || !this.#isBefore(child, item)) break
      this.#set(child, at)
      at = 2 * at + (isRight ? 2 : 1)
    }
    this.#set(item, at)
  }
}
