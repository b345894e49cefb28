/** What a change does to the code that tests exercise: which names went, which changed, and what can be reached from them. */
import type { Change } from "../change.ts"
import { isTestPath } from "../files.ts"
import { field, grammarOf, isComment, nodes, type Parse, parts, type SyntaxNode } from "./syntax.ts"

export interface Production {
  /** Whether anything but tests and prose changed in substance. */
  readonly isChanged: boolean
  /** Something changed that no name can be given to: a file that is not code, a statement at the top of a file. */
  readonly isVague: boolean
  /** Something that tests read changed: fixtures, recorded data. */
  readonly isSupportChanged: boolean
  /** Defined in the base, and in no changed file of the commit, under another name either. */
  readonly removed: ReadonlySet<string>
  readonly changed: ReadonlySet<string>
  /** Defined in both, and not taking or giving the same. */
  readonly reshaped: ReadonlySet<string>
  /** Words of each definition in the changed files of the commit. */
  readonly uses: ReadonlyMap<string, ReadonlySet<string>>
}

const prose =
  /\.(md|rst|txt|adoc)$|(^|\/)(LICENSE|NOTICE|AUTHORS|CHANGELOG[^/]*|CODEOWNERS|\.gitignore|\.editorconfig)$|^docs\//iu
const support = /(^|\/)(tests?|__tests__|spec|testdata|fixtures?|__snapshots__|__mocks__|snapshots)\//u

const definitionTypes =
  /^(function_definition|function_declaration|generator_function_declaration|method_definition|method_declaration|function_item|function_signature_item|class_definition|class_declaration|abstract_class_declaration|interface_declaration|type_alias_declaration|enum_declaration|type_spec|const_spec|var_spec|field_declaration|struct_item|enum_item|enum_variant|trait_item|const_item|static_item|macro_definition|public_field_definition|property_signature|variable_declarator|assignment|pair)$/u

/** What gives a value a name: inside a function, nobody else's. */
const values = /^(variable_declarator|assignment|pair|var_spec|const_spec)$/u
const functions =
  /^(function_definition|function_declaration|generator_function_declaration|generator_function|function_expression|arrow_function|method_definition|method_declaration|function_item|func_literal|closure_expression|lambda)$/u

interface Definition {
  readonly name: string
  /** A value inside a function, which no test can exercise. */
  readonly isLocal: boolean
  readonly text: string
  readonly header: string
  readonly words: ReadonlySet<string>
}

/** The text without layout and comments. */
const tokens = (root: SyntaxNode): ReadonlyArray<string> =>
  [...nodes(root)].flatMap((node) =>
    node.children.length === 0 && !isComment(node) && node.text !== "" ? [node.text] : []
  )

/** Rust keeps its unit tests in the file that they test. */
const isTestModule = (node: SyntaxNode): boolean =>
  node.type === "mod_item" && /^tests?$/u.test(field(node, "name")?.text ?? "")

const withoutTests = (root: SyntaxNode): SyntaxNode => ({
  ...root,
  children: root.children.filter((node) => !isTestModule(node))
})

const definitions = (root: SyntaxNode): ReadonlyArray<Definition> => {
  const found: Array<Definition> = []
  const visit = (node: SyntaxNode, isInFunction: boolean): void => {
    found.push(...definition(node, isInFunction && values.test(node.type)))
    for (const child of node.children) visit(child, isInFunction || functions.test(node.type))
  }
  visit(root, false)
  return found
}

const definition = (node: SyntaxNode, isLocal: boolean): ReadonlyArray<Definition> => {
  if (!definitionTypes.test(node.type)) return []
  const name = field(node, "name") ?? field(node, "left") ?? field(node, "key")
  if (name === undefined || !/^["'\w$]+$/u.test(name.text)) return []
  const body = field(node, "body")
  const all = tokens(node)
  return [
    {
      name: name.text.replaceAll(/["']/gu, ""),
      isLocal,
      text: all.join(" ").replaceAll(name.text, "·"),
      header:
        body === undefined
          ? ""
          : tokens({ ...node, children: node.children.filter((child) => child !== body) }).join(" "),
      words: new Set(all.filter((word) => /^[A-Za-z_]\w*$/u.test(word) && word !== name.text))
    }
  ]
}

/** What runs as the file is loaded. */
const loose = (root: SyntaxNode): string =>
  parts(root)
    .filter(
      ({ type }) =>
        !/import|use_declaration|package_clause|^decorated_definition$|^export_statement$/u.test(type) &&
        !definitionTypes.test(type)
    )
    .flatMap((node) =>
      /^(impl_item|mod_item|type_declaration|const_declaration|var_declaration|lexical_declaration|attribute_item)$/u.test(
        node.type
      )
        ? []
        : tokens(node)
    )
    .join(" ")

export const productionOf = (change: Change, parse: Parse): Production => {
  const before: Array<Definition> = []
  const after: Array<Definition> = []
  let [isChanged, isVague, isSupportChanged] = [false, false, false]
  for (const file of change.files) {
    if (isTestCode(file.path)) continue
    if (support.test(file.path) || file.path.endsWith("conftest.py")) {
      isSupportChanged = true
      continue
    }
    if (prose.test(file.path)) continue
    const oldPath = file.oldPath ?? file.path
    const base = isTestCode(oldPath) ? undefined : tree(oldPath, file.before, parse)
    const head = tree(file.path, file.after, parse)
    if (base === undefined && head === undefined) {
      isChanged = true
      isVague = true
      continue
    }
    if (base !== undefined && head !== undefined && tokens(base).join(" ") === tokens(head).join(" "))
      continue
    isChanged = true
    if (base !== undefined && head !== undefined && loose(base) !== loose(head)) isVague = true
    if (base !== undefined) before.push(...definitions(base))
    if (head !== undefined) after.push(...definitions(head))
  }
  return { isChanged, isVague, isSupportChanged, ...compared(before, after) }
}

const isTestCode = (path: string): boolean =>
  isTestPath(path) && grammarOf(path) !== undefined && !path.endsWith("conftest.py")

const tree = (path: string, text: string | undefined, parse: Parse): SyntaxNode | undefined => {
  const grammar = grammarOf(path)
  const root = grammar === undefined || text === undefined ? undefined : parse(grammar, text)
  return root === undefined ? undefined : withoutTests(root)
}

const compared = (before: ReadonlyArray<Definition>, after: ReadonlyArray<Definition>) => {
  const grouped = (all: ReadonlyArray<Definition>) => Map.groupBy(all, ({ name }) => name)
  const [old, current] = [grouped(before), grouped(after)]
  const isNew = (name: string) => !old.has(name)
  const lasting = new Set(after.filter(({ isLocal }) => !isLocal).map(({ name }) => name))
  const renamed = new Set(after.filter(({ name }) => isNew(name)).map(({ text }) => text))
  const said = (all: ReadonlyArray<Definition> | undefined, what: "text" | "header") =>
    (all ?? [])
      .map((one) => one[what])
      .toSorted()
      .join("\n")
  const names = new Set([...old.keys(), ...current.keys()])
  return {
    removed: new Set(
      [...old].flatMap(([name, all]) =>
        !lasting.has(name) &&
        all.some(({ isLocal }) => !isLocal) &&
        !all.some(({ text }) => renamed.has(text))
          ? [name]
          : []
      )
    ),
    changed: new Set(
      [...names].filter((name) => said(old.get(name), "text") !== said(current.get(name), "text"))
    ),
    reshaped: new Set(
      [...names].filter(
        (name) =>
          old.has(name) &&
          current.has(name) &&
          said(old.get(name), "header") !== said(current.get(name), "header")
      )
    ),
    uses: new Map([...current].map(([name, all]) => [name, new Set(all.flatMap(({ words }) => [...words]))]))
  }
}

/**
 * Whether what these words name may behave otherwise than before, as far as the change shows. False only where everything that they
 * reach is in sight: a function in question (`asked`) that the changed files do not define may lead anywhere.
 */
export const mayReach = (
  production: Production,
  words: ReadonlySet<string>,
  asked: ReadonlySet<string>
): boolean => {
  if (production.isVague || production.isSupportChanged) return true
  if (!production.isChanged) return false
  if (asked.size === 0 || [...asked].some((name) => !production.uses.has(name))) return true
  const seen = new Set<string>()
  const toVisit = [...words]
  for (let word = toVisit.pop(); word !== undefined; word = toVisit.pop()) {
    if (seen.has(word)) continue
    seen.add(word)
    if (production.changed.has(word)) return true
    toVisit.push(...(production.uses.get(word) ?? []))
  }
  return false
}
