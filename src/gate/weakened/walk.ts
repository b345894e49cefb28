/**
 * A test read from top to bottom as it would run: locals, tables and helpers filled in, and what cannot run or cannot fail left out. So a
 * table of three rows claims the same as three tests, and an assertion behind an early return claims nothing.
 */
import type { Assertion } from "./assertion.ts"
import { bind, bindRow, elements, type Value } from "./binding.ts"
import { holds } from "./condition.ts"
import { isConstant, path, Scope, show } from "./expression.ts"
import { bare, field, parts, type SyntaxNode } from "./syntax.ts"

/** What a language's test libraries look like. */
export interface Dialect {
  /** The claims of a statement or call; undefined when it makes none itself. */
  readonly claims: (node: SyntaxNode, scope: Scope) => ReadonlyArray<Assertion> | undefined
  /** Whether reaching this node fails the test. */
  readonly isFailure: (node: SyntaxNode) => boolean
  /** Whether nothing after this node runs, and the test does not fail. */
  readonly isEnd: (node: SyntaxNode) => boolean
  /** Whether a failure inside this node's body is swallowed. */
  readonly swallows: (node: SyntaxNode) => boolean
  /** A function defined at this node, by its name. */
  readonly helper: (node: SyntaxNode) => readonly [name: string, helper: Helper] | undefined
  /** The target and value of a binding. */
  readonly binding: (
    node: SyntaxNode
  ) => ReadonlyArray<{ readonly target: SyntaxNode; readonly value: SyntaxNode }>
}

export interface Helper {
  readonly parameters: ReadonlyArray<SyntaxNode>
  readonly body: SyntaxNode
}

export type Helpers = ReadonlyMap<string, Helper>

export interface Reading {
  readonly assertions: ReadonlyArray<Assertion>
  /** Claims that stand in the text and cannot fail the test: swallowed, never reached, or only logged. */
  readonly muted: ReadonlyArray<Assertion>
  /** Conditions on which it ends before its last claim, without failing. */
  readonly guards: ReadonlyArray<string>
  /** It is longer than what is read of one test. */
  readonly isCut: boolean
  /** What it does besides, in order. */
  readonly steps: ReadonlyArray<string>
}

const maxAssertions = 2_000
const maxHelperDepth = 4
/** Loops in loops and helpers in helpers end here. */
const maxVisits = 50_000

/** Nodes that may still be visited in all tests of a change together. */
export interface Budget {
  left: number
}

export const readBody = (
  dialect: Dialect,
  helpers: Helpers,
  body: SyntaxNode,
  scope: Scope,
  budget: Budget
): Reading => {
  const assertions: Array<Assertion> = []
  const muted: Array<Assertion> = []
  const steps: Array<string> = []
  const guards: Array<string> = []
  const local = new Map<string, Helper & { readonly scope: Scope }>()
  const called = new Set<string>()
  let visits = 0

  const claimed = (claims: ReadonlyArray<Assertion>): void => {
    if (assertions.length < maxAssertions) assertions.push(...claims)
  }

  /** Reads what cannot fail the test. */
  const mute = (read: () => unknown): void => {
    if (visits > maxVisits || budget.left < 0) return
    const kept = assertions.length
    read()
    const claims = assertions.splice(kept)
    if (muted.length < maxAssertions) muted.push(...claims)
  }

  /** True when nothing after it runs. */
  const visit = (node: SyntaxNode, known: Scope, depth: number): boolean => {
    budget.left--
    if (visits++ > maxVisits || budget.left < 0) return true
    const defined = dialect.helper(node)
    if (defined !== undefined) {
      const [name, helper] = defined
      local.set(name, { ...helper, scope: known })
      return false
    }
    if (node.type === "class_definition") return false
    if (isDisarmed(node)) {
      mute(() => claimed(dialect.claims(node, known) ?? []))
      return false
    }
    const claims = dialect.claims(node, known)
    if (claims !== undefined) {
      claimed(claims)
      return false
    }
    if (dialect.isFailure(node)) {
      claimed([{ relation: "opaque", subject: show(node, known), expected: "", line: node.line }])
      return true
    }
    if (dialect.isEnd(node)) return true
    const bindings = dialect.binding(node)
    if (bindings.length > 0) {
      for (const { target, value } of bindings) {
        bind(target, { node: value, scope: known }, known)
        if (dialect.swallows(value)) {
          mute(() => children(value, known, depth))
          continue
        }
        for (const inner of closures(value)) visit(inner, new Scope(known), depth)
      }
      return false
    }
    if (isBranch(node)) return branch(node, known, depth)
    const loop = loopOf(node)
    if (loop !== undefined) {
      repeat(loop, known, depth)
      return false
    }
    if (dialect.swallows(node)) {
      mute(() => children(node, known, depth))
      return false
    }
    if (inline(node, known, depth)) return false
    if (isUnknownCheck(node, helpers)) {
      claimed([{ relation: "opaque", subject: show(node, known), expected: "", line: node.line }])
      return false
    }
    if (node.type === "expression_statement") {
      const [before, wasAt] = [assertions.length, steps.length]
      const isOver = children(node, known, depth)
      if (assertions.length === before && steps.length === wasAt) steps.push(show(node, known))
      return isOver
    }
    const isOver = children(node, isScope(node) ? new Scope(known) : known, depth)
    return isOver && isBlock.test(node.type)
  }

  const children = (node: SyntaxNode, known: Scope, depth: number): boolean => {
    for (const [index, child] of node.children.entries()) {
      const isOver = child.children.length > 0 ? visit(child, known, depth) : dialect.isEnd(child)
      if (!isOver) continue
      const rest = isBlock.test(node.type) ? node.children.slice(index + 1) : []
      mute(() => rest.forEach((one) => (one.children.length > 0 ? visit(one, known, depth) : undefined)))
      return true
    }
    return false
  }

  const branch = (node: SyntaxNode, known: Scope, depth: number): boolean => {
    const inside = new Scope(known)
    const first = field(node, "initializer")
    if (first !== undefined) visit(first, inside, depth)
    const condition = field(node, "condition")
    const yes = field(node, "consequence")
    const no = field(node, "alternative")
    if (condition === undefined || yes === undefined) return children(node, inside, depth)
    const text = decided(show(condition, inside))
    const fails = (block: SyntaxNode | undefined) => block !== undefined && failsIn(block)
    if (fails(yes) && !isNever(text)) claimed(holds(condition, inside, false))
    else if (!isNever(text)) visit(yes, new Scope(inside), depth)
    else mute(() => visit(yes, new Scope(inside), depth))
    if (depth === 0 && !fails(yes) && endsIn(yes) && guards.length < 20) guards.push(text)
    if (!fails(yes) && logs(yes)) mute(() => claimed(holds(condition, inside, false)))
    if (no === undefined) return text === "true" && endsIn(yes)
    if (fails(no) && text !== "true") claimed(holds(condition, inside, true))
    else if (text !== "true") visit(no, new Scope(inside), depth)
    return false
  }

  const failsIn = (block: SyntaxNode): boolean => {
    if (dialect.isFailure(block)) return true
    if (isBranch(block)) {
      const [yes, no] = [field(block, "consequence"), field(block, "alternative")]
      return yes !== undefined && no !== undefined && failsIn(yes) && failsIn(no)
    }
    return block.children.some(
      (child) => dialect.isFailure(child) || (isInside.test(child.type) && failsIn(child))
    )
  }

  const endsIn = (block: SyntaxNode): boolean =>
    dialect.isEnd(block) || block.children.some((child) => dialect.isEnd(child) || endsIn(child))

  const repeat = (loop: Loop, known: Scope, depth: number): void => {
    const rows = elements(loop.iterable, known)
    if (rows === undefined) {
      visit(loop.body, new Scope(known), depth)
      return
    }
    for (const row of rows) {
      if (assertions.length >= maxAssertions) return
      visit(loop.body, bindRow(loop.pattern, loop.iterable, row, known), depth)
    }
  }

  /** A call of what the file itself defines, to do nothing, under an assertion's name. */
  const isDisarmed = (node: SyntaxNode): boolean => {
    if (!/^call(_expression)?$/u.test(node.type)) return false
    const helper = helpers.get(path(field(node, "function")).at(-1) ?? "")
    return helper !== undefined && isIdle(helper.body)
  }

  /** A helper of the change, read with what it is given here. */
  const inline = (node: SyntaxNode, known: Scope, depth: number): boolean => {
    if (!/^call(_expression)?$/u.test(node.type) || depth >= maxHelperDepth) return false
    const name = path(field(node, "function")).at(-1) ?? ""
    const nested = local.get(name)
    const helper = nested ?? helpers.get(name)
    if (helper === undefined) return false
    called.add(name)
    const inside = new Scope(nested?.scope ?? scope)
    const given = parts(field(node, "arguments"))
    const named = new Map(
      given
        .filter(({ type }) => type === "keyword_argument")
        .map((argument) => [field(argument, "name")?.text, field(argument, "value")] as const)
    )
    for (const [index, parameter] of helper.parameters.entries()) {
      const name = bare(parameter).text
      const value = named.get(name) ?? given[index]
      if (value !== undefined && value.type !== "keyword_argument")
        bind(parameter, { node: value, scope: known } satisfies Value, inside)
    }
    const before = assertions.length
    visit(helper.body, inside, depth + 1)
    return assertions.length > before
  }

  visit(body, new Scope(scope), 0)
  // Functions of the test's own that somebody else calls.
  for (const [name, helper] of local) if (!called.has(name)) visit(helper.body, new Scope(helper.scope), 1)
  const isCut = visits > maxVisits || assertions.length >= maxAssertions
  return { assertions, muted, guards, isCut, steps }
}

/** A call that checks, by its name or because it is handed the test, in a file that the change does not show. */
const isUnknownCheck = (node: SyntaxNode, helpers: Helpers): boolean => {
  if (!/^(call|call_expression|macro_invocation)$/u.test(node.type)) return false
  const name = path(field(node, "function") ?? field(node, "macro")).at(-1) ?? ""
  if (helpers.has(name)) return false
  const [first] = parts(field(node, "arguments"))
  return (
    /^_*(?:[Aa]ssert|[Cc]heck|[Ee]xpect|[Vv]erify|[Ee]nsure|[Mm]ust|[Ss]hould|[Rr]equire)(?![a-z])/u.test(
      name
    ) ||
    (first?.type === "identifier" && first.text === "t")
  )
}

interface Loop {
  readonly pattern: SyntaxNode
  readonly iterable: SyntaxNode
  readonly body: SyntaxNode
}

export const loopOf = (node: SyntaxNode): Loop | undefined => {
  if (/^(for_statement|for_in_statement|for_expression)$/u.test(node.type)) {
    const range = node.children.find(({ type }) => type === "range_clause") ?? node
    const pattern = field(range, "left") ?? field(range, "pattern")
    const iterable = field(range, "right") ?? field(range, "value")
    const body = field(node, "body")
    return pattern === undefined || iterable === undefined || body === undefined
      ? undefined
      : { pattern, iterable, body }
  }
  // `rows.forEach((row) => …)`
  const called = node.type === "call_expression" ? field(node, "function") : undefined
  if (called === undefined || path(called).at(-1) !== "forEach") return undefined
  const iterable = field(called, "object")
  const [callback] = parts(field(node, "arguments"))
  const pattern = parts(field(callback, "parameters"))[0] ?? field(callback, "parameter")
  const body = field(callback, "body")
  const inner = pattern?.type === "required_parameter" ? field(pattern, "pattern") : pattern
  return iterable === undefined || inner === undefined || body === undefined
    ? undefined
    : { pattern: inner, iterable, body }
}

/** A body that does nothing at all. */
const isIdle = (body: SyntaxNode): boolean =>
  /^(block|statement_block)$/u.test(body.type) &&
  parts(body)
    .flatMap((one) => (one.type === "statement_list" ? parts(one) : [one]))
    .every(({ text }) =>
      /^(?:pass|return|return None|return true|return True|\.\.\.|;)?;?$|^["'][^"'\n]*["']$/u.test(text)
    )

/** A block that does nothing but say something: what is left of a check that no longer fails. */
const logs = (block: SyntaxNode): boolean => {
  const statements = parts(block).flatMap((one) => (one.type === "statement_list" ? parts(one) : [one]))
  return (
    statements.length > 0 &&
    statements.every(({ text }) =>
      /^(?:\w+\.(?:Logf?|log|warn|info|debug|error)|print(?:ln)?!?|fmt\.Print\w*)\(/u.test(text)
    )
  )
}

const isBlock = /^(block|statement_block|statement_list|expression_statement|module)$/u

/** A condition of two values, as the row of a table makes it, is true or false. */
const decided = (condition: string): string => {
  const [, one = "", operator, other = ""] =
    /^("(?:[^"\\]|\\.)*"|[\w.-]+)([!=]==?)("(?:[^"\\]|\\.)*"|[\w.-]+)$/su.exec(condition) ?? []
  if (operator === undefined || !isConstant(one) || !isConstant(other)) return condition
  return String((one === other) === operator.startsWith("="))
}

const isNever = (condition: string): boolean =>
  /^false$|(?:&&| and )false$|^false(?:&&| and )/u.test(condition)

/** What a failure may stand in and still be reached with the block. */
const isInside =
  /^(block|statement_list|expression_statement|statement_block|else_clause|raise_statement|if_statement|if_expression)$/u

/** Functions that a value is made with: callbacks. The outermost ones. */
const closures = (value: SyntaxNode): ReadonlyArray<SyntaxNode> =>
  isScope(value) ? [value] : value.children.flatMap(closures)

const isBranch = ({ type }: SyntaxNode): boolean => type === "if_statement" || type === "if_expression"

const isScope = ({ type }: SyntaxNode): boolean =>
  /^(function_expression|arrow_function|generator_function|func_literal|closure_expression|lambda)$/u.test(
    type
  )
