/** A unified diff as git prints it, taken apart by line, so that it can be told what of it somebody has seen. Pure. */

export interface DiffLine {
  readonly file: string
  /** As git prints it. A line that is very long is several, each with the kind and number of the whole, and a `…` where it goes on. */
  readonly text: string
  /** `+` and `-` are the change; `header` is what git says about a file, where that alone is the change (a rename, a mode, binary data). */
  readonly kind: "+" | "-" | " " | "header" | "other"
  /** Number in the commit, from 1, of a line that is there. */
  readonly newLine?: number
}

export interface Hunk {
  readonly file: string
  /** As a person would look it up: `src/a.ts:12-20`, or the file alone for what git says of it. */
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

/** Characters of a line's text: less than any page, so that whoever is to see a change sees it to its end. */
const maxLineChars = 8_000

/** What git says of a file whose content it does not show, or does not change. */
const isWord =
  /^(?:rename (?:from|to)|copy (?:from|to)|new mode|old mode|Binary files |GIT binary patch|deleted file mode|new file mode) ?/u

/** What a new or deleted file's content says as well. */
const isPlain = /^(?:new file mode 100644|deleted file mode )/u

const hunkHeader = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/u

const kinds: Readonly<Record<string, DiffLine["kind"]>> = { "+": "+", "-": "-", "\\": "other" }

export const parseDiff = (diff: string): Diff => {
  const lines: Array<DiffLine> = []
  const hunks: Array<Hunk> = []
  let file = ""
  let words: Array<number> = []
  let plainWords: Array<number> = []
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
    const said = hasHunk ? words : [...plainWords, ...words]
    if (said.length > 0) hunks.push({ file, name: file, lines: said })
    words = []
    plainWords = []
    hasHunk = false
  }

  /** Takes note of a line, and says where it now is. */
  const put = (line: Omit<DiffLine, "file">): ReadonlyArray<number> => {
    const first = lines.length
    // No part of a changed line may look like a line that was not changed.
    const mark = line.kind === "+" || line.kind === "-" ? line.kind : " "
    for (let at = 0; at === 0 || at < line.text.length; at += maxLineChars) {
      const part = line.text.slice(at, at + maxLineChars)
      lines.push({ ...line, file, text: at === 0 ? part : `${mark}… ${part}` })
    }
    return Array.from({ length: lines.length - first }, (_, index) => first + index)
  }

  for (const text of (diff.endsWith("\n") ? diff.slice(0, -1) : diff).split("\n")) {
    if (open !== undefined && (open.old > 0 || open.new > 0)) {
      const kind = kinds[text.charAt(0)] ?? " "
      const at = put({ text, kind, ...(kind === "+" || kind === " " ? { newLine: open.at++ } : {}) })
      if (kind === "+" || kind === "-") open.lines.push(...at)
      if (kind === "-" || kind === " ") open.old -= 1
      if (kind === "+" || kind === " ") open.new -= 1
      continue
    }
    const header = hunkHeader.exec(text)
    if (text.startsWith("diff --git ")) {
      closeFile()
      // Good enough for files that have no `+++`: a rename of nothing else, a mode, binary data.
      file = pathOf(/ ("b\/.*"|b\/.*)$/u.exec(text)?.[1] ?? text)
    } else if (header !== null) {
      closeHunk()
      hasHunk = true
      const from = Number(header[2])
      const count = Number(header[3] ?? 1)
      open = { lines: [], from, to: from + count - 1, old: Number(header[1] ?? 1), new: count, at: from }
    } else if (text.startsWith("+++ ") && text !== "+++ /dev/null") file = pathOf(text.slice(4))
    else if (text.startsWith("rename to ")) file = unquote(text.slice("rename to ".length))
    const isTold = isWord.test(text)
    const at = put({ text, kind: isTold ? "header" : "other" })
    if (isTold) (isPlain.test(text) ? plainWords : words).push(...at)
  }
  closeFile()
  return { lines: diff === "" ? [] : lines, hunks }
}
