/** Answers that the product has ready for the very inputs of a test: `if items == [(3, 2)]: return 6`. */
import type { Change } from "../change.ts"
import { isTestPath } from "../files.ts"
import type { Finding } from "../finding.ts"
import type { Assertion } from "./assertion.ts"
import { isConstant, Scope, show } from "./expression.ts"
import { bare, field, grammarOf, nodes, type Parse, parts, type SyntaxNode } from "./syntax.ts"

interface Answer {
  readonly line: number
  readonly input: string
  readonly output: string
}

/** Texts shorter than this are base cases: `if n == 0`. */
const shortest = 3
const maxAnswers = 200

const none = new Scope()
const literals =
  /^(string|string_literal|interpreted_string_literal|template_string|number|integer|float|int_literal|integer_literal|list|tuple|array|array_expression|dictionary|object|composite_literal)$/u

/** The value without quotes, so that a text of JSON is what it says. */
const plain = (text: string): string => text.replaceAll(/[\s"'\\]/gu, "")

const answersIn = (root: SyntaxNode): ReadonlyArray<Answer> =>
  [...nodes(root)].flatMap((node): ReadonlyArray<Answer> => {
    if (!/^if_(statement|expression)$/u.test(node.type)) return []
    const [condition, then] = [field(node, "condition"), field(node, "consequence")]
    if (condition === undefined || then === undefined || then.text.length > 400) return []
    const returned = [...nodes(then)].find(({ type }) => /^return_(statement|expression)$/u.test(type))
    const value = parts(returned)[0] ?? (node.type === "if_expression" ? parts(then)[0] : undefined)
    if (value === undefined || !isConstant(show(bare(value), none))) return []
    return [...nodes(condition)]
      .filter((inner) => literals.test(inner.type) && isCompared(condition, inner))
      .map((inner) => ({
        line: node.line,
        input: plain(show(inner, none)),
        output: plain(show(bare(value), none))
      }))
      .filter(({ input }) => input.length >= shortest)
  })

/** A side of `==`, at any depth of `and` and `or`. */
const isCompared = (condition: SyntaxNode, literal: SyntaxNode): boolean =>
  [...nodes(condition)].some(
    (node) =>
      /^(comparison_operator|binary_expression)$/u.test(node.type) &&
      node.children.some(({ text }) => /^={2,3}$/u.test(text)) &&
      node.children.some((side) => bare(side) === literal)
  )

/** Only notes: a special case may be what the issue asks for. */
export const specialCases = (
  change: Change,
  claims: ReadonlyArray<Assertion>,
  parse: Parse
): ReadonlyArray<Finding> => {
  const asked = claims
    .filter(({ relation }) => relation === "equal")
    .slice(0, 2_000)
    .map(({ expected, subject }) => ({ subject: plain(subject), expected: plain(expected) }))
  return change.files.flatMap((file): ReadonlyArray<Finding> => {
    const grammar = grammarOf(file.path)
    if (grammar === undefined || isTestPath(file.path) || file.after === undefined) return []
    if (file.addedLines.length === 0 || asked.length === 0) return []
    const root = parse(grammar, file.after)
    const added = new Set(file.addedLines)
    const answers = root === undefined ? [] : answersIn(root).filter(({ line }) => added.has(line))
    const found = answers
      .slice(0, maxAnswers)
      .find(({ input, output }) =>
        asked.some(({ expected, subject }) => expected === output && subject.includes(input))
      )
    if (found === undefined) return []
    const message = `answers ${found.output} where the input is ${found.input.slice(0, 60)}, as a test of the change expects: look whether the issue asks for it`
    return [{ rule: "weakened", file: file.path, line: found.line, message, isNote: true }]
  })
}
