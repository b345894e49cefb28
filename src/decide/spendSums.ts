/** What tasks used, summed by group and kept by difference: a Workload's tasks, or those of an Agent that ended on one day. */
import type { Spend } from "../../schema/Budget.ts"
import { addSpend, isSameSpend, noSpend, sumOf } from "./spend.ts"

interface Group {
  readonly tasks: Map<string, Spend>
  /** Of tasks that are gone. */
  gone: Spend
  total: Spend
}

interface Entry {
  readonly group: string
  readonly spend: Spend
}

export class SpendSums {
  readonly #groups = new Map<string, Group>()
  readonly #entries = new Map<string, Entry>()

  /** What a status says of tasks that were gone before anybody here could see them. To be said once, before their group changes. */
  begin(group: string, gone: Spend | undefined): void {
    if (gone === undefined) return
    const known = this.#groupOf(group)
    known.gone = addSpend(known.gone, gone)
    known.total = addSpend(known.total, gone)
  }

  /** What a task counts with, and where; nowhere when `undefined`. Returns the groups whose sum is another one now. */
  set(key: string, entry: Entry | undefined): ReadonlyArray<string> {
    const before = this.#entries.get(key)
    if (before?.group === entry?.group && isSameSpend(before?.spend, entry?.spend)) return []
    if (before !== undefined) this.#take(key, before)
    if (entry !== undefined) this.#put(key, entry)
    return [before?.group, entry?.group].filter((group) => group !== undefined)
  }

  /** The task is gone; what it used stays in the sum. */
  gone(key: string): void {
    const entry = this.#entries.get(key)
    const group = entry && this.#groups.get(entry.group)
    if (entry === undefined || group === undefined) return
    group.tasks.delete(key)
    this.#entries.delete(key)
    group.gone = addSpend(group.gone, entry.spend)
  }

  /** The sum of a group, of tasks that are gone too. */
  of(group: string): Spend {
    return this.#groups.get(group)?.total ?? noSpend
  }

  /** The part of it of tasks that are gone. */
  goneOf(group: string): Spend {
    return this.#groups.get(group)?.gone ?? noSpend
  }

  groups(): Iterable<string> {
    return this.#groups.keys()
  }

  /** Nobody asks for the group any more. */
  forget(group: string): void {
    for (const key of this.#groups.get(group)?.tasks.keys() ?? []) this.#entries.delete(key)
    this.#groups.delete(group)
  }

  #groupOf(name: string): Group {
    const group = this.#groups.get(name) ?? { tasks: new Map(), gone: noSpend, total: noSpend }
    this.#groups.set(name, group)
    return group
  }

  #put(key: string, entry: Entry): void {
    const group = this.#groupOf(entry.group)
    this.#entries.set(key, entry)
    group.tasks.set(key, entry.spend)
    group.total = addSpend(group.total, entry.spend)
  }

  /** Money is not subtracted, for a sum of none has no currency: the rest is added anew. */
  #take(key: string, entry: Entry): void {
    const group = this.#groups.get(entry.group)
    this.#entries.delete(key)
    if (group === undefined) return
    group.tasks.delete(key)
    group.total = addSpend(group.gone, sumOf(group.tasks.values()))
  }
}
