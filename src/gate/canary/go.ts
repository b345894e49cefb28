/** Assertions of Go's tests and of testify, negated. */
import { childOf, field, nodes, parts, type SyntaxNode } from "../weakened/syntax.ts"
import {
  type Edit,
  insert,
  type Negatable,
  type Negation,
  type ReadNegatable,
  replace,
  wrap
} from "./edits.ts"

const pairs: ReadonlyArray<readonly [string, string]> = [
  ["Equal", "NotEqual"],
  ["EqualValues", "NotEqualValues"],
  ["True", "False"],
  ["NoError", "Error"],
  ["Nil", "NotNil"],
  ["Empty", "NotEmpty"],
  ["Zero", "NotZero"],
  ["Contains", "NotContains"],
  ["ErrorIs", "NotErrorIs"],
  ["Panics", "NotPanics"],
  ["Same", "NotSame"],
  ["Regexp", "NotRegexp"]
]
const opposite = new Map(
  pairs.flatMap(([one, other]) => [
    [one, other],
    [other, one],
    [`${one}f`, `${other}f`],
    [`${other}f`, `${one}f`]
  ])
)

const fails = /^\w+\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)$/u

const callOf = (statement: SyntaxNode): SyntaxNode | undefined =>
  statement.type === "expression_statement" ? childOf(statement, "call_expression") : undefined

const statementsOf = (block: SyntaxNode | undefined): ReadonlyArray<SyntaxNode> =>
  parts(childOf(block, "statement_list") ?? block)

const isFailing = (statement: SyntaxNode): boolean =>
  fails.test(field(callOf(statement), "function")?.text ?? "")

const mayEnd = (statement: SyntaxNode): boolean =>
  [...nodes(statement)].some(
    ({ text, type }) =>
      /^(?:return|goto)_statement$/u.test(type) ||
      (type === "call_expression" && /\.(?:Skip\w*|Goexit|Exit)\(/u.test(text))
  )

const negationsIn = (
  statements: ReadonlyArray<SyntaxNode>,
  hasTestify: boolean,
  outer: boolean
): ReadonlyArray<Negation> => {
  const found: Array<Negation> = []
  let isSure = outer
  for (const statement of statements) {
    const { line } = statement
    const add = (edits: ReadonlyArray<Edit>) => {
      if (edits.length > 0) found.push({ line, edits, isSure })
    }
    const call = callOf(statement)
    if (statement.type === "if_statement" && field(statement, "alternative") === undefined) {
      if (statementsOf(field(statement, "consequence")).some(isFailing))
        add(wrap(field(statement, "condition"), "!(", ")"))
    } else if (statement.type === "for_statement") {
      found.push(...negationsIn(statementsOf(field(statement, "body")), hasTestify, false))
    } else if (call !== undefined) {
      const called = field(call, "function")
      const name = field(called, "field")
      const turned = opposite.get(name?.text ?? "")
      if (hasTestify && turned !== undefined) add(replace(name, turned))
      if (name?.text === "Run") {
        const literal = parts(field(call, "arguments")).find(({ type }) => type === "func_literal")
        found.push(...negationsIn(statementsOf(field(literal, "body")), hasTestify, false))
      }
    }
    // A failing branch is not taken by a test that passes.
    const isGuard =
      statement.type === "if_statement" && statementsOf(field(statement, "consequence")).some(isFailing)
    if (!isGuard && mayEnd(statement)) isSure = false
    if (statement.type === "return_statement") break
  }
  return found
}

const readTest = (node: SyntaxNode, hasTestify: boolean): Negatable | undefined => {
  const name = field(node, "name")?.text ?? ""
  const body = field(node, "body")
  const parameters = parts(field(node, "parameters"))
  const receiver = field(parts(field(node, "receiver"))[0], "name")?.text
  const t = field(parameters[0], "name")?.text
  const isTest =
    /^(?:Test|Fuzz)(?![a-z])/u.test(name) &&
    name !== "TestMain" &&
    (node.type === "function_declaration" ? parameters.length === 1 : parameters.length === 0)
  if (!isTest || body?.start === undefined) return undefined
  const fatal =
    node.type === "method_declaration"
      ? receiver === undefined
        ? undefined
        : `${receiver}.T().Fatal("canary")`
      : t === undefined || t === "_"
        ? undefined
        : `${t}.Fatal("canary")`
  const statements = statementsOf(body)
  return {
    name,
    line: node.line,
    negations: negationsIn(statements, hasTestify, true),
    failure: fatal === undefined ? [] : [insert(body.start + 1, ` ${fatal};`)]
  }
}

export const go: ReadNegatable = (root, text) => {
  const hasTestify = text.includes("stretchr/testify")
  return root.children.flatMap((node) =>
    /^(?:function|method)_declaration$/u.test(node.type) ? (readTest(node, hasTestify) ?? []) : []
  )
}
