/** The tests of one file. */
import { type Assertion, keyOf } from "./assertion.ts"
import type { Sources } from "./sources.ts"
import type { Reading } from "./walk.ts"

export interface Skip {
  /** As it is written. */
  readonly how: string
  /** It depends on the platform or the environment. */
  readonly isConditional: boolean
  /** The condition is one that holds unless somebody sets a variable or a feature. */
  readonly isUnset?: true
  /** It runs on old versions of the language only. */
  readonly isOld?: true
}

export interface TestCase {
  /** As its runner names it, without the file. */
  readonly name: string
  readonly line: number
  readonly reading: Reading
  /** Rows of its table; 1 without one. */
  readonly cases: number
  readonly skip?: Skip | undefined
  /** Nothing else of the file runs beside it. */
  readonly isOnly?: boolean | undefined
  /** What it replaces with a double, by the last word of its name. */
  readonly doubles: ReadonlyArray<string>
  /** The words of its text, to know it again under another name. */
  readonly words: ReadonlySet<string>
}

export interface TestFile {
  readonly tests: ReadonlyArray<TestCase>
  /** Functions beside the tests, with the words of their texts: what a test may have become. */
  readonly others: ReadonlyMap<string, ReadonlySet<string>>
  /** Where its assertions come from. */
  readonly sources?: Sources | undefined
  /** Why the runner leaves the whole file out. */
  readonly excluded?: string | undefined
}

export const wordsOf = (text: string): ReadonlySet<string> =>
  new Set(text.match(/[A-Za-z_]\w*|\d[\w.]*/gu) ?? [])

/** Share of words in common, 0 to 1. */
export const likeness = (one: ReadonlySet<string>, other: ReadonlySet<string>): number => {
  const common = [...one].filter((word) => other.has(word)).length
  const all = one.size + other.size - common
  return all === 0 ? 0 : common / all
}

/** The rows of a table as one reading. A claim that each row makes in the same words is one claim. */
export const merged = (rows: ReadonlyArray<Reading>): Reading => {
  const assertions: Array<Assertion> = []
  const counted = new Map<string, number>()
  for (const row of rows) {
    const inRow = new Map<string, number>()
    for (const assertion of row.assertions) {
      const key = keyOf(assertion)
      const count = (inRow.get(key) ?? 0) + 1
      inRow.set(key, count)
      if (count <= (counted.get(key) ?? 0)) continue
      counted.set(key, count)
      assertions.push(assertion)
    }
  }
  return {
    assertions,
    muted: rows.flatMap(({ muted }) => muted),
    guards: [...new Set(rows.flatMap(({ guards }) => guards))],
    isCut: rows.some(({ isCut }) => isCut),
    steps: rows.flatMap(({ steps }) => steps)
  }
}
