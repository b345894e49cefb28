/** Lines that a change adds to the settings of a test runner and that leave tests out, or let them fail in silence. */
import type { Change, ChangedFile } from "../change.ts"
import type { Finding } from "../finding.ts"

interface Settings {
  readonly file: RegExp
  readonly lines: ReadonlyArray<RegExp>
}

const pytest = [
  /--(?:deselect|ignore|ignore-glob)\b/u,
  /addopts.*[\s"'[=]-[km][\s=,"']*not\b/u,
  /^\s*["']?-[km][\s=,"']*not\b/u,
  /\bcollect_ignore(?:_glob)?\s*=/u,
  /\bxfail_strict\s*=\s*(?:false|0)/iu
]

const settings: ReadonlyArray<Settings> = [
  {
    file: /(^|\/)(pytest\.ini|setup\.cfg|tox\.ini|pyproject\.toml|\.pytest\.ini|conftest\.py)$/u,
    lines: pytest
  },
  {
    file: /(^|\/)(jest|vitest|vite|playwright|karma)\.config(\.[\w-]+)?\.[cm]?[jt]s(on)?$/u,
    lines: [
      /\b(?:testPathIgnorePatterns|exclude|testIgnore|modulePathIgnorePatterns)\b/u,
      /\b(?:passWithNoTests|allowOnly|bail\s*:\s*0|dangerouslyIgnoreUnhandledErrors)\b.*true/u,
      /\btestNamePattern\b/u,
      /\bretries?\s*:\s*[1-9]/u
    ]
  },
  {
    file: /(^|\/)(package\.json|\.mocharc\.\w+)$/u,
    lines: [
      /"testPathIgnorePatterns"|--testPathIgnorePatterns|--passWithNoTests|--exclude\b|--test-skip-pattern|"(?:test|test:[\w-]+)"\s*:.*(?:\|\|\s*true|;\s*exit 0)|"(?:ignore|invert|grep)"\s*:/u
    ]
  },
  {
    file: /(^|\/)(\.config\/nextest|nextest|Cargo)\.toml$/u,
    lines: [/\bdefault-filter\b.*\bnot\b/u, /^\s*test\s*=\s*false/u, /\bretries\s*=\s*[1-9]/u]
  }
]

const lineOf = (file: ChangedFile, line: number): string => file.after?.split("\n")[line - 1] ?? ""

export const runnerConfigFindings = (change: Change): ReadonlyArray<Finding> =>
  change.files.flatMap((file) => {
    const known = settings.find((one) => one.file.test(file.path))
    if (known === undefined) return []
    const removed = new Set(file.removedLines.map((line) => file.before?.split("\n")[line - 1]?.trim()))
    return file.addedLines.flatMap((line): ReadonlyArray<Finding> => {
      const text = lineOf(file, line)
      if (removed.has(text.trim()) || !known.lines.some((pattern) => pattern.test(text))) return []
      const message = `the runner is told to leave tests out or to let them fail: ${text.trim().slice(0, 120)}`
      return [{ rule: "weakened", file: file.path, line, message }]
    })
  })
