/** What `expect(x)` claims: Jest's and Vitest's matchers, and Chai's chains. */
import { type Assertion, claim, type Relation } from "./assertion.ts"
import { compare, equal, holds } from "./condition.ts"
import { path, type Scope, show } from "./expression.ts"
import { field, parts, type SyntaxNode } from "./syntax.ts"

const comparisons: Readonly<Record<string, string>> = {
  toBeGreaterThan: ">",
  above: ">",
  greaterThan: ">",
  toBeGreaterThanOrEqual: ">=",
  least: ">=",
  toBeLessThan: "<",
  below: "<",
  lessThan: "<",
  toBeLessThanOrEqual: "<=",
  most: "<="
}

const simple: Readonly<Record<string, Relation>> = {
  toContain: "contains",
  toContainEqual: "contains",
  toMatchObject: "contains",
  include: "contains",
  contain: "contains",
  toMatch: "matches",
  match: "matches",
  toBeInstanceOf: "type",
  toBeTypeOf: "type",
  instanceof: "type",
  instanceOf: "type",
  toMatchSnapshot: "near",
  toMatchFileSnapshot: "near"
}

const equalNames = /^(toBe|toEqual|toStrictEqual|equal|equals|eql|eq|toMatchInlineSnapshot)$/u

/** `call` is the whole chain, called or not; `subject` what was handed to `expect`. */
export const matcherClaims = (
  call: SyntaxNode,
  subject: SyntaxNode,
  scope: Scope
): ReadonlyArray<Assertion> | undefined => {
  const { line } = call
  const isCalled = call.type === "call_expression"
  const words = path(isCalled ? field(call, "function") : call)
  const name = words.at(-1) ?? ""
  const isHeld = !words.includes("not")
  const all = isCalled ? parts(field(call, "arguments")) : []
  const [a, b] = all
  const given = `(${all.map((one) => show(one, scope)).join(",")})`
  const asked = show(subject, scope)
  const expected = a === undefined ? "" : show(a, scope)
  const either = (yes: Relation, no: Relation, one: string, other = ""): ReadonlyArray<Assertion> => [
    claim(isHeld ? yes : no, line, one, other)
  ]
  if (equalNames.test(name) && a !== undefined) {
    return isHeld ? equal(subject, a, scope, line) : compare("!=", subject, a, scope, line)
  }
  const operator = comparisons[name]
  if (operator !== undefined && a !== undefined) return compare(operator, subject, a, scope, line)
  const relation = simple[name]
  if (relation !== undefined) return either(relation, "notEqual", asked, expected)
  switch (name) {
    case "toBeTruthy":
    case "true":
    case "ok":
      return holds(subject, scope, isHeld)
    case "toBeFalsy":
    case "false":
      return holds(subject, scope, !isHeld)
    case "toBeNull":
    case "toBeUndefined":
    case "null":
    case "undefined":
      return either("equal", "present", asked, "nil")
    case "toBeDefined":
    case "exist":
      return isHeld ? [claim("present", line, asked)] : [claim("equal", line, asked, "nil")]
    case "toBeNaN":
      return either("equal", "notEqual", asked, "NaN")
    case "toBeCloseTo":
      return [claim("near", line, asked, expected, 10 ** -Number(b?.text ?? 2) / 2)]
    case "closeTo":
    case "approximately":
      return [claim("near", line, asked, expected, Number(b?.text))]
    case "toHaveLength":
    case "lengthOf":
    case "length":
      return either("equal", "notEqual", `len(${asked})`, expected)
    case "empty":
      return either("equal", "notEqual", `len(${asked})`, "0")
    case "toHaveProperty":
    case "property":
      return b === undefined
        ? either("contains", "notEqual", asked, expected)
        : either("equal", "notEqual", `${asked}.${expected.replaceAll('"', "")}`, show(b, scope))
    case "toThrow":
    case "toThrowError":
    case "throw":
      return either("raises", "succeeds", asked, thrown(a, expected))
    case "toHaveBeenCalled":
    case "toBeCalled":
    case "called":
      return either("truthy", "equal", `calls(${asked})`, isHeld ? "" : "0")
    case "toHaveBeenCalledTimes":
    case "toBeCalledTimes":
    case "callCount":
      return either("equal", "notEqual", `calls(${asked})`, expected)
    case "toHaveBeenCalledOnce":
    case "calledOnce":
      return either("equal", "notEqual", `calls(${asked})`, "1")
    case "toHaveBeenCalledWith":
    case "toBeCalledWith":
    case "lastCalledWith":
    case "toHaveBeenLastCalledWith":
    case "toHaveBeenNthCalledWith":
    case "calledWith":
      return either("equal", "notEqual", `calls(${asked})`, given)
    case "toHaveBeenCalledExactlyOnceWith":
    case "calledOnceWith":
      return either("equal", "notEqual", `calls(${asked})`, `[${given}]`)
    default:
      return isCalled
        ? [claim("opaque", line, `${asked} ${isHeld ? "" : "not "}${name}(${expected})`)]
        : undefined
  }
}

/** `Type`, or ` ~ text` where only the message is asked for. */
export const thrown = (node: SyntaxNode | undefined, text: string): string => {
  if (node === undefined) return ""
  return /^(string|template_string|regex)$/u.test(node.type) ? ` ~ ${text}` : text
}
