/** A condition that must hold, as the claims it makes. */
import { type Assertion, claim, isAlwaysTrue, type Relation } from "./assertion.ts"
import { constancy, isConstant, isMember, path, receiver, Scope, show } from "./expression.ts"
import { bare, field, parts, type SyntaxNode } from "./syntax.ts"

const negated: Readonly<Record<string, string>> = {
  "==": "!=",
  "===": "!=",
  is: "!=",
  "!=": "==",
  "!==": "==",
  "is not": "==",
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">",
  in: "not in",
  "not in": "in"
}

/** What is claimed by saying that the condition holds, or, not `isHeld`, that it does not. */
export const holds = (condition: SyntaxNode, scope: Scope, isHeld = true): ReadonlyArray<Assertion> => {
  const node = bare(condition)
  const { line } = node
  const inner = negation(node)
  if (inner !== undefined) return holds(inner, scope, !isHeld)
  const operands = operation(node)
  if (operands !== undefined) {
    const { left, operator, right } = operands
    if (["and", "&&", "or", "||"].includes(operator)) {
      const isAnd = (operator === "and" || operator === "&&") === isHeld
      const both = [...holds(left, scope, isHeld), ...holds(right, scope, isHeld)]
      return isAnd ? both : either(both, line)
    }
    const relation = isHeld ? operator : (negated[operator] ?? operator)
    return compare(relation, left, right, scope, line)
  }
  const both = isHeld ? chain(node, scope) : undefined
  if (both !== undefined) return both
  const each = isHeld ? everyOf(node) : undefined
  if (each !== undefined) return holds(each, scope)
  const called = predicate(node, scope, isHeld)
  if (called !== undefined) return called
  const text = show(node, scope)
  if (isHeld ? isAlwaysTrue(text) : /^(?:false|nil|0)$/u.test(text)) {
    return [{ relation: "vacuous", subject: text, expected: "", line }]
  }
  return [claim(isHeld ? "truthy" : "falsy", line, text)]
}

const negation = (node: SyntaxNode): SyntaxNode | undefined => {
  if (node.type === "not_operator") return field(node, "argument")
  const isNot = node.type === "unary_expression" && node.children[0]?.text === "!"
  return isNot ? parts(node).at(-1) : undefined
}

interface Operation {
  readonly left: SyntaxNode
  readonly operator: string
  readonly right: SyntaxNode
}

/** A comparison or a junction of two; undefined for anything else, chains included. */
const operation = (node: SyntaxNode): Operation | undefined => {
  if (!/^(comparison_operator|boolean_operator|binary_expression)$/u.test(node.type)) return undefined
  const [left, right] = [node.children[0], node.children.at(-1)]
  if (left === undefined || right === undefined || node.children.length !== 3) return undefined
  const operator = node.children[1]?.text.replaceAll(/\s+/gu, " ") ?? ""
  return { left, operator, right }
}

/** Python's `a == b == 1`: each is 1. Undefined for anything else than a chain of `==`. */
const chain = (node: SyntaxNode, scope: Scope): ReadonlyArray<Assertion> | undefined => {
  if (node.type !== "comparison_operator" || node.children.length < 5) return undefined
  const sides = node.children.filter((_, index) => index % 2 === 0)
  const operators = node.children.filter((_, index) => index % 2 === 1)
  const last = sides.pop()
  if (last === undefined || operators.some(({ text }) => text !== "==")) return undefined
  return sides.flatMap((side) => equal(side, last, scope, node.line))
}

/** The condition of `all(x > 0 for x in xs)`, `xs.every((x) => x > 0)` and `xs.iter().all(|x| x > 0)`: what a loop would claim. */
const everyOf = (node: SyntaxNode): SyntaxNode | undefined => {
  if (!/^call(_expression)?$/u.test(node.type)) return undefined
  const words = path(field(node, "function"))
  const handed = field(node, "arguments")
  if (handed?.type === "generator_expression" && words.join() === "all") {
    const clauses = parts(handed)
    return clauses.some(({ type }) => type === "if_clause") ? undefined : field(handed, "body")
  }
  if (words.length < 2 || !/^(?:every|all)$/u.test(words.at(-1) ?? "")) return undefined
  const [callback, ...others] = parts(handed)
  const body = field(callback, "body")
  const isShort =
    /^(arrow_function|closure_expression)$/u.test(callback?.type ?? "") && !/block/u.test(body?.type ?? "")
  return isShort && others.length === 0 ? body : undefined
}

/** One of several: as strong as a choice, when all speak of one thing. */
const either = (claims: ReadonlyArray<Assertion>, line: number): ReadonlyArray<Assertion> => {
  const [first] = claims
  if (first === undefined) return []
  const always = claims.find(({ relation }) => relation === "vacuous")
  if (always !== undefined) return [always]
  const isOneThing = claims.every(({ subject }) => subject === first.subject)
  const expected = claims.map((one) => `${one.relation} ${one.expected}`).toSorted()
  return [
    isOneThing
      ? { relation: "contains", subject: first.subject, expected: `[${expected.join(",")}]`, line }
      : claim("truthy", line, claims.map(({ subject }) => subject).join(" or "))
  ]
}

export const compare = (
  operator: string,
  left: SyntaxNode,
  right: SyntaxNode,
  scope: Scope,
  line: number
): ReadonlyArray<Assertion> => {
  const [one, other] = [show(left, scope), show(right, scope)]
  switch (operator) {
    case "==":
    case "===":
    case "is":
      return equal(left, right, scope, line)
    case "!=":
    case "!==":
    case "is not":
      return unequal(left, right, scope, line)
    case "in":
      return [
        isConstant(one) && !isConstant(other)
          ? claim("contains", line, other, one)
          : claim("contains", line, one, `one of ${other}`)
      ]
    case "not in":
      return [claim("notEqual", line, other, one)]
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const isLeftAsked = constancy(one) <= constancy(other)
      const [asked, bound] = isLeftAsked ? [left, other] : [right, one]
      const turned = isLeftAsked ? operator : operator.replace(/[<>]/u, (sign) => (sign === "<" ? ">" : "<"))
      const difference = turned.startsWith("<") ? absolute(asked) : undefined
      if (difference !== undefined) {
        const [a, b] = difference.map((side) => show(side, scope))
        return [claim("near", line, a ?? "", b ?? "", Number(bound))]
      }
      return [claim("compares", line, show(asked, scope), `${turned}${bound}`)]
    }
    default:
      return [claim("truthy", line, `${one}${operator}${other}`)]
  }
}

/** The two sides of `abs(a - b)`. */
const absolute = (node: SyntaxNode): ReadonlyArray<SyntaxNode> | undefined => {
  const inner = bare(node)
  const name = path(field(inner, "function")).at(-1)
  if (name?.toLowerCase() !== "abs") return undefined
  const [given] = parts(field(inner, "arguments"))
  const difference = operation(bare(given ?? receiver(inner) ?? inner))
  return difference?.operator === "-" ? [difference.left, difference.right] : undefined
}

/** Both sides are the same. A claim about a claim, such as `(a == b) is True`, is the inner one. */
export const equal = (
  left: SyntaxNode,
  right: SyntaxNode,
  scope: Scope,
  line: number
): ReadonlyArray<Assertion> => {
  const [one, other] = sides(left, right, scope)
  if (/^(true|false)$/u.test(other) && !/^(true|false)$/u.test(one))
    return holds(left, scope, other === "true")
  if (/^(true|false)$/u.test(one) && !/^(true|false)$/u.test(other))
    return holds(right, scope, one === "true")
  for (const [side, rest] of [
    [left, other],
    [right, one]
  ] as const) {
    const near = approximation(side, rest, scope, line)
    if (near !== undefined) return [near]
    const wide = wildcard(side, rest, scope, line)
    if (wide !== undefined) return [wide]
    if (rest === '""' && path(side).join(".") === "cmp.Diff") {
      const [a, b] = parts(field(bare(side), "arguments"))
      if (a !== undefined && b !== undefined) return equal(a, b, scope, line)
    }
  }
  return [claim("equal", line, one, other)]
}

/**
 * A name that began as a value may have been filled since: `seen = []; run(seen); assert seen == [1]`. Where both sides would read as
 * values, what is asked keeps its name.
 */
const sides = (left: SyntaxNode, right: SyntaxNode, scope: Scope): readonly [string, string] => {
  const texts = [left, right].map((node) => show(node, scope))
  const [one = "", other = ""] = texts
  if (!isConstant(one) || !isConstant(other)) return [one, other]
  const names = [left, right].map((node) => show(node, new Scope()))
  const [name = "", otherName = ""] = names
  const isAsked = (text: string) => !isConstant(text) && !/want|expect/iu.test(text)
  if (isAsked(name)) return [name, other]
  return isAsked(otherName) ? [one, otherName] : [one, other]
}

const unequal = (left: SyntaxNode, right: SyntaxNode, scope: Scope, line: number) => {
  const [one, other] = [show(left, scope), show(right, scope)]
  if (other === "nil") return [claim("present", line, one)]
  if (one === "nil") return [claim("present", line, other)]
  return [claim("notEqual", line, one, other)]
}

const approximation = (side: SyntaxNode, rest: string, scope: Scope, line: number) => {
  const call = bare(side)
  if (path(field(call, "function")).at(-1) !== "approx") return undefined
  const [expected, ...others] = parts(field(call, "arguments"))
  const stated = others.map((other) => Number(parts(other).at(-1)?.text ?? other.text))
  const tolerance = stated.length === 0 ? 1e-6 : Math.max(...stated)
  const text = expected === undefined ? "" : show(expected, scope)
  return { relation: "near" as const, subject: rest, expected: text, tolerance, line }
}

/** What Jest's `expect.any(Number)` and its like, and `mock.ANY`, claim of the other side. */
const wildcard = (side: SyntaxNode, rest: string, scope: Scope, line: number): Assertion | undefined => {
  const call = bare(side)
  if (/^(?:(?:unittest\.)?mock\.)?ANY$/u.test(call.text) && scope.get(call.text) === undefined)
    return { relation: "vacuous", subject: rest, expected: call.text, line }
  const [first, name = "", ...others] = path(call)
  const relation = wildcardRelations[name]
  if (first !== "expect" || relation === undefined || others.length > 0) return undefined
  const [a] = parts(field(call, "arguments"))
  return claim(relation, line, rest, a === undefined ? "" : show(a, scope))
}

const wildcardRelations: Readonly<Record<string, Relation>> = {
  any: "type",
  anything: "present",
  objectContaining: "contains",
  arrayContaining: "contains",
  stringContaining: "contains",
  stringMatching: "matches"
}

/** A call that answers yes or no, where we know what about. */
const predicate = (node: SyntaxNode, scope: Scope, isHeld: boolean): ReadonlyArray<Assertion> | undefined => {
  const { line } = node
  if (!/^call(_expression)?$/u.test(node.type)) return undefined
  const name = path(field(node, "function")).at(-1) ?? ""
  const given = parts(field(node, "arguments"))
  const [a, b, c] = given
  const owner = receiver(node)
  const on = owner === undefined || !isMember(field(node, "function") ?? node) ? "" : show(owner, scope)
  const one = a === undefined ? "" : show(a, scope)
  const other = b === undefined ? "" : show(b, scope)
  const is = (yes: Relation, no: Relation, subject: string, expected = "") => [
    claim(isHeld ? yes : no, line, subject, expected)
  ]
  const same =
    ["DeepEqual", "EqualFold", "isDeepStrictEqual"].includes(name) || path(node).join(".") === "Object.is"
  const isEqual = same || (name === "Equal" && given.length === 2)
  if (isEqual && a !== undefined && b !== undefined) {
    return isHeld ? equal(a, b, scope, line) : unequal(a, b, scope, line)
  }
  switch (`${name}/${given.length}`) {
    case "isinstance/2":
      return is("type", "notEqual", one, other)
    case "isclose/2":
      return [claim("near", line, one, other, 1e-9)]
    case "isclose/3":
      return [claim("near", line, one, other, Number(parts(c).at(-1)?.text))]
    case "Is/2":
    case "As/2":
      return isHeld && path(node)[0] === "errors"
        ? [{ relation: "equal", subject: one, expected: other, line }]
        : is("truthy", "falsy", show(node, scope))
    case "Contains/2":
    case "HasPrefix/2":
    case "HasSuffix/2":
      return is("contains", "notEqual", one, other)
    case "includes/1":
    case "contains/1":
    case "startswith/1":
    case "endswith/1":
    case "startsWith/1":
    case "endsWith/1":
    case "starts_with/1":
    case "ends_with/1":
    case "has/1":
    // A cache's, with options.
    case "has/2":
      return on === "" ? undefined : is("contains", "notEqual", on, one)
    case "is_some/0":
      return isHeld ? [claim("present", line, on)] : [claim("equal", line, on, "nil")]
    case "is_none/0":
      return isHeld ? [claim("equal", line, on, "nil")] : [claim("present", line, on)]
    case "is_ok/0":
      return is("succeeds", "raises", on)
    case "is_err/0":
      return is("raises", "succeeds", on)
    case "is_empty/0":
      return isHeld
        ? [claim("equal", line, `len(${on})`, "0")]
        : [claim("compares", line, `len(${on})`, ">0")]
    default:
      return undefined
  }
}
