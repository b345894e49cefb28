/** Changed tests in a language whose tests are not read claim by claim: that is said, once for each language. */
import type { Change } from "../change.ts"
import { isTestPath, type Language, languageOf } from "../files.ts"
import type { Finding } from "../finding.ts"
import { grammarOf } from "./syntax.ts"

const names: { readonly [L in Language]?: string } = { java: "Java", kotlin: "Kotlin", c: "C", cpp: "C++" }

export const uncompared = ({ files }: Change): ReadonlyArray<Finding> => {
  const changed = files.filter(
    ({ before, path }) => before !== undefined && isTestPath(path) && grammarOf(path) === undefined
  )
  return Object.entries(names).flatMap(([language, name]): ReadonlyArray<Finding> => {
    const mine = changed.filter(({ path }) => languageOf(path) === language)
    const [first] = mine
    return first === undefined
      ? []
      : [
          {
            rule: "weakened",
            file: first.path,
            message: `${mine.length} changed file(s) with tests in ${name} were not compared with the base: whether they check less, a reader must say`,
            isNote: true
          }
        ]
  })
}
