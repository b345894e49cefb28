/** Tables that a test of JavaScript or TypeScript takes from another file of the change: rows that moved are still rows. */
import { bind, type Value } from "./binding.ts"
import { path, Scope, show, unquoted } from "./expression.ts"
import { bare, childOf, field, nodes, parts, type SyntaxNode } from "./syntax.ts"

/** The tree of a file of the change, by how the test names it. */
export type Load = (specifier: string) => SyntaxNode | undefined

const tables = /^(array|object)$/u

interface Exports {
  readonly whole: Value | undefined
  readonly named: ReadonlyMap<string, Value>
}

/** Only what is a list or an object as it stands. */
const exportsOf = (root: SyntaxNode): Exports => {
  const scope = new Scope()
  let whole: Value | undefined
  const named = new Map<string, Value>()
  const valueOf = (node: SyntaxNode | undefined): Value | undefined => {
    const value = node === undefined ? undefined : bare(node)
    const known = value?.type === "identifier" ? scope.get(value.text)?.node : value
    return known !== undefined && tables.test(known.type) ? { node: known, scope } : undefined
  }
  for (const node of root.children) {
    const declared = node.type === "export_statement" ? field(node, "declaration") : node
    for (const one of parts(declared)) {
      const [name, value] =
        one.type === "variable_declarator" ? [field(one, "name"), field(one, "value")] : []
      if (name === undefined || value === undefined) continue
      bind(name, { node: bare(value), scope }, scope)
      const table = valueOf(value)
      if (table !== undefined && node.type === "export_statement") named.set(name.text, table)
    }
    if (node.type === "export_statement") whole = valueOf(field(node, "value")) ?? whole
    const assignment = childOf(node, "assignment_expression")
    const left = field(assignment, "left")?.text ?? ""
    const table = valueOf(field(assignment, "right"))
    const name = /^(?:module\.)?exports\.(\w+)$/u.exec(left)?.[1]
    if (left === "module.exports") whole = table
    else if (name !== undefined && table !== undefined) named.set(name, table)
  }
  return { whole, named }
}

/** Gives the names of a file's imports the tables that they stand for. */
export const bindImports = (root: SyntaxNode, file: Scope, load: Load): void => {
  for (const node of root.children) {
    const source = node.type === "import_statement" ? unquoted(field(node, "source")?.text ?? "") : ""
    const module = source.startsWith(".") ? load(source) : undefined
    if (module === undefined) continue
    const { named, whole } = exportsOf(module)
    const give = (local: string, table: Value | undefined) => {
      if (table !== undefined) file.set(local, { ...table, text: show(table.node, table.scope) })
    }
    for (const one of nodes(childOf(node, "import_clause") ?? node)) {
      if (one.type === "import_specifier") {
        const name = field(one, "name")?.text ?? ""
        give(field(one, "alias")?.text ?? name, name === "default" ? whole : named.get(name))
      }
    }
    const own = childOf(childOf(node, "import_clause"), "identifier")
    if (own !== undefined) give(own.text, whole)
  }
}

/** What `require("./rows")` gives; undefined where that is no table of the change. */
export const required = (value: SyntaxNode, load: Load): Value | undefined => {
  if (value.type !== "call_expression" || path(field(value, "function")).join() !== "require")
    return undefined
  const [name] = parts(field(value, "arguments"))
  const specifier = name?.type === "string" ? unquoted(name.text) : ""
  const module = specifier.startsWith(".") ? load(specifier) : undefined
  return module === undefined ? undefined : exportsOf(module).whole
}
