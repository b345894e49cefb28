/** One word of a changed line of the product made another: what a test of the fix should notice. */
import type { WorldLanguage } from "../rule.ts"
import { type Broken, isComment, isInCode, isScript, replaceLines } from "./text.ts"

type Turn = readonly [name: string, from: RegExp, to: (found: string) => string]

const swaps = (pairs: Readonly<Record<string, string>>) => (found: string) => pairs[found.trim()] ?? found

const spaced =
  (to: (found: string) => string) =>
  (found: string): string =>
    found.replace(found.trim(), to(found))

const common: ReadonlyArray<Turn> = [
  [
    "comparison",
    /(?<=[\w)\]"'] )(===|!==|==|!=)(?= )/gu,
    swaps({ "===": "!==", "!==": "===", "==": "!=", "!=": "==" })
  ],
  ["order", /(?<=[\w)\]] )(<=|>=|<|>)(?= [\w(])/gu, swaps({ "<": ">=", ">": "<=", "<=": ">", ">=": "<" })],
  ["arithmetic", /(?<=[\w)\]] )[+-](?= [\w(])/gu, swaps({ "+": "-", "-": "+" })],
  ["constant", /(?<![\w.])\d{1,4}(?![\w.])/gu, (found) => String(Number(found) + 1)]
]

const python: ReadonlyArray<Turn> = [
  ["logic", / (and|or) /gu, spaced(swaps({ and: "or", or: "and" }))],
  ["negation", /(?<=\b(if|elif|while|return) )not /gu, () => ""],
  ["boolean", /\b(True|False)\b/gu, swaps({ True: "False", False: "True" })],
  ["return", /(?<=^\s+return )(?!None$).+$/gu, () => "None"]
]

const braces: ReadonlyArray<Turn> = [
  ["logic", / (&&|\|\|) /gu, spaced(swaps({ "&&": "||", "||": "&&" }))],
  ["negation", /(?<=\bif \(?)!(?=\w)/gu, () => ""],
  ["boolean", /\b(true|false)\b/gu, swaps({ true: "false", false: "true" })]
]

const script: ReadonlyArray<Turn> = [
  ["return", /(?<=^\s+return )(?!undefined)[^;{[(]+(?=;?$)/gu, () => "undefined"]
]

const turnsOf = (language: WorldLanguage): ReadonlyArray<Turn> =>
  language === "Python"
    ? [...common, ...python]
    : [...common, ...braces, ...(isScript(language) ? script : [])]

/** What says nothing about behaviour, or what a turn would only make unreadable to a compiler. */
const noCode =
  /^\s*(import|from|use|package|export \* from|@|#\[|"""|raise |throw |type |interface )|version|typing/iu

/** Each way to mutate one of these lines, numbered from 1. */
export const mutants = (
  language: WorldLanguage,
  text: string,
  changedLines: ReadonlyArray<number>
): ReadonlyArray<Broken> => {
  const lines = text.split("\n")
  return changedLines.flatMap((number) => {
    const line = lines[number - 1] ?? ""
    if (isComment(line) || noCode.test(line)) return []
    return turnsOf(language).flatMap(([name, from, to]) =>
      [...line.matchAll(from)].flatMap((found): ReadonlyArray<Broken> => {
        if (!isInCode(line, found.index)) return []
        const by = `${line.slice(0, found.index)}${to(found[0])}${line.slice(found.index + found[0].length)}`
        return by === line
          ? []
          : [{ text: replaceLines(lines, number - 1, number - 1, [by]), detail: `${name} in line ${number}` }]
      })
    )
  })
}
