/** Texts with values put into them, the same by whatever means: Python's f-strings and `str.format`. */
import { bare, field, parts, type SyntaxNode } from "./syntax.ts"

type Print = (node: SyntaxNode) => string

/** As `f"a{x}"`, with what stands for the value. `pieces` are texts and values in order. */
const written = (pieces: ReadonlyArray<string>): string => `f${JSON.stringify(pieces.join(""))}`

/** An f-string; undefined for any other text. */
export const interpolated = (node: SyntaxNode, print: Print): string | undefined => {
  if (node.type !== "string" || !node.children.some(({ type }) => type === "interpolation")) return undefined
  return written(
    node.children.flatMap((part) => {
      if (part.type === "string_content") return [part.text]
      if (part.type !== "interpolation") return []
      const value = field(part, "expression")
      const how = part.children.filter(({ type }) => /^(type_conversion|format_specifier)$/u.test(type))
      return [value === undefined ? part.text : `{${print(value)}${how.map(({ text }) => text).join("")}}`]
    })
  )
}

/** `"a{}".format(x)`; undefined for any other call. */
export const formattedCall = (call: SyntaxNode, print: Print): string | undefined => {
  const called = field(call, "function")
  const template = called === undefined ? undefined : field(called, "object")
  if (template === undefined || field(called, "attribute")?.text !== "format") return undefined
  const text = bare(template)
  if (text.type !== "string" || text.children.some(({ type }) => type === "interpolation")) return undefined
  const given = parts(field(call, "arguments"))
  if (given.some(({ type }) => /splat|unpack|starred/u.test(type))) return undefined
  const named = new Map(
    given.flatMap((one) => {
      const [name, value] = [field(one, "name"), field(one, "value")]
      return one.type === "keyword_argument" && name !== undefined && value !== undefined
        ? [[name.text, value] as const]
        : []
    })
  )
  let next = 0
  let isKnown = true
  const content = parts(text)
    .flatMap((part) => (part.type === "string_content" ? [part.text] : []))
    .join("")
  const filled = content.replaceAll(/\{(\w*)([!:][^{}]*)?\}/gu, (_, name: string, how = "") => {
    const value = name === "" ? given[next++] : /^\d+$/u.test(name) ? given[Number(name)] : named.get(name)
    isKnown &&= value !== undefined
    return value === undefined ? "" : `{${print(value)}${how}}`
  })
  return isKnown ? written([filled]) : undefined
}
