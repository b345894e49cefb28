/** What to tell a person whose repository shows nothing to check, or no test. */
import { exampleFile, gateFilePath } from "../gateFile.ts"
import { languageOf } from "../files.ts"

const examples: Readonly<Record<string, string>> = {
  python: "put a test in tests/test_first.py and run it with python3 -m pytest",
  javascript: 'put a test in test/first.test.js and set "scripts": {"test": "node --test"} in package.json',
  typescript: 'put a test in test/first.test.ts and set "scripts": {"test": "vitest run"} in package.json',
  go: "put a test in first_test.go beside the code; go test ./... finds it",
  rust: "put a #[test] function into src or tests; cargo test finds it",
  java: "put a test in src/test/java and run it with mvn test or gradle test"
}

/** The language of most files; undefined where none is known. */
export const mainLanguage = (paths: ReadonlyArray<string>): string | undefined => {
  const counts = new Map<string, number>()
  for (const path of paths) {
    const language = languageOf(path)
    if (language !== undefined) counts.set(language, (counts.get(language) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0]
}

/** How a first test is written here. */
export const firstTest = (paths: ReadonlyArray<string>): string =>
  examples[mainLanguage(paths) ?? ""] ??
  "add a script that exits with anything but 0 when something is broken"

export const nothingFound = (paths: ReadonlyArray<string>): string =>
  [
    "nothing here says how this repository is built or tested: no make target fmt, vet, lint or test, and no package.json, pyproject.toml, go.mod, Cargo.toml, pom.xml, build.gradle, CMakeLists.txt or Gemfile that calls for a check.",
    `To begin, ${firstTest(paths)}.`,
    `Or write what it runs into ${gateFilePath}, such as "${exampleFile}", and run this again with --force to see it proved.`
  ].join(" ")
