/** One test of a file taken away whole. */
import type { WorldLanguage } from "../rule.ts"
import { type Broken, indentOf, isScript, replaceLines } from "./text.ts"

interface Span {
  readonly header: string
  readonly from: number
  readonly to: number
}

const header: Readonly<Record<WorldLanguage, RegExp>> = {
  Python: /^\s*(async )?def test\w*\(/u,
  JavaScript: /^\s*(it|test)\(\s*['"`]/u,
  TypeScript: /^\s*(it|test)\(\s*['"`]/u,
  Go: /^func Test(?!Main\b)\w+\(/u,
  Rust: /^\s*(pub )?(async )?fn \w+\(/u
}

/** The last line of what begins at `at`, by its indentation; undefined where layout does not tell. */
const endOf = (language: WorldLanguage, lines: ReadonlyArray<string>, at: number): number | undefined => {
  const indent = indentOf(lines[at] ?? "")
  if (language !== "Python") {
    const closing = isScript(language) ? /^\s*\}?\)+;?$/u : /^\s*\}$/u
    for (let to = at + 1; to < lines.length; to++) {
      const line = lines[to] ?? ""
      if (line.trim() === "" || indentOf(line) > indent) continue
      return closing.test(line) ? to : undefined
    }
    return undefined
  }
  let last = at
  let isInBody = /:\s*(#.*)?$/u.test(lines[at] ?? "")
  for (let to = at + 1; to < lines.length; to++) {
    const line = lines[to] ?? ""
    if (line.trim() === "") continue
    // A signature may go on over lines; its end stands at the indentation of `def`.
    if (indentOf(line) <= indent && !(!isInBody && /^\s*\)/u.test(line))) break
    isInBody ||= /^\s*\).*:\s*(#.*)?$/u.test(line)
    last = to
  }
  return last
}

const isAttribute = (language: WorldLanguage, line: string): boolean =>
  language === "Python" ? /^\s*@/u.test(line) : language === "Rust" && /^\s*#\[.*\]$/u.test(line)

/** Where the decorators of what begins at `at` begin; one may go on over lines. */
const firstAttribute = (language: WorldLanguage, lines: ReadonlyArray<string>, at: number): number => {
  const line = lines[at - 1] ?? ""
  if (isAttribute(language, line)) return firstAttribute(language, lines, at - 1)
  if (!/^\s*\)$/u.test(line) || language !== "Python") return at
  const indent = indentOf(line)
  for (let from = at - 2; from >= 0; from--) {
    const above = lines[from] ?? ""
    if (above.trim() === "" || indentOf(above) > indent) continue
    return isAttribute(language, above) ? firstAttribute(language, lines, from) : at
  }
  return at
}

export const testsIn = (language: WorldLanguage, text: string): ReadonlyArray<Span> => {
  const lines = text.split("\n")
  return lines.flatMap((line, at): ReadonlyArray<Span> => {
    if (!header[language].test(line)) return []
    const to = endOf(language, lines, at)
    const from = firstAttribute(language, lines, at)
    const isTest =
      language !== "Rust" || lines.slice(from, at).some((each) => /#\[(\w+::)?test\]/u.test(each))
    return to === undefined || !isTest ? [] : [{ header: line, from, to }]
  })
}

/** Each way to drop a test that the base has, too. */
export const dropped = (language: WorldLanguage, before: string, after: string): ReadonlyArray<Broken> => {
  const old = testsIn(language, before).map((span) => span.header)
  const now = testsIn(language, after)
  // The only test of its class would leave nothing behind that parses.
  if (now.length < 2) return []
  return now.flatMap(({ from, header: name, to }) =>
    old.filter((each) => each === name).length === 1
      ? [{ text: replaceLines(after.split("\n"), from, to, []), detail: `line ${from + 1}` }]
      : []
  )
}
