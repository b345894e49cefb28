/** When waiting tasks are told so. A short wait is not worth a write: most tasks are placed before it. */
const shortWaitMillis = 5_000
/** What is applied together is heard together: a task that is missing now may come in a moment. */
const momentMillis = 10
/** Words in one pass, and the pause before the rest of them: they must not hold up assignments. */
const wordsPerPass = 32
/** Of these for waits that pass by themselves: a burst that drains in seconds is not worth telling task by task. */
const shortWordsPerPass = 8
const restMillis = 500

/** Tasks that are to be told why they wait, each once. */
export class Unsaid {
  readonly #now = new Set<string>()
  /** With the moment from which; in the order of these moments. */
  readonly #later = new Map<string, number>()
  #restsUntilMillis = Number.NEGATIVE_INFINITY
  #shortRestsUntilMillis = Number.NEGATIVE_INFINITY

  /** `isShort`: a place is there, only taken, so there is time. */
  add(key: string, isShort: boolean, nowMillis: number): void {
    if (!isShort) {
      if (this.#now.size === 0)
        this.#restsUntilMillis = Math.max(this.#restsUntilMillis, nowMillis + momentMillis)
      this.#now.add(key)
    } else if (!this.#later.has(key)) this.#later.set(key, nowMillis + shortWaitMillis)
  }

  /** Those whose moment has come, as many as may be told now. */
  take(nowMillis: number): ReadonlyArray<string> {
    if (nowMillis < this.#restsUntilMillis) return []
    let room = nowMillis < this.#shortRestsUntilMillis ? 0 : shortWordsPerPass
    for (const [key, atMillis] of this.#later) {
      if (atMillis > nowMillis || room === 0) break
      room--
      this.#shortRestsUntilMillis = nowMillis + restMillis
      this.#later.delete(key)
      this.#now.add(key)
    }
    const taken = [...this.#now].slice(0, wordsPerPass)
    for (const key of taken) this.#now.delete(key)
    if (this.#now.size > 0) this.#restsUntilMillis = nowMillis + restMillis
    return taken
  }

  /** When the next may be taken. Milliseconds since the epoch; infinity for never. */
  get lookAtMillis(): number {
    if (this.#now.size > 0) return this.#restsUntilMillis
    for (const atMillis of this.#later.values()) return Math.max(atMillis, this.#shortRestsUntilMillis)
    return Number.POSITIVE_INFINITY
  }
}
