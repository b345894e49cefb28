/** A check that fails with the change and without it: what the change adds to what the check said before. */
import type { Change } from "./change.ts"
import { type Diagnostic, isAboutCode, readDiagnostics } from "./diagnostics/read.ts"
import { pathIndex } from "./diagnostics/paths.ts"

/** What is known of a failed check that also fails on the base. */
export type Compared =
  | { readonly verdict: "preexisting" }
  /** `added` are lines that only the commit has, as they were printed. */
  | { readonly verdict: "introduced"; readonly added: ReadonlyArray<string> }
  /** One of the two says nothing about the code: a tool that failed, or output that is not there whole. */
  | { readonly verdict: "inconclusive" }

export interface RedOutputs {
  readonly command: string
  /** What it printed at the commit, from the first byte; undefined when the beginning is gone. */
  readonly commit: string | undefined
  readonly base: string | undefined
  /** Paths of the commit and of the base. */
  readonly files: Iterable<string>
  readonly change: Change
}

/**
 * Compares as multisets: a second complaint of the same words in the same file is a new one; the same at another line is not. Complaints
 * about files that the change does not touch count as well, since a change can break its callers.
 */
export const compareRed = ({ base, change, command, commit, files }: RedOutputs): Compared => {
  if (commit === undefined || base === undefined) return { verdict: "inconclusive" }
  const renamed = new Map(
    change.files.flatMap(({ oldPath, path }) => (oldPath === undefined ? [] : [[oldPath, path] as const]))
  )
  const paths = pathIndex(files, renamed)
  const [now, before] = [commit, base].map((output) => readDiagnostics(output, command, paths))
  if (now === undefined || before === undefined || !isAboutCode(now) || !isAboutCode(before)) {
    return { verdict: "inconclusive" }
  }
  const added = beyond(now, before)
  return added.length === 0 ? { verdict: "preexisting" } : { verdict: "introduced", added }
}

const beyond = (now: ReadonlyArray<Diagnostic>, before: ReadonlyArray<Diagnostic>): ReadonlyArray<string> => {
  const left = new Map<string, number>()
  for (const { key } of before) left.set(key, (left.get(key) ?? 0) + 1)
  const added = now.filter(({ key }) => {
    const count = left.get(key) ?? 0
    left.set(key, count - 1)
    return count <= 0
  })
  return [...new Set(added.map(({ text }) => text))]
}
