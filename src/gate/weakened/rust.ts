/** Rust's own tests, rstest and test_case. The macros of assertions come as calls (`prepared`). */
import { type Assertion, claim } from "./assertion.ts"
import { bind } from "./binding.ts"
import { compare, equal, holds } from "./condition.ts"
import { Scope, show } from "./expression.ts"
import { skipOn } from "./skips.ts"
import { childOf, field, isComment, parts, type SyntaxNode } from "./syntax.ts"
import { merged, type Skip, type TestCase, type TestFile, wordsOf } from "./testCase.ts"
import { type Budget, type Dialect, type Helper, readBody } from "./walk.ts"

const claimsOfCall = (call: SyntaxNode, scope: Scope): ReadonlyArray<Assertion> | undefined => {
  const { line } = call
  const name = (field(call, "function")?.text ?? "").replace(/^.*::/u, "").replace(/^debug_/u, "")
  const [a, b, ...others] = parts(field(call, "arguments"))
  if (a === undefined || !/^assert\w*_$/u.test(name)) return undefined
  if (name === "assert_") return (matched(a, scope) ?? holds(a, scope)).map(failing)
  if (b === undefined) return undefined
  if (name === "assert_eq_") return equal(a, b, scope, line).map(failing)
  if (name === "assert_ne_") return compare("!=", a, b, scope, line)
  const stated = others.flatMap((one) =>
    one.type === "assignment_expression" ? [Number(show(field(one, "right") ?? one, scope))] : []
  )
  return [claim("near", line, show(a, scope), show(b, scope), Math.max(Number.EPSILON, ...stated))]
}

/** `matches!(x, pattern)` */
const matched = (node: SyntaxNode, scope: Scope): ReadonlyArray<Assertion> | undefined => {
  const [a, b] = isMacro(node, /^matches$/u) ? groups(childOf(node, "token_tree")) : []
  if (a === undefined || b === undefined) return undefined
  const [subject, pattern] = [show(a, scope), show(b, scope)]
  if (pattern === "Ok(_)") return [claim("succeeds", node.line, subject)]
  if (pattern === "Some(_)") return [claim("present", node.line, subject)]
  const relation = /\b(?:_|if)\b|\.\.|\|/u.test(pattern) ? "matches" : "equal"
  return [{ relation, subject, expected: pattern, line: node.line }]
}

/** To be an `Err(x)` is to fail with `x`. */
const failing = (one: Assertion): Assertion => {
  const isPattern = one.relation === "equal" || one.relation === "matches"
  const [, error, guard = ""] = /^Err\((.*)\)(if .*)?$/su.exec(isPattern ? one.expected : "") ?? []
  if (error === undefined) return one
  return {
    ...one,
    relation: "raises",
    expected: error === "_" || error === ".." ? guard : `${error}${guard}`
  }
}

const isMacro = (node: SyntaxNode, names: RegExp): boolean =>
  node.type === "macro_invocation" && names.test((field(node, "macro")?.text ?? "").replace(/^.*::/u, ""))

const statement = (node: SyntaxNode): SyntaxNode =>
  node.type === "expression_statement" ? (parts(node)[0] ?? node) : node

const parametersOf = (item: SyntaxNode): ReadonlyArray<SyntaxNode> =>
  parts(field(item, "parameters")).flatMap((one) => field(one, "pattern") ?? [])

export const dialect: Dialect = {
  claims: (node, scope) => (node.type === "call_expression" ? claimsOfCall(node, scope) : undefined),
  helper: (node) => {
    const body = field(node, "body")
    if (node.type !== "function_item" || body === undefined) return undefined
    return [field(node, "name")?.text ?? "", { parameters: parametersOf(node), body }]
  },
  isFailure: (node) => isMacro(statement(node), /^(panic|unreachable|todo|unimplemented)$/u),
  isEnd: (node) => statement(node).type === "return_expression",
  swallows: (node) =>
    node.type === "call_expression" && /(^|::)catch_unwind$/u.test(field(node, "function")?.text ?? ""),
  binding: (node) => {
    const [target, value] = [field(node, "pattern") ?? field(node, "name"), field(node, "value")]
    const isBinding =
      /^(let_declaration|const_item|static_item)$/u.test(node.type) &&
      field(node, "alternative") === undefined
    return isBinding && target !== undefined && value !== undefined && value.type !== "closure_expression"
      ? [{ target, value }]
      : []
  }
}

interface Found {
  readonly name: string
  readonly node: SyntaxNode
  readonly body: SyntaxNode
  /** The texts between `#[` and `]`, with their nodes. */
  readonly attributes: ReadonlyArray<SyntaxNode>
  readonly skip: Skip | undefined
}

const nameOf = (attribute: SyntaxNode): string => /^[\w:]+/u.exec(attribute.text)?.[0] ?? ""

const isTestAttribute = (attribute: SyntaxNode): boolean =>
  /(^|::)(test|rstest|test_case|proptest|quickcheck)$/u.test(nameOf(attribute))

export const readFile = (root: SyntaxNode, budget: Budget): TestFile => {
  const file = new Scope()
  const helpers = new Map<string, Helper>()
  const others = new Map<string, ReadonlySet<string>>()
  const found: Array<Found> = []

  const scan = (node: SyntaxNode, prefix: string, outer: Skip | undefined): void => {
    let attributes: Array<SyntaxNode> = []
    for (const child of node.children) {
      if (child.type === "attribute_item")
        attributes.push(...child.children.filter(({ type }) => type === "attribute"))
      if (child.type === "attribute_item" || isComment(child)) continue
      const name = field(child, "name")?.text ?? ""
      const body = field(child, "body")
      if (child.type === "function_item" && body !== undefined) {
        if (attributes.some(isTestAttribute)) {
          found.push({
            name: `${prefix}${name}`,
            node: child,
            body,
            attributes,
            skip: skipOf(attributes) ?? outer
          })
        } else {
          helpers.set(name, { parameters: parametersOf(child), body })
          others.set(name, wordsOf(body.text))
        }
      } else if (child.type === "mod_item" && body !== undefined) {
        scan(body, `${prefix}${name}::`, outer ?? gateOf(attributes))
      } else {
        for (const { target, value } of dialect.binding(child))
          bind(target, { node: value, scope: file }, file)
      }
      attributes = []
    }
  }
  scan(root, "", undefined)
  return { tests: found.map((one) => testCase(one, helpers, file, budget)), others }
}

const testCase = (
  { attributes, body, name, node, skip }: Found,
  helpers: ReadonlyMap<string, Helper>,
  file: Scope,
  budget: Budget
): TestCase => {
  const readings = rowsOf(attributes, node, file).map((scope) =>
    readBody(dialect, helpers, body, scope, budget)
  )
  const reading = merged(readings)
  const panic = attributes.find((one) => nameOf(one) === "should_panic")
  const [, text] = /expected\s*=\s*(".*")/su.exec(panic?.text ?? "") ?? []
  const panics: ReadonlyArray<Assertion> =
    panic === undefined
      ? []
      : [claim("raises", node.line, `fn ${name}`, text === undefined ? "" : ` ~ ${text}`)]
  return {
    name,
    line: node.line,
    reading: { ...reading, assertions: [...panics, ...reading.assertions] },
    cases: readings.length,
    skip,
    doubles: [],
    words: wordsOf(body.text)
  }
}

const skipOf = (attributes: ReadonlyArray<SyntaxNode>): Skip | undefined => {
  const ignored = attributes.find((one) => nameOf(one) === "ignore")
  if (ignored !== undefined) return { how: `#[${ignored.text}]`, isConditional: false }
  const maybe = attributes.find((one) => nameOf(one) === "cfg_attr" && /\bignore\b/u.test(one.text))
  if (maybe === undefined) {
    // Of a test by itself; a module of a feature has the feature's tests.
    const gate = gateOf(attributes)
    return gate?.isConditional === true ? skipOn(gate.how, gate.how) : gate
  }
  return skipOn(`#[${maybe.text}]`, maybe.text)
}

/** `#[cfg(…)]` that is not the usual `test`: a feature nobody has is a skip, a platform is a condition. */
const gateOf = (attributes: ReadonlyArray<SyntaxNode>): Skip | undefined => {
  const gate = attributes.find((one) => nameOf(one) === "cfg" && !/^cfg\s*\(\s*test\s*\)$/u.test(one.text))
  if (gate === undefined) return undefined
  return { how: `#[${gate.text}]`, isConditional: !/\b(any\(\)|FALSE|never|disabled)\b/iu.test(gate.text) }
}

/** `#[case(1, 2)]` of rstest and `#[test_case(1, 2)]`: one scope for each. */
const rowsOf = (
  attributes: ReadonlyArray<SyntaxNode>,
  node: SyntaxNode,
  file: Scope
): ReadonlyArray<Scope> => {
  const rows = attributes.filter((one) =>
    /(^|::)(case|test_case)$/u.test(nameOf(one).replace(/(case)::\w+$/u, "$1"))
  )
  if (rows.length === 0) return [file]
  const parameters = field(node, "parameters")
  const all = parameters?.children ?? []
  const marked = all.filter((_, index) => all[index - 1]?.text === "#[case]")
  const names = (
    marked.length > 0 ? marked : parts(parameters).filter(({ type }) => type === "parameter")
  ).flatMap((one) => field(one, "pattern")?.text ?? [])
  return rows.map((row) => {
    const into = new Scope(file)
    const values = groups(childOf(row, "token_tree"))
    for (const [index, name] of names.entries()) {
      const value = values[index]
      if (value !== undefined) into.set(name, { text: show(value, file), node: value, scope: file })
    }
    return into
  })
}

/** What stands between the commas of a macro's arguments, up to a semicolon or an arrow. */
const groups = (tree: SyntaxNode | undefined): ReadonlyArray<SyntaxNode> => {
  const all: Array<Array<SyntaxNode>> = [[]]
  for (const child of tree?.children.slice(1, -1) ?? []) {
    if (child.type === ";") break
    if (child.type === "=>") all.push([])
    else if (child.type === ",") all.push([])
    else all.at(-1)?.push(child)
  }
  return all.flatMap((children): ReadonlyArray<SyntaxNode> => {
    const [first, ...rest] = children
    if (first === undefined) return []
    if (rest.length === 0) return [first]
    return [
      { type: "token_group", text: children.map(({ text }) => text).join(""), line: first.line, children }
    ]
  })
}
