/** Assertions of node:assert, Jest, Vitest, Chai, tap and should, negated. */
import { field, isComment, nodes, parts, type SyntaxNode } from "../weakened/syntax.ts"
import {
  type Edit,
  insert,
  type Negatable,
  type Negation,
  type ReadNegatable,
  replace,
  spanOf,
  wrap
} from "./edits.ts"

const functions = /^(?:arrow_function|function_expression|function|generator_function)$/u

/** A value that equals nothing, and that every type takes. */
const nothing = (isTyped: boolean) => (isTyped ? `(Symbol("canary") as never)` : `Symbol("canary")`)

const equal =
  /^(?:equal|equals|strictEqual|deepEqual|deepStrictEqual|is|same|strictSame|eq|deepLooseEqual|looseEqual|deepEquals)$/u
const truthy = /^(?:ok|isOk|isTrue|true|truthy|assert|notOk|isFalse|isNotOk|false|falsy|ifError)$/u
const throwing = /^(?:throws|throwsAsync|rejects)$/u
const onAssert =
  /^(?:assert|strict|t|test|tap|ok|equal|strictEqual|deepEqual|deepStrictEqual|throws|rejects|match)$/u

const given = (call: SyntaxNode | undefined) => parts(field(call, "arguments"))

/** `t.is(a, b)`, `assert.ok(x)`, `strictEqual(a, b)`: the same function, asked for what cannot be. */
const negatedAssert = (call: SyntaxNode, isTyped: boolean): ReadonlyArray<Edit> => {
  const called = field(call, "function")
  const name =
    called?.type === "member_expression" ? (field(called, "property")?.text ?? "") : (called?.text ?? "")
  const first = (called?.text ?? "").split(".")[0] ?? ""
  if (!onAssert.test(first)) return []
  const [a, b] = given(call)
  if (a === undefined || a.type === "spread_element") return []
  if (equal.test(name)) return replace(b, nothing(isTyped))
  if (name === "match") return replace(b, "/(?!)/")
  if (name === "ifError") return replace(a, `new Error("canary")`)
  if (truthy.test(name)) return wrap(a, isTyped ? "(!(" : "!(", isTyped ? ") as never)" : ")")
  if (!throwing.test(name)) return []
  return replace(a, name === "throws" ? "(() => {})" : "(async () => {})")
}

const object = (node: SyntaxNode | undefined): SyntaxNode | undefined =>
  node?.type === "member_expression"
    ? field(node, "object")
    : node?.type === "call_expression"
      ? field(node, "function")
      : undefined

/** From the whole chain to what it begins with. */
const chainOf = (node: SyntaxNode): ReadonlyArray<SyntaxNode> => {
  const chain: Array<SyntaxNode> = []
  for (let link: SyntaxNode | undefined = node; link !== undefined; link = object(link)) chain.push(link)
  return chain
}

const propertyOf = (node: SyntaxNode): string => field(node, "property")?.text ?? ""

/** `expect(x).toBe(1)` and `x.should.equal(1)`: with a `not`, or without the one that is there. */
const negatedChain = (node: SyntaxNode): ReadonlyArray<Edit> => {
  const chain = chainOf(node)
  const isRoot = (link: SyntaxNode) =>
    link.type === "call_expression"
      ? /^(?:expect|should|expect\.(?:soft|poll))$/u.test(field(link, "function")?.text ?? "")
      : link.type === "member_expression" && propertyOf(link) === "should"
  const at = chain.findIndex(isRoot)
  if (at < 1) return []
  const links = chain.slice(0, at)
  const not = links.find((link) => link.type === "member_expression" && propertyOf(link) === "not")
  if (not !== undefined) {
    const [whole, inner] = [spanOf(not), spanOf(field(not, "object"))]
    return whole === undefined || inner === undefined ? [] : [{ from: inner[1], to: whole[1], text: "" }]
  }
  const promise = links.find((link) => /^(?:resolves|rejects)$/u.test(propertyOf(link)))
  const end = spanOf(promise ?? chain[at])?.[1]
  return end === undefined ? [] : [insert(end, ".not")]
}

/** The expression of a statement, awaited or returned. */
const expressionOf = (statement: SyntaxNode): SyntaxNode | undefined => {
  let node: SyntaxNode | undefined = /^(?:expression|return)_statement$/u.test(statement.type)
    ? parts(statement)[0]
    : undefined
  if (node?.type === "await_expression") node = parts(node)[0]
  return node
}

const mayEnd = (statement: SyntaxNode): boolean =>
  [...nodes(statement)].some(
    ({ text, type }) =>
      /^(?:return|throw)_statement$/u.test(type) ||
      (type === "call_expression" && /^(?:\w+\.(?:skip|todo|pass|end)|process\.exit)\(/u.test(text))
  )

const negatedExpression = (node: SyntaxNode, isTyped: boolean): ReadonlyArray<Edit> => {
  const chained = negatedChain(node)
  if (chained.length > 0 || node.type !== "call_expression") return chained
  return negatedAssert(node, isTyped)
}

export const negationsIn = (
  statements: ReadonlyArray<SyntaxNode>,
  isTyped: boolean
): ReadonlyArray<Negation> => {
  const found: Array<Negation> = []
  let isSure = true
  for (const statement of statements) {
    const expression = expressionOf(statement)
    const edits = expression === undefined ? [] : negatedExpression(expression, isTyped)
    // A promise that nobody waits for fails no test.
    const isWaited =
      /^(?:await|return)\b/u.test(statement.text) || !/\.(?:resolves|rejects)\b/u.test(expression?.text ?? "")
    if (edits.length > 0 && isWaited) found.push({ line: statement.line, edits, isSure })
    if (mayEnd(statement)) isSure = false
    if (/^(?:return|throw)_statement$/u.test(statement.type)) break
  }
  return found
}

/** For the compiler the rest stays reachable. */
const failure = `if ("canary".length > 0) throw new Error("canary")`

const readTest = (node: SyntaxNode, isTyped: boolean): Negatable | undefined => {
  const words = (field(node, "function")?.text ?? "").split(/[.(]/u)
  const [kind = "", ...modifiers] = words
  const isTest = /^(?:it|test|specify|Deno|bench)$/u.test(kind)
    ? kind !== "bench"
    : kind === "t" && modifiers[0] === "test"
  if (
    !isTest ||
    modifiers.some((one) =>
      /^(?:skip|todo|fails|failing|skipIf|runIf|describe|before\w*|after\w*)$/u.test(one)
    )
  )
    return undefined
  const all = given(node)
  const callback = all.find(({ type }) => functions.test(type))
  const body = field(callback, "body")
  const options = all.find(({ type }) => type === "object")
  if (body?.start === undefined || /\b(?:skip|todo)\b/u.test(options?.text ?? "")) return undefined
  const title = all[0]
  const name =
    title?.type === "string" && !modifiers.some((one) => /^(?:each|for)$/u.test(one))
      ? title.text.slice(1, -1)
      : ""
  const isBlock = body.type === "statement_block"
  const own = isBlock ? negationsIn(parts(body), isTyped) : []
  const edits = isBlock ? [] : negatedExpression(body, isTyped)
  return {
    name: name.replace(/\\(.)/gu, "$1"),
    line: node.line,
    negations: isBlock ? own : edits.length === 0 ? [] : [{ line: body.line, edits, isSure: true }],
    failure: isBlock ? [insert(body.start + 1, ` ${failure};`)] : replace(body, `{ ${failure} }`)
  }
}

export const javascript =
  (isTyped: boolean): ReadNegatable =>
  (root, text) => {
    const found: Array<Negatable> = []
    for (const node of nodes(root)) {
      const test = node.type === "call_expression" ? readTest(node, isTyped) : undefined
      if (test !== undefined) found.push(test)
    }
    if (found.length > 0) return found
    const statements = parts(root).filter((node) => !isComment(node))
    const first = /^#![^\n]*\n/u.exec(text)?.[0].length ?? 0
    const script = { name: "", line: 1, negations: negationsIn(statements, isTyped) }
    return [{ ...script, failure: [insert(first, `${failure};\n`)] }]
  }
