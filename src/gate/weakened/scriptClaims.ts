/** What an assertion of JavaScript claims: node:assert, Chai's assert and expect, test contexts. */
import { type Assertion, claim, type Relation } from "./assertion.ts"
import { compare, equal, holds } from "./condition.ts"
import { innermostCall, path, type Scope, show, unquoted } from "./expression.ts"
import { matcherClaims, thrown } from "./matchers.ts"
import { field, nodes, parts, type SyntaxNode } from "./syntax.ts"

export const given = (call: SyntaxNode | undefined) => parts(field(call, "arguments"))

export const functions = /^(arrow_function|function_expression|function_declaration|generator_function)$/u

export const bodyOf = (callback: SyntaxNode): SyntaxNode => field(callback, "body") ?? callback

/** Methods of node:assert, Chai's assert and test contexts, by what they claim of their first two arguments. */
const equalNames =
  /^(equal|strictEqual|deepEqual|deepStrictEqual|is|same|strictSame|deepLooseEqual|eq|equals|sameDeepMembers)$/u
const unequalNames = /^(notEqual|notStrictEqual|notDeepEqual|notDeepStrictEqual|not|notSame)$/u
const simple: Readonly<Record<string, Relation>> = {
  match: "matches",
  include: "contains",
  contains: "contains",
  deepInclude: "contains",
  sameMembers: "near",
  partialDeepStrictEqual: "contains",
  instanceOf: "type",
  isDefined: "present",
  exists: "present",
  isNotNull: "present",
  doesNotThrow: "succeeds",
  notThrows: "succeeds",
  notThrowsAsync: "succeeds",
  doesNotReject: "succeeds"
}

const claimsOfAssert = (
  call: SyntaxNode,
  name: string,
  scope: Scope
): ReadonlyArray<Assertion> | undefined => {
  const { line } = call
  const [a, b, c] = given(call)
  if (a === undefined) return undefined
  const text = (node: SyntaxNode | undefined) => (node === undefined ? "" : show(asked(node), scope))
  if (equalNames.test(name) && b !== undefined) return equal(a, b, scope, line)
  if (unequalNames.test(name) && b !== undefined) return compare("!=", a, b, scope, line)
  const relation = simple[name]
  if (relation !== undefined) return [claim(relation, line, text(a), b === undefined ? "" : text(b))]
  switch (name) {
    case "ok":
    case "isOk":
    case "isTrue":
    case "true":
    case "truthy":
      return holds(a, scope)
    case "notOk":
    case "isFalse":
    case "isNotOk":
    case "false":
    case "falsy":
    // Tape's, of an error that a callback was handed.
    case "error":
    case "ifErr":
      return holds(a, scope, false)
    case "throws":
    case "throwsAsync":
    case "rejects":
      // A string is what to say when it does not.
      return [
        claim("raises", line, text(a), /^string$|function/u.test(b?.type ?? "") ? "" : thrown(b, text(b)))
      ]
    case "isNull":
    case "isUndefined":
    case "ifError":
    case "isNotDefined":
      return [claim("equal", line, text(a), "nil")]
    case "closeTo":
    case "approximately":
      return [claim("near", line, text(a), text(b), Number(c?.text))]
    case "lengthOf":
      return [claim("equal", line, `len(${text(a)})`, text(b))]
    case "isAbove":
    case "isAtLeast":
    case "isBelow":
    case "isAtMost": {
      const operators = { isAbove: ">", isAtLeast: ">=", isBelow: "<", isAtMost: "<=" } as const
      return b === undefined ? undefined : compare(operators[name], a, b, scope, line)
    }
    default:
      return undefined
  }
}

/** `() => f(x)` is asked as `f(x)`. */
const asked = (node: SyntaxNode): SyntaxNode => {
  if (!functions.test(node.type)) return node
  const body = bodyOf(node)
  const statements = body.type === "statement_block" ? parts(body) : [body]
  const [only, ...others] = statements
  if (only === undefined || others.length > 0) return body
  return /^(expression_statement|return_statement)$/u.test(only.type) ? (parts(only)[0] ?? only) : only
}

export const claimsOfCall = (node: SyntaxNode, scope: Scope): ReadonlyArray<Assertion> | undefined => {
  const inner = innermostCall(node)
  if (inner !== undefined && path(field(inner, "function")).join(".") === "expect" && inner !== node) {
    const [subject] = given(inner)
    return subject === undefined ? undefined : matcherClaims(node, asked(subject), scope)
  }
  if (node.type !== "call_expression") return undefined
  const words = path(field(node, "function"))
  const [first = "", second] = words
  const imported = second === undefined ? importedAssert(first, scope) : undefined
  if (imported !== undefined) return claimsOfAssert(node, imported, scope)
  const isAssert = /^(assert|strict)$/u.test(first) || (first === "t" && second !== "test")
  if (!isAssert || isWrapper(node)) return undefined
  return claimsOfAssert(node, second === undefined ? "ok" : (words.at(-1) ?? ""), scope)
}

/** `strictEqual` where it was taken out of node:assert. */
const importedAssert = (name: string, scope: Scope): string | undefined =>
  /^require\("(?:node:)?assert(?:\/strict)?"\)\.(\w+)$/u.exec(scope.get(name)?.text ?? "")?.[1]

/** The names that a file takes out of node:assert, as `require` would give them. */
export const bindAsserts = (root: SyntaxNode, scope: Scope): void => {
  for (const node of root.children) {
    const source = node.type === "import_statement" ? unquoted(field(node, "source")?.text ?? "") : ""
    if (!/^(?:node:)?assert(?:\/strict)?$/u.test(source)) continue
    for (const one of nodes(node)) {
      const name = one.type === "import_specifier" ? field(one, "name")?.text : undefined
      if (name !== undefined)
        scope.set(field(one, "alias")?.text ?? name, { text: `require("${source}").${name}` })
    }
  }
}

/** `doesNotThrow(() => { equal(a, b) })` claims what its function claims. */
const isWrapper = (call: SyntaxNode): boolean =>
  /^(?:doesNotThrow|notThrows)$/u.test(path(field(call, "function")).at(-1) ?? "") &&
  given(call).some((one) => functions.test(one.type) && claimsInside(one))

const claimsInside = (callback: SyntaxNode): boolean =>
  [...nodes(callback)].some(
    (inner) =>
      inner.type === "call_expression" && /^(assert|expect|t)$/u.test(path(field(inner, "function"))[0] ?? "")
  )
