/** Jest, Vitest, Mocha with Chai, node:test with node:assert. */
import { bind, bindRow, elements } from "./binding.ts"
import { innermostCall, path, receiver, Scope, show, unquoted } from "./expression.ts"
import { bindAsserts, bodyOf, claimsOfCall, functions, given } from "./scriptClaims.ts"
import { bindImports, type Load, required } from "./scriptModules.ts"
import { not, skipOn } from "./skips.ts"
import { bare, field, nodes, parts, type SyntaxNode } from "./syntax.ts"
import { merged, type Skip, type TestCase, type TestFile, wordsOf } from "./testCase.ts"
import { type Budget, type Dialect, type Helper, loopOf, readBody } from "./walk.ts"

const parametersOf = (callback: SyntaxNode): ReadonlyArray<SyntaxNode> => {
  const single = field(callback, "parameter")
  const all = single === undefined ? parts(field(callback, "parameters")) : [single]
  return all.map((one) => field(one, "pattern") ?? field(one, "left") ?? one)
}

const isSkipCall = (node: SyntaxNode): boolean =>
  node.type === "call_expression" &&
  /^(this|t|ctx|context|test)\.(skip|todo)$/u.test(field(node, "function")?.text ?? "")

export const dialect: Dialect = {
  claims: (node, scope) =>
    (node.type === "call_expression" || node.type === "member_expression") && !wrapsFailure(node)
      ? claimsOfCall(node, scope)
      : undefined,
  helper: (node) =>
    node.type === "function_declaration"
      ? [field(node, "name")?.text ?? "", { parameters: parametersOf(node), body: bodyOf(node) }]
      : undefined,
  isFailure: (node) =>
    node.type === "throw_statement" ||
    (node.type === "call_expression" &&
      /^((assert|t|expect)\.fail|fail|expect\.unreachable)$/u.test(field(node, "function")?.text ?? "")),
  isEnd: (node) =>
    (node.type === "return_statement" && !/\b(?:expect|assert)\b/u.test(node.text)) || isSkipCall(node),
  swallows: (node) => {
    if (wrapsFailure(node)) return true
    const handler = node.type === "try_statement" ? field(node, "handler") : undefined
    return (
      handler !== undefined &&
      ![...nodes(handler)].some(
        (inner) => inner.type === "throw_statement" || /^(expect|assert|done|fail)$/u.test(inner.text)
      )
    )
  },
  binding: (node) => {
    const declared = /^(lexical_declaration|variable_declaration)$/u.test(node.type)
      ? parts(node).map((one) => ({ target: field(one, "name"), value: field(one, "value") }))
      : []
    const assignment =
      node.type === "expression_statement" && node.children[0]?.type === "assignment_expression"
        ? node.children[0]
        : undefined
    return [...declared, { target: field(assignment, "left"), value: field(assignment, "right") }].flatMap(
      ({ target, value }) =>
        target !== undefined && value !== undefined && !functions.test(value.type) ? [{ target, value }] : []
    )
  }
}

/** `assert.throws(() => assert.equal(…))`: what failed is what is expected. */
const wrapsFailure = (node: SyntaxNode): boolean => {
  if (node.type !== "call_expression") return false
  if (!/^(throws|rejects|toThrow|toThrowError)$/u.test(path(field(node, "function")).at(-1) ?? ""))
    return false
  const callbacks = [...given(node), ...given(innermostCall(node))].filter(({ type }) => functions.test(type))
  return callbacks.some((callback) =>
    [...nodes(callback)].some(
      (inner) =>
        inner.type === "call_expression" && /^(assert|expect)$/u.test(path(field(inner, "function"))[0] ?? "")
    )
  )
}

/** Heads and cells of a table in a template, as a list of objects. */
const templateTable = (template: SyntaxNode): SyntaxNode => {
  const { line, text } = template
  const [first = ""] = unquoted(text).trim().split("\n")
  const heads = first.match(/[\w$]+/gu) ?? []
  const cells = template.children.filter(({ type }) => type === "template_substitution")
  const made = (type: string, of: string, children: ReadonlyArray<SyntaxNode>): SyntaxNode => ({
    type,
    text: of,
    line,
    children
  })
  const pairs = cells.flatMap((cell, index) => {
    const [value] = parts(cell)
    const name = heads[index % heads.length] ?? ""
    return value === undefined
      ? []
      : [made("pair", cell.text, [made("property_identifier", name, []), value])]
  })
  const rows = Map.groupBy(pairs, (_, index) => Math.floor(index / heads.length))
  return made(
    "array",
    text,
    [...rows.values()].map((row) => made("object", row.map((one) => one.text).join(), row))
  )
}

const tableOf = (call: SyntaxNode | undefined): SyntaxNode | undefined => {
  const handed = field(call, "arguments")
  return handed?.type === "template_string" ? templateTable(handed) : given(call)[0]
}

const suites = /^(describe|suite|context|fdescribe|xdescribe)$/u
const cases = /^(it|test|specify|fit|xit|xtest|xspecify)$/u
const modifierNames = /^(skip|only|skipIf|runIf|extend|concurrent|sequential|serial)$/u

/** The words of what a test or suite is called with, by the name that the file gives it. */
type Aliases = ReadonlyMap<string, ReadonlyArray<string>>

/** `const itUnix = isWindows ? it.skip : it` */
const aliasesIn = (root: SyntaxNode): Aliases =>
  new Map(
    [...nodes(root)].flatMap((node) => {
      const value = node.type === "variable_declarator" ? field(node, "value") : undefined
      const words = value === undefined ? [] : runner(bare(value), new Map())
      const [kind = "", ...modifiers] = words
      const isRunner =
        (suites.test(kind) || cases.test(kind)) && modifiers.every((one) => modifierNames.test(one))
      return isRunner ? [[field(node, "name")?.text ?? "", words] as const] : []
    })
  )

/** One of two, of which one skips, skips sometimes. */
const runner = (node: SyntaxNode | undefined, aliases: Aliases): ReadonlyArray<string> => {
  const inner = node === undefined ? undefined : bare(node)
  if (inner?.type === "ternary_expression") {
    const [yes, no] = [path(field(inner, "consequence")), path(field(inner, "alternative"))]
    const isSkip = (words: ReadonlyArray<string>) => words.includes("skip")
    if (yes[0] !== no[0]) return []
    return isSkip(yes) === isSkip(no) ? yes : [yes[0] ?? "", "skipIf"]
  }
  const [first = "", ...rest] = path(node)
  return [...(aliases.get(first) ?? [first]), ...rest]
}

interface Outer {
  readonly name: string
  readonly skip: Skip | undefined
  readonly isOnly: boolean
}

export const readFile = (root: SyntaxNode, budget: Budget, load: Load = () => undefined): TestFile => {
  const file = new Scope()
  const tests: Array<TestCase> = []
  const helpers = new Map<string, Helper>()
  const others = new Map<string, ReadonlySet<string>>()
  for (const node of nodes(root)) {
    const value =
      node.type === "variable_declarator"
        ? field(node, "value")
        : node.type === "function_declaration"
          ? node
          : undefined
    const name = field(node, "name")?.text ?? ""
    const made =
      value?.type === "call_expression" && field(value, "function")?.text === "test.macro"
        ? given(value)[0]
        : value
    if (made === undefined || !functions.test(made.type)) continue
    helpers.set(name, { parameters: parametersOf(made), body: bodyOf(made) })
    others.set(name, wordsOf(bodyOf(made).text))
  }
  bindAsserts(root, file)
  bindImports(root, file, load)
  const doubles = doublesIn(root)
  const aliases = aliasesIn(root)

  /** `rows` are what the tables and loops around it know, once for each of their rounds. */
  const scan = (node: SyntaxNode, outer: Outer, rows: ReadonlyArray<Scope>): void => {
    for (const { target, value } of dialect.binding(node))
      for (const scope of rows) bind(target, required(value, load) ?? { node: value, scope }, scope)
    const call =
      node.type === "call_expression"
        ? suiteOrTest(node, outer, aliases, helpers, rows[0] ?? file)
        : undefined
    if (call === undefined) {
      const rounds = roundsOf(node, rows)
      if (rounds !== undefined) scan(rounds.body, outer, rounds.rows)
      else for (const child of node.children) scan(child, outer, rows)
    } else if (call.callback !== undefined && call.isSuite) {
      const { callback, table } = call
      const inside = rows.flatMap((scope) => rowsOf(table, callback, new Scope(scope)))
      scan(bodyOf(callback), call, inside)
    } else {
      const { callback, macro, table } = call
      const body = callback === undefined ? macro?.body : bodyOf(callback)
      const rounds =
        callback !== undefined
          ? rows.flatMap((scope) => rowsOf(table, callback, scope))
          : macro === undefined
            ? []
            : rows.map((scope) => withArguments(node, macro, scope))
      const readings =
        body === undefined ? [] : rounds.map((row) => readBody(dialect, helpers, body, row, budget))
      tests.push({
        name: call.name,
        line: node.line,
        reading: merged(readings),
        cases: readings.length,
        skip:
          call.skip ??
          (body === undefined
            ? { how: node.text.split("\n")[0] ?? "", isConditional: false }
            : skipInside(body)),
        isOnly: call.isOnly,
        doubles,
        words: wordsOf(macro === undefined ? (body?.text ?? "") : `${macro.body.text} ${node.text}`)
      })
    }
  }
  scan(root, { name: "", skip: undefined, isOnly: false }, [file])
  return { tests, others }
}

/** AVA: `test("a", macro, 1, 2)` is the macro's function with `t`, 1 and 2. */
const withArguments = (call: SyntaxNode, { parameters }: Helper, scope: Scope): Scope => {
  const into = new Scope(scope)
  const values = given(call).slice(2)
  for (const [index, parameter] of parameters.slice(1).entries()) {
    const value = values[index]
    if (value !== undefined) bind(parameter, { node: value, scope }, into)
  }
  return into
}

const suiteOrTest = (
  node: SyntaxNode,
  outer: Outer,
  aliases: Aliases,
  helpers: ReadonlyMap<string, Helper>,
  scope: Scope
) => {
  const words = runner(field(node, "function"), aliases)
  const [kind = "", ...modifiers] = words
  const isSuite = suites.test(kind) || modifiers.includes("describe")
  if (!isSuite && !cases.test(kind) && !(kind === "t" && modifiers[0] === "test")) return undefined
  const all = given(node)
  const title = all[0]
  const callback = all.find(({ type }) => functions.test(type))
  const macro =
    callback === undefined && !isSuite && all[1]?.type === "identifier" ? helpers.get(all[1].text) : undefined
  const options = macro === undefined ? all.find(({ type }) => type === "object") : undefined
  const skipOption = skipOptionOf(options, scope)
  const isTitled = title !== undefined && /string|identifier|binary_expression/u.test(title.type)
  const isRun = callback !== undefined || macro !== undefined
  if (!isTitled || (!isRun && !modifiers.some((one) => /^(todo|skip)$/u.test(one)))) return undefined
  const how = `${words.join(".")}(${title.text.slice(0, 60)})`
  const isSkipped =
    kind.startsWith("x") ||
    modifiers.some((one) => /^(skip|todo|failing|fails)$/u.test(one)) ||
    skipOption?.isConditional === false
  const onCondition = conditionOf(node, modifiers, aliases, scope)
  const sometimes = onCondition === undefined ? skipOption : skipOn(how, onCondition)
  const table = innermostCall(field(node, "function"))
  return {
    name: `${outer.name === "" ? "" : `${outer.name} > `}${unquoted(title.text)}`,
    skip:
      outer.skip ??
      (isSkipped
        ? { how, isConditional: false }
        : sometimes === undefined
          ? undefined
          : { ...sometimes, how }),
    isOnly:
      outer.isOnly ||
      /^f(?:it|describe)$/u.test(kind) ||
      modifiers.includes("only") ||
      /\bonly\s*:\s*true/u.test(options?.text ?? ""),
    isSuite,
    callback,
    macro,
    table: modifiers.includes("each") || modifiers.includes("for") ? tableOf(table) : undefined
  }
}

/** What `it.skipIf(condition)`, `runIf` or a runner that was chosen by a condition asks. */
const conditionOf = (
  node: SyntaxNode,
  modifiers: ReadonlyArray<string>,
  aliases: Aliases,
  scope: Scope
): string | undefined => {
  const modifier = modifiers.find((one) => /^(skipIf|runIf)$/u.test(one))
  if (modifier === undefined) return undefined
  const called = innermostCall(field(node, "function"))
  const [stated] = given(called)
  if (stated !== undefined) return modifier === "runIf" ? not(show(stated, scope)) : show(stated, scope)
  const name = path(field(node, "function"))[0] ?? ""
  return aliases.has(name) ? (scope.get(name)?.text ?? name) : (field(node, "function")?.text ?? "")
}

/** `{ skip: true }`, or a reason, always; `{ skip: isWindows }` sometimes. */
const skipOptionOf = (options: SyntaxNode | undefined, scope: Scope): Skip | undefined => {
  const values = parts(options)
    .filter((one) => /^["']?(?:skip|todo)["']?$/u.test((field(one, "key") ?? one).text))
    .map((one) => field(one, "value") ?? one)
    .filter(({ text }) => !/^(?:false|undefined|null)$/u.test(text))
  if (values.length === 0) return undefined
  const how = options?.text.slice(0, 60) ?? ""
  return values.map((one) => skipOn(how, show(one, scope))).find((one) => one !== undefined)
}

/** A loop around tests, such as `for (const row of rows) test(…)`, where its rows are known. */
const roundsOf = (node: SyntaxNode, rows: ReadonlyArray<Scope>) => {
  const loop = loopOf(node)
  if (loop === undefined) return undefined
  const { body, iterable, pattern } = loop
  const rounds = rows.map((scope) =>
    elements(iterable, scope)?.map((row) => bindRow(pattern, iterable, row, scope))
  )
  return rounds.some((each) => each === undefined)
    ? undefined
    : { body, rows: rounds.flatMap((each) => each ?? []) }
}

const rowsOf = (table: SyntaxNode | undefined, callback: SyntaxNode, scope: Scope): ReadonlyArray<Scope> => {
  const rows = table === undefined ? undefined : elements(table, scope)
  if (rows === undefined) return [scope]
  const parameters = parametersOf(callback)
  return rows.map(({ node, scope: known }) => {
    const into = new Scope(scope)
    const isSpread =
      node.type === "array" && (parameters.length > 1 || parameters[0]?.type !== "array_pattern")
    const values = isSpread ? parts(node) : [node]
    for (const [index, parameter] of parameters.entries()) {
      const value = values[index]
      if (value !== undefined) bind(parameter, { node: value, scope: known }, into)
    }
    return into
  })
}

const skipInside = (body: SyntaxNode): Skip | undefined => {
  const found = parts(body).find((node) => node.children.some((child) => isSkipCall(child)))
  return found === undefined ? undefined : { how: found.text, isConditional: false }
}

/** Names that `spyOn(…).mock…`, `t.mock.method` and module mocks with a factory replace. */
const doublesIn = (root: SyntaxNode): ReadonlyArray<string> =>
  [...nodes(root)].flatMap((node) => {
    if (node.type !== "call_expression") return []
    const words = path(field(node, "function"))
    const [, name] = given(node)
    if (words.includes("spyOn") && (words.at(-1) ?? "").startsWith("mock")) {
      const spied = given(innermostCall(node))[1] ?? given(receiver(node))[1]
      return spied === undefined ? [] : [unquoted(spied.text)]
    }
    if (words.join(".").endsWith("mock.method")) return name === undefined ? [] : [unquoted(name.text)]
    if (!/^(jest|vi)\.mock$/u.test(words.join(".")) || name === undefined) return []
    return [...nodes(name)].flatMap((inner) =>
      inner.type === "pair" ? [unquoted(field(inner, "key")?.text ?? "")] : []
    )
  })
