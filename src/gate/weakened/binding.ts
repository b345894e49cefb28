/** Names and what they are given: assignments, the rows of a table, the arguments of a helper. */
import { type Bound, path, receiver, Scope, show, unquoted } from "./expression.ts"
import { bare, childOf, field, fields, nodes, parts, type SyntaxNode } from "./syntax.ts"

/** More rows than this are read as one. */
const maxRows = 1_000

/** A value, and the names that were known where it stands. */
export interface Value {
  readonly node: SyntaxNode
  readonly scope: Scope
}

const bound = ({ node, scope }: Value): Bound => ({ text: show(node, scope), node, scope })

const names = /^(identifier|shorthand_property_identifier_pattern)$/u
const lists =
  /^(list|tuple|set|array|array_expression|tuple_expression|pattern_list|tuple_pattern|list_pattern|array_pattern|expression_list)$/u

/** What is made with a function of its own has a name only: each change of that function would change every claim about it. */
const functions = /=>|\bfunction\b|\bfunc\(|\blambda\b|\|[\w, ]*\| /u
const strings = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/gu
const hasFunction = (text: string): boolean =>
  functions.test(text) && functions.test(text.replaceAll(strings, ""))

export const bind = (target: SyntaxNode, value: Value, into: Scope): void => {
  const pattern = bare(target)
  if (/\bidentifier$|pattern/u.test(pattern.type) && hasFunction(value.node.text)) {
    for (const { text, type } of nodes(pattern)) if (names.test(type)) into.set(text, { text })
    // The rows of a table may still be told apart, those without a function.
    if (pattern.type === "identifier" && lists.test(value.node.type))
      into.set(pattern.text, { text: pattern.text, ...value })
    return
  }
  const given = resolve(value)
  if (names.test(pattern.type)) {
    into.set(pattern.text, bound(value))
    for (const [name, member] of members(given)) into.set(`${pattern.text}.${name}`, bound(member))
    return
  }
  if (
    /^(mut_pattern|ref_pattern|reference_pattern|parameter|assignment_pattern|typed_parameter)$/u.test(
      pattern.type
    )
  ) {
    const inner = field(pattern, "pattern") ?? parts(pattern).find(({ type }) => type !== "mutable_specifier")
    if (inner !== undefined) bind(inner, value, into)
    return
  }
  if (lists.test(pattern.type)) {
    const items = lists.test(given.node.type) ? parts(given.node) : undefined
    for (const [index, part] of parts(pattern).entries()) {
      const item = items?.[index]
      if (item !== undefined) bind(part, { node: item, scope: given.scope }, into)
      // JavaScript: a row that is shorter gives nothing.
      else if (items !== undefined && pattern.type === "array_pattern" && names.test(part.type))
        into.set(part.text, { text: "" })
      else if (names.test(part.type))
        into.set(part.text, { text: `${show(value.node, value.scope)}.${index}` })
    }
    return
  }
  if (pattern.type !== "object_pattern") return
  const known = new Map(members(given))
  for (const part of parts(pattern)) {
    const name = field(part, "key")?.text ?? part.text
    const local = field(part, "value") ?? part
    const member = known.get(name)
    if (member !== undefined) bind(local, member, into)
    else into.set(local.text, { text: `${show(value.node, value.scope)}.${name}` })
  }
}

/** A name's own value, as far as it can be followed. */
const resolve = (value: Value): Value => {
  let { node, scope } = value
  for (let steps = 0; steps < 8; steps++) {
    node = bare(node)
    if (/^(reference_expression|as_expression|satisfies_expression)$/u.test(node.type)) {
      node = field(node, "value") ?? parts(node)[0] ?? node
      continue
    }
    const known = node.type === "identifier" ? scope.get(node.text) : undefined
    if (known?.node === undefined || known.scope === undefined) break
    ;({ node, scope } = { node: known.node, scope: known.scope })
  }
  return { node, scope }
}

/** The named members of an object, a dictionary or a struct. */
const members = ({ node, scope }: Value): ReadonlyArray<readonly [string, Value]> => {
  const body = node.type === "composite_literal" ? field(node, "body") : node
  if (body === undefined || !/^(object|dictionary|literal_value|struct_expression)$/u.test(body.type))
    return []
  return parts(body.type === "struct_expression" ? field(body, "body") : body).flatMap((pair) => {
    const [key, value] = parts(pair)
    if (!/^(pair|keyed_element|field_initializer)$/u.test(pair.type)) {
      return pair.type === "shorthand_property_identifier"
        ? [[pair.text, { node: pair, scope }] as const]
        : []
    }
    return key === undefined || value === undefined
      ? []
      : [[unquoted(key.text), { node: bare(value), scope }] as const]
  })
}

/** What a loop goes through, value by value; undefined where that cannot be read. */
export const elements = (iterable: SyntaxNode, scope: Scope): ReadonlyArray<Value> | undefined => {
  const { node, scope: known } = resolve({ node: iterable, scope })
  const call = /^call(_expression)?$/u.test(node.type) ? path(field(node, "function")).at(-1) : undefined
  if (call !== undefined) {
    if (!/^(iter|into_iter|items|entries|values|keys|sorted|list|enumerate)$/u.test(call)) return undefined
    const inner = parts(field(node, "arguments"))[0] ?? receiver(node)
    const items = inner === undefined ? undefined : elements(inner, known)
    const part = call === "keys" ? 0 : call === "values" ? 1 : undefined
    if (part === undefined) return items
    return items?.map((item) => {
      const of = pairTypes.test(item.node.type) ? parts(item.node)[part] : undefined
      return of === undefined ? item : { ...item, node: bare(of) }
    })
  }
  if (!/^(list|tuple|set|array|array_expression|dictionary|object|composite_literal)$/u.test(node.type))
    return undefined
  const items = parts(node.type === "composite_literal" ? field(node, "body") : node)
  return items.length > maxRows ? undefined : items.map((item) => ({ node: bare(item), scope: known }))
}

const pairTypes = /^(pair|keyed_element)$/u

/** Binds the names of a loop to one of its rows. */
export const bindRow = (pattern: SyntaxNode, iterable: SyntaxNode, row: Value, scope: Scope): Scope => {
  const into = new Scope(scope)
  const targets = lists.test(pattern.type) ? parts(pattern) : [pattern]
  const structure = structOf(resolve({ node: iterable, scope }))
  const [first, second] = targets
  if (pairTypes.test(row.node.type)) {
    const [key, value] = parts(row.node)
    if (key !== undefined && first !== undefined) bind(first, { node: bare(key), scope: row.scope }, into)
    if (value !== undefined && second !== undefined)
      bindStruct(second, { ...row, node: bare(value) }, structure, into)
  } else if (isCounted(iterable) && second !== undefined) {
    if (first?.type === "identifier") into.set(first.text, { text: first.text })
    bind(second, row, into)
  } else if (pattern.type === "expression_list") {
    // Go: the index comes first.
    if (second !== undefined) bindStruct(second, row, structure, into)
  } else {
    bind(pattern, row, into)
  }
  return into
}

const isCounted = (iterable: SyntaxNode): boolean =>
  /^(enumerate|entries)$/u.test(path(field(bare(iterable), "function")).at(-1) ?? "")

const bindStruct = (target: SyntaxNode, row: Value, struct: ReadonlyArray<string>, into: Scope): void => {
  bind(target, row, into)
  const body = row.node.type === "composite_literal" ? field(row.node, "body") : row.node
  if (body?.type !== "literal_value" || parts(body).some(({ type }) => type === "keyed_element")) return
  for (const [index, item] of parts(body).entries()) {
    const name = struct[index]
    if (name !== undefined) into.set(`${target.text}.${name}`, bound({ node: bare(item), scope: row.scope }))
  }
}

/** Names of the fields of a table's rows, in Go, in order. */
const structOf = ({ node, scope }: Value): ReadonlyArray<string> => {
  const type = node.type === "composite_literal" ? field(node, "type") : undefined
  if (type === undefined) return []
  const named = (field(type, "element") ?? field(type, "value") ?? type).text.replace(/^\*/u, "")
  const struct =
    scope.get(`type ${named}`)?.node ?? [...nodes(type)].find((part) => part.type === "struct_type")
  return parts(childOf(struct, "field_declaration_list")).flatMap((declared) =>
    fields(declared, "name").map(({ text }) => text)
  )
}
