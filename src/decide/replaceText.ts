/** Finds text in a file the way a model meant it: exactly, else but for spaces at line ends, else but for indentation. Pure. */

export type MatchedVia = "exact" | "trailing-ws" | "indent"

export type Replacement =
  | { readonly _tag: "Replaced"; readonly text: string; readonly count: number; readonly via: MatchedVia }
  | { readonly _tag: "Refused"; readonly message: string }

const refused = (message: string): Replacement => ({ _tag: "Refused", message })

const indentOf = (line: string): string => /^[ \t]*/u.exec(line)?.[0] ?? ""

/** Indices of the lines where `wanted` begins, compared after `same`; matches do not overlap. */
const findLines = (
  lines: ReadonlyArray<string>,
  wanted: ReadonlyArray<string>,
  same: (line: string) => string
): ReadonlyArray<number> => {
  const haystack = lines.map(same)
  const needle = wanted.map(same)
  const found: Array<number> = []
  for (let at = 0; at + needle.length <= haystack.length; at++) {
    if (needle.every((line, offset) => haystack[at + offset] === line)) {
      found.push(at)
      at += needle.length - 1
    }
  }
  return found
}

/** The new lines, moved from the indentation that the model wrote to the one that the file has. */
const reindent = (replacement: ReadonlyArray<string>, from: string, to: string): ReadonlyArray<string> =>
  replacement.map((line) =>
    line.startsWith(from) && line.trim() !== "" ? to + line.slice(from.length) : line
  )

const fuzzy = (
  text: string,
  oldText: string,
  newText: string,
  via: "trailing-ws" | "indent"
): { readonly count: number; readonly text: string } => {
  const lines = text.split("\n")
  const wanted = oldText.replace(/\n$/u, "").split("\n")
  const replacement = newText.replace(/\n$/u, "").split("\n")
  const same = via === "indent" ? (line: string) => line.trim() : (line: string) => line.trimEnd()
  // Blank lines alone would match anywhere.
  if (wanted.every((line) => line.trim() === "")) return { count: 0, text }
  const starts = findLines(lines, wanted, same)
  const pieces: Array<string> = []
  let next = 0
  for (const start of starts) {
    const moved =
      via === "indent"
        ? reindent(replacement, indentOf(wanted[0] ?? ""), indentOf(lines[start] ?? ""))
        : replacement
    // In a file with both line ends a new line ends like the one whose place it takes.
    const end = lines[start]?.endsWith("\r") === true ? "\r" : ""
    pieces.push(
      ...lines.slice(next, start),
      ...moved.map((line) => (end !== "" && !line.endsWith(end) ? line + end : line))
    )
    next = start + wanted.length
  }
  return { count: starts.length, text: [...pieces, ...lines.slice(next)].join("\n") }
}

export const replaceText = (
  text: string,
  oldText: string,
  newText: string,
  expected: number
): Replacement => {
  if (oldText === "") return refused("old_string is empty; use write_file for a new file")
  if (oldText === newText) return refused("old_string and new_string are the same; nothing would change")
  const wrong = (count: number) =>
    refused(
      `old_string occurs ${count} times, expected ${expected}: add lines around it, or set expected_replacements`
    )

  const parts = text.split(oldText)
  if (parts.length - 1 === expected) {
    return { _tag: "Replaced", text: parts.join(newText), count: expected, via: "exact" }
  }
  if (parts.length > 1) return wrong(parts.length - 1)
  for (const via of ["trailing-ws", "indent"] as const) {
    const found = fuzzy(text, oldText, newText, via)
    if (found.count === expected) return { _tag: "Replaced", text: found.text, count: found.count, via }
    if (found.count > 0) return wrong(found.count)
  }
  return refused("old_string does not occur in the file, not even with other spaces; read the file again")
}
