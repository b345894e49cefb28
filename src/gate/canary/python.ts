/** Assertions of pytest and unittest, negated. */
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

const opposites: ReadonlyArray<readonly [string, string]> = [
  ["assertEqual", "assertNotEqual"],
  ["assertTrue", "assertFalse"],
  ["assertIs", "assertIsNot"],
  ["assertIsNone", "assertIsNotNone"],
  ["assertIn", "assertNotIn"],
  ["assertIsInstance", "assertNotIsInstance"],
  ["assertGreater", "assertLessEqual"],
  ["assertGreaterEqual", "assertLess"],
  ["assertAlmostEqual", "assertNotAlmostEqual"],
  ["assertRegex", "assertNotRegex"]
]
const opposite = new Map([
  ...opposites,
  ...opposites.map(([one, other]) => [other, one] as const),
  ...["List", "Dict", "Tuple", "Set", "Sequence", "MultiLine"].map(
    (kind) => [`assert${kind}Equal`, "assertNotEqual"] as const
  )
])

const raising = /^(?:raises|assertRaises|assertRaisesRegex|warns|assertWarns|assertWarnsRegex)$/u
const another = (name: string) => `type("Canary", (${/arns/u.test(name) ? "Warning" : "Exception"},), {})`

const nameOf = (call: SyntaxNode): string => {
  const called = field(call, "function")
  return field(called, "attribute")?.text ?? called?.text ?? ""
}

const given = (call: SyntaxNode) => parts(field(call, "arguments"))

/** `raises(X)` with an exception that nobody raises. */
const otherException = (call: SyntaxNode): ReadonlyArray<Edit> =>
  raising.test(nameOf(call)) && given(call)[0]?.type !== "keyword_argument"
    ? replace(given(call)[0], another(nameOf(call)))
    : []

const negated = (statement: SyntaxNode): ReadonlyArray<Edit> => {
  if (statement.type === "assert_statement") return wrap(parts(statement)[0], "not (", ")")
  if (statement.type === "with_statement") {
    const calls = [...nodes(childOf(statement, "with_clause") ?? statement)].filter(
      ({ type }) => type === "call"
    )
    return calls.map(otherException).find((edits) => edits.length > 0) ?? []
  }
  const call = statement.type === "expression_statement" ? childOf(statement, "call") : undefined
  if (call === undefined) return []
  const attribute = field(field(call, "function"), "attribute")
  const turned = opposite.get(nameOf(call))
  if (turned !== undefined && attribute !== undefined) return replace(attribute, turned)
  return otherException(call)
}

const mayEnd = (statement: SyntaxNode): boolean =>
  [...nodes(statement)].some(
    ({ text, type }) =>
      /^(?:return_statement|raise_statement|yield)$/u.test(type) ||
      (type === "call" && /\b(?:skip|skipTest|xfail|importorskip|exit|_exit)\s*\(/u.test(text))
  )

export const negationsIn = (statements: ReadonlyArray<SyntaxNode>): ReadonlyArray<Negation> => {
  const found: Array<Negation> = []
  const visit = (all: ReadonlyArray<SyntaxNode>, outer: boolean): boolean => {
    let isSure = outer
    for (const statement of all) {
      const edits = negated(statement)
      if (edits.length > 0) found.push({ line: statement.line, edits, isSure })
      else if (statement.type === "with_statement") {
        const isQuiet = /\b(?:suppress|subTest)\(/u.test(childOf(statement, "with_clause")?.text ?? "")
        if (!isQuiet) visit(field(statement, "body")?.children ?? [], false)
      }
      if (mayEnd(statement)) isSure = false
      if (/^(?:return|raise)_statement$/u.test(statement.type)) return false
    }
    return isSure
  }
  visit(statements, true)
  return found
}

const failure = 'raise AssertionError("canary")'

const atStart = (body: SyntaxNode, text: string): ReadonlyArray<Edit> => {
  const first = body.children[0]
  if (first?.start === undefined) return []
  const before = text.slice(text.lastIndexOf("\n", first.start - 1) + 1, first.start)
  return [insert(first.start, /^[ \t]*$/u.test(before) ? `${failure}\n${before}` : `${failure}; `)]
}

const leftOut = /\b(?:skip|skipIf|skipUnless|skipif|xfail|expectedFailure)\b/u

export const python: ReadNegatable = (root, text) => {
  const found: Array<Negatable> = []
  const scan = (block: ReadonlyArray<SyntaxNode>, isSuite: boolean): void => {
    for (const node of block) {
      const definition = field(node, "definition") ?? node
      const decorators = node.children.filter(({ type }) => type === "decorator")
      const name = field(definition, "name")?.text ?? ""
      const body = field(definition, "body")
      if (body === undefined || decorators.some((one) => leftOut.test(one.text))) continue
      if (definition.type === "class_definition") {
        const bases = field(definition, "superclasses")?.text ?? ""
        scan(body.children, name.startsWith("Test") || /Test/u.test(bases))
      } else if (definition.type === "function_definition" && isSuite && name.startsWith("test")) {
        found.push({
          name,
          line: definition.line,
          negations: negationsIn(body.children),
          failure: atStart(body, text)
        })
      }
    }
  }
  scan(root.children, true)
  if (found.length > 0) return found
  const end = text.endsWith("\n") ? "" : "\n"
  const script = { name: "", line: 1, negations: negationsIn(root.children) }
  return [{ ...script, failure: [insert(text.length, `${end}${failure}\n`)] }]
}
