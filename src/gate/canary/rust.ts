/** Assertions of Rust's tests, negated. The macros of assertions come as calls of the same length (`prepared`). */
import { field, isComment, nodes, parts, type SyntaxNode } from "../weakened/syntax.ts"
import {
  type Edit,
  insert,
  type Negatable,
  type Negation,
  type ReadNegatable,
  replace,
  wrap
} from "./edits.ts"

const negated = (statement: SyntaxNode): ReadonlyArray<Edit> => {
  const call = statement.type === "expression_statement" ? parts(statement)[0] : statement
  const called = call?.type === "call_expression" ? field(call, "function") : undefined
  switch (called?.text) {
    case "assert_":
      return wrap(parts(field(call, "arguments"))[0], "!(", ")")
    case "assert_eq_":
      return replace(called, "assert_ne!")
    case "assert_ne_":
      return replace(called, "assert_eq!")
    default:
      return []
  }
}

const mayEnd = (statement: SyntaxNode): boolean =>
  [...nodes(statement)].some(({ type }) => type === "return_expression")

const negationsIn = (body: SyntaxNode): ReadonlyArray<Negation> => {
  const found: Array<Negation> = []
  let isSure = true
  for (const statement of parts(body)) {
    const edits = negated(statement)
    if (edits.length > 0) found.push({ line: statement.line, edits, isSure })
    if (mayEnd(statement)) isSure = false
  }
  return found
}

const nameOf = (attribute: SyntaxNode): string => /^[\w:]+/u.exec(attribute.text)?.[0] ?? ""

export const rust: ReadNegatable = (root) => {
  const found: Array<Negatable> = []
  const scan = (node: SyntaxNode): void => {
    let attributes: Array<SyntaxNode> = []
    for (const child of node.children) {
      if (child.type === "attribute_item")
        attributes.push(...child.children.filter(({ type }) => type === "attribute"))
      if (child.type === "attribute_item" || isComment(child)) continue
      const body = field(child, "body")
      const isTest = attributes.some((one) => /(?:^|::)(?:test|rstest|test_case)$/u.test(nameOf(one)))
      const isLeftOut = attributes.some((one) => /\b(?:should_panic|ignore)\b/u.test(one.text))
      if (child.type === "mod_item" && body !== undefined) scan(body)
      if (child.type === "function_item" && isTest && !isLeftOut && body?.start !== undefined) {
        found.push({
          name: field(child, "name")?.text ?? "",
          line: child.line,
          negations: negationsIn(body),
          // The rest of the test stays reachable for lints.
          failure: [insert(body.start + 1, ' if true { panic!("canary") }')]
        })
      }
      attributes = []
    }
  }
  scan(root)
  return found
}
