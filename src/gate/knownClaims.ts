/** Whether changed tests claim anything that the tests of the base did not, claim by claim. */
import type { ChangedFile } from "./change.ts"
import { keyOf } from "./weakened/assertion.ts"
import { readFile as go } from "./weakened/go.ts"
import { readFile as javascript } from "./weakened/javascript.ts"
import { readFile as python } from "./weakened/python.ts"
import { readFile as rust } from "./weakened/rust.ts"
import { type Grammar, grammarOf, type Parse } from "./weakened/syntax.ts"
import type { Budget } from "./weakened/walk.ts"

const readers = { python, go, rust, javascript, typescript: javascript, tsx: javascript } as const

const maxVisits = 500_000

/**
 * By a path of the change: true where each claim of the file is one of the base's, and stands in the changed files no more often than there.
 * So it is with tests that moved, were split, or became a table. Undefined where the claims cannot be read.
 */
export const claimsNothingNew = (
  files: ReadonlyArray<ChangedFile>,
  parse: Parse
): ((path: string) => boolean | undefined) => {
  const budget: Budget = { left: maxVisits }
  const claimsOf = (path: string, text: string | undefined): ReadonlyArray<string> | undefined => {
    const grammar: Grammar | undefined = grammarOf(path)
    if (text === undefined || text.trim() === "") return []
    const root = grammar === undefined ? undefined : parse(grammar, text)
    if (grammar === undefined || root === undefined) return undefined
    return readers[grammar](root, budget).tests.flatMap(({ reading }) => reading.assertions.map(keyOf))
  }
  const before: Array<string> = []
  const after = new Map<string, ReadonlyArray<string>>()
  for (const file of files) {
    const was = claimsOf(file.oldPath ?? file.path, file.before)
    const is = claimsOf(file.path, file.after)
    before.push(...(was ?? []))
    if (was !== undefined && is !== undefined) after.set(file.path, is)
  }
  const known = countsOf(before)
  const now = countsOf([...after.values()].flat())
  return (path) => {
    const claims = after.get(path)
    return claims === undefined || claims.length === 0 || budget.left < 0
      ? undefined
      : claims.every((claim) => (now.get(claim) ?? 0) <= (known.get(claim) ?? 0))
  }
}

const countsOf = (keys: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
