/** Reports in JSON (eslint, ruff, pyright, golangci-lint, cargo, SARIF), whatever their shape: each message with the file around it. */
import { Option, Schema } from "effect"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

/** Deeper than the reports of any tool. */
const maxDepth = 12

const fileKeys = ["filepath", "filename", "file_name", "file", "path", "uri"]
const messageKeys = ["message", "text", "description"]
const ruleKeys = ["ruleid", "rule", "code", "check_name", "fromlinter"]

/** A line for each message: file, rule, message. Undefined for what is not JSON, or has no message. */
export const readJson = (text: string): ReadonlyArray<string> | undefined => {
  const start = text.trimStart()
  if (!start.startsWith("{") && !start.startsWith("[")) return undefined
  const value = decode(text)
  if (Option.isNone(value)) return undefined
  const lines: Array<string> = []
  collect(value.value, { file: "", rule: "" }, lines, 0)
  return lines.length === 0 ? undefined : lines
}

interface Around {
  readonly file: string
  readonly rule: string
}

const isRecord = (value: Schema.Json): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const children = (value: Schema.Json): ReadonlyArray<Schema.Json> =>
  Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []

const textOf = (
  value: { readonly [key: string]: Schema.Json },
  keys: ReadonlyArray<string>
): string | undefined => {
  for (const [key, each] of Object.entries(value)) {
    if (typeof each === "string" && each !== "" && keys.includes(key.toLowerCase())) return each
  }
  return undefined
}

/** The file that a message says itself, or what lies in it does: `pos.filename`, `spans[0].file_name`. */
const fileOf = (value: Schema.Json, depth: number): string | undefined => {
  const own = isRecord(value) ? textOf(value, fileKeys) : undefined
  if (own !== undefined || depth === 0) return own
  for (const each of children(value)) {
    const found = fileOf(each, depth - 1)
    if (found !== undefined) return found
  }
  return undefined
}

const fileDepth = 5

const collect = (value: Schema.Json, around: Around, lines: Array<string>, depth: number): void => {
  if (depth > maxDepth) return
  let inside = around
  if (isRecord(value)) {
    const message = textOf(value, messageKeys)
    const isMessage = message !== undefined || "message" in value
    const file = textOf(value, fileKeys) ?? (isMessage ? fileOf(value, fileDepth) : undefined)
    inside = { file: file ?? around.file, rule: textOf(value, ruleKeys) ?? around.rule }
    if (message !== undefined) {
      // What lies in it explains it: spans, fixes, suggestions.
      lines.push(`${inside.file}: ${inside.rule} ${message.replaceAll(/\s+/gu, " ")}`)
      return
    }
  }
  for (const each of children(value)) collect(each, inside, lines, depth + 1)
}
