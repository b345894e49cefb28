/** Bad changes made from a good one by rule. Each says what was done, so that a miss can be read. */
import { isProductFile, isTestFile, type WorldLanguage } from "../rule.ts"
import { negated, removed } from "./assertions.ts"
import { cheatsOf } from "./cheats.ts"
import { mutants } from "./mutants.ts"
import { dropped } from "./tests.ts"
import { type Broken, pick } from "./text.ts"

/** A file of the good change: its text at the base and in the commit; undefined where it is absent. */
export interface GoodFile {
  readonly path: string
  readonly before: string | undefined
  readonly after: string | undefined
  /** Numbers of the lines that the commit added, from 1. */
  readonly addedLines: ReadonlyArray<number>
}

export interface Derived {
  readonly made: string
  readonly detail: string
  /** What differs from the good commit: a path's whole text, or its absence. */
  readonly files: ReadonlyMap<string, string | undefined>
}

/** How many mutants of each good change. */
const mutantsOfEach = 2

/**
 * One of each kind that has a place in the change, and two mutants. Which of several places is said by `seed`, 40 hexadecimal digits.
 * `textOf` is a file of the good commit that the change does not touch.
 */
export const derive = (
  language: WorldLanguage,
  files: ReadonlyArray<GoodFile>,
  seed: string,
  textOf: (path: string) => string | undefined
): ReadonlyArray<Derived> => {
  const product = files.filter(({ path }) => isProductFile(path))
  const tests = files.filter(({ path }) => isTestFile(path))
  // Rust has tests beside the code as well; taking the product back would take them, too.
  const withTests = [
    ...tests,
    ...product.filter(({ after }) => language === "Rust" && after?.includes(testsOfRust) === true)
  ]
  const takenBack = new Map(product.map(({ before, path }) => [path, before]))
  const isRevertible = language !== "Rust" || tests.length > 0
  return [
    ...(isRevertible && product.length > 0
      ? [{ made: "source reverted", detail: `${product.length} files`, files: takenBack }]
      : []),
    ...oneOf("test dropped", seed, withTests, ({ after, before }) =>
      dropped(language, before ?? "", after ?? "")
    ),
    ...oneOf("assertion removed", seed, withTests, ({ after, before }) =>
      removed(language, before ?? "", after ?? "")
    ),
    ...oneOf("assertion negated", seed, withTests, ({ after }) => negated(language, after ?? "")),
    ...allMutants(language, product, seed),
    ...(isRevertible ? cheats(language, product, tests, takenBack, textOf) : [])
  ]
}

const testsOfRust = "#[cfg(test)]"

const oneOf = (
  made: string,
  seed: string,
  files: ReadonlyArray<GoodFile>,
  ways: (file: GoodFile) => ReadonlyArray<Broken>
): ReadonlyArray<Derived> => {
  const all = files.flatMap((file) => ways(file).map((way) => ({ path: file.path, way })))
  const chosen = pick(seed, all)
  if (chosen === undefined) return []
  const { path, way } = chosen
  return [{ made, detail: `${path} ${way.detail}`, files: new Map([[path, way.text]]) }]
}

/** Without the lines of tests beside the code. */
const ofProduct = (text: string, numbers: ReadonlyArray<number>): ReadonlyArray<number> => {
  const tests = text.split("\n").findIndex((line) => line.includes(testsOfRust))
  return tests === -1 ? numbers : numbers.filter((number) => number <= tests)
}

const allMutants = (language: WorldLanguage, product: ReadonlyArray<GoodFile>, seed: string) => {
  const all = product.flatMap(({ addedLines, after, path }) =>
    after === undefined
      ? []
      : mutants(language, after, ofProduct(after, addedLines)).map((way) => ({ path, way }))
  )
  const step = Math.max(1, Math.floor(all.length / mutantsOfEach))
  const from = Number.parseInt(seed.slice(0, 8), 16) % step
  return all
    .filter((_, index) => index % step === from)
    .slice(0, mutantsOfEach)
    .map(({ path, way }): Derived => ({
      made: "mutant",
      detail: `${path} ${way.detail}`,
      files: new Map([[path, way.text]])
    }))
}

const cheats = (
  language: WorldLanguage,
  product: ReadonlyArray<GoodFile>,
  tests: ReadonlyArray<GoodFile>,
  takenBack: ReadonlyMap<string, string | undefined>,
  textOf: (path: string) => string | undefined
): ReadonlyArray<Derived> => {
  const [firstProduct] = product.filter(({ before }) => before !== undefined)
  const [firstTest] = tests.filter(({ after }) => after !== undefined)
  return cheatsOf[language].flatMap(({ made, where, write }) => {
    const target =
      where === "product"
        ? { path: firstProduct?.path, text: firstProduct?.before }
        : where === "test"
          ? { path: firstTest?.path, text: firstTest?.after }
          : { path: where.path, text: files(where.path, product, tests) ?? textOf(where.path) }
    if (target.path === undefined) return []
    const text = write(target.text)
    if (text === undefined || text === target.text) return []
    return [{ made, detail: target.path, files: new Map([...takenBack, [target.path, text]]) }]
  })
}

const files = (path: string, ...groups: ReadonlyArray<ReadonlyArray<GoodFile>>): string | undefined =>
  groups.flat().find((each) => each.path === path)?.after
