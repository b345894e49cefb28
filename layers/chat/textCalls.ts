/**
 * Tool calls that a model writes as text, where its server does not know the model's protocol: Hermes, Qwen's XML, DeepSeek, Mistral,
 * Llama, Harmony, and a bare JSON object. Only names of tools that the request offered are taken for calls.
 */
import { Option } from "effect"

import { argumentText, type Draft } from "./calls.ts"

export interface FoundCalls {
  readonly drafts: ReadonlyArray<Draft>
  /** What stands beside them. */
  readonly content: string
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Text of a reply that is looked at; a model's call is shorter, and forms are tried from its start on. */
const maxText = 256 * 1024
/** Calls of one reply; what follows them is left as it is. */
const maxCalls = 64

interface Call {
  readonly name: string
  readonly arguments: string
}

const named = (value: unknown): ReadonlyArray<Call> => {
  if (Array.isArray(value)) return value.flatMap(named)
  if (!isRecord(value)) return []
  const inner = isRecord(value["function"]) ? value["function"] : value
  const { name } = inner
  const given = inner["arguments"] ?? inner["parameters"] ?? inner["args"]
  return typeof name === "string" && name !== "" && given !== undefined
    ? [{ name, arguments: argumentText(given) }]
    : []
}

const fromJson = (text: string): ReadonlyArray<Call> =>
  Option.match(parseJson(text.trim()), { onNone: () => [], onSome: named })

/** `<function=NAME> <parameter=KEY> VALUE </parameter> … </function>`: values are text, one line end around them aside. */
const fromTags = (name: string, body: string): Call => {
  const trimmed = body.trim()
  if (trimmed.startsWith("{")) return { name, arguments: trimmed }
  const given: Record<string, string> = {}
  for (const part of body.split("<parameter=").slice(1)) {
    const end = part.indexOf(">")
    if (end < 0) continue
    const close = part.lastIndexOf("</parameter>")
    const value = part.slice(end + 1, close < 0 ? undefined : close)
    given[part.slice(0, end).trim().replaceAll('"', "")] = value.replace(/^\r?\n/u, "").replace(/\r?\n$/u, "")
  }
  return { name, arguments: JSON.stringify(given) }
}

interface Form {
  readonly open: string
  readonly close: ReadonlyArray<string>
  readonly read: (body: string) => ReadonlyArray<Call>
}

const functionTag = /^\s*<function=([\w.:-]{1,128})>([^]*?)(?:<\/function>|$)/u

/** Each begins with words that no prose has. */
const forms: ReadonlyArray<Form> = [
  {
    open: "<tool_call>",
    close: ["</tool_call>"],
    read: (body) => {
      const [, name, inner] = functionTag.exec(body) ?? []
      return name === undefined ? fromJson(body) : [fromTags(name, inner ?? "")]
    }
  },
  {
    open: "<function=",
    close: ["</function>"],
    read: (body) => {
      const end = body.indexOf(">")
      return end < 0 ? [] : [fromTags(body.slice(0, end).trim(), body.slice(end + 1))]
    }
  },
  {
    open: "<｜tool▁call▁begin｜>",
    close: ["<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"],
    read: (body) => {
      const [kind = "", ...rest] = body.split("<｜tool▁sep｜>")
      const [line = "", ...lines] = rest.join("").split("\n")
      // V3 writes the kind first and fences the arguments, V3.1 writes the name and the bare arguments.
      if (rest.length > 0 && kind.trim() === "function") {
        return [
          {
            name: line.trim(),
            arguments: lines
              .join("\n")
              .replaceAll(/```(?:json)?/gu, "")
              .trim()
          }
        ]
      }
      return rest.length === 0 ? [] : [{ name: kind.trim(), arguments: rest.join("").trim() }]
    }
  },
  {
    open: "[TOOL_CALLS]",
    close: ["</s>"],
    read: (body) => {
      const [, name, given] = /^\s*([\w.-]{1,128})(?:\[CALL_ID\][\w-]*)?\[ARGS\]([^]*)$/u.exec(body) ?? []
      return name === undefined ? fromJson(body) : [{ name, arguments: (given ?? "").trim() }]
    }
  },
  { open: "<|python_tag|>", close: ["<|eom_id|>", "<|eot_id|>"], read: fromJson },
  {
    open: "<|channel|>commentary to=",
    close: ["<|call|>", "<|end|>"],
    read: (body) => {
      const [, name, given] =
        /^(?:functions\.)?([\w.-]{1,128})[^{]{0,200}?<\|message\|>([^]*)$/u.exec(body) ?? []
      return name === undefined ? [] : [{ name, arguments: (given ?? "").trim() }]
    }
  }
]

const asDrafts = (calls: ReadonlyArray<Call>): ReadonlyArray<Draft> =>
  calls.map((call, index) => ({ ...call, index, id: "" }))

/** `undefined` when the text holds no call of a tool that was offered. */
export const textCalls = (text: string, offered: ReadonlySet<string>): FoundCalls | undefined => {
  if (text === "" || text.length > maxText) return undefined
  const isOffered = ({ name }: Call) => offered.has(name.replace(/^functions\./u, ""))
  const found: Array<Call> = []
  const beside: Array<string> = []
  let at = 0
  while (found.length < maxCalls && beside.length < maxCalls) {
    const next = forms
      .map((form) => ({ form, start: text.indexOf(form.open, at) }))
      .filter(({ start }) => start >= 0)
      .toSorted((one, other) => one.start - other.start)[0]
    if (next === undefined) break
    const from = next.start + next.form.open.length
    const ends = next.form.close
      .map((word) => ({ word, end: text.indexOf(word, from) }))
      .filter(({ end }) => end >= 0)
      .toSorted((one, other) => one.end - other.end)[0]
    // The last call of a reply often lacks its end.
    const end = ends?.end ?? text.length
    beside.push(text.slice(at, next.start))
    found.push(...next.form.read(text.slice(from, end)).filter(isOffered))
    at = ends === undefined ? text.length : end + ends.word.length
  }
  beside.push(text.slice(at))
  if (found.length > 0) return { drafts: asDrafts(found), content: beside.join("").trim() }
  const bare = /^(?:```(?:json)?\s*)?([{[][^]*[}\]])\s*(?:```)?$/u.exec(text.trim())?.[1]
  const calls = bare === undefined ? [] : fromJson(bare).filter(isOffered)
  return calls.length > 0 ? { drafts: asDrafts(calls), content: "" } : undefined
}
