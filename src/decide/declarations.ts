/**
 * Names that a source file declares at its top level, by the form of its lines: no parser is loaded before a model is first asked. What is
 * written in an odd form is missed. Pure.
 */

type Pattern = RegExp

const script: ReadonlyArray<Pattern> = [
  /^(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|class|interface|enum|namespace)\s+(?<name>[\p{L}_$][\p{L}\d_$]*)/u,
  /^export\s+(?:declare\s+)?(?:const|let|var|type)\s+(?<name>[\p{L}_$][\p{L}\d_$]*)/u,
  /^(?:const|let|var)\s+(?<name>[\p{L}_$][\p{L}\d_$]*)\s*=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*=>|[\p{L}_$][\p{L}\d_$]*\s*=>)/u,
  /^(?:module\.)?exports\.(?<name>[\p{L}_$][\p{L}\d_$]*)\s*=/u
]

const patterns: Readonly<Record<string, ReadonlyArray<Pattern>>> = {
  python: [/^(?:async\s+def|def|class)\s+(?<name>[\p{L}_][\p{L}\d_]*)/u],
  script,
  go: [
    /^func\s+(?:\(\s*(?:\w+\s+)?\*?(?<owner>\w+)[^)]*\)\s*)?(?<name>[\p{L}_][\p{L}\d_]*)/u,
    /^type\s+(?<name>[\p{L}_][\p{L}\d_]*)/u
  ],
  rust: [
    /^(?:pub(?:\([^)]*\))?\s+)?(?:(?:default|async|unsafe|const|extern\s+"[^"]*"|extern)\s+)*(?:fn|struct|enum|trait|type|mod|static|union)\s+(?:mut\s+)?(?<name>[\p{L}_][\p{L}\d_]*)/u,
    /^macro_rules!\s*(?<name>[\p{L}_]\w*)/u
  ]
}

const languages: Readonly<Record<string, keyof typeof patterns>> = {
  py: "python",
  js: "script",
  cjs: "script",
  mjs: "script",
  jsx: "script",
  ts: "script",
  cts: "script",
  mts: "script",
  tsx: "script",
  go: "go",
  rs: "rust"
}

const languageOf = (path: string) => {
  const ending = /\.([a-z]+)$/u.exec(path)?.[1] ?? ""
  return Object.hasOwn(languages, ending) ? languages[ending] : undefined
}

/** Whether names can be read from such a file. */
export const hasDeclarations = (path: string): boolean => languageOf(path) !== undefined

/** Characters of a line that are looked at: a declaration begins it. */
const maxLineChars = 300

/** In the order of the file, each once. A method of Go is `Owner.Name`. */
export const declarationsOf = (path: string, text: string): ReadonlyArray<string> => {
  const forms = patterns[languageOf(path) ?? ""] ?? []
  const names = new Set<string>()
  for (const line of text.split(/\r?\n/u)) {
    if (line === "" || /^[\s#/*)}\]]/u.test(line)) continue
    const head = line.slice(0, maxLineChars)
    for (const form of forms) {
      const { name, owner } = form.exec(head)?.groups ?? {}
      if (name === undefined) continue
      names.add(owner === undefined ? name : `${owner}.${name}`)
      break
    }
  }
  return [...names]
}
