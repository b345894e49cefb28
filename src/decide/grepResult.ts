/** What of a search's matches is shown: every file has a share, and what is left out is counted. Pure. */

export interface Match {
  readonly line: number
  readonly text: string
}

/** The matches of one file: the first of them, and how many there are. */
export interface FileMatches {
  readonly path: string
  readonly first: ReadonlyArray<Match>
  readonly count: number
}

export interface ShownMatches {
  readonly matches: ReadonlyArray<{ readonly path: string; readonly line: number; readonly text: string }>
  /** Matches that are not shown, by file. */
  readonly more: { readonly [path: string]: number }
}

/** Files with matches left out that are named. */
const maxNamed = 20

/** How many matches a file has for certain, where others have some, too. */
export const shareOf = (max: number): number => Math.max(1, Math.ceil(max / 4))

/** What `{"path":"","line":0,"text":""}` and the quotes of a line take of a result. */
const charsBeside = 40

/** At most `max` matches with `maxChars` characters in all, one at least. */
export const showMatches = (
  files: ReadonlyArray<FileMatches>,
  max: number,
  maxChars: number
): ShownMatches => {
  const share = shareOf(max)
  let room = max
  const allotted = files.map(({ first }) => {
    const count = Math.min(first.length, share, room)
    room -= count
    return count
  })
  files.forEach(({ first }, index) => {
    const more = Math.min(first.length - (allotted[index] ?? 0), room)
    allotted[index] = (allotted[index] ?? 0) + more
    room -= more
  })
  const matches: Array<ShownMatches["matches"][number]> = []
  const more: Record<string, number> = {}
  let chars = 0
  let unnamed = 0
  files.forEach(({ count, first, path }, index) => {
    let shown = 0
    for (const match of first.slice(0, allotted[index])) {
      chars += match.text.length + path.length + charsBeside
      if (chars > maxChars && matches.length > 0) break
      matches.push({ path, ...match })
      shown++
    }
    if (count === shown) return
    if (Object.keys(more).length < maxNamed) more[path] = count - shown
    else unnamed += count - shown
  })
  return { matches, more: unnamed === 0 ? more : { ...more, "other files": unnamed } }
}
