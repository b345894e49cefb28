/** A syntax tree as plain data: what a parser hands in, and how the rest of this folder looks at it. */

export type Grammar = "python" | "javascript" | "typescript" | "tsx" | "go" | "rust"

export interface SyntaxNode {
  /** As the tree-sitter grammar of the language names it. */
  readonly type: string
  /** The role in its parent, when the grammar gives one. */
  readonly field?: string | undefined
  readonly text: string
  /** From 1. */
  readonly line: number
  /** Where it begins in the text, in UTF-16 units from 0; absent in a node that no parser made. */
  readonly start?: number | undefined
  /** Punctuation and keywords included. */
  readonly children: ReadonlyArray<SyntaxNode>
}

/** The tree of a text, or undefined where it has no faultless one: a syntax error, too large, too deep, too slow. */
export type Parse = (grammar: Grammar, text: string) => SyntaxNode | undefined

const grammars: Readonly<Record<string, Grammar>> = {
  py: "python",
  js: "javascript",
  cjs: "javascript",
  mjs: "javascript",
  jsx: "javascript",
  ts: "typescript",
  cts: "typescript",
  mts: "typescript",
  tsx: "tsx",
  go: "go",
  rs: "rust"
}

/** Undefined for a language whose tests are not read. */
export const grammarOf = (path: string): Grammar | undefined => {
  const ending = /\.([a-z]+)$/u.exec(path)?.[1]
  return ending === undefined ? undefined : grammars[ending]
}

export const field = (node: SyntaxNode | undefined, name: string): SyntaxNode | undefined =>
  node?.children.find((child) => child.field === name)

export const fields = (node: SyntaxNode, name: string): ReadonlyArray<SyntaxNode> =>
  node.children.filter((child) => child.field === name)

/** Children that say something: no comments, and neither punctuation nor keywords. */
export const parts = (node: SyntaxNode | undefined): ReadonlyArray<SyntaxNode> =>
  (node?.children ?? []).filter(
    (child) => /^[a-z_]/u.test(child.type) && !isComment(child) && !isKeyword(child)
  )

const isKeyword = (node: SyntaxNode): boolean =>
  node.children.length === 0 &&
  node.type === node.text &&
  !["true", "false", "nil", "null", "undefined", "this", "self"].includes(node.type)

export const isComment = (node: SyntaxNode): boolean => node.type.endsWith("comment")

export const childOf = (
  node: SyntaxNode | undefined,
  ...types: ReadonlyArray<string>
): SyntaxNode | undefined => node?.children.find((child) => types.includes(child.type))

/** Every node below and the node itself, parents first. */
export function* nodes(root: SyntaxNode): Generator<SyntaxNode> {
  const toVisit = [root]
  for (let node = toVisit.pop(); node !== undefined; node = toVisit.pop()) {
    yield node
    for (let index = node.children.length - 1; index >= 0; index--) {
      const child = node.children[index]
      if (child !== undefined) toVisit.push(child)
    }
  }
}

/** `(x)` is `x`. */
export const bare = (node: SyntaxNode): SyntaxNode => {
  let inner = node
  while (["parenthesized_expression", "literal_element", "expression_list"].includes(inner.type)) {
    const [only, ...others] = parts(inner)
    if (only === undefined || others.length > 0) break
    inner = only
  }
  return inner
}

/**
 * The text as its grammar can read it, of the same length. What stands in a Rust macro is no syntax to the grammar, so the macros of
 * assertions become calls, and `vec!` a list. `export type * from` the grammar has not.
 */
export const prepared = (grammar: Grammar, text: string): string => {
  if (grammar === "rust")
    return text
      .replaceAll(/\b((?:debug_)?assert(?:_eq|_ne|_relative_eq|_abs_diff_eq|_ulps_eq)?)!(\s*\()/gu, "$1_$2")
      .replaceAll(/\bvec!\[/gu, "   &[")
  return grammar === "typescript" || grammar === "tsx"
    ? text.replaceAll(/^export type (?=\*\s)/gmu, "export      ")
    : text
}
