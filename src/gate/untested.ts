/** Two things that a change may be told, and is seldom wrong for: production changed and no test did; new code that nothing names. */
import type { Change, ChangedFile } from "./change.ts"
import { isTestPath, type Language, languageOf } from "./files.ts"
import type { Finding } from "./finding.ts"

/** Go's own form, and what other generators write. */
const generatedForm = /Code generated .* DO NOT EDIT|@generated|GENERATED FILE|AUTO-?GENERATED/u

export const isGenerated = ({ after, before }: ChangedFile): boolean =>
  generatedForm.test((after ?? before ?? "").slice(0, 1_000))

/** Code of a language, and neither a test nor generated. A shell script has no tests as a rule: it is not asked for them. */
const isProduction = (file: ChangedFile): boolean => {
  const language = languageOf(file.path)
  return language !== undefined && language !== "shell" && !isTestPath(file.path) && !isGenerated(file)
}

const textAt = (text: string | undefined, numbers: ReadonlyArray<number>): ReadonlyArray<string> => {
  const lines = text?.split("\n") ?? []
  return numbers.map((number) => lines[number - 1] ?? "")
}

const isComment = (line: string): boolean => /^\s*($|\/\/|#(?!\[)|\/?\*|"""|''')/u.test(line)

/** Rust keeps unit tests beside what they test. */
const isRustTest = (file: ChangedFile): boolean =>
  languageOf(file.path) === "rust" &&
  /#\[(\w+::)?test\]|\bassert(_eq|_ne)?!/u.test(textAt(file.after, file.addedLines).join("\n"))

/** A line of code came or went in production, and no test is part of the change. */
export const untested = (change: Change): ReadonlyArray<Finding> => {
  const isTested = change.files.some(
    (file) => (isTestPath(file.path) && file.status !== "deleted") || isRustTest(file)
  )
  if (isTested) return []
  return change.files.flatMap((file): ReadonlyArray<Finding> => {
    const added = textAt(file.after, file.addedLines)
    // What only went away asks for no new test: a test that it needed would fail without it.
    const line = added.findIndex((text) => !isComment(text))
    return isProduction(file) && file.status !== "deleted" && line >= 0
      ? [
          {
            rule: "untested",
            file: file.path,
            line: file.addedLines[line] ?? 1,
            message: "production changed, and no test did"
          }
        ]
      : []
  })
}

/** How a definition at the top of a file looks: what it names is the first group that matched. */
const definitions: { readonly [L in Language]?: RegExp } = {
  go: /^(?:func|type) ([A-Za-z_]\w*)/u,
  python: /^(?:(?:async )?def|class) ([A-Za-z_]\w*)/u,
  rust: /^(?:pub(?:\([^)]*\))? )?(?:(?:async|const|unsafe) )*(?:fn|struct|enum|trait) ([A-Za-z_]\w*)/u,
  javascript: /^(?:export )?(?:(?:async )?function\*? ?|class |const |let )([A-Za-z_$][\w$]*)/u,
  typescript:
    /^(?:export )?(?:(?:abstract )?class |(?:async )?function\*? ?|const |let |type |interface |enum )([A-Za-z_$][\w$]*)/u
}

export interface Definition {
  readonly name: string
  readonly file: string
  readonly line: number
  /** How often its own file has the name. Once or more; of a file that others import by its name, any number. */
  readonly own: number
}

/** Names that their runtime calls. */
const isCalledFromOutside = (name: string): boolean =>
  /^(main|init|setup|teardown|handler|__\w+__|Test\w*|Benchmark\w*|Fuzz\w*|Example\w*)$/u.test(name)

const maxDefinitions = 100

/** Top-level names that the change defines, in production and without a decorator (which may hand them to somebody). */
export const newDefinitions = (change: Change): ReadonlyArray<Definition> =>
  change.files
    .flatMap((file) => {
      const language = languageOf(file.path)
      const form = language === undefined ? undefined : definitions[language]
      if (form === undefined || !isProduction(file)) return []
      const lines = file.after?.split("\n") ?? []
      const known = new Set((file.before?.split("\n") ?? []).map((line) => form.exec(line)?.[1]))
      return file.addedLines.flatMap((number): ReadonlyArray<Definition> => {
        const name = form.exec(lines[number - 1] ?? "")?.[1]
        const isDecorated = /^(@|#\[)/u.test(lines[number - 2] ?? "")
        return name === undefined || known.has(name) || isDecorated || isCalledFromOutside(name)
          ? []
          : [{ name, file: file.path, line: number, own: 1 }]
      })
    })
    .slice(0, maxDefinitions)

/** Languages whose files are imported by their names. */
const imported: ReadonlyArray<Language> = ["python", "javascript", "typescript", "rust"]
/** Found by their names or places, by runtimes, tools and people. */
const isEntry = (path: string): boolean =>
  /(^|\/)(index|main|mod|lib|build|setup|app|server|cli|manage|__\w+__|[^/]*\.config|[^/]*\.d)\.\w+$/u.test(
    path
  ) ||
  /(^|\/)(bin|scripts|tools|hack|ci|examples|benches|benchmarks?|docs|migrations|pages|routes|app|plugins|public|static|\.[^/]+)\//u.test(
    path
  )

/** New files of production that somebody must import by name, told by what stands before their ending. */
export const newFiles = (change: Change): ReadonlyArray<Definition> =>
  change.files
    .flatMap((file): ReadonlyArray<Definition> => {
      const language = languageOf(file.path)
      const name = /([^/]+)\.\w+$/u.exec(file.path)?.[1]
      if (name === undefined || language === undefined || !imported.includes(language)) return []
      const isStarted = file.after?.startsWith("#!") === true
      if (file.status !== "added" || !isProduction(file) || isStarted || isEntry(file.path)) return []
      return [{ name, file: file.path, line: 1, own: wordsIn(file.after ?? "", name) }]
    })
    .slice(0, maxDefinitions)

/** As git counts words. */
const wordsIn = (text: string, name: string): number => {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`)
  return text.match(new RegExp(String.raw`(?<!\w)${literal}(?!\w)`, "gu"))?.length ?? 0
}

/** `mentions` counts each name as a word in the whole commit, its own file's among them. A note of what to look at, not a proof. */
export const unused = (
  defined: ReadonlyArray<Definition>,
  mentions: ReadonlyMap<string, number>
): ReadonlyArray<Finding> =>
  defined
    .filter(({ name, own }) => (mentions.get(name) ?? 0) <= own)
    .map(({ name, file, line }) => ({
      rule: "unused",
      file,
      line,
      message: `nothing else in the repository names ${name}`
    }))
