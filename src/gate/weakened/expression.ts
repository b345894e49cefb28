/**
 * Expressions as comparable text: the same whatever the quotes, the layout, the names of locals and the language's spelling of nothing.
 * A local stands for what it was given, so that a value that is named first, looped over or handed to a helper reads as if it stood there.
 */
import { formattedCall, interpolated } from "./formats.ts"
import { bare, field, isComment, parts, type SyntaxNode } from "./syntax.ts"

export interface Bound {
  readonly text: string
  /** What it was given, when a loop may want to look into it, and the names that were known there. */
  readonly node?: SyntaxNode | undefined
  readonly scope?: Scope | undefined
}

export class Scope {
  readonly #names = new Map<string, Bound>()
  readonly #parent: Scope | undefined

  constructor(parent?: Scope) {
    this.#parent = parent
  }

  get(name: string): Bound | undefined {
    return this.#names.get(name) ?? this.#parent?.get(name)
  }

  set(name: string, bound: Bound): void {
    if (name !== "_") this.#names.set(name, bound)
  }
}

/** Longer texts are cut, so that locals of locals cannot grow without bound. */
const longest = 2_000

const words: Readonly<Record<string, string>> = {
  None: "nil",
  null: "nil",
  undefined: "nil",
  True: "true",
  False: "false"
}

const strings = new Set([
  "string",
  "string_literal",
  "interpreted_string_literal",
  "raw_string_literal",
  "template_string",
  "concatenated_string"
])

export const show = (node: SyntaxNode, scope: Scope): string => cut(print(node, scope))

const cut = (text: string): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}…${text.length}`

const print = (node: SyntaxNode, scope: Scope): string => {
  if (isComment(node)) return ""
  const inner = bare(node)
  if (inner !== node) return print(inner, scope)
  if (strings.has(node.type)) return interpolated(node, (inner) => print(inner, scope)) ?? string(node)
  // Go: two names of one type.
  if (node.type === "interface_type" && node.children.length <= 3 && /^interface\s*\{\s*\}$/u.test(node.text))
    return "any"
  if (/^(identifier|shorthand_property_identifier|true|false|none|nil|null|undefined)$/u.test(node.type)) {
    return scope.get(node.text)?.text ?? words[node.text] ?? node.text
  }
  if (/^(integer|float|number|int_literal|float_literal|integer_literal)$/u.test(node.type)) {
    return number(node.text)
  }
  if (isMember(node)) return member(node, scope)
  if (/^(call|call_expression)$/u.test(node.type)) {
    const length = lengthOf(node, scope)
    if (length !== undefined) return length
    const format = formattedCall(node, (inner) => print(inner, scope))
    if (format !== undefined) return format
  }
  if (node.type === "await_expression" || node.type === "await") {
    const [awaited] = parts(node)
    if (awaited !== undefined) return print(awaited, scope)
  }
  if (/^(subscript|subscript_expression|index_expression)$/u.test(node.type)) {
    const row = entryOf(node, scope)
    if (row !== undefined) return row
  }
  if (node.type === "macro_invocation") {
    const format = formatted(node, scope)
    if (format !== undefined) return format
  }
  if (node.children.length === 0) return node.text.trim()
  if (node.type === "keyword_argument" || node.type === "pair" || node.type === "keyed_element") {
    return pair(node, scope)
  }
  const handed = node.type === "arguments" ? withoutAbsent(node, scope) : undefined
  if (handed !== undefined) return handed
  return join(
    node.children
      .filter((child, index) => !isTrailingComma(node, index) && !isComment(child) && child.type !== ";")
      .map((child) => print(child, scope))
  )
}

/** JavaScript: `f(x, options)` is `f(x)` where a row gives no options. Undefined where nothing is absent. */
const withoutAbsent = (node: SyntaxNode, scope: Scope): string | undefined => {
  const given = parts(node)
  const isAbsent = (one: SyntaxNode | undefined) =>
    one?.type === "identifier" && scope.get(one.text)?.text === ""
  if (!isAbsent(given.at(-1))) return undefined
  const last = given.findLastIndex((one) => !isAbsent(one))
  return `(${given
    .slice(0, last + 1)
    .map((one) => print(one, scope))
    .join(",")})`
}

/** What a table that stands in the test has under a key: `wanted[name]`. */
const entryOf = (node: SyntaxNode, scope: Scope): string | undefined => {
  const [table, index] = parts(node)
  const known = table?.type === "identifier" ? scope.get(table.text) : undefined
  if (index === undefined || known?.node === undefined || known.scope === undefined) return undefined
  const body = known.node.type === "composite_literal" ? field(known.node, "body") : known.node
  if (body === undefined || !/^(object|dictionary|literal_value)$/u.test(body.type)) return undefined
  const rows = parts(body)
  const key = print(index, scope)
  if (rows.length > 1_000 || !isConstant(key)) return undefined
  const inTable = known.scope
  const row = rows.find((one) => {
    const [name] = parts(one)
    if (name === undefined) return false
    const said = name.type === "property_identifier" ? JSON.stringify(name.text) : print(name, inTable)
    return said === key
  })
  const value = row === undefined ? undefined : parts(row)[1]
  return value === undefined ? undefined : print(value, inTable)
}

/** Rust: `format!("{x:?}")` is `format!("{:?}", x)`. */
const formatted = (node: SyntaxNode, scope: Scope): string | undefined => {
  const [, template, ...rest] = node.children.find(({ type }) => type === "token_tree")?.children ?? []
  if (field(node, "macro")?.text !== "format" || template?.type !== "string_literal") return undefined
  const stated: Array<Array<string>> = []
  for (const child of rest.slice(0, -1)) {
    if (child.type === ",") stated.push([])
    else stated.at(-1)?.push(print(child, scope))
  }
  let next = 0
  const given: Array<string> = []
  const text = unquoted(template.text).replaceAll(
    /\{([a-z_]\w*)?(:[^{}]*)?\}/gu,
    (_, name: string | undefined, how = "") => {
      given.push(name === undefined ? join(stated[next++] ?? []) : (scope.get(name)?.text ?? name))
      return `{${how}}`
    }
  )
  const unused = stated.slice(next).map(join)
  return `format!(${[JSON.stringify(text), ...given, ...unused].join(",")})`
}

const isTrailingComma = (node: SyntaxNode, index: number): boolean =>
  node.children[index]?.type === "," &&
  /^[\])}]$/u.test(node.children.slice(index + 1).find((child) => !isComment(child))?.type ?? "") &&
  // `(1,)` is no `(1)`.
  !(node.type === "tuple" && node.children.length === 4)

const join = (texts: ReadonlyArray<string>): string => {
  let all = ""
  for (const text of texts) {
    if (all.length > longest) break
    all += /\w$/u.test(all) && /^\w/u.test(text) ? ` ${text}` : text
  }
  return all
}

const string = (node: SyntaxNode): string => {
  if (node.type === "concatenated_string") {
    return JSON.stringify(
      parts(node)
        .map((part) => unquoted(part.text))
        .join("")
    )
  }
  const prefix = /^[A-Za-z#]*/u.exec(node.text)?.[0] ?? ""
  const isComputed = node.children.some((child) => /interpolation|substitution/u.test(child.type))
  return `${isComputed ? "f" : prefix.replaceAll(/[rRuU#]/gu, "")}${JSON.stringify(unquoted(node.text))}`
}

/** The text between the quotes, with the escapes that quotes need taken away. */
export const unquoted = (text: string): string =>
  text
    .replace(/^[A-Za-z]*#*("""|'''|"|'|`)/u, "")
    .replace(/("""|'''|"|'|`)#*$/u, "")
    .replaceAll(/\\(["'`])/gu, "$1")

const number = (text: string): string => {
  const value = Number(text.replaceAll("_", "").replace(/(?:[iu](?:8|16|32|64|128|size)|f32|f64|n)$/u, ""))
  return Number.isNaN(value) ? text : String(value)
}

export const isMember = (node: SyntaxNode): boolean =>
  /^(attribute|member_expression|selector_expression|field_expression)$/u.test(node.type) &&
  object(node) !== undefined

/** What a member is of, in the words of each grammar. */
const object = (node: SyntaxNode): SyntaxNode | undefined =>
  field(node, "object") ?? field(node, "operand") ?? field(node, "value")

const property = (node: SyntaxNode): string =>
  (field(node, "attribute") ?? field(node, "property") ?? field(node, "field"))?.text ?? ""

const member = (node: SyntaxNode, scope: Scope): string => {
  const owner = object(node)
  if (owner === undefined) return node.text
  const row = scope.get(`${owner.text}.${property(node)}`)
  if (row !== undefined) return row.text
  const text = print(owner, scope)
  return property(node) === "length" ? `len(${text})` : `${text}.${property(node)}`
}

const lengthOf = (node: SyntaxNode, scope: Scope): string | undefined => {
  const called = field(node, "function")
  const given = parts(field(node, "arguments"))
  if (called === undefined || !isMember(called) || given.length > 0) return undefined
  const owner = object(called)
  return property(called) === "len" && owner !== undefined ? `len(${print(owner, scope)})` : undefined
}

const pair = (node: SyntaxNode, scope: Scope): string => {
  const [key, value] = parts(node)
  if (key === undefined || value === undefined) return node.text
  const name = bare(key)
  const isName = name.type.endsWith("identifier")
  const quoted = strings.has(name.type) ? unquoted(name.text) : undefined
  const left = isName
    ? name.text
    : quoted !== undefined && /^[A-Za-z_]\w*$/u.test(quoted) && node.type === "pair"
      ? quoted
      : print(key, scope)
  return `${left}:${print(value, scope)}`
}

/** `a.b.c(…)`: the words from left to right, without what the calls in between are given. */
export const path = (node: SyntaxNode | undefined): ReadonlyArray<string> => {
  if (node === undefined) return []
  if (/^(call|call_expression)$/u.test(node.type)) return path(field(node, "function"))
  if (isMember(node)) return [...path(object(node)), property(node)]
  if (node.type === "scoped_identifier" || node.type === "generic_function") return node.text.split("::")
  return [node.text]
}

/** The innermost call of a chain: `expect(x)` of `expect(x).not.toBe(1)`. */
export const innermostCall = (node: SyntaxNode | undefined): SyntaxNode | undefined => {
  if (node === undefined) return undefined
  if (isMember(node)) return innermostCall(object(node))
  if (/^(call|call_expression)$/u.test(node.type)) return innermostCall(field(node, "function")) ?? node
  return undefined
}

/** What a method is called on. */
export const receiver = (call: SyntaxNode): SyntaxNode | undefined => {
  const called = field(call, "function")
  return called !== undefined && isMember(called) ? object(called) : undefined
}

/** Whether the text names a value by itself: literals, and constructors of literals, without a call or a sum. */
export const isConstant = (text: string): boolean => {
  // From left to right: `"f","a"` has no text that is computed.
  const rest = text.replaceAll(/(?:(?<!\w)f)?"(?:[^"\\]|\\.)*"/gu, (found) =>
    found.startsWith("f") ? "f()" : "0"
  )
  return (
    !/\w!?\(/u.test(rest) &&
    !/[+*/%<>|…]/u.test(rest) &&
    /(?<!\w)\d|\b(?:true|false|nil)\b|^\[\]$|^\{\}$|^\(\)$/u.test(rest)
  )
}

const wildcards = /\bexpect\.(?:not\.)?[a-z]\w*\(|(?<![\w.]|::)(?:(?:unittest\.)?mock\.)?ANY\b/gu

/** How often the text lets pass whatever stands there: `expect.any(Number)`, `mock.ANY`. */
export const wildcardsIn = (text: string): number => text.match(wildcards)?.length ?? 0

/** A constant, or what constructors and conversions make of constants: `Some(3)`, `Money("1.0")`, `"x".to_string()`. */
export const isValue = (text: string): boolean =>
  !/\)\.\d/u.test(text) &&
  isConstant(
    text
      .replaceAll(wildcards, "(")
      .replaceAll(/\.(?:to_string|to_owned|to_vec|into|clone)\(\)/gu, "")
      .replaceAll(/\b(?:\w+(?:::|\.))?[A-Z]\w*\(/gu, "(")
  )

/** A value by its name, as far as spelling tells: `Status.PAID`, `Err(Parse::Empty)`, `http.StatusOK`. */
export const isNamed = (text: string): boolean => {
  const rest = text.replaceAll(/"(?:[^"\\]|\\.)*"/gu, "0").replaceAll(/\b[A-Z]\w*\(/gu, "(")
  return !/\w\(/u.test(rest) && !/[+*/%<>|…]/u.test(rest) && /(?<!\w)[A-Z]\w*(?![\w.(]|::)/u.test(rest)
}

/** How much of the text is a value by itself, for telling what is expected from what is asked. */
export const constancy = (text: string): number => {
  if (isConstant(text)) return 5
  // In Go a function has a capital, too: of `Load("a")` and `ErrEmpty` the second is expected.
  if (/^[A-Z]\w*[a-z]\w*$/u.test(text)) return 4
  if (isValue(text) || wildcardsIn(text) > 0) return 3
  if (isNamed(text) && /^(?:(?:Ok|Err|Some)\(|[A-Z][\w.:]*$)/u.test(text)) return 2
  return /\w\(/u.test(text) ? 0 : 1
}
