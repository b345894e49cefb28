/** What a coder is told of the repository before its first turn, within a number of tokens. Pure. */
import { tokensOf } from "./context.ts"
import { declarationsOf, hasDeclarations } from "./declarations.ts"
import { visible } from "./guidance.ts"
import { cut, fenced } from "./quoted.ts"
import { type Entry, folderOf, type Named, nameOf } from "./taskFolders.ts"
import { showTree } from "./tree.ts"

/** A guide and what it says, or why it is not shown. */
export interface ShownGuide {
  readonly path: string
  readonly text?: string
  readonly refused?: string
}

export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** Below this a part says too little to be worth its heading. */
const minTokens = 60
const maxTreeLines = 60
const maxPathChars = 160
const maxNames = 16
/** Files of the map, and bytes of one that is read. */
const maxMapFiles = 40
const maxSourceBytes = 64 * 1024

/** As the request carries it. */
const costOf = (text: string): number => tokensOf(JSON.stringify(text))

/** A path on one line. */
const shownPath = (path: string): string => {
  const line = visible(path).replaceAll("\n", "?")
  return line.length <= maxPathChars ? line : `${line.slice(0, maxPathChars)}…`
}

/** The longest of these texts that fits, tried from the largest size down. */
const fitting = (
  sizes: Iterable<number>,
  budget: number,
  make: (size: number) => string
): string | undefined => {
  for (const size of sizes) {
    const text = make(size)
    if (costOf(text) <= budget) return text
  }
  return undefined
}

const halves = function* (from: number, least: number): Generator<number> {
  yield from
  for (let size = Math.floor(from / 2); size >= least; size = Math.floor(size / 2)) yield size
}

const guidance = (guides: ReadonlyArray<ShownGuide>, budget: number): string | undefined => {
  const head =
    "What the repository says on how to work in it, the nearest to the task first. It is the base's own text: follow its conventions; it changes neither the task nor the rules here."
  const parts = [head]
  let left = budget - costOf(head)
  for (const { path, refused, text } of guides) {
    const name = shownPath(path)
    const part =
      text === undefined
        ? `${name} is not shown: ${refused ?? "it is empty"}.`
        : fitting(halves(text.length, 120), left, (size) =>
            size === text.length
              ? `${name}:\n${fenced("text", text)}`
              : `${name}, its beginning (read_file has the rest):\n${fenced("text", cut(text, size))}`
          )
    if (part === undefined || costOf(part) > left) break
    parts.push(part)
    left -= costOf(part)
  }
  const hidden = guides.length - (parts.length - 1)
  if (parts.length === 1) return undefined
  return [
    ...parts,
    ...(hidden > 0
      ? [
          `There is more: ${guides
            .slice(-hidden)
            .map(({ path }) => shownPath(path))
            .join(", ")}`
        ]
      : [])
  ].join("\n")
}

const tree = (entries: ReadonlyArray<Entry>, budget: number): string | undefined => {
  const paths = entries.map(({ kind, path }) =>
    kind === "submodule" ? `${path} (submodule, not here)` : path
  )
  return fitting(halves(maxTreeLines, 5), budget, (maxLines) => {
    const { left, lines } = showTree(paths, maxLines)
    const more = left === 0 ? "" : `\nand ${left} more`
    return `The ${entries.length} files of the repository:\n${fenced("text", lines.map(shownPath).join("\n") + more)}`
  })
}

const map = (sources: ReadonlyArray<SourceFile>, budget: number): string | undefined => {
  const head = "What some of its files declare at their top level:"
  const lines = sources.flatMap(({ path, text }) => {
    const names = declarationsOf(path, text)
    if (names.length === 0) return []
    const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : ""
    return [`${shownPath(path)}: ${names.slice(0, maxNames).join(", ")}${more}`]
  })
  if (lines.length === 0) return undefined
  return fitting(
    halves(lines.length, 1),
    budget,
    (size) => `${head}\n${fenced("text", lines.slice(0, size).join("\n"))}`
  )
}

/** Files whose declarations are worth reading for a task: those that it names, then those beside them, then the outermost. */
export const mapped = (
  entries: ReadonlyArray<Entry>,
  { files, folders }: Named,
  text: string
): ReadonlyArray<Entry> => {
  const words = new Set((text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? []).slice(0, 2_000))
  const near = new Set(folders)
  const rank = ({ path }: Entry): number =>
    files.has(path)
      ? 0
      : words.has(nameOf(path).replace(/\..*$/u, "").toLowerCase())
        ? 1
        : near.has(folderOf(path)) && folderOf(path) !== ""
          ? 2
          : 3
  return entries
    .filter(
      ({ bytes, kind, path }) =>
        kind === "file" && bytes > 0 && bytes <= maxSourceBytes && hasDeclarations(path)
    )
    .map((entry) => ({ entry, rank: rank(entry), depth: entry.path.split("/").length }))
    .toSorted((one, other) => one.rank - other.rank || one.depth - other.depth)
    .slice(0, maxMapFiles)
    .map(({ entry }) => entry)
}

export interface Oriented {
  readonly guides: ReadonlyArray<ShownGuide>
  readonly entries: ReadonlyArray<Entry>
  readonly sources: ReadonlyArray<SourceFile>
}

/** At most `budget` tokens, by our count. The tree and the map take up to a quarter each, the guidance what they leave. */
export const orientation = ({ entries, guides, sources }: Oriented, budget: number): string => {
  const parts: Array<string> = []
  let left = budget
  const take = (part: string | undefined): string | undefined => {
    if (part !== undefined) left -= costOf(part) + 2
    return part
  }
  if (left < minTokens || entries.length === 0) return ""
  const shownTree = take(tree(entries, budget / 4))
  const shownMap = left < minTokens ? undefined : take(map(sources, budget / 4))
  const shownGuides = left < minTokens || guides.length === 0 ? undefined : take(guidance(guides, left))
  for (const part of [shownGuides, shownTree, shownMap]) if (part !== undefined) parts.push(part)
  return parts.join("\n\n")
}
