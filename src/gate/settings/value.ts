/** Settings as plain data, from whatever format a tool reads: INI, TOML, JSON with comments, YAML, an object in JavaScript. */
import { parse as parseToml } from "smol-toml"
import { parseDocument } from "yaml"

import { field, nodes, type Parse, parts, type SyntaxNode, grammarOf } from "../weakened/syntax.ts"

/** What is not written as a literal (a call, a variable, a regular expression) is its text. */
export type Value =
  | string
  | number
  | boolean
  | null
  | ReadonlyArray<Value>
  | { readonly [key: string]: Value }

export type Table = { readonly [key: string]: Value }

export const isTable = (value: Value | undefined): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The value under these keys, one table inside the other. */
export const at = (value: Value | undefined, ...keys: ReadonlyArray<string>): Value | undefined =>
  keys.reduce<Value | undefined>(
    (inner, key) => (isTable(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    value
  )

/** A list of texts, however the tool lets it be written: a list, or words divided by blanks, line feeds or commas. */
export const listOf = (value: Value | undefined): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap((item: Value) => (typeof item === "string" ? [item] : []))
  return typeof value === "string" ? value.split(/[\s,]+/u).filter((word) => word !== "") : []
}

/** All values below, each with its keys. Items of a list have the key of the list. */
export const leaves = (
  value: Value,
  path: ReadonlyArray<string> = []
): ReadonlyArray<readonly [ReadonlyArray<string>, Value]> => {
  if (isTable(value)) return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
  if (Array.isArray(value) && value.some(isTable)) return value.flatMap((item: Value) => leaves(item, path))
  return [[path, value]]
}

/** JSON has no undefined, no dates and no functions; what else a parser yields becomes its text. */
const plain = (value: unknown): Value => {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === "object" && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
  }
  return String(value)
}

const attempt = (read: () => unknown): Value | undefined => {
  try {
    return plain(read())
  } catch {
    return undefined
  }
}

/** As Python's configparser reads it: a value goes on in the lines that are indented more than its key. */
const parseIni = (text: string): Value => {
  const sections: { [name: string]: { [key: string]: string } } = {}
  let section = (sections[""] = {}) as { [key: string]: string }
  let last: string | undefined
  for (const line of text.split(/\r?\n/u)) {
    const header = /^\s*\[([^\]]+)\]\s*$/u.exec(line)?.[1]
    const pair = /^([^\s=:#;[][^=:]*?)\s*[=:]\s*(.*)$/u.exec(line)
    if (header !== undefined) {
      section = sections[header] ??= {}
      last = undefined
    } else if (/^\s*[#;]/u.test(line) || line.trim() === "") continue
    else if (/^\s/u.test(line) && last !== undefined) section[last] = `${section[last] ?? ""}\n${line.trim()}`
    else if (pair?.[1] !== undefined) {
      last = pair[1].replace(/\[\]$/u, "")
      section[last] = (pair[2] ?? "").replace(/\s[#;].*$/u, "").trim()
    }
  }
  return sections
}

/** Comments and commas before a closing bracket taken away, strings left alone. */
const withoutComments = (text: string): string =>
  text
    .replaceAll(/"(?:\\.|[^"\\\n])*"?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/gu, (found) =>
      found.startsWith('"') ? found : ""
    )
    .replaceAll(/"(?:\\.|[^"\\\n])*"?|,(?=\s*[}\]])/gu, (found) => (found === "," ? "" : found))

const unquoted = (text: string): string => text.replace(/^(['"`])([\s\S]*)\1$/u, "$2")

/** An expression of JavaScript, as far as it is written out. A call with one object (`defineConfig({…})`) is that object. */
const ofScript = (node: SyntaxNode): Value => {
  const inner = parts(node)
  switch (node.type) {
    case "string":
      return unquoted(node.text)
    case "number":
      return Number(node.text.replaceAll("_", ""))
    case "true":
      return true
    case "false":
      return false
    case "null":
      return null
    case "array":
      return inner.map(ofScript)
    case "object":
      return Object.fromEntries(
        inner.flatMap((each): ReadonlyArray<readonly [string, Value]> => {
          const [key, value] = [field(each, "key"), field(each, "value")]
          return key !== undefined && value !== undefined
            ? [[unquoted(key.text), ofScript(value)]]
            : [[each.text, each.text]]
        })
      )
    case "parenthesized_expression":
    case "satisfies_expression":
    case "as_expression":
    case "arguments":
      return inner[0] === undefined ? node.text : ofScript(inner[0])
    case "call_expression": {
      const given = field(node, "arguments")
      return given === undefined || parts(given).length === 0 ? node.text : ofScript(given)
    }
    case "arrow_function": {
      const body = field(node, "body")
      return body === undefined ? node.text : ofScript(body)
    }
    case "statement_block": {
      const returned = inner.find(({ type }) => type === "return_statement")
      return returned === undefined ? node.text : ofScript(parts(returned)[0] ?? returned)
    }
    default:
      return node.text
  }
}

/** What a configuration in JavaScript or TypeScript exports; a variable is looked up at the top of the file. */
const exported = (root: SyntaxNode): Value | undefined => {
  const named = new Map<string, SyntaxNode>()
  for (const node of nodes(root)) {
    const [name, value] = [field(node, "name"), field(node, "value")]
    if (node.type === "variable_declarator" && name !== undefined && value !== undefined)
      named.set(name.text, value)
  }
  const follow = (node: SyntaxNode): Value => {
    const known = node.type === "identifier" ? named.get(node.text) : undefined
    return ofScript(known ?? node)
  }
  for (const statement of root.children) {
    if (statement.type === "export_statement") {
      const value = field(statement, "value")
      if (value !== undefined) return follow(value)
    }
    const [assigned] = parts(statement)
    if (assigned?.type === "assignment_expression" && field(assigned, "left")?.text === "module.exports") {
      const right = field(assigned, "right")
      if (right !== undefined) return follow(right)
    }
  }
  return undefined
}

/** Longer texts are data. */
const maxCharacters = 300_000

/** Undefined where there is no text, or the format does not parse. */
export const readSettings = (path: string, text: string | undefined, parse: Parse): Value | undefined => {
  if (text === undefined || text.length > maxCharacters) return undefined
  if (/\.toml$|(^|\/)\.cargo\/config$/u.test(path)) return attempt(() => parseToml(text))
  if (/\.(?:ini|cfg)$|(^|\/)\.(?:npmrc|coveragerc|flake8|pylintrc)$/u.test(path)) return parseIni(text)
  const grammar = grammarOf(path)
  if (grammar !== undefined) {
    const root = parse(grammar, text)
    return root === undefined ? undefined : exported(root)
  }
  if (/\.ya?ml$/u.test(path)) return attempt(() => parseDocument(text).toJS({ maxAliasCount: 100 }))
  return (
    attempt(() => JSON.parse(withoutComments(text))) ??
    attempt(() => parseDocument(text).toJS({ maxAliasCount: 100 }))
  )
}
