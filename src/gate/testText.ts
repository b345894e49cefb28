/**
 * What the text of a test file says, read cheaply: its words without comments and layout, the tests that it declares, whether a test
 * asserts anything, whether a changed file asks anything that it did not ask before. Words, not syntax: used where a wrong guess costs a
 * run or a note.
 */
import { type Language, languageOf } from "./files.ts"

export interface DeclaredTest {
  readonly name: string
  /** First and last line, from 1. */
  readonly from: number
  readonly to: number
}

const slashed =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|`(?:\\[\s\S]|[^`\\])*`|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[\p{L}_$][\p{L}\d_$]*|\d[\w.]*|[^\s\p{L}\d]/gu
const hashed =
  /#[^\n]*|(?:\b[rbufRBUF]{1,2})?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|[\p{L}_$][\p{L}\d_$]*|\d[\w.]*|[^\s\p{L}\d]/gu

/** A rune or a string in Rust and Go begins with `'` too, but so does a lifetime: those read as single marks. */
const lifetimes = /'(?=[a-z_]\w*\b(?!'))/gu

const isHashed = (language: Language | undefined) =>
  language === "python" || language === "shell" || language === undefined

/** The words of a text, without comments, layout, the kind of quotes, and marks that a formatter adds or takes away. */
export const wordsOf = (path: string, text: string): ReadonlyArray<string> => {
  const language = languageOf(path)
  const source = language === "rust" ? text.replace(lifetimes, " ") : text
  const all = source.match(isHashed(language) ? hashed : slashed) ?? []
  return all
    .filter((word) => (isHashed(language) ? !word.startsWith("#") : !/^\/[/*]/u.test(word)))
    .filter(
      (word, index, words) => word !== ";" && !(word === "," && /^[)\]}]$/u.test(words[index + 1] ?? ""))
    )
    .map((word) => (/^(?:[rbuf]{1,2})?['"`]/iu.test(word) ? word.replace(/['"`]{1,3}/gu, '"') : word))
}

/** Whether two texts differ in more than comments and layout. */
export const differs = (path: string, before: string | undefined, after: string | undefined): boolean =>
  before === undefined || after === undefined
    ? before !== after
    : wordsOf(path, before).join("\n") !== wordsOf(path, after).join("\n")

/** Numbers and texts of a file, each as often as it occurs: what its tests put in and expect. */
const literalsOf = (path: string, text: string): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const word of wordsOf(path, text)) {
    if (/^(?:\d|[rbuf]{0,2}")/iu.test(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

/** Words that a text is made of, in lower case: `TestAddZero` and `"adds zero"` share `add` and `zero`. */
const parts = (text: string): ReadonlyArray<string> =>
  (text.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/gu) ?? []).map((part) => part.toLowerCase())

/**
 * Whether a file asks nothing that the base did not: no number or text is new in it, or there more often, but labels whose words the
 * base has. So it is with tests that were folded into a table, split, renamed or put in another order.
 */
export const asksNothingNew = (path: string, before: string, after: string): boolean => {
  // In a shell every word may be what is expected.
  if (isHashed(languageOf(path)) && languageOf(path) !== "python") return false
  const known = literalsOf(path, before)
  const words = new Set(parts(before))
  return [...literalsOf(path, after)].every(([literal, count]) => {
    if (count <= (known.get(literal) ?? 0)) return true
    const said = parts(literal)
    return (
      literal.includes('"') && said.length > 0 && said.every((part) => words.has(part) && !/^\d/u.test(part))
    )
  })
}

/** GoogleTest, Catch2 and doctest, Boost, Check, functions called test…, and a program of tests by itself. */
const ofC =
  /^\s*(?:(?:TYPED_)?TEST(?:_F|_P)?\s*\(\s*\w+\s*,\s*|(?:TEST_CASE|SCENARIO)\s*\(\s*"|(?:START_TEST|BOOST_AUTO_TEST_CASE)\s*\(\s*|(?:static\s+)?(?:void|int|bool)\s+(?=test)|int\s+(?=main\s*\())(?<name>[^",()]+)/u

const declarations: { readonly [L in Language]?: RegExp } = {
  go: /^func (?:\(\w+ \*?\w+\) )?(?<name>(?:Test|Fuzz|Example)(?!Main\()\w*)\s*\(/u,
  python: /^\s*(?:async\s+)?def (?<name>test\w*)\s*\(/u,
  rust: /^\s*(?:pub\s+)?(?:async\s+)?fn (?<name>\w+)/u,
  java: /^\s*(?:public |private |protected )?(?:\w+ )?void (?<name>\w+)\s*\(/u,
  kotlin: /^\s*(?:(?:public|internal|private|override|suspend) )*fun `?(?<name>[^`(]+?)`?\s*\(/u,
  c: ofC,
  cpp: ofC
}
const calls =
  /^\s*(?:await\s+)?(?:\w+\.)?(?:it|test)(?:\.\w+)*(?:\(\[.*\]\))?\s*\(\s*(?<quote>["'`])(?<name>(?:\\.|(?!\k<quote>).)*)\k<quote>/u
const attribute = /^\s*(?:#\[(?:\w+::)*test\b|#\[rstest|@(?:Parameterized|Repeated)?Test\b)/u
const needsAttribute = (language: Language | undefined) =>
  language === "rust" || language === "java" || language === "kotlin"

/** The tests of a file, in order, each up to the next one. */
export const declaredTests = (path: string, text: string): ReadonlyArray<DeclaredTest> => {
  const language = languageOf(path)
  const pattern =
    language === "javascript" || language === "typescript" ? calls : language && declarations[language]
  if (pattern === undefined) return []
  const lines = text.split("\n")
  const found: Array<{ readonly name: string; readonly from: number }> = []
  let marked: number | undefined
  lines.forEach((line, index) => {
    if (attribute.test(line)) marked = index + 1
    const name = pattern.exec(line)?.groups?.["name"]
    if (name === undefined || (needsAttribute(language) && marked === undefined)) return
    found.push({ name, from: marked ?? index + 1 })
    marked = undefined
  })
  const declared = found.map(({ from, name }, index) => {
    const next = found[index + 1]
    let to = next === undefined ? lines.length : firstLine(lines, next.from) - 1
    while (to > from && (lines[to - 1] ?? "").trim() === "") to -= 1
    return { name, from: firstLine(lines, from), to }
  })
  return language === "go" ? declared.filter((test) => isRun(lines, test)) : declared
}

/** Go compiles an example, and runs it only where it says what it prints. */
const isRun = (lines: ReadonlyArray<string>, { from, name, to }: DeclaredTest): boolean =>
  !name.startsWith("Example") ||
  /\/[/*]\s*(?:unordered )?output:/iu.test(lines.slice(from - 1, to).join("\n"))

/** Decorators, attributes and comments above a test are its own. */
const firstLine = (lines: ReadonlyArray<string>, from: number): number => {
  let first = from
  while (first > 1 && /^\s*(?:@|#|\/\/)/u.test(lines[first - 2] ?? "")) first -= 1
  return first
}

/** A module of Rust and the tests inside it. What else is there for tests only (`use`, `mod tests;`) is none of them. */
export const inlineTests = (text: string): { readonly code: string; readonly tests: string } => {
  const from = text.search(
    /^#\[cfg\(test\)\]\s*(?:(?:#\[|\/\/).*\n\s*)*(?:pub(?:\(\w+\))?\s+)?mod\s+\w+\s*\{/mu
  )
  if (from < 0) return { code: text, tests: "" }
  const end = text.indexOf("\n}", from)
  const to = end < 0 ? text.length : end + 2
  return { code: text.slice(0, from) + text.slice(to), tests: text.slice(from, to) }
}

/** Assertions that hold whatever the program does. */
const vacuous: ReadonlyArray<RegExp> = [
  /\bassert\s+(?:True|1)\b(?!\s*[=<>!.])/gu,
  /\bself\.assert(?:True\(\s*True|False\(\s*False|Equals?\(\s*(\w+),\s*\1)\s*\)/gu,
  /\bexpect\(\s*(true|1|false)\s*\)\.(?:toBe|toEqual|toStrictEqual)\(\s*\1\s*\)|\bexpect\(\s*true\s*\)\.(?:toBeTruthy|toBeDefined)\(\)/gu,
  /\bassert(?:\.ok)?\(\s*(?:true|1)\s*(?:,[^)]*)?\)|\bassert\.(?:strictE|deepE|deepStrictE|e)qual\(\s*(\w+),\s*\1\s*\)/gu,
  /\bassert!\(\s*true\s*\)|\bassert_eq!\(\s*(\w+),\s*\1\s*\)/gu,
  /\b(?:(?:assert|require)\.True\(\s*t,|\w+\.True\()\s*true\s*\)/gu
]
/** What a test fails by, in the languages that we know: assertions, panics and unwraps, and calls that are handed the test itself. */
const telling =
  /assert|expect|should|require|fail|fatal|error|panic|raise|throw|reject|check|verify|must|unwrap|snapshot|match|equal|\bcmp\b|\bplan\b|exit|Output:|\?;|\(\s*(?:t|tb|self|ctx)\b(?!\s*\*)|=>\s*\{?\s*\w*\(?t\b/iu

/** Assertions of testify whose names say nothing by themselves: they count where the suite is asked, as in `s.Len(items, 3)`. */
const ofSuite =
  /^(?:True|False|(?:Not)?(?:Nil|Empty|Zero|Len|Contains|Subset|Same|Regexp|Implements)|Exactly|IsType|Greater|Less|Positive|Negative|In(?:Delta|Epsilon)\w*|Within\w+|Is(?:Non)?(?:In|De)creasing|Eventually\w*|Never|Condition|(?:No)?(?:File|Dir)Exists|JSONEq|YAMLEq|HTTP\w+)f?$/u

/** Whether a method of a suite in Go, `body`, asserts by its receiver or by another method of the file. `code` is what it does. */
const asksSuite = (text: string, body: string, code: string): boolean => {
  const suite = /^func \((\w+) /mu.exec(body)?.[1]
  const methods = new Set([...text.matchAll(/^func \([^)]*\) (\w+)\(/gmu)].map(([, name]) => name))
  return [...code.matchAll(/(?<!\.)\b(\w+)\.(\w+)\(/gu)].some(
    ([, on, name = ""]) => on === suite && (ofSuite.test(name) || methods.has(name))
  )
}

/** Functions of the file itself that are no product, and what it takes from beside it or from helpers: they may assert for a test. */
const helpersOf = (text: string): ReadonlyArray<string> => [
  ...[...text.matchAll(/(?:\bfunction\s+|\bconst\s+|\bdef\s+|\bfunc\s+|\bfn\s+)(\w+)/gu)].map(
    ([, name = ""]) => name
  ),
  ...[
    ...text.matchAll(
      /import\s+([^;'"]*?)\s+from\s+["'](?:\.\/|[^"']*(?:helper|util|common|support|fixture))/gu
    ),
    ...text.matchAll(
      /from\s+(?:\.|\S*(?:helper|util|common|support|conftest|fixture|tests?\b))\S*\s+import\s+([^\n]+)/gu
    )
  ].flatMap(([, names = ""]) => names.match(/\w+/gu) ?? [])
]

/** Whether nothing in a test's body could fail but the call itself. `text` is the whole file. */
export const assertsNothing = (path: string, text: string, test: DeclaredTest): boolean => {
  const language = languageOf(path)
  // A test in C may tell by what its program returns.
  if (language === undefined || language === "shell" || language === "c" || language === "cpp") return false
  const body = text
    .split("\n")
    .slice(test.from - 1, test.to)
    .join("\n")
  const code = withoutComments(
    path,
    vacuous.reduce((rest, pattern) => rest.replace(pattern, ""), withoutHead(body, test.name))
  )
  if ((language === "javascript" || language === "typescript") && isHandedOver(text, code)) return false
  const helpers = helpersOf(inlineTests(text).tests || text)
  const called = new Set([...code.matchAll(/\b(\w+)(?:!|::<[^()]*>)?\s*\(/gu)].map(([, name]) => name))
  return (
    !telling.test(code) &&
    !asksSuite(text, body, code) &&
    !helpers.some((name) => name !== test.name && called.has(name))
  )
}

/** Whether a test of a script is a function by its name, as macros of AVA are: one from elsewhere, or one of the file that tells. */
const isHandedOver = (text: string, code: string): boolean => {
  const name = /^["'`]?\s*,\s*(?:\{[^{}]*\}\s*,\s*)?([A-Za-z_$][\w$]*)(?:\.\w+)*\s*[,)]/u.exec(code)?.[1]
  if (name === undefined || name === "undefined") return false
  const declared = new RegExp(
    String.raw`^[^\S\n]*(?:export\s+)?(?:async\s+)?(?:function\*?|const|let|var)\s+${name.replaceAll("$", String.raw`\$`)}(?![\w$])[^]*?(?=\n\n|\n\}|$(?![^]))`,
    "mu"
  ).exec(text)
  return declared === null || telling.test(declared[0].replace(name, ""))
}

/** A test's own name and its parameter are no assertion, whatever they are called. */
const withoutHead = (body: string, name: string): string => {
  const declaration = /(?:\bfn|\bdef|\bfunc(?: \([^)]*\))?|\bvoid)\s+(?=\w)/u.exec(body)
  const at = body.indexOf(name, declaration === null ? 0 : declaration.index) + name.length
  const attributes = body.slice(0, at - name.length)
  const rest = body
    .slice(at)
    .replace(/^["'`]?\s*(?:\(\s*(?:t|self|tb|b)\b[^)]*\)|,\s*(?:async\s*)?\(?\s*\w*\s*\)?\s*=>)/u, "")
  return /should_panic/u.test(attributes) ? `${attributes}${rest}` : rest
}

const withoutComments = (path: string, code: string): string =>
  code.replace(
    isHashed(languageOf(path)) ? /(?:^|\s)#[^\n]*/gmu : /(?:^|\s)\/\/(?!\s*(?:unordered )?output:)[^\n]*/gimu,
    ""
  )
