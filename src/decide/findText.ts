/** Where one sequence occurs in another, in time that is linear in both whatever they hold. Pure. */

/** V8's own search is linear up to this length of what is looked for; beyond, a hostile text makes it quadratic. */
const maxNative = 200

/** For each beginning of the needle, how much of it is found again at its end (Knuth, Morris, Pratt). */
const borders = (length: number, at: (index: number) => number): Int32Array => {
  const table = new Int32Array(length)
  for (let index = 1, matched = 0; index < length; index++) {
    while (matched > 0 && at(index) !== at(matched)) matched = table[matched - 1] ?? 0
    if (at(index) === at(matched)) matched++
    table[index] = matched
  }
  return table
}

/** Calls `found` with the start of each occurrence; they do not overlap. */
export const findAll = (
  length: number,
  at: (index: number) => number,
  wantedLength: number,
  wanted: (index: number) => number,
  found: (start: number) => void
): void => {
  const table = borders(wantedLength, wanted)
  for (let index = 0, matched = 0; index < length; index++) {
    while (matched > 0 && at(index) !== wanted(matched)) matched = table[matched - 1] ?? 0
    if (at(index) === wanted(matched)) matched++
    if (matched === wantedLength) {
      found(index - wantedLength + 1)
      matched = 0
    }
  }
}

export interface Occurrences {
  readonly count: number
  /** Starts of the first of them, at most as many as were asked for. */
  readonly starts: ReadonlyArray<number>
}

/** Occurrences of a text that is not empty; they do not overlap. */
export const occurrences = (text: string, wanted: string, most: number): Occurrences => {
  const starts: Array<number> = []
  let count = 0
  const note = (start: number): void => {
    if (count++ < most) starts.push(start)
  }
  if (wanted.length <= maxNative) {
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) note(at)
  } else {
    findAll(
      text.length,
      (index) => text.charCodeAt(index),
      wanted.length,
      (index) => wanted.charCodeAt(index),
      note
    )
  }
  return { count, starts }
}
