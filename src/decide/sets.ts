/** Sets by key. An empty one is dropped, so that a map of them stays as small as what it holds. */
export const putInto = <K, A>(sets: Map<K, Set<A>>, key: K, it: A): void => {
  const known = sets.get(key)
  if (known === undefined) sets.set(key, new Set([it]))
  else known.add(it)
}

export const takeFrom = <K, A>(sets: Map<K, Set<A>>, key: K, it: A): void => {
  const known = sets.get(key)
  if (known?.delete(it) === true && known.size === 0) sets.delete(key)
}

/** Counts by key; one that comes to nothing is dropped. */
export const addTo = <K>(counts: Map<K, number>, key: K, difference: number): void => {
  const count = (counts.get(key) ?? 0) + difference
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
