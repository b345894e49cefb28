/** Checks for files that are no code of the project's language, by tools that may or may not be there. */
import type { Change, ChangedFile } from "./change.ts"
import { maxCommandBytes } from "./exchange.ts"
import { languageOf } from "./files.ts"
import { quoted } from "./quoted.ts"

export interface ToolCheck {
  readonly name: string
  readonly files: ReadonlyArray<string>
  readonly command: string
  /** The same for one of the files. */
  readonly commandFor: (path: string) => string
  /** What is absent when the command ends with 127. */
  readonly tool: string
}

const shebang = /^#!\s*\S*\/(?:env\s+(?:-S\s+)?)?(sh|bash|dash)\b/u

const isShell = ({ path, after }: ChangedFile): boolean =>
  languageOf(path) === "shell" || shebang.test(after ?? "")

/** Each file by itself; a file that is not there (on the base) is nothing to say no to. */
const each = (files: ReadonlyArray<string>, command: string): string =>
  `bad=0; for file in ${files.map(quoted).join(" ")}; do [ -f "$file" ] || continue; ${command} || bad=1; done; exit $bad`

const kinds: ReadonlyArray<{
  readonly name: string
  readonly tool: string
  readonly covers: (file: ChangedFile) => boolean
  readonly command: (files: ReadonlyArray<string>) => string
}> = [
  {
    name: "shell",
    tool: "sh",
    covers: isShell,
    // A shell reads the whole script without running it: bash, where there is one, unless the script asks for another.
    command: (files) =>
      each(
        files,
        'if command -v shellcheck >/dev/null 2>&1; then shellcheck -S error -- "$file"; elif command -v bash >/dev/null 2>&1 && ! head -n 1 "$file" | grep -Eq "^#!.*[/ ](da|a)?sh( |$)"; then bash -n "$file"; else sh -n "$file"; fi'
      )
  },
  {
    name: "workflows",
    tool: "actionlint",
    covers: ({ path }) => /^\.github\/workflows\/[^/]+\.ya?ml$/u.test(path),
    command: (files) =>
      `command -v actionlint >/dev/null 2>&1 || exit 127; ${each(files, 'actionlint "$file"')}`
  },
  {
    name: "dockerfile",
    tool: "hadolint",
    covers: ({ path }) =>
      /(^|\/)((Docker|Container)file(\.[^/]+)?|[^/]+\.(Docker|Container)file)$/iu.test(path),
    command: (files) =>
      `command -v hadolint >/dev/null 2>&1 || exit 127; ${each(files, 'hadolint --failure-threshold error "$file"')}`
  }
]

/** A request to the toolchain has an end, and what is done with each file is a part of it. */
const maxFiles = 100
const maxFilesBytes = maxCommandBytes - 2_048

/** As many of them as one command can name. */
const nameable = (paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  let bytes = 0
  return paths.slice(0, maxFiles).filter((path) => {
    bytes += new TextEncoder().encode(quoted(path)).length + 1
    return bytes <= maxFilesBytes
  })
}

/** One for each kind that the change touches. */
export const toolChecks = (change: Change): ReadonlyArray<ToolCheck> =>
  kinds.flatMap(({ name, tool, covers, command }) => {
    const files = nameable(
      change.files
        .filter((file) => file.status !== "deleted" && file.after !== undefined && covers(file))
        .map(({ path }) => path)
    )
    const commandFor = (path: string) => command([path])
    return files.length === 0 ? [] : [{ name, tool, files, command: command(files), commandFor }]
  })
