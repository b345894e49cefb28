/** One assertion of a test taken away, or turned into its contrary. */
import type { WorldLanguage } from "../rule.ts"
import { type Broken, indentOf, isComment, isOneExpression, isScript, isWhole, replaceLines } from "./text.ts"

type Turn = readonly [RegExp, string]

/** Both ways: `a` becomes `b`, else `b` becomes `a`. */
const swap = (a: string, b: string): ReadonlyArray<Turn> => [
  [new RegExp(`^(\\s*(?:await )?(?:[\\w]+\\.)?)${a}(?=[(!])`, "u"), `$1${b}`],
  [new RegExp(`^(\\s*(?:await )?(?:[\\w]+\\.)?)${b}(?=[(!])`, "u"), `$1${a}`]
]

const python: ReadonlyArray<Turn> = [
  [/^(\s+)assert not (?!.* (?:and|or) )(.+)$/u, "$1assert $2"],
  [/^(\s+)assert (?!not )(.+)$/u, "$1assert not ($2)"],
  ...swap("assertEqual", "assertNotEqual"),
  ...swap("assertTrue", "assertFalse"),
  ...swap("assertIn", "assertNotIn")
]

const script: ReadonlyArray<Turn> = [
  [/^(\s*(?:await )?expect\(.*\))\.not\.(to\w+)/u, "$1.$2"],
  [/^(\s*(?:await )?expect\(.*\))\.(to[A-Z]\w*)\(/u, "$1.not.$2("],
  [/^(\s*assert(?:\.ok)?)\((?!!)(.*)\)(;?)$/u, "$1(!($2))$3"],
  ...swap("equal", "notEqual"),
  ...swap("strictEqual", "notStrictEqual"),
  ...swap("deepEqual", "notDeepEqual"),
  ...swap("deepStrictEqual", "notDeepStrictEqual"),
  ...swap("same", "notSame"),
  ...swap("is", "not"),
  ...swap("true", "false"),
  ...swap("throws", "doesNotThrow")
]

const go: ReadonlyArray<Turn> = [
  ...swap("Equal", "NotEqual"),
  ...swap("NoError", "Error"),
  ...swap("True", "False"),
  ...swap("Nil", "NotNil"),
  ...swap("Contains", "NotContains")
]

const rust: ReadonlyArray<Turn> = [
  ...swap("assert_eq", "assert_ne"),
  [/^(\s*)assert!\((?!!)(.+)\);$/u, "$1assert!(!($2));"]
]

const turnsOf = (language: WorldLanguage): ReadonlyArray<Turn> =>
  isScript(language) ? script : language === "Python" ? python : language === "Go" ? go : rust

/** What a claim of a test begins with, alone on its line. */
const claim: Readonly<Record<WorldLanguage, RegExp>> = {
  Python: /^\s+(assert |self\.assert\w+\()/u,
  JavaScript:
    /^\s+(await )?(expect\(|assert[.(]|\w{1,2}\.(equal|same|is|deepEqual|strictEqual|true|false|ok|not)\()/u,
  TypeScript:
    /^\s+(await )?(expect\(|assert[.(]|\w{1,2}\.(equal|same|is|deepEqual|strictEqual|true|false|ok|not)\()/u,
  Go: /^\s+(assert|require)\.\w+\(/u,
  Rust: /^\s+assert(_eq|_ne)?!\(/u
}

const claims = (language: WorldLanguage, text: string) =>
  text
    .split("\n")
    .flatMap((line, at) =>
      claim[language].test(line) && !isComment(line) && isWhole(line) ? [{ line, at }] : []
    )

/** `if got != want {` with a failure in its block: how Go says a claim without a library. */
const goCondition = (lines: ReadonlyArray<string>, at: number): boolean =>
  /^\s+if .*[!=]= .*\{$/u.test(lines[at] ?? "") &&
  /^\s+t\.(Error|Fatal)/u.test(lines[at + 1] ?? "") &&
  lines[at + 2]?.trim() === "}"

/** No message beside what is claimed: only then can the whole be put in brackets. */
const isSimple = (line: string): boolean => {
  const [, claimed] =
    /^\s*(?:assert (.+)|assert!\((.+)\);|assert\((.+)\);?)$/u
      .exec(line)
      ?.filter((each) => each !== undefined) ?? []
  return claimed === undefined || isOneExpression(claimed)
}

/** Each way to turn one claim of a file around. */
export const negated = (language: WorldLanguage, text: string): ReadonlyArray<Broken> => {
  const lines = text.split("\n")
  const turned = claims(language, text).flatMap(({ at, line }): ReadonlyArray<Broken> => {
    const turn = turnsOf(language).find(([from]) => from.test(line))
    if (turn === undefined || !isSimple(line)) return []
    const by = line.replace(...turn)
    return [{ text: replaceLines(lines, at, at, [by]), detail: `line ${at + 1}` }]
  })
  if (language !== "Go") return turned
  const conditions = lines.flatMap((line, at): ReadonlyArray<Broken> => {
    if (!goCondition(lines, at)) return []
    const by = line.includes("!=") ? line.replace("!=", "==") : line.replace("==", "!=")
    return [{ text: replaceLines(lines, at, at, [by]), detail: `line ${at + 1}` }]
  })
  return [...turned, ...conditions]
}

/** Each way to take one claim away that the base has, too, and has once. */
export const removed = (language: WorldLanguage, before: string, after: string): ReadonlyArray<Broken> => {
  const lines = after.split("\n")
  const old = before.split("\n")
  const count = (all: ReadonlyArray<string>, line: string) => all.filter((each) => each === line).length
  const single = claims(language, after).flatMap(({ at, line }): ReadonlyArray<Broken> => {
    if (count(old, line) !== 1 || count(lines, line) !== 1) return []
    const by = language === "Python" ? [`${" ".repeat(indentOf(line))}pass`] : []
    return [{ text: replaceLines(lines, at, at, by), detail: `line ${at + 1}` }]
  })
  if (language !== "Go") return single
  const blocks = lines.flatMap((line, at): ReadonlyArray<Broken> =>
    goCondition(lines, at) && count(old, lines[at + 1] ?? "") === 1 && count(lines, lines[at + 1] ?? "") === 1
      ? [
          {
            text: replaceLines(lines, at, at + 2, []),
            detail: `line ${at + 1}: ${line.trim().length} characters`
          }
        ]
      : []
  )
  return [...single, ...blocks]
}
