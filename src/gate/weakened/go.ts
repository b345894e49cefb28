/** Go's testing, with testify and gotest.tools. */
import { isExcluding } from "./buildConstraint.ts"
import { type Assertion, claim, type Relation } from "./assertion.ts"
import { bind } from "./binding.ts"
import { compare, holds } from "./condition.ts"
import { path, Scope, show } from "./expression.ts"
import { childOf, field, fields, isComment, nodes, parts, type SyntaxNode } from "./syntax.ts"
import { skipOn } from "./skips.ts"
import { type Skip, type TestCase, type TestFile, wordsOf } from "./testCase.ts"
import { type Budget, type Dialect, type Helper, readBody } from "./walk.ts"

const comparisons: Readonly<Record<string, string>> = {
  Equal: "==",
  EqualValues: "==",
  Exactly: "==",
  Same: "==",
  JSONEq: "==",
  YAMLEq: "==",
  DeepEqual: "==",
  NotEqual: "!=",
  NotSame: "!=",
  Greater: ">",
  GreaterOrEqual: ">=",
  Less: "<",
  LessOrEqual: "<="
}

const simple: Readonly<Record<string, Relation>> = {
  Contains: "contains",
  Subset: "contains",
  ElementsMatch: "near",
  Regexp: "matches",
  NotNil: "present",
  NotEmpty: "present",
  NoError: "succeeds",
  NilError: "succeeds",
  NotPanics: "succeeds",
  NotContains: "notEqual",
  NotRegexp: "notEqual",
  NotZero: "present"
}

/** The name of a suite's method for its suite, in the names that are known in it. */
const suiteKey = (name: string): string => `suite ${name}`

/** testify, with or without its first argument `t`, and the methods of its suites. */
const claimsOfCall = (call: SyntaxNode, scope: Scope): ReadonlyArray<Assertion> | undefined => {
  const { line } = call
  const [first = "", ...words] = path(field(call, "function"))
  const maker = scope.get(first)?.text ?? ""
  const isSuite = scope.get(suiteKey(first)) !== undefined
  const isMade = isSuite || /^(assert|require|is)\.New\(|^\w+\.(Assert|Require)\(\)$/u.test(maker)
  const rest =
    isSuite && words.length > 1 && /^(Assert|Require)$/u.test(words[0] ?? "") ? words.slice(1) : words
  if (rest.length !== 1 || !(isMade || /^(assert|require|is)$/u.test(first))) return undefined
  const all = parts(field(call, "arguments"))
  const given = isMade ? all : all.slice(1)
  const [a, b, c] = given
  const name = (rest[0] ?? "").replace(/(?<=[a-z])f$/u, "")
  const text = (node: SyntaxNode | undefined) => (node === undefined ? "" : show(node, scope))
  const operator = comparisons[name]
  if (operator !== undefined && a !== undefined && b !== undefined)
    return compare(operator, a, b, scope, line)
  const relation = simple[name]
  const isOfTwo =
    relation === "contains" || relation === "matches" || relation === "near" || relation === "notEqual"
  if (relation !== undefined) {
    const [one, other] = name === "Regexp" || name === "NotRegexp" ? [b, a] : [a, b]
    if (relation === "succeeds" && name !== "NotPanics") return [claim("equal", line, text(a), "nil")]
    return [claim(relation, line, text(one), isOfTwo ? text(other) : "")]
  }
  switch (name) {
    case "True":
    case "Assert":
      return a === undefined ? undefined : holds(a, scope)
    case "False":
      return a === undefined ? undefined : holds(a, scope, false)
    case "Nil":
      return [claim("equal", line, text(a), "nil")]
    case "Empty":
    case "Zero":
      return [claim("equal", line, text(a), name === "Zero" ? "0" : '""')]
    case "Len":
      return [claim("equal", line, `len(${text(a)})`, text(b))]
    case "Error":
      return [claim("present", line, text(a))]
    case "ErrorIs":
    case "ErrorAs":
      return [{ relation: "equal", subject: text(a), expected: text(b), line }]
    // What an error says is said of one that is there.
    case "ErrorContains":
      return [claim("present", line, text(a)), claim("contains", line, `${text(a)}.Error()`, text(b))]
    case "EqualError":
      return [claim("present", line, text(a)), claim("equal", line, `${text(a)}.Error()`, text(b))]
    case "InDelta":
    case "InEpsilon":
    case "WithinDuration":
      return [claim("near", line, text(a), text(b), Number(text(c)))]
    case "IsType":
      return [claim("type", line, text(b), text(a))]
    case "Panics":
      return [claim("raises", line, text(a))]
    case "PanicsWithValue":
    case "PanicsWithError":
      return [claim("raises", line, text(b), text(a))]
    default:
      return undefined
  }
}

const calledOn = (node: SyntaxNode): string =>
  node.type === "call_expression" ? (field(node, "function")?.text ?? "") : ""

const isSkipCall = (node: SyntaxNode): boolean =>
  /^(t|tb|b|f|\w+\.T\(\))\.(Skip|Skipf|SkipNow)$/u.test(calledOn(node))

/** A statement of one call, or the call. */
const statement = (node: SyntaxNode): SyntaxNode =>
  node.type === "expression_statement" ? (parts(node)[0] ?? node) : node

const parametersOf = (declaration: SyntaxNode): ReadonlyArray<SyntaxNode> =>
  parts(field(declaration, "parameters")).flatMap((one) => fields(one, "name"))

export const dialect: Dialect = {
  claims: (node, scope) => (node.type === "call_expression" ? claimsOfCall(node, scope) : undefined),
  // `check := func(…) {…}`
  helper: (node) => {
    const [literal, ...others] = node.type === "short_var_declaration" ? parts(field(node, "right")) : []
    const body = field(literal, "body")
    if (literal?.type !== "func_literal" || body === undefined || others.length > 0) return undefined
    return [field(node, "left")?.text ?? "", { parameters: parametersOf(literal), body }]
  },
  isFailure: (node) => {
    const call = statement(node)
    const isSaid = parts(field(call, "arguments")).length > 0
    return isSaid
      ? /^((?!assert\b)\w*[tT]|tb|b|f|\w+\.T\(\))\.(Error|Errorf|Fatal|Fatalf)$|^panic$/u.test(calledOn(call))
      : /^((?!assert\b)\w*[tT]|tb|b|f|\w+\.T\(\))\.(Fail|FailNow)$/u.test(calledOn(call))
  },
  isEnd: (node) => node.type === "return_statement" || isSkipCall(statement(node)),
  swallows: () => false,
  binding: (node) => {
    if (!/^(short_var_declaration|assignment_statement|var_spec|const_spec)$/u.test(node.type)) return []
    if (node.type === "assignment_statement" && !/^:?=$/u.test(field(node, "operator")?.text ?? "="))
      return []
    const target = field(node, "left") ?? field(node, "name")
    const value = field(node, "right") ?? field(node, "value")
    if (target === undefined || value === undefined || /^func_literal$/u.test(parts(value)[0]?.type ?? ""))
      return []
    const [targets, values] = [parts(target), parts(value)]
    return targets.length > 0 && targets.length === values.length
      ? targets.flatMap((one, index) =>
          values[index] === undefined ? [] : [{ target: one, value: values[index] }]
        )
      : [{ target, value }]
  }
}

/** A constraint that keeps the file out of a plain `go test`. */
const excludedBy = (root: SyntaxNode): string | undefined => {
  for (const node of root.children) {
    if (!isComment(node)) return undefined
    if (isExcluding(node.text)) return node.text
  }
  return undefined
}

export const readFile = (root: SyntaxNode, budget: Budget): TestFile => {
  const file = new Scope()
  const suite = new Scope(file)
  const tests: Array<TestCase> = []
  const helpers = new Map<string, Helper>()
  const others = new Map<string, ReadonlySet<string>>()
  const found: Array<{ readonly name: string; readonly node: SyntaxNode; readonly body: SyntaxNode }> = []
  for (const node of nodes(root)) {
    if (node.type === "type_spec") {
      const type = field(node, "type")
      if (type !== undefined) file.set(`type ${field(node, "name")?.text}`, { text: type.text, node: type })
    }
  }
  for (const node of root.children) {
    for (const declared of /^(var|const)_declaration$/u.test(node.type) ? nodes(node) : []) {
      for (const { target, value } of dialect.binding(declared))
        bind(target, { node: value, scope: file }, file)
    }
    const body = field(node, "body")
    const name = field(node, "name")?.text ?? ""
    if (!/^(function|method)_declaration$/u.test(node.type) || body === undefined) continue
    const receiver = field(parts(field(node, "receiver"))[0], "name")
    if (receiver !== undefined) suite.set(suiteKey(receiver.text), { text: receiver.text })
    const parameters = parametersOf(node)
    // A method of a testify suite is a test, too.
    const isTest =
      /^(Test|Fuzz)(?![a-z])/u.test(name) &&
      (node.type === "function_declaration" ? parameters.length === 1 : parameters.length === 0)
    if (isTest && name !== "TestMain") found.push({ name, node, body })
    else {
      helpers.set(name, { parameters, body })
      others.set(name, wordsOf(body.text))
    }
  }
  for (const { body, name, node } of found) {
    tests.push({
      name,
      line: node.line,
      reading: readBody(dialect, helpers, body, node.type === "method_declaration" ? suite : file, budget),
      cases: 1,
      skip: skipIn(body, file),
      doubles: [],
      words: wordsOf(body.text)
    })
  }
  return { tests, others, excluded: excludedBy(root) }
}

/** At the top of the body, outright or on a condition. */
const skipIn = (body: SyntaxNode, scope: Scope): Skip | undefined => {
  for (const node of parts(childOf(body, "statement_list"))) {
    if (isSkipCall(statement(node))) return { how: node.text, isConditional: false }
    if (node.type !== "if_statement") continue
    const inside = [...nodes(field(node, "consequence") ?? node)].find((inner) => isSkipCall(inner))
    if (inside === undefined) continue
    const condition = field(node, "condition")
    const skip = skipOn(node.text.split("\n")[0] ?? "", condition === undefined ? "" : show(condition, scope))
    if (skip !== undefined) return skip
  }
  return undefined
}
