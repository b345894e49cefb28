/** pytest and unittest. */
import { type Assertion, claim, type Relation } from "./assertion.ts"
import { bind, elements } from "./binding.ts"
import { compare, holds } from "./condition.ts"
import { path, receiver, Scope, show, unquoted } from "./expression.ts"
import { not, skipOn } from "./skips.ts"
import { childOf, field, nodes, parts, type SyntaxNode } from "./syntax.ts"
import { merged, type Skip, type TestCase, type TestFile, wordsOf } from "./testCase.ts"
import { type Budget, type Dialect, type Helper, readBody } from "./walk.ts"

/** What is empty does not hold, and the other way round. */
const withTruth = (one: Assertion): Assertion => {
  const [, whole] = /^len\((.*)\)$/su.exec(one.subject) ?? []
  const said = `${one.relation} ${one.expected}`
  if (whole === undefined) return one
  if (said === "equal 0") return { ...one, short: claim("falsy", one.line, whole) }
  return /^(compares >0|compares >=1|notEqual 0)$/u.test(said)
    ? { ...one, short: claim("truthy", one.line, whole) }
    : one
}

const argumentsOf = (call: SyntaxNode) => {
  const all = parts(field(call, "arguments"))
  return {
    given: all.filter(({ type }) => type !== "keyword_argument"),
    named: (name: string) =>
      field(
        all.find((one) => one.type === "keyword_argument" && field(one, "name")?.text === name),
        "value"
      )
  }
}

/** unittest's assertions of two values, and the operator that each stands for. */
const operators: Readonly<Record<string, string>> = {
  assertEqual: "==",
  assertEquals: "==",
  assertItemsEqual: "==",
  assertCountEqual: "==",
  assertIs: "==",
  assertListEqual: "==",
  assertDictEqual: "==",
  assertTupleEqual: "==",
  assertSetEqual: "==",
  assertSequenceEqual: "==",
  assertMultiLineEqual: "==",
  assert_array_equal: "==",
  assert_equal: "==",
  assertNotEqual: "!=",
  assertNotEquals: "!=",
  assertIsNot: "!=",
  assertGreater: ">",
  assertGreaterEqual: ">=",
  assertLess: "<",
  assertLessEqual: "<=",
  assertIn: "in",
  assertNotIn: "not in"
}

const relations: Readonly<Record<string, Relation>> = {
  assertIsInstance: "type",
  assertNotIsInstance: "notEqual",
  assertDictContainsSubset: "contains"
}

const claimsOfCall = (call: SyntaxNode, scope: Scope): ReadonlyArray<Assertion> | undefined => {
  const { line } = call
  const name = path(field(call, "function")).at(-1) ?? ""
  const { given, named } = argumentsOf(call)
  const [a, b, c] = given
  const text = (node: SyntaxNode | undefined) => (node === undefined ? "" : show(node, scope))
  const operator = operators[name]
  if (operator !== undefined && a !== undefined && b !== undefined)
    return compare(operator, a, b, scope, line)
  const relation = relations[name]
  if (relation !== undefined) return [claim(relation, line, text(a), text(b))]
  const double = receiver(call)
  const calls = `calls(${text(double)})`
  switch (name) {
    case "assertTrue":
    case "assert_":
      return a === undefined ? undefined : holds(a, scope)
    case "assertFalse":
      return a === undefined ? undefined : holds(a, scope, false)
    case "assertIsNone":
      return [claim("equal", line, text(a), "nil")]
    case "assertIsNotNone":
      return [claim("present", line, text(a))]
    case "assertAlmostEqual":
    case "assertAlmostEquals":
    case "assert_almost_equal": {
      const delta = named("delta")
      const places = Number((named("places") ?? named("decimal") ?? c)?.text ?? 7)
      return [
        claim("near", line, text(a), text(b), delta === undefined ? 10 ** -places / 2 : Number(delta.text))
      ]
    }
    case "assert_allclose":
    case "assert_approx_equal": {
      const stated = [named("rtol"), named("atol")].flatMap((one) =>
        one === undefined ? [] : [Number(one.text)]
      )
      return [claim("near", line, text(a), text(b), stated.length === 0 ? 1e-7 : Math.max(...stated))]
    }
    case "assertRegex":
    case "assertRegexpMatches":
      return [claim("matches", line, text(a), text(b))]
    case "assertRaises":
    case "assertRaisesRegex":
    case "assertRaisesRegexp":
    case "raises": {
      const [callee, ...rest] = given.slice(/Regex/u.test(name) ? 2 : 1)
      if (callee === undefined) return undefined
      const asked = `${text(callee)}(${rest.map((one) => text(one)).join(",")})`
      return [
        claim(
          "raises",
          line,
          callee.type === "lambda" ? text(field(callee, "body")) : asked,
          raised(call, scope)
        )
      ]
    }
    case "assert_called":
    case "assert_called_once":
      return [
        claim(name === "assert_called" ? "truthy" : "equal", line, calls, name === "assert_called" ? "" : "1")
      ]
    case "assert_not_called":
      return [claim("equal", line, calls, "0")]
    case "assert_called_with":
    case "assert_called_once_with":
    case "assert_any_call": {
      const keywords = parts(field(call, "arguments")).filter((one) => !given.includes(one))
      const what = `(${[...given.map(text), ...keywords.map(text).toSorted()].join(",")})`
      return [claim("equal", line, calls, name === "assert_called_once_with" ? `[${what}]` : what)]
    }
    default:
      return undefined
  }
}

/** `Type ~ text` of `raises(Type, match=text)`. */
const raised = (call: SyntaxNode, scope: Scope): string => {
  const { given, named } = argumentsOf(call)
  const [type, text] = given
  const isRegex = (path(field(call, "function")).at(-1) ?? "").startsWith("assertRaisesRegex")
  const match = named("match") ?? (isRegex ? text : undefined)
  return `${type === undefined ? "" : show(type, scope)}${match === undefined ? "" : ` ~ ${show(match, scope)}`}`
}

const claimsOfWith = (node: SyntaxNode, scope: Scope): ReadonlyArray<Assertion> | undefined => {
  const call = [...nodes(childOf(node, "with_clause") ?? node)].find(
    (inner) =>
      inner.type === "call" &&
      /^(raises|assertRaises|assertRaisesRegexp?|warns|assertWarns|deprecated_call)$/u.test(
        path(field(inner, "function")).at(-1) ?? ""
      ) &&
      // `warns(None)` records, and asks for nothing.
      argumentsOf(inner).given[0]?.type !== "none"
  )
  const body = field(node, "body")
  if (call === undefined || body === undefined) return undefined
  for (const { type, children, text } of nodes(childOf(node, "with_clause") ?? node)) {
    if (type !== "as_pattern" || !text.startsWith(call.text)) continue
    // unittest says `context.exception` where pytest says `info.value`.
    const name = children.at(-1)?.text ?? ""
    for (const member of ["value", "exception"]) scope.set(`${name}.${member}`, { text: "raised.value" })
  }
  return [claim("raises", node.line, show(innermost(body), scope), raised(call, scope))]
}

/** What runs inside of further contexts: `with raises(E), open(x):` and `with raises(E): with open(x):` are the same. */
const innermost = (block: SyntaxNode): SyntaxNode => {
  const [only, ...others] = parts(block)
  const inner = only?.type === "with_statement" && others.length === 0 ? field(only, "body") : undefined
  return inner === undefined ? block : innermost(inner)
}

const isFailCall = (node: SyntaxNode): boolean =>
  node.type === "call" && /^(self\.fail|pytest\.fail)$/u.test(field(node, "function")?.text ?? "")

const isSkipCall = (node: SyntaxNode): boolean =>
  node.type === "call" &&
  /^(self\.skipTest|pytest\.(?:skip|xfail))$/u.test(field(node, "function")?.text ?? "")

const parametersOf = (definition: SyntaxNode): ReadonlyArray<SyntaxNode> =>
  parts(field(definition, "parameters"))
    .filter(({ text }) => text !== "self" && text !== "cls")
    .map((one) => field(one, "name") ?? one)

export const dialect: Dialect = {
  claims: (node, scope) => {
    if (node.type === "assert_statement") {
      const [condition] = parts(node)
      return condition === undefined ? undefined : holds(condition, scope).map(withTruth)
    }
    if (node.type === "with_statement") return wrapsFailure(node) ? undefined : claimsOfWith(node, scope)
    return node.type === "call" ? claimsOfCall(node, scope)?.map(withTruth) : undefined
  },
  helper: (node) => {
    const body = field(node, "body")
    if (node.type !== "function_definition" || body === undefined) return undefined
    return [field(node, "name")?.text ?? "", { parameters: parametersOf(node), body }]
  },
  isFailure: (node) => isFailCall(node) || node.type === "raise_statement",
  isEnd: (node) =>
    node.type === "return_statement" ||
    isSkipCall(node) ||
    (node.type === "expression_statement" && node.children.some((child) => isSkipCall(child))),
  swallows: (node) =>
    wrapsFailure(node) ||
    (node.type === "try_statement" &&
      node.children.some((clause) => clause.type === "except_clause" && catchesAll(clause))) ||
    (node.type === "with_statement" &&
      /\bsuppress\(\s*(?:Base)?(?:Exception|AssertionError)/u.test(childOf(node, "with_clause")?.text ?? "")),
  binding: (node) => {
    const assignment = node.type === "expression_statement" ? childOf(node, "assignment") : undefined
    const [target, value] = [field(assignment, "left"), field(assignment, "right")]
    return target !== undefined && value !== undefined ? [{ target, value }] : []
  }
}

/** `with raises(AssertionError): assert …`: what failed is what is expected. */
const wrapsFailure = (node: SyntaxNode): boolean =>
  node.type === "with_statement" &&
  /\b(?:raises|assertRaises\w*)\(\s*\(?\s*(?:AssertionError|Exception|BaseException)\b/u.test(
    childOf(node, "with_clause")?.text ?? ""
  ) &&
  [...nodes(field(node, "body") ?? node)].some(
    (inner) =>
      inner.type === "assert_statement" || /^self\.assert[A-Z]/u.test(field(inner, "function")?.text ?? "")
  )

/** An `except` that takes a failed assertion and says nothing. */
const catchesAll = (clause: SyntaxNode): boolean => {
  const caught = field(clause, "value")?.text ?? ""
  const isQuiet = ![...nodes(clause)].some(
    (node) => node.type === "raise_statement" || isFailCall(node) || node.type === "assert_statement"
  )
  return (caught === "" || /\b(?:Base)?Exception\b|\bAssertionError\b/u.test(caught)) && isQuiet
}

interface Decorated {
  readonly definition: SyntaxNode
  readonly decorators: ReadonlyArray<SyntaxNode>
}

const undecorated = (node: SyntaxNode): Decorated => {
  const definition = field(node, "definition")
  return definition === undefined
    ? { definition: node, decorators: [] }
    : { definition, decorators: node.children.filter(({ type }) => type === "decorator") }
}

const skipOf = (decorators: ReadonlyArray<SyntaxNode>, file: Scope): Skip | undefined => {
  const found = decorators.find((one) =>
    /\b(?:skip|skipIf|skipUnless|skipif|xfail|expectedFailure)\b/u.test(one.text.split("(")[0] ?? "")
  )
  if (found === undefined) return undefined
  const how = found.text.split("\n")[0] ?? ""
  const call = [...nodes(found)].find(({ type }) => type === "call")
  const { given, named } = call === undefined ? { given: [], named: () => undefined } : argumentsOf(call)
  const first = /^(?:string|concatenated_string)$/u.test(given[0]?.type ?? "") ? undefined : given[0]
  const condition = first ?? named("condition")
  // `skip(reason)` has none, and `skipif("a text")` is evaluated by pytest.
  if (condition === undefined || /\bskip\b/u.test(found.text.split("(")[0] ?? ""))
    return { how, isConditional: /skipif/u.test(found.text) && !/\(\s*["'](?:True|1)["']/u.test(found.text) }
  const text = show(condition, file)
  return skipOn(how, found.text.includes("skipUnless") ? not(text) : text)
}

/** What `pytestmark` or a `pytest.skip` beside the definitions says of all of them. */
const skipOfBlock = (block: ReadonlyArray<SyntaxNode>, file: Scope): Skip | undefined => {
  const marks = block
    .flatMap((node) => dialect.binding(node))
    .filter(({ target }) => target.text === "pytestmark")
    .flatMap(({ value }) => (/^(list|tuple)$/u.test(value.type) ? parts(value) : [value]))
  const call = block.find((node) => isSkipCall(node.children[0] ?? node))
  const maybe = block.find(
    (node) => /^(if|try)_statement$/u.test(node.type) && [...nodes(node)].some(isModuleSkip)
  )
  if (call !== undefined) return { how: call.text, isConditional: false }
  const marked = skipOf(marks, file)
  if (marked !== undefined || maybe === undefined) return marked
  const condition = field(maybe, "condition")
  return skipOn(maybe.text.split("\n")[0] ?? "", condition === undefined ? "" : show(condition, file))
}

const isModuleSkip = (node: SyntaxNode): boolean =>
  isSkipCall(node) && node.text.includes("allow_module_level")

const isSuiteClass = (definition: SyntaxNode): boolean =>
  (field(definition, "name")?.text ?? "").startsWith("Test") ||
  /Test/u.test(field(definition, "superclasses")?.text ?? "")

/** Classes whose tests run as those of a class that is collected. */
const basesOfSuite = (definition: SyntaxNode): ReadonlyArray<string> => {
  const bases = field(definition, "superclasses")
  return definition.type === "class_definition" && bases !== undefined && isSuiteClass(definition)
    ? parts(bases).map((base) => base.text)
    : []
}

export const readFile = (root: SyntaxNode, budget: Budget): TestFile => {
  const file = new Scope()
  const tests: Array<TestCase> = []
  const helpers = new Map<string, Helper>()
  const others = new Map<string, ReadonlySet<string>>()
  let found: Array<{ readonly name: string; readonly test: Decorated; readonly skip: Skip | undefined }> = []

  const defined = new Set<string>()
  const mixedIn = new Set(root.children.flatMap((node) => basesOfSuite(undecorated(node).definition)))

  /** Of two definitions under one name the second is what there is. */
  const define = (name: string): void => {
    if (defined.has(name))
      found = found.filter((one) => one.name !== name && !one.name.startsWith(`${name}::`))
    defined.add(name)
  }

  const scan = (
    nodesOfBlock: ReadonlyArray<SyntaxNode>,
    prefix: string,
    isSuite: boolean,
    outer: Skip | undefined
  ): void => {
    const skip = skipOfBlock(nodesOfBlock, file) ?? outer
    for (const node of nodesOfBlock) {
      const { decorators, definition } = undecorated(node)
      const name = field(definition, "name")?.text ?? ""
      const body = field(definition, "body")
      if (name !== "") define(`${prefix}${name}`)
      if (definition.type === "class_definition" && body !== undefined) {
        const isTests = isSuiteClass(definition) || mixedIn.has(name)
        scan(body.children, `${prefix}${name}::`, isTests, skipOf(decorators, file) ?? skip)
      } else if (definition.type === "function_definition" && body !== undefined) {
        if (isSuite && name.startsWith("test")) {
          found.push({
            name: `${prefix}${name}`,
            test: { definition, decorators },
            skip: skipOf(decorators, file) ?? skip
          })
        } else {
          helpers.set(name, { parameters: parametersOf(definition), body })
          others.set(name, wordsOf(body.text))
        }
      } else {
        for (const { target, value } of dialect.binding(node))
          bind(target, { node: value, scope: file }, file)
      }
    }
  }
  scan(root.children, "", true, undefined)

  for (const { name, skip, test } of found) {
    const body = field(test.definition, "body")
    if (body === undefined) continue
    const readings = rowsOf(test.decorators, file).map((scope) =>
      readBody(dialect, helpers, body, scope, budget)
    )
    const inside = body.children.find((node) => dialect.isEnd(node) && /skip|xfail/u.test(node.text))
    tests.push({
      name,
      line: test.definition.line,
      reading: merged(readings),
      cases: readings.length,
      skip: skip ?? (inside === undefined ? undefined : { how: inside.text, isConditional: false }),
      doubles: doublesIn([...test.decorators, body]),
      words: wordsOf(body.text)
    })
  }
  return { tests, others }
}

/** One scope for each case of `parametrize`, all its decorators multiplied. */
const rowsOf = (decorators: ReadonlyArray<SyntaxNode>, file: Scope): ReadonlyArray<Scope> => {
  let scopes: ReadonlyArray<Scope> = [file]
  for (const decorator of decorators) {
    const call = childOf(decorator, "call")
    if (call === undefined || path(field(call, "function")).at(-1) !== "parametrize") continue
    const [names, table] = argumentsOf(call).given
    const rows = table === undefined ? undefined : elements(table, file)
    if (names === undefined || rows === undefined) continue
    const targets = /^(list|tuple)$/u.test(names.type)
      ? parts(names).map((one) => unquoted(one.text))
      : unquoted(names.text)
          .split(",")
          .map((one) => one.trim())
    scopes = scopes.flatMap((scope) =>
      rows.map(({ node, scope: known }) => {
        const into = new Scope(scope)
        const isParam = node.type === "call" && path(field(node, "function")).at(-1) === "param"
        const values = isParam ? argumentsOf(node).given : targets.length > 1 ? parts(node) : [node]
        for (const [index, target] of targets.entries()) {
          const value = values[index]
          if (value !== undefined) into.set(target, { text: show(value, known), node: value, scope: known })
        }
        return into
      })
    )
  }
  return scopes
}

/** Names that `patch` and `monkeypatch` replace. */
const doublesIn = (where: ReadonlyArray<SyntaxNode>): ReadonlyArray<string> =>
  where.flatMap((root) =>
    [...nodes(root)].flatMap((node) => {
      if (node.type !== "call") return []
      const called = path(field(node, "function"))
      const { given } = argumentsOf(node)
      if (called.includes("monkeypatch") && called.at(-1) === "setattr") {
        return given
          .slice(0, 2)
          .flatMap((one) => (one.type === "string" ? [unquoted(one.text).split(".").at(-1) ?? ""] : []))
      }
      if (!called.includes("patch")) return []
      const name = called.at(-1) === "object" ? given[1] : given[0]
      return name?.type === "string" ? [unquoted(name.text).split(".").at(-1) ?? ""] : []
    })
  )
