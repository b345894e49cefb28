/** Comments that the change adds and that silence a linter, a type checker or a measure of coverage. Moved ones do not count. */
import type { Change, ChangedFile } from "./change.ts"
import { isGenerated, isTestPath, languageOf } from "./files.ts"
import type { Finding } from "./finding.ts"

/** What counts is that there is one more of the same form, so each form matches as little as names it. */
const slashed = [
  /(?:\/\/|\/\*|^\s*\*)\s*(?:eslint|oxlint|tslint|stylelint|jshint|deno-lint|lint)-(?:disable|ignore)[\w-]*/u,
  /(?:\/\/|\/\*|^\s*\*)\s*biome-ignore(?:-\w+)?/u,
  /(?:\/\/|\/\*|^\s*\*)\s*@ts-(?:nocheck|ignore|expect-error)/u,
  /(?:\/\/|\/\*)\s*\$Flow(?:FixMe|Ignore|ExpectedError)|\/\/\s*@noflow/u,
  /(?:\/\/|\/\*)\s*(?:istanbul|c8|v8|node:coverage)\s+(?:ignore|disable)/u
]
const forms: Readonly<Record<string, ReadonlyArray<RegExp>>> = {
  javascript: slashed,
  typescript: slashed,
  python: [
    /#\s*(?:(?:ruff|flake8)\s*:\s*)?noqa\b/iu,
    /#\s*(?:type|ty|mypy|pyright|pyre|pytype)\s*:\s*(?:ignore|disable)[\w-]*|#\s*pyre-(?:ignore|fixme)|#\s*pyright\s*:\s*basic/u,
    /#\s*pylint\s*:\s*(?:disable|skip-file)/u,
    /#\s*pragma\s*:\s*no\s*(?:cover|branch)|#\s*nosec\b/u
  ],
  go: [/\/\/\s?nolint\b/u, /\/\/\s?lint:(?:file-)?ignore\b/u, /\/\/\s*#nosec\b|\/\*\s*#nosec/u],
  rust: [/#!?\[\s*(?:cfg_attr\([^)]*,\s*)?allow\s*\(/u],
  java: [/@SuppressWarnings\b|@SuppressFBWarnings\b|\/\/\s*NOPMD|CHECKSTYLE:OFF/u],
  shell: [/#\s*shellcheck\s+disable/u]
}

/** They silence a whole file. */
const wholeFile =
  /@ts-nocheck|@noflow|^\s*\/\*\s*[\w-]*lint-disable\s*\*\/|#\s*(?:ruff|flake8)\s*:\s*noqa\s*$|#\s*mypy\s*:\s*ignore-errors|#\s*pylint\s*:\s*skip-file|#!\[\s*allow|lint:file-ignore|^\s*#\s*type\s*:\s*ignore/u

const suppressionsIn = (
  path: string,
  text: string | undefined
): ReadonlyArray<readonly [line: number, form: RegExp]> => {
  const known = forms[languageOf(path) ?? ""]
  if (known === undefined || text === undefined) return []
  const isTest = isTestPath(path)
  return text.split("\n").flatMap((line, index) => {
    const form = known.find((one) => one.test(line))
    // In tests of types an expected error is the assertion.
    const isClaim = isTest && line.includes("@ts-expect-error")
    return form === undefined || isClaim ? [] : [[index + 1, form] as const]
  })
}

const added = (file: ChangedFile): ReadonlyArray<number> => {
  const lines = new Set(file.addedLines)
  return suppressionsIn(file.path, file.after).flatMap(([line]) => (lines.has(line) ? [line] : []))
}

const maxFindings = 20

/** One finding for each file that has more of them than before, as long as the change as a whole has more. */
export const suppressed = (change: Change): ReadonlyArray<Finding> => {
  const count = (side: "before" | "after") =>
    change.files.reduce(
      (sum, file) =>
        sum + suppressionsIn(side === "before" ? (file.oldPath ?? file.path) : file.path, file[side]).length,
      0
    )
  if (count("after") <= count("before")) return []
  return change.files
    .flatMap((file): ReadonlyArray<Finding> => {
      if (file.status === "deleted" || isGenerated(file.after)) return []
      const more =
        suppressionsIn(file.path, file.after).length -
        suppressionsIn(file.oldPath ?? file.path, file.before).length
      const [line] = added(file)
      if (more <= 0 || line === undefined) return []
      const text = (file.after?.split("\n")[line - 1] ?? "").trim()
      const how = wholeFile.test(text)
        ? "a comment silences checks of the whole file"
        : `${more} more comment(s) silence checks`
      return [
        {
          rule: "suppressed",
          file: file.path,
          line,
          message: `${how}: ${text.slice(-80)}`,
          ...(isTestPath(file.path) && { isNote: true as const })
        }
      ]
    })
    .slice(0, maxFindings)
}
