/** Which files of a change something looked at: a check that ran and covers them. */
import picomatch from "picomatch/posix.js"

import type { Change } from "./change.ts"
import type { Check } from "./checks.ts"
import { languageOf } from "./files.ts"
import type { Finding } from "./finding.ts"

/** Whether any of the globs matches; a dot at the beginning of a name is a letter like any other. */
export const matcher = (globs: ReadonlyArray<string>): ((path: string) => boolean) =>
  picomatch([...globs], { dot: true })

/** Tools by the words of a command, and what they look at. */
const tools: ReadonlyArray<{ readonly word: RegExp; readonly looksAt: RegExp }> = [
  { word: /\b(go|gofmt|gofumpt|golangci-lint|staticcheck)\b/u, looksAt: /(\.go|(^|\/)go\.(mod|sum|work))$/u },
  {
    word: /\b(python[\d.]*|pytest|ruff|mypy|flake8|pylint|black|tox|nox|pyright)\b/u,
    looksAt: /(\.pyi?|(^|\/)(pyproject\.toml|setup\.(py|cfg)|pytest\.ini|tox\.ini))$/u
  },
  { word: /\b(cargo|rustc|rustfmt|clippy)\b/u, looksAt: /(\.rs|(^|\/)Cargo\.(toml|lock))$/u },
  {
    word: /\b(node|npm|npx|pnpm|yarn|bun|deno|tsc|eslint|oxlint|prettier|vitest|jest|mocha)\b/u,
    looksAt: /(\.[cm]?[jt]sx?|(^|\/)(package(-lock)?\.json|tsconfig[^/]*\.json))$/u
  },
  {
    word: /\b(mvn|mvnw|gradle|gradlew|java|javac)\b/u,
    looksAt: /(\.java|\.kts?|\.groovy|(^|\/)(pom\.xml|(build|settings)\.gradle))$/u
  },
  {
    word: /\b(cmake|ctest|gcc|g\+\+|clang|cc)\b/u,
    looksAt: /(\.(c|cc|cpp|cxx|h|hh|hpp)|(^|\/)CMakeLists\.txt|\.cmake)$/u
  },
  { word: /\b(bundle|rake|rspec|rubocop)\b/u, looksAt: /(\.rb|(^|\/)(Gemfile|Rakefile)|\.gemspec)$/u },
  { word: /\b(shellcheck|shfmt|bats)\b/u, looksAt: /\.(sh|bash|bats)$/u }
]

/**
 * Whether a check covers a path. Globs decide; without them, the tools that the command names; of a command that names none that we
 * know (`make test`, `./check.sh`) no more is believed than that it is about code.
 */
export const covers = (check: Pick<Check, "command" | "paths">): ((path: string) => boolean) => {
  if (check.paths !== undefined) return matcher(check.paths)
  const known = tools.filter(({ word }) => word.test(check.command))
  return known.length > 0
    ? (path) => known.some(({ looksAt }) => looksAt.test(path))
    : (path) => languageOf(path) !== undefined
}

export interface Coverage {
  /** Files that the commit has and the base has not so. Deleted ones are none. */
  readonly files: number
  readonly examined: number
  readonly uncovered: ReadonlyArray<string>
}

/** `looked` are the predicates of what ran. */
export const coverageOf = (change: Change, looked: ReadonlyArray<(path: string) => boolean>): Coverage => {
  const paths = change.files.flatMap(({ path, status }) => (status === "deleted" ? [] : [path]))
  const uncovered = paths.filter((path) => !looked.some((covers) => covers(path)))
  return { files: paths.length, examined: paths.length - uncovered.length, uncovered }
}

/** A change of which nothing was examined at all. */
export const unexamined = ({ examined, files, uncovered }: Coverage): ReadonlyArray<Finding> => {
  const [first] = uncovered
  return files === 0 || examined > 0 || first === undefined
    ? []
    : [
        {
          rule: "unexamined",
          file: first,
          message: `no check looked at ${files === 1 ? "the changed file" : `any of the ${files} changed files`}: give one that does, with paths that name it`
        }
      ]
}

/** Whether a check with globs has nothing to do: the change touches none of its paths, neither by its old name nor by its new one. */
export const isUntouched = (check: Check, change: Change): boolean => {
  if (check.paths === undefined) return false
  const touches = matcher(check.paths)
  return !change.files.some(
    ({ path, oldPath }) => touches(path) || (oldPath !== undefined && touches(oldPath))
  )
}
