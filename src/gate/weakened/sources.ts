/** Where a test file has its assertions from: a library that everybody knows, or what the change put in its place. */
import type { Change } from "../change.ts"
import type { Finding } from "../finding.ts"
import { type Grammar, nodes, type SyntaxNode } from "./syntax.ts"

/** By the name of an assertion: the module that it comes from, or `.` for the file itself. */
export type Sources = ReadonlyMap<string, string>

const checks = /^(?:assert|expect|should|test|it|describe|assert_\w+|assert(?:_eq|_ne)?)$/u

/** Only what stands at the top of a file. */
export const sourcesOf = (root: SyntaxNode, grammar: Grammar | undefined): Sources => {
  const found = new Map<string, string>()
  for (const node of root.children) {
    if (grammar === "rust" && node.type === "macro_definition") {
      const name = node.children.find(({ field }) => field === "name")?.text ?? ""
      if (checks.test(name)) found.set(name, ".")
    }
    if (grammar === "python" && node.type === "import_from_statement") {
      const [module = "", ...names] = [...nodes(node)].flatMap(({ text, type }) =>
        type === "dotted_name" ? [text] : []
      )
      for (const name of names) if (checks.test(name)) found.set(name, module)
    }
    if (grammar === "javascript" || grammar === "typescript" || grammar === "tsx") script(node, found)
  }
  return found
}

const script = (node: SyntaxNode, found: Map<string, string>): void => {
  if (!/^(import_statement|lexical_declaration|variable_declaration|function_declaration)$/u.test(node.type))
    return
  const module = /(?:\bfrom|^import|\brequire\(|\bimport\()\s*["']([^"']+)["']/u.exec(
    node.text.slice(0, 2_000)
  )?.[1]
  const isImport = node.type === "import_statement"
  const names = [...nodes(node)].filter(
    (inner) => /identifier/u.test(inner.type) && inner.children.length === 0 && checks.test(inner.text)
  )
  if (module !== undefined) for (const { text } of names) found.set(text, module)
  else if (!isImport) {
    const own = names.find(({ field }) => field === "name")
    if (own !== undefined) found.set(own.text, ".")
  }
}

/** Assertions that came from a library in the base and come from the change itself in the commit. */
export const shadowFindings = (
  file: string,
  base: Sources,
  head: Sources,
  change: Change
): ReadonlyArray<Finding> =>
  [...head].flatMap(([name, module]): ReadonlyArray<Finding> => {
    const before = base.get(name)
    const isOwn = module.startsWith(".")
    // Rust has its macros from nowhere.
    const wasKnown = file.endsWith(".rs")
      ? before === undefined
      : before !== undefined && !before.startsWith(".")
    if (!isOwn || !wasKnown) return []
    const stem = module.replace(/^.*\//u, "").replace(/\.[cm]?[jt]sx?$/u, "")
    const target = module === "." ? file : undefined
    const replaced = change.files.find(
      ({ path }) => path === target || path.replace(/^.*\//u, "").replace(/\.[cm]?[jt]sx?$/u, "") === stem
    )
    const message = `${name} came from ${before ?? "the language"} and comes from ${module === "." ? "the file itself" : module} now`
    const isIdle =
      replaced?.after !== undefined &&
      !/\b(?:throw|raise|panic|fail|AssertionError|equal\()/u.test(replaced.after.slice(0, 200_000))
    return [
      {
        rule: "weakened",
        file,
        line: 1,
        message,
        ...((module === "." || !isIdle) && { asks: true as const })
      }
    ]
  })
