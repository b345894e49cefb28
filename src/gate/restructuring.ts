/**
 * Whether a change of the product only puts it together otherwise: no operator, literal, call or branch is there that was not, and none is
 * gone but what loops and accumulators need. Names, layout, types and imports do not count.
 */
import type { ChangedFile } from "./change.ts"
import { field, grammarOf, isComment, type Parse, type SyntaxNode } from "./weakened/syntax.ts"

/** Each as often as it occurs. */
interface Operations {
  readonly counts: ReadonlyMap<string, number>
  readonly defined: ReadonlySet<string>
  readonly definitions: number
  readonly words: ReadonlySet<string>
}

const notOperations =
  /^(?:import\w*|use_declaration|package_clause|type_annotation|interface_declaration|type_alias_declaration|export_clause|attribute_item|type_arguments|type_parameters)$/u
const operator =
  /^(?:[-+*/%&|^~<>!]|[-+*/%&|^<>=!?]=+|\*\*=?|\/\/=?|<<=?|>>=?|&&|\|\||\?\?=?|\+\+|--|!==|===|\?)$/u
const branch =
  /^(?:if|elif|while|case|switch|match|try|except|catch|raise|throw|await|not|and|or|is|break|continue|yield|finally|defer|go|select|fallthrough|panic|delete|typeof|instanceof)$/u
const literal =
  /^(?:string_fragment|string_content|escape_sequence|number|integer|float|\w*_literal|\w*_literal_content|regex_pattern|true|false|none|null|nil|undefined)$/u
const calls = /^(?:call|call_expression|new_expression|macro_invocation)$/u
const definitionTypes =
  /^(?:function_definition|function_declaration|generator_function_declaration|method_definition|method_declaration|function_item|variable_declarator|class_definition|class_declaration|lexical_binding)$/u

/** They walk over what a loop walked over. */
const walking =
  /^(?:sum|map|filter|any|all|len|sorted|reduce|range|enumerate|zip|min|max|list|tuple|set|dict|some|every|forEach|entries|keys|values|iter|collect|fold|flatMap|flat|flat_map|filter_map|cloned|copied|next|join)$/u
/** What a loop or an accumulator had, and what takes its place has not. */
const ofLoops =
  /^(?:operator (?:\+=|-=|\+\+|--|<|\+)|literal (?:0|1)|branch (?:break|continue)|call (?:append|push|extend|add|insert))$/u

const lastWord = (text: string): string => /([A-Za-z_$][\w$]*)\W*$/u.exec(text)?.[1] ?? text

const operationsOf = (roots: ReadonlyArray<SyntaxNode>): Operations => {
  const counts = new Map<string, number>()
  const defined = new Set<string>()
  const words = new Set<string>()
  let definitions = 0
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)
  const visit = (node: SyntaxNode): void => {
    if (isComment(node) || notOperations.test(node.type)) return
    const [only, ...others] = node.children
    // A docstring.
    if (node.type === "expression_statement" && only?.type === "string" && others.length === 0) return
    if (definitionTypes.test(node.type)) {
      const name = field(node, "name")?.text
      if (name !== undefined) defined.add(name)
      if (node.type !== "variable_declarator" || /=>|function/u.test(node.text)) definitions += 1
    }
    if (calls.test(node.type))
      count(
        `call ${lastWord((field(node, "function") ?? field(node, "constructor") ?? field(node, "macro"))?.text ?? "")}`
      )
    if (node.children.length === 0) {
      if (literal.test(node.type)) count(`literal ${node.text}`)
      else if (node.type === node.text && operator.test(node.text)) count(`operator ${node.text}`)
      else if (node.type === node.text && branch.test(node.text)) count(`branch ${node.text}`)
      else words.add(node.text)
    }
    for (const child of node.children) visit(child)
  }
  for (const root of roots) visit(root)
  return { counts, defined, definitions, words }
}

/** False where a file is no code, or does not parse. */
export const isRestructuring = (files: ReadonlyArray<ChangedFile>, parse: Parse): boolean => {
  const sides: { readonly before: Array<SyntaxNode>; readonly after: Array<SyntaxNode> } = {
    before: [],
    after: []
  }
  for (const { after, before, oldPath, path } of files) {
    for (const [side, at, text] of [
      ["before", oldPath ?? path, before],
      ["after", path, after]
    ] as const) {
      if (text === undefined) continue
      const grammar = grammarOf(at)
      const root = grammar === undefined ? undefined : parse(grammar, text)
      if (root === undefined) return false
      sides[side].push(root)
    }
  }
  const [was, is] = [operationsOf(sides.before), operationsOf(sides.after)]
  // What is only added, and not called by the product, takes no other's place.
  const isCalled = [...is.defined].some((name) => !was.defined.has(name) && is.counts.has(`call ${name}`))
  const isOnlyMore = files.every(({ removedLines }) => removedLines.length === 0) && !isCalled
  if (was.counts.size === 0 || isOnlyMore) return false
  const isWalking = (what: string) => what.startsWith("call ") && walking.test(what.slice(5))
  const isOwnCall = (what: string, { defined }: Operations) =>
    what.startsWith("call ") && defined.has(what.slice(5))
  const walks = [...is.counts].some(([what, count]) => isWalking(what) && count > (was.counts.get(what) ?? 0))
  const isNothingNew = [...is.counts].every(
    ([what, count]) => count <= (was.counts.get(what) ?? 0) || isWalking(what) || isOwnCall(what, is)
  )
  const mayShrink = walks || is.definitions > was.definitions
  const isNothingLost = [...was.counts].every(([what, count]) => {
    const now = is.counts.get(what) ?? 0
    if (now >= count || isOwnCall(what, was)) return true
    return now > 0 ? mayShrink : (walks && ofLoops.test(what)) || isWalking(what)
  })
  return isNothingNew && isNothingLost
}
