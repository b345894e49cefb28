/** Finds text in a file the way a model meant it: exactly, else but for spaces at line ends, else but for indentation. Pure and linear. */
import { findAll, occurrences } from "./findText.ts"
import { linesOf } from "./lineEnds.ts"

export type MatchedVia = "exact" | "trailing-ws" | "indent"

export type Replacement =
  | { readonly _tag: "Replaced"; readonly text: string; readonly count: number; readonly via: MatchedVia }
  | { readonly _tag: "Refused"; readonly message: string }

interface Span {
  readonly start: number
  readonly end: number
  readonly put: string
}

/** Lines of a text that are searched by more than their exact words. */
const maxLines = 500_000
/** Places that a refusal names. */
const maxPlaces = 5

const refused = (message: string): Replacement => ({ _tag: "Refused", message })

const indentOf = (line: string): string => /^[ \t]*/u.exec(line)?.[0] ?? ""

/** The new lines, moved from the indentation that the model wrote to the one that the file has. */
const reindent = (replacement: ReadonlyArray<string>, from: string, to: string): ReadonlyArray<string> =>
  replacement.map((line) =>
    line.startsWith(from) && line.trim() !== "" ? to + line.slice(from.length) : line
  )

const linesWithoutLast = (text: string): ReadonlyArray<string> =>
  (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n")

const fuzzy = (
  lines: ReadonlyArray<string>,
  oldText: string,
  newText: string,
  via: "trailing-ws" | "indent",
  most: number
): { readonly count: number; readonly spans: ReadonlyArray<Span> } => {
  const wanted = linesWithoutLast(oldText)
  // Blank lines alone would match anywhere.
  if (wanted.every((line) => line.trim() === "")) return { count: 0, spans: [] }
  const same = via === "indent" ? (line: string) => line.trim() : (line: string) => line.trimEnd()
  // Lines as numbers, so that one comparison is one step.
  const numbers = new Map<string, number>()
  const needle = wanted.map((line) => {
    const key = same(line)
    const number = numbers.get(key) ?? numbers.size
    numbers.set(key, number)
    return number
  })
  const haystack = Int32Array.from(lines, (line) => numbers.get(same(line)) ?? -1)
  const starts: Array<number> = []
  let count = 0
  findAll(
    haystack.length,
    (index) => haystack[index] ?? -1,
    needle.length,
    (index) => needle[index] ?? -2,
    (start) => {
      if (count++ < most) starts.push(start)
    }
  )
  const replacement = linesWithoutLast(newText)
  const isRemoval = newText === "" && oldText.endsWith("\n")
  const spans: Array<Span> = []
  let line = 0
  let position = 0
  for (const start of starts) {
    for (; line < start; line++) position += (lines[line]?.length ?? 0) + 1
    const begin = position
    for (; line < start + wanted.length; line++) position += (lines[line]?.length ?? 0) + 1
    const isLast = line === lines.length
    const moved =
      via === "indent"
        ? reindent(replacement, indentOf(wanted[0] ?? ""), indentOf(lines[start] ?? ""))
        : replacement
    spans.push({
      start: begin,
      end: isRemoval && !isLast ? position : position - 1,
      put: isRemoval ? "" : moved.join("\n")
    })
  }
  return { count, spans }
}

/** Lines where the beginning of what was looked for stands: where a model may look again. */
const whereItBegins = (lines: ReadonlyArray<string>, oldText: string): string => {
  const first = oldText
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trim()
  if (first === undefined) return ""
  const places: Array<number> = []
  for (const [index, line] of lines.entries()) {
    if (line.trim() === first) places.push(index + 1)
    if (places.length > maxPlaces) break
  }
  if (places.length === 0) return ""
  const named = places.slice(0, maxPlaces).join(", ")
  return `; its first line stands at line ${named}${places.length > maxPlaces ? " and others" : ""}, what follows differs`
}

/**
 * Replaces what occurs exactly `expected` times. The text may have line ends of any kind, those of the two strings do not matter; what
 * is not replaced stays as it is, character for character.
 */
export const replaceText = (
  original: string,
  oldString: string,
  newString: string,
  expected: number
): Replacement => {
  if (oldString === "") return refused("old_string is empty; use write_file for a new file")
  if (oldString === newString) return refused("old_string and new_string are the same; nothing would change")
  const file = linesOf(original)
  const plain = (text: string): string => {
    const lines = text.replaceAll("\r\n", "\n")
    return file.ends === "CR" ? lines.replaceAll("\r", "\n") : lines
  }
  const oldText = plain(oldString)
  const newText = plain(newString)
  // A text of one line says nothing about line ends, so those of the new string are taken.
  const isAsGiven = file.ends === "none" && newString.includes("\r\n")
  if (oldText === newText && !isAsGiven) {
    return refused(
      "old_string and new_string differ in their line ends only, which an edit keeps; use bash to change them"
    )
  }

  const replaced = (spans: ReadonlyArray<Span>, via: MatchedVia): Replacement => {
    const pieces: Array<string> = []
    let next = 0
    for (const { end, put, start } of spans) {
      const lineEnd = isAsGiven ? "\r\n" : file.endAt(start, end)
      pieces.push(
        original.slice(next, file.toOriginal(start)),
        lineEnd === "\n" ? put : put.replaceAll("\n", lineEnd)
      )
      next = file.toOriginal(end)
    }
    return { _tag: "Replaced", text: [...pieces, original.slice(next)].join(""), count: spans.length, via }
  }
  const wrong = (count: number) =>
    refused(
      `old_string occurs ${count} times, expected ${expected}: add lines around it, or set expected_replacements`
    )

  const exact = occurrences(file.text, oldText, expected)
  if (exact.count === expected) {
    return replaced(
      exact.starts.map((start) => ({ start, end: start + oldText.length, put: newText })),
      "exact"
    )
  }
  if (exact.count > 0) return wrong(exact.count)
  const lines = file.text.split("\n", maxLines + 1)
  if (lines.length > maxLines)
    return refused("old_string does not occur in the file; read the lines around it again")
  for (const via of ["trailing-ws", "indent"] as const) {
    const found = fuzzy(lines, oldText, newText, via, expected)
    if (found.count === expected) return replaced(found.spans, via)
    if (found.count > 0) return wrong(found.count)
  }
  return refused(
    `old_string does not occur in the file, not even with other spaces${whereItBegins(lines, oldText)}; read the file again`
  )
}
