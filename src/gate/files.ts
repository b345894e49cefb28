/** What a file of a repository is to a gate, by its path: code of a language, a test, something generated. */

export type Language =
  | "go"
  | "python"
  | "rust"
  | "javascript"
  | "typescript"
  | "java"
  | "kotlin"
  | "c"
  | "cpp"
  | "shell"

const languages: Readonly<Record<string, Language>> = {
  go: "go",
  py: "python",
  pyi: "python",
  rs: "rust",
  js: "javascript",
  cjs: "javascript",
  mjs: "javascript",
  jsx: "javascript",
  ts: "typescript",
  cts: "typescript",
  mts: "typescript",
  tsx: "typescript",
  java: "java",
  kt: "kotlin",
  c: "c",
  h: "c",
  cc: "cpp",
  cpp: "cpp",
  cxx: "cpp",
  hh: "cpp",
  hpp: "cpp",
  sh: "shell",
  bash: "shell"
}

/** By its ending; undefined for what is no code that we know. */
export const languageOf = (path: string): Language | undefined => {
  const ending = /\.([A-Za-z]+)$/u.exec(path)?.[1]?.toLowerCase()
  return ending === undefined ? undefined : languages[ending]
}

/** Names by which a runner of the language finds a test, wherever the file lies. */
const testNames: ReadonlyArray<RegExp> = [
  /_test\.go$/u,
  // pytest and unittest, Django's `tests.py` among them.
  /(^|\/)test_[^/]*\.py$/u,
  /_tests?\.py$/u,
  /(^|\/)(conftest|tests)\.py$/u,
  // Vitest, Jest, Mocha, tsd, Cypress, Nest.
  /[.-](test|spec)(-d)?\.[cm]?[jt]sx?$/u,
  /\.(tests|specs|e2e|cy|it|e2e-spec|test-d)\.[cm]?[jt]sx?$/u,
  // node:test by its own patterns, except what a name alone does not tell apart (below).
  /_(test|spec)\.[cm]?[jt]sx?$/u,
  /(^|\/)test-[^/]*\.[cm]?[jt]sx?$/u,
  /(^|\/)(Test[A-Z][^/]*|[^/]*(Test|Tests|TestCase|IT|Spec))\.(java|kts?|scala|groovy|cs|swift|php)$/u,
  /_(spec|test)\.rb$/u,
  /(^|\/)test_[^/]*\.rb$/u,
  /(^|\/)(test_[^/]*|[^/]*_(unit)?tests?|[^/]*Tests?)\.(c|cc|cpp|cxx)$/u,
  /_(test|unittest)\.(cc|cpp|cxx|c|exs?|dart)$/u,
  /\.bats$/u
]
/** A file called `test` is one beside a manifest (`test.js` in the root of a package), not in the middle of a product (`lib/commands/test.js`). */
const plainTest = /(^|\/)tests?\.([cm]?[jt]sx?|py)$/u
const product = /(^|\/)(src|lib|source|app|cmd|commands?|internal|bin|dist|examples?|docs)\//u
const testFolders = /(^|\/)(tests?|__tests?__|specs?|testdata|e2e|src\/test|androidTest)\//u
/** A module of Rust that holds the tests of the one beside it. */
const rustModule = /(^|\/)tests\.rs$/u

/** Whether a file belongs to the tests: by the name that its language's runner looks for, or by its folder. */
export const isTestPath = (path: string): boolean =>
  testNames.some((name) => name.test(path)) ||
  (plainTest.test(path) && !product.test(path)) ||
  rustModule.test(path) ||
  (testFolders.test(path) && languageOf(path) !== undefined)

const generated = /^.{0,4}\s*(?:Code generated .* DO NOT EDIT|@generated)/mu

/** Whether a file says near its beginning that a program wrote it. */
export const isGenerated = (text: string | undefined): boolean =>
  text !== undefined && generated.test(text.slice(0, 2_000))
