/**
 * What the list of the world counts as a test, a product file and a fix. On purpose not the gate's own functions: a list that is made
 * with the rules under test would leave out what they do not see.
 */
export const languages = ["Python", "JavaScript", "TypeScript", "Go", "Rust"] as const
export type WorldLanguage = (typeof languages)[number]

const endings: Readonly<Record<WorldLanguage, RegExp>> = {
  Python: /\.py$/u,
  JavaScript: /\.[cm]?jsx?$/u,
  TypeScript: /(?<!\.d)\.[cm]?tsx?$/u,
  Go: /\.go$/u,
  Rust: /\.rs$/u
}

const testFolder = /(^|\/)(tests?|specs?|__tests__|testing|testdata|test-d|ui_tests?)\//u
const testNames =
  /(^|\/)(test_[^/]*\.py|[^/]*_test\.py|tests?\.py|conftest\.py|[^/]*_test\.go|[^/]*[.-](test|spec)(-d)?\.[cm]?[jt]sx?|tests?\.([cm]?[jt]sx?|rs)|[^/]*\.test-d\.ts)$/u
const noProduct =
  /(^|\/)(docs?|examples?|bench(es|marks?|mark)?|fuzz|scripts?|tools?|vendor|\.github)\/|(^|\/)(setup|noxfile|conf)\.py$|\.config\.[cm]?[jt]s$|(^|\/)\.[^/]+$/u

const isCode = (path: string): boolean => languages.some((language) => endings[language].test(path))

export const isTestFile = (path: string): boolean =>
  isCode(path) && (testFolder.test(path) || testNames.test(path))

/** Code that is neither a test, nor documentation, nor a tool of the project. */
export const isProductFile = (path: string): boolean =>
  isCode(path) && !isTestFile(path) && !noProduct.test(path)

/** A subject that claims a repair, and is not the merge of a release or a revert. */
export const isFixSubject = (subject: string): boolean =>
  /\bfix(es|ed)?\b/iu.test(subject) && !/^(release|v?\d+\.\d+|revert|bump)\b/iu.test(subject)

/** A changed line of Rust that is part of a test beside the code. */
export const isInlineTestLine = (line: string): boolean =>
  /^[+-](?![+-]{2})/u.test(line) && /#\[(tokio::)?test\]|\bassert(_eq|_ne|_matches)?!/u.test(line)

/** The language of most code files; JavaScript and TypeScript are told apart by their product files. */
export const mainLanguage = (paths: ReadonlyArray<string>): WorldLanguage | undefined => {
  const product = paths.filter(isProductFile)
  const count = (language: WorldLanguage) => product.filter((path) => endings[language].test(path)).length
  const [best] = [...languages].sort((one, other) => count(other) - count(one))
  return best !== undefined && count(best) > 0 ? best : undefined
}

/** Whether a repository has tests at all. */
export const hasTests = (paths: ReadonlyArray<string>): boolean => paths.some(isTestFile)
