/** A unified diff as git prints it, taken apart by line, so that it can be told what of it somebody has seen. Pure. */

export interface DiffLine {
  readonly file: string
  readonly text: string
  /** `+` and `-` are the change; `header` is what git says about a file, where that alone is the change (a rename, a mode, binary data). */
  readonly kind: "+" | "-" | " " | "header" | "other"
  /** Number in the commit, from 1, of a line that is there. */
  readonly newLine?: number
}

export interface Hunk {
  readonly file: string
  /** As a person would look it up: `src/a.ts:12-20`, or the file alone. */
  readonly name: string
  /** Lines of the diff that must be seen: those that are the change. */
  readonly lines: ReadonlyArray<number>
}

export interface Diff {
  readonly lines: ReadonlyArray<DiffLine>
  readonly hunks: ReadonlyArray<Hunk>
}

const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 }

/** A path as git writes it: between quotes, with C's escapes for bytes, where it has unusual characters. */
const unquote = (path: string): string => {
  if (!path.startsWith('"')) return path
  const bytes: Array<number> = []
  const body = path.slice(1, path.endsWith('"') ? -1 : undefined)
  for (const [part] of body.matchAll(/\\[0-7]{3}|\\.|[^\\]+/gsu)) {
    if (!part.startsWith("\\")) bytes.push(...new TextEncoder().encode(part))
    else if (/^\\[0-7]{3}$/u.test(part)) bytes.push(Number.parseInt(part.slice(1), 8) & 255)
    else bytes.push(escapes[part[1] ?? ""] ?? part.charCodeAt(1))
  }
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

/** `b/src/a.ts` is `src/a.ts`; git ends a path that has a space in it with a tab. */
const pathOf = (text: string): string => unquote(text.replace(/\t$/u, "")).replace(/^[ab]\//u, "")

/** What git says of a file whose content it does not show, or does not change. */
const isWord =
  /^(?:rename (?:from|to)|copy (?:from|to)|new mode|old mode|Binary files |GIT binary patch|deleted file mode|new file mode) ?/u

const hunkHeader = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/u

export const parseDiff = (text: string): Diff => {
  const lines: Array<DiffLine> = []
  const hunks: Array<Hunk> = []
  let file = ""
  let words: Array<number> = []
  let hasHunk = false
  let open:
    | { lines: Array<number>; from: number; to: number; old: number; new: number; at: number }
    | undefined

  const closeHunk = () => {
    if (open === undefined) return
    const range =
      open.to < open.from ? "" : open.from === open.to ? `:${open.from}` : `:${open.from}-${open.to}`
    hunks.push({ file, name: `${file}${range}`, lines: open.lines })
    open = undefined
  }
  const closeFile = () => {
    closeHunk()
    if (!hasHunk && words.length > 0) hunks.push({ file, name: file, lines: words })
    words = []
    hasHunk = false
  }

  for (const [index, line] of (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n").entries()) {
    if (open !== undefined && (open.old > 0 || open.new > 0)) {
      const kind = line.startsWith("+")
        ? "+"
        : line.startsWith("-")
          ? "-"
          : line.startsWith("\\")
            ? "other"
            : " "
      if (kind === "+" || kind === "-") open.lines.push(index)
      if (kind === "-" || kind === " ") open.old -= 1
      if (kind === "+" || kind === " ") {
        lines.push({ file, text: line, kind, newLine: open.at++ })
        open.new -= 1
      } else lines.push({ file, text: line, kind })
      continue
    }
    const header = hunkHeader.exec(line)
    if (line.startsWith("diff --git ")) {
      closeFile()
      // Good enough for files that have no `+++`: a rename of nothing else, a mode, binary data.
      file = pathOf(/ ("b\/.*"|b\/.*)$/u.exec(line)?.[1] ?? line)
    } else if (header !== null) {
      closeHunk()
      hasHunk = true
      const from = Number(header[2])
      const count = Number(header[3] ?? 1)
      open = { lines: [], from, to: from + count - 1, old: Number(header[1] ?? 1), new: count, at: from }
    } else if (line.startsWith("+++ ") && line !== "+++ /dev/null") file = pathOf(line.slice(4))
    else if (line.startsWith("rename to ")) file = unquote(line.slice("rename to ".length))
    const isTold = isWord.test(line)
    if (isTold) words.push(index)
    lines.push({ file, text: line, kind: isTold ? "header" : "other" })
  }
  closeFile()
  return { lines: text === "" ? [] : lines, hunks }
}
