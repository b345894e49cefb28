/** Go: a TestMain that does not hand on what the tests came to, and modules replaced by the change's own. */
import type { ChangedFile } from "../change.ts"
import type { Finding } from "../finding.ts"
import { field, nodes, type SyntaxNode } from "../weakened/syntax.ts"
import { say, type Sides } from "./sides.ts"

const testMainOf = (root: SyntaxNode | undefined): SyntaxNode | undefined =>
  root?.children.find(
    (node) => node.type === "function_declaration" && field(node, "name")?.text === "TestMain"
  )

/** In a longer function everything counts as conditional. */
const maxText = 20_000

const isInside = (root: SyntaxNode, type: string, wanted: SyntaxNode): boolean =>
  root.text.length > maxText ||
  [...nodes(root)].some((node) => node.type === type && [...nodes(node)].includes(wanted))

/** Since Go 1.15 a TestMain that returns exits with what m.Run found. */
const mainFindings = (file: ChangedFile, main: SyntaxNode): ReadonlyArray<Finding> => {
  const calls = [...nodes(main)].filter(({ type }) => type === "call_expression")
  const parameter = /\(\s*(\w+)\s/u.exec(field(main, "parameters")?.text ?? "")?.[1] ?? "m"
  const runs = calls.filter((call) => field(call, "function")?.text === `${parameter}.Run`)
  const handsOver = calls.some((call) =>
    new RegExp(String.raw`[(,]\s*${parameter}\s*[,)]`, "u").test(field(call, "arguments")?.text ?? "")
  )
  const ends = calls.filter((call) => /^(?:os|syscall)\.Exit$/u.test(field(call, "function")?.text ?? ""))
  const found = (weight: "fail" | "ask" | "note", node: SyntaxNode, message: string): Finding => ({
    ...say(file, weight, message),
    line: node.line
  })
  if (runs.length === 0) return handsOver ? [] : [found("fail", main, "TestMain runs no test")]
  const lastRun = Math.min(...runs.map(({ line }) => line))
  return ends.flatMap((end): ReadonlyArray<Finding> => {
    if (field(end, "arguments")?.text.replaceAll(/\s/gu, "") !== "(0)") return []
    // Before the tests run it may end a helper process; after them, under a condition, it chooses.
    const isConditional =
      isInside(main, "if_statement", end) || isInside(main, "expression_switch_statement", end)
    if (!isConditional) return [found("fail", end, "TestMain exits 0 whatever the tests came to")]
    return end.line > lastRun
      ? [found("ask", end, "TestMain exits 0 under a condition, after the tests")]
      : [found("note", end, "TestMain exits 0 under a condition, before the tests")]
  })
}

/** An init of a test file that ends the process. */
const initFindings = (file: ChangedFile, root: SyntaxNode): ReadonlyArray<Finding> =>
  root.children.flatMap((node) =>
    node.type === "function_declaration" &&
    field(node, "name")?.text === "init" &&
    /\b(?:os|syscall)\.Exit\(\s*0\s*\)/u.test(node.text)
      ? [
          {
            ...say(file, /\bif\b/u.test(node.text) ? "ask" : "fail", "init exits 0: no test runs"),
            line: node.line
          }
        ]
      : []
  )

/** `replace a => ./b` by module, single or in a block. */
const replacements = (text: string | undefined): ReadonlyMap<string, string> =>
  new Map(
    [...(text ?? "").matchAll(/^\s*(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>\s+(\S+)/gmu)].map(
      ([, from = "", to = ""]) => [from, to]
    )
  )

const moduleFindings = (file: ChangedFile): ReadonlyArray<Finding> => {
  const known = replacements(file.before)
  return [...replacements(file.after)].flatMap(([from, to]): ReadonlyArray<Finding> => {
    if (known.get(from) === to) return []
    const isTesting = /(?:testify|gomega|ginkgo|go-cmp|quicktest|gotest\.tools|is\b|assert|goconvey)/u.test(
      from
    )
    return [say(file, isTesting ? "ask" : "note", `${from} is replaced by ${to}`, from)]
  })
}

export const goFindings = ({ change, parse }: Sides): ReadonlyArray<Finding> =>
  change.files.flatMap((file): ReadonlyArray<Finding> => {
    if (file.after === undefined || file.status === "deleted") return []
    if (/(?:^|\/)go\.(?:mod|work)$/u.test(file.path)) return moduleFindings(file)
    if (!file.path.endsWith("_test.go") || !/\bTestMain\b|\bfunc init\(/u.test(file.after)) return []
    const root = parse("go", file.after)
    const before = file.before === undefined ? undefined : parse("go", file.before)
    if (root === undefined) return []
    const main = testMainOf(root)
    const isNew = main !== undefined && main.text !== testMainOf(before)?.text
    const inits = new Set(before?.children.map(({ text }) => text))
    return [
      ...(isNew ? mainFindings(file, main) : []),
      ...initFindings(file, { ...root, children: root.children.filter(({ text }) => !inits.has(text)) })
    ]
  })
