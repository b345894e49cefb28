/** How the lines of a text end. An edit is made on lines that end with LF; what it does not touch keeps the ends that it had. Pure. */

export type LineEnds = "LF" | "CRLF" | "CR" | "mixed" | "none"

export interface Lines {
  /** The text with LF at the end of each line. A CR within a line stays. */
  readonly text: string
  readonly ends: LineEnds
  /** Where a position of `text` is in the original. */
  readonly toOriginal: (position: number) => number
  /** The line end for a text that takes the place from `start` to `end` of `text`. */
  readonly endAt: (start: number, end: number) => string
}

/** How many of `sorted` lie below a limit. */
const countBelow = (sorted: ReadonlyArray<number>, limit: number): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < limit) low = middle + 1
    else high = middle
  }
  return low
}

const same = (position: number): number => position

export const linesOf = (original: string): Lines => {
  if (!original.includes("\r")) {
    const ends = original.includes("\n") ? "LF" : "none"
    return { text: original, ends, toOriginal: same, endAt: () => "\n" }
  }
  if (!original.includes("\n")) {
    return { text: original.replaceAll("\r", "\n"), ends: "CR", toOriginal: same, endAt: () => "\r" }
  }
  /** Positions of line ends in the new text, and those of them that lost a CR. */
  const all: Array<number> = []
  const shortened: Array<number> = []
  for (let at = original.indexOf("\n"); at >= 0; at = original.indexOf("\n", at + 1)) {
    if (original[at - 1] === "\r") shortened.push(at - shortened.length - 1)
    all.push(original[at - 1] === "\r" ? (shortened.at(-1) ?? 0) : at - shortened.length)
  }
  const isShortened = new Set(shortened)
  const toOriginal = (position: number): number => position + countBelow(shortened, position)
  const ends = shortened.length === all.length ? "CRLF" : shortened.length === 0 ? "LF" : "mixed"
  return {
    text: original.replaceAll("\r\n", "\n"),
    ends,
    toOriginal,
    endAt: (start, end) => {
      if (ends !== "mixed") return ends === "CRLF" ? "\r\n" : "\n"
      // The first line end that is replaced, else that of the line before, else the next one.
      const index = countBelow(all, start)
      const inside = all[index]
      const near = inside !== undefined && inside < end ? inside : (all[index - 1] ?? inside ?? 0)
      return isShortened.has(near) ? "\r\n" : "\n"
    }
  }
}

/** A text that replaces a whole file, with the line ends that the file had; where these were mixed, as it is. */
export const withLineEnds = (text: string, ends: LineEnds): string => {
  if (ends === "mixed" || ends === "none") return text
  const plain = text.replaceAll("\r\n", "\n")
  return ends === "CRLF"
    ? plain.replaceAll("\n", "\r\n")
    : ends === "CR"
      ? plain.replaceAll("\n", "\r")
      : plain
}
