/** What a change does to the code that tests exercise: which names went, which changed, and what can be reached from them. */
import type { Change } from "../change.ts"
import { isTestPath } from "../files.ts"
import { unquoted } from "./expression.ts"
import { field, grammarOf, isComment, nodes, type Parse, parts, type SyntaxNode } from "./syntax.ts"
import { wordsOf } from "./testCase.ts"

export interface Production {
  /** Whether anything but tests and prose changed in substance. */
  readonly isChanged: boolean
  /** Something changed that no name can be given to: a file that is not code, a statement at the top of a file. */
  readonly isVague: boolean
  /** Something that tests read changed: fixtures, recorded data. */
  readonly isSupportChanged: boolean
  /** A file of code was deleted. */
  readonly isFileGone: boolean
  /** The changed files have less code than they had. */
  readonly isSmaller: boolean
  /** Defined in the base, and in no changed file of the commit, under another name either. */
  readonly removed: ReadonlySet<string>
  /** Members and texts that the base's changed files have and the commit's have nowhere: a flag, a key, an entry of a list. */
  readonly vanished: ReadonlySet<string>
  /** Names that are defined less often than before: a method of one type out of several. */
  readonly fewer: ReadonlySet<string>
  readonly changed: ReadonlySet<string>
  /** Defined in both, and no longer naming something that is no local: what a revert or a removal leaves. */
  readonly reduced: ReadonlySet<string>
  /** Defined in both, and not taking or giving the same. */
  readonly reshaped: ReadonlySet<string>
  /** Words of each definition in the changed files of the commit. */
  readonly uses: ReadonlyMap<string, ReadonlySet<string>>
}

const prose =
  /\.(md|rst|txt|adoc)$|(^|\/)(LICENSE|NOTICE|AUTHORS|CHANGELOG[^/]*|CODEOWNERS|\.gitignore|\.editorconfig)$|^docs\//iu
const support = /(^|\/)(tests?|__tests__|spec|testdata|fixtures?|__snapshots__|__mocks__|snapshots)\//u

const definitionTypes =
  /^(function_definition|function_declaration|generator_function_declaration|method_definition|method_declaration|function_item|function_signature_item|class_definition|class_declaration|abstract_class_declaration|interface_declaration|type_alias_declaration|enum_declaration|type_spec|const_spec|var_spec|field_declaration|struct_item|enum_item|enum_variant|trait_item|const_item|static_item|macro_definition|public_field_definition|property_signature|variable_declarator|assignment|assignment_expression|pair)$/u

/** What gives a value a name: inside a function, nobody else's. */
const values = /^(variable_declarator|assignment|assignment_expression|pair|var_spec|const_spec)$/u
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
  // `res.send = function …` gives the member its value.
  const called = name?.text.replace(/^[\w$.]+\.(?=[\w$]+$)/u, "")
  if (called === undefined || !/^["'\w$]+$/u.test(called)) return []
  const body = field(node, "body")
  const all = tokens(node)
  return [
    {
      name: called.replaceAll(/["']/gu, ""),
      isLocal,
      text: all.join(" ").replaceAll(called, "·"),
      header:
        body === undefined
          ? ""
          : tokens({ ...node, children: node.children.filter((child) => child !== body) }).join(" "),
      words: new Set(all.filter((word) => /^[A-Za-z_]\w*$/u.test(word) && word !== called))
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

/** What is written by macros has no names here. */
const macros = (root: SyntaxNode): string =>
  parts(root)
    .filter(({ type }) => type === "macro_definition")
    .map(({ text }) => text)
    .join("\n")

export const productionOf = (change: Change, parse: Parse): Production => {
  const before: Array<Definition> = []
  const after: Array<Definition> = []
  let growth = 0
  const [saidBefore, saidAfter] = [new Set<string>(), new Set<string>()]
  let [isChanged, isVague, isSupportChanged] = [false, false, false]
  const isFileGone = change.files.some(
    ({ path, status }) => status === "deleted" && grammarOf(path) !== undefined && !isTestCode(path)
  )
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
      for (const word of wordsOf(file.before ?? "")) saidBefore.add(word)
      for (const word of wordsOf(file.after ?? "")) saidAfter.add(word)
      continue
    }
    if (base !== undefined && head !== undefined && tokens(base).join(" ") === tokens(head).join(" "))
      continue
    isChanged = true
    growth += (head === undefined ? 0 : tokens(head).length) - (base === undefined ? 0 : tokens(base).length)
    if (base !== undefined && head !== undefined && loose(base) !== loose(head)) isVague = true
    if (base !== undefined && head !== undefined && macros(base) !== macros(head)) isVague = true
    if (base !== undefined) {
      before.push(...definitions(base))
      for (const word of membersAndTexts(base)) saidBefore.add(word)
    }
    if (head !== undefined) {
      after.push(...definitions(head))
      for (const word of wordsOf(file.after ?? "")) saidAfter.add(word)
      for (const word of membersAndTexts(head)) saidAfter.add(word)
    }
  }
  const vanished = new Set([...saidBefore].filter((word) => word.length > 3 && !saidAfter.has(word)))
  return {
    isChanged,
    isVague,
    isSupportChanged,
    isFileGone,
    isSmaller: growth < 0,
    vanished,
    ...compared(before, after)
  }
}

/** What a file speaks of beyond its own locals: members, keys, and short texts without their quotes. */
const membersAndTexts = (root: SyntaxNode): ReadonlyArray<string> =>
  [...nodes(root)].flatMap((node) => {
    if (/^(property_identifier|field_identifier|type_identifier)$/u.test(node.type)) return [node.text]
    if (node.field === "attribute" || node.field === "property") return [node.text]
    const isText = /string(_literal)?$/u.test(node.type) && node.text.length <= 60
    return isText ? [unquoted(node.text)] : []
  })

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
  const locals = new Set(before.flatMap(({ isLocal, name }) => (isLocal ? [name] : [])))
  const isNew = (name: string) => !old.has(name)
  const lasting = new Set(after.filter(({ isLocal }) => !isLocal).map(({ name }) => name))
  const lastingOf = (all: ReadonlyArray<Definition> = []) => all.filter(({ isLocal }) => !isLocal).length
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
    fewer: new Set(
      [...old].flatMap(([name, all]) => (lastingOf(all) > lastingOf(current.get(name)) ? [name] : []))
    ),
    reduced: new Set(
      [...old].flatMap(([name, all]) => {
        const left = new Set((current.get(name) ?? []).flatMap(({ words }) => [...words]))
        const isLess = all.some(
          ({ isLocal, words }) => !isLocal && [...words].some((word) => !left.has(word) && !locals.has(word))
        )
        return isLess && current.has(name) ? [name] : []
      })
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

/** What a language calls where no name stands: to print, compare, convert, add. */
const implicit =
  /^(?:__\w+__|toString|toJSON|valueOf|constructor|String|Error|(?:Unm|M)arshal\w*|fmt|from|into|from_str|eq|ne|cmp|partial_cmp|add|sub|mul|div|neg|not|deref|index|next|default|drop|hash|serialize|deserialize)$/u

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
  if ([...production.changed].some((name) => implicit.test(name))) return true
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
