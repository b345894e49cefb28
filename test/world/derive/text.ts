/** Lines of code as text: enough to break one thing in a file whose language is known, and no parser of the gate's. */
import type { WorldLanguage } from "../rule.ts"

/** A changed text, and in a few words what was done where. */
export interface Broken {
  readonly text: string
  readonly detail: string
}

const comment = /^\s*(#(?!\[)|\/\/|\/\*|\*)/u

export const isComment = (line: string): boolean => line.trim() === "" || comment.test(line)

/** Whether every bracket and quote that a line opens is closed in it: a statement of its own, so far as one can see. */
export const isWhole = (line: string): boolean => {
  const bare = line.replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`/gu, "x")
  if (/["'`\\]/u.test(bare)) return false
  let depth = 0
  for (const char of bare) {
    if ("([{".includes(char)) depth += 1
    if (")]}".includes(char)) depth -= 1
    if (depth < 0) return false
  }
  return depth === 0
}

/** The text with what stands in brackets and strings left out: a comma that remains parts it. */
export const isOneExpression = (text: string): boolean => {
  let bare = text.replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`/gu, "x")
  for (let before = ""; before !== bare;) {
    before = bare
    bare = bare.replaceAll(/\([^()[\]{}]*\)|\[[^()[\]{}]*\]|\{[^()[\]{}]*\}/gu, "x")
  }
  return !bare.includes(",")
}

/** Places of a line that lie in no string. */
export const isInCode = (line: string, at: number): boolean => {
  const before = line.slice(0, at).replaceAll(/\\./gu, "")
  return ['"', "'", "`"].every((quote) => before.split(quote).length % 2 === 1)
}

export const indentOf = (line: string): number => line.length - line.trimStart().length

/** The file with the lines `from` to `to` (from 0, both included) in place of which `by` stands. */
export const replaceLines = (
  lines: ReadonlyArray<string>,
  from: number,
  to: number,
  by: ReadonlyArray<string>
): string => [...lines.slice(0, from), ...by, ...lines.slice(to + 1)].join("\n")

/** Of many, one that the seed says; the same for the same seed. */
export const pick = <A>(seed: string, from: ReadonlyArray<A>): A | undefined =>
  from.length === 0 ? undefined : from[Number.parseInt(seed.slice(0, 8), 16) % from.length]

export const isScript = (language: WorldLanguage): boolean =>
  language === "JavaScript" || language === "TypeScript"
