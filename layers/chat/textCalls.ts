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
    const close = part.lastIndexOf("</parameter>")
    // A value that holds such tags itself cannot be told from the next one: nobody writes half of it into a file.
    if (end < 0 || close < end || part.slice(close + "</parameter>".length).trim() !== "")
      return { name, arguments: body }
    const value = part.slice(end + 1, close)
    given[part.slice(0, end).trim().replaceAll('"', "")] = value.replace(/^\r?\n/u, "").replace(/\r?\n$/u, "")
  }
  return { name, arguments: JSON.stringify(given) }
}

interface Form {
  readonly open: string
  readonly close: ReadonlyArray<string>
  readonly read: (body: string) => ReadonlyArray<Call>
}

const functionTag = /^\s*<function=([\w.:-]{1,128})>([^]*)$/u

/** Each begins with words that no prose has. */
const forms: ReadonlyArray<Form> = [
  {
    open: "<tool_call>",
    close: ["</tool_call>"],
    read: (body) => {
      const [, name, inner] = functionTag.exec(body) ?? []
      return name === undefined
        ? fromJson(body)
        : [fromTags(name, (inner ?? "").trimEnd().replace(/<\/function>$/u, ""))]
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

/** Ends that are tried for one call: a value may hold the words by which it ends. */
const maxEnds = 8

/** The calls from `from` on, and where they end: at the first end up to which they can be read, else at the first that there is. */
const readTo = (
  { close, read }: Form,
  text: string,
  from: number
): { readonly calls: ReadonlyArray<Call>; readonly to: number } => {
  let first: { readonly calls: ReadonlyArray<Call>; readonly to: number } | undefined
  let after = from
  for (let tried = 0; tried < maxEnds; tried++) {
    const next = close
      .map((word) => ({ word, end: text.indexOf(word, after) }))
      .filter(({ end }) => end >= 0)
      .toSorted((one, other) => one.end - other.end)[0]
    // The last call of a reply often lacks its end.
    const end = next?.end ?? text.length
    const here = { calls: read(text.slice(from, end)), to: end + (next?.word.length ?? 0) }
    if (here.calls.length > 0 && here.calls.every((call) => Option.isSome(parseJson(call.arguments))))
      return here
    first ??= here
    if (next === undefined) break
    after = here.to
  }
  return first ?? { calls: [], to: text.length }
}

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
    beside.push(text.slice(at, next.start))
    const { calls, to } = readTo(next.form, text, from)
    found.push(...calls.filter(isOffered))
    at = to
  }
  beside.push(text.slice(at))
  if (found.length > 0) return { drafts: asDrafts(found), content: beside.join("").trim() }
  const bare = /^(?:```(?:json)?\s*)?([{[][^]*[}\]])\s*(?:```)?$/u.exec(text.trim())?.[1]
  const calls = bare === undefined ? [] : fromJson(bare).filter(isOffered)
  return calls.length > 0 ? { drafts: asDrafts(calls), content: "" } : undefined
}
