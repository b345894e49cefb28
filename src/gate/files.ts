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

const testNames: ReadonlyArray<RegExp> = [
  /_test\.go$/u,
  /(^|\/)test_[^/]*\.py$/u,
  /_test\.py$/u,
  /(^|\/)conftest\.py$/u,
  /\.(test|spec)\.[cm]?[jt]sx?$/u,
  /(^|\/)(Test[A-Z][^/]*|[^/]*(Test|Tests|IT))\.(java|kt)$/u,
  /(^|\/)(test_[^/]*|[^/]*_(unit)?tests?|[^/]*Tests?)\.(c|cc|cpp|cxx)$/u
]
const testFolders = /(^|\/)(tests?|__tests__|spec|testdata)\//u

/** Whether a file belongs to the tests: by the name that its language's runner looks for, or by its folder. */
export const isTestPath = (path: string): boolean =>
  testNames.some((name) => name.test(path)) || (testFolders.test(path) && languageOf(path) !== undefined)

const generated = /^.{0,4}\s*(?:Code generated .* DO NOT EDIT|@generated)/mu

/** Whether a file says near its beginning that a program wrote it. */
export const isGenerated = (text: string | undefined): boolean =>
  text !== undefined && generated.test(text.slice(0, 2_000))
