/**
 * What of a diff a model was shown in one run: counted by the harness from what its prompt and its tools really put before it, never
 * from what it says of itself. A search does not count, nor does what a command printed.
 */
import { type Diff, type Hunk, parseDiff } from "./diff.ts"

/** Written by package managers, and checked by them: nobody reads these line by line. */
const lockFiles =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|Pipfile\.lock|composer\.lock|Gemfile\.lock)$/u

export interface Page {
  /** Whole lines, at least one. */
  readonly text: string
  /** First line, from 1. */
  readonly from: number
  /** Last line; before `from` where there was none. */
  readonly to: number
  /** Lines of the whole diff. */
  readonly total: number
}

export class Reading {
  readonly diff: Diff
  readonly #seen = new Set<number>()

  constructor(text: string) {
    this.diff = parseDiff(text)
  }

  /** Shows lines of the diff from one on, as many as fit into `maxChars`, and takes note of it. */
  show(from: number, maxChars: number): Page {
    const { lines } = this.diff
    const shown: Array<string> = []
    let room = maxChars
    // No line of a diff is longer than a page (`diff.ts`).
    for (let index = from - 1; index < lines.length; index++) {
      const text = lines[index]?.text ?? ""
      if (text.length + 1 > room && shown.length > 0) break
      shown.push(text.toWellFormed())
      this.#seen.add(index)
      room -= text.length + 1
    }
    return { text: shown.join("\n"), from, to: from - 1 + shown.length, total: lines.length }
  }

  /** Lines of the diff, from one to another, were shown. */
  note(from: number, to: number): void {
    const last = Math.min(to, this.diff.lines.length)
    for (let line = Math.max(1, from); line <= last; line++) this.#seen.add(line - 1)
  }

  /** They were not shown after all. Those that were shown before are forgotten, too: to read a line twice does no harm. */
  forget(from: number, to: number): void {
    const last = Math.min(to, this.diff.lines.length)
    for (let line = Math.max(1, from); line <= last; line++) this.#seen.delete(line - 1)
  }

  /** First line of a file's part of the diff, from 1. */
  startOf(path: string): number | undefined {
    const index = this.diff.lines.findIndex(({ file }) => file === path)
    return index < 0 ? undefined : index + 1
  }

  /** Lines of a file of the commit were shown. What the change took away is not in the file. */
  showFile(path: string, startLine: number, content: string): void {
    for (const index of this.#linesOf(path, startLine, content)) this.#seen.add(index)
  }

  /** They were not shown after all. */
  forgetFile(path: string, startLine: number, content: string): void {
    for (const index of this.#linesOf(path, startLine, content)) this.#seen.delete(index)
  }

  #linesOf(path: string, startLine: number, content: string): ReadonlyArray<number> {
    // A file with CRLF is shown with LF (`read_file`), its diff is not.
    const plain = (line: string | undefined): string | undefined => line?.replace(/\r$/u, "")
    const texts = content.split("\n").map(plain)
    return this.diff.lines.flatMap(({ file, newLine, text }, index) => {
      if (file !== path || newLine === undefined) return []
      // The text must be the commit's: the folder may have been changed since.
      return texts[newLine - startLine] === plain(text.slice(1)) ? [index] : []
    })
  }

  isRead({ lines }: Hunk): boolean {
    return lines.every((line) => this.#seen.has(line))
  }

  /** Files with hunks that nobody needs to read. */
  get excused(): ReadonlyArray<string> {
    return [...new Set(this.diff.hunks.filter((hunk) => this.#isExcused(hunk)).map(({ file }) => file))]
  }

  /** The content of a lock file; not that something else became one. */
  #isExcused({ file, lines }: Hunk): boolean {
    return lockFiles.test(file) && lines.some((line) => this.diff.lines[line]?.kind !== "header")
  }

  /** Hunks that were not shown whole. */
  get unread(): ReadonlyArray<Hunk> {
    return this.diff.hunks.filter((hunk) => !this.#isExcused(hunk) && !this.isRead(hunk))
  }

  /** Whether a finding may stand on this line: it was changed, or lies beside a line that was taken away. */
  isChanged(path: string, line: number | undefined): boolean {
    const ofFile = this.diff.hunks.filter(({ file }) => file === path)
    if (line === undefined) return ofFile.length > 0
    return ofFile.some(({ lines }) =>
      lines.some((index) => {
        const { kind, newLine } = this.diff.lines[index] ?? {}
        if (kind === "header") return ofFile.length === 1
        return newLine === line || (kind === "-" && Math.abs(this.#lineBefore(index) - line) <= 1)
      })
    )
  }

  /** Number in the commit of the last line before one that was taken away. */
  #lineBefore(index: number): number {
    const { lines } = this.diff
    const { file } = lines[index] ?? {}
    for (let at = index - 1; at >= 0 && lines[at]?.file === file; at--) {
      const before = lines[at]
      if (before?.newLine !== undefined) return before.newLine
      const start = /^@@ -\S+ \+(\d+)/u.exec(before?.text ?? "")?.[1]
      if (start !== undefined) return Number(start)
    }
    return 0
  }
}
