/** The forms in which models were trained to write calls, each known by words that no prose has. */
import { Option } from "effect"

import { argumentText, firstObject, objectText, parseJson } from "./calls.ts"
import { type Call, fromGemma, fromProgram } from "./pythonic.ts"
import { argumentTags, fromNamed, fromTags, markedTags, namedTags, parameterTags } from "./tagged.ts"
import { isRecord } from "./wire.ts"

const named = (value: unknown): ReadonlyArray<Call> => {
  if (Array.isArray(value)) return value.flatMap(named)
  if (!isRecord(value)) return []
  const inner = isRecord(value["function"]) ? value["function"] : value
  const name = inner["name"] ?? inner["tool_name"]
  const given = inner["arguments"] ?? inner["parameters"] ?? inner["args"]
  return typeof name === "string" && name !== "" && given !== undefined
    ? [{ name, arguments: argumentText(given) }]
    : []
}

/** One object after another, by `;`, a comma or nothing. */
const objectsOf = (text: string): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  let rest = text.trim()
  while (rest !== "") {
    const first = firstObject(rest)
    if (first === undefined) return []
    const found = Option.match(parseJson(first), { onNone: () => [], onSome: named })
    if (found.length === 0) return []
    calls.push(...found)
    rest = rest.slice(first.length).replace(/^[\s;,]+/u, "")
  }
  return calls
}

/** Calls as JSON, and nothing beside them. */
export const fromJson = (text: string): ReadonlyArray<Call> =>
  Option.match(parseJson(text.trim()), { onNone: () => objectsOf(text), onSome: named })

/** The same after words that nobody writes by chance: a brace too few, and a call of which only the name can be read. */
const fromMarkedJson = (body: string): ReadonlyArray<Call> => {
  const text = body
    .trim()
    .replace(/^```(?:json)?\s+/u, "")
    .replace(/```$/u, "")
  const calls = fromJson(text)
  if (calls.length > 0) return calls
  const mended = fromJson(`${text}}`)
  if (mended.length > 0) return mended
  const [, name] = /^[\s[]{0,16}\{\s{0,16}"name"\s{0,16}:\s{0,16}"([\w.:-]{1,128})"/u.exec(text) ?? []
  if (name === undefined) return []
  return [{ name, arguments: Option.isSome(parseJson(text)) ? "{}" : text }]
}

const functionTag = /^\s*<function=([\w.:-]{1,128})>([^]*)$/u
const nameAlone = /^\s*([\w.:-]{1,128})\s*([^]*)$/u

/** What models write between `<tool_call>` and its end: JSON, Qwen's tags, GLM's, a name and an object, a program. */
const fromToolCall = (body: string): ReadonlyArray<Call> => {
  const [, tagged, inner = ""] = functionTag.exec(body) ?? []
  if (tagged !== undefined)
    return [fromTags(tagged, inner.trimEnd().replace(/<\/function>$/u, ""), parameterTags)]
  if (/^\s*(?:[{[]|```)/u.test(body)) {
    const calls = fromMarkedJson(body)
    return calls.length > 0 ? calls : fromProgram(body)
  }
  const [, name, rest = ""] = nameAlone.exec(body) ?? []
  if (name === undefined) return []
  if (rest === "" || rest.startsWith("<arg_key>")) return [fromTags(name, rest, argumentTags())]
  if (rest.startsWith("(")) return fromProgram(body)
  return /^(?:\{|```)/u.test(rest) ? [{ name, arguments: rest.trim() }] : []
}

/** `NAME`, a word between, and an object. */
const nameThen =
  (between: string) =>
  (body: string): ReadonlyArray<Call> => {
    const [name = "", ...rest] = body.split(between)
    return rest.length === 0 || !/^\s*[\w.:-]{1,128}\s*$/u.test(name)
      ? []
      : [{ name: name.trim(), arguments: rest.join(between).trim() }]
  }

const fromDeepSeek = (body: string): ReadonlyArray<Call> => {
  const [kind = "", ...rest] = body.split("<｜tool▁sep｜>")
  if (rest.length === 0) return []
  const after = rest.join("<｜tool▁sep｜>")
  if (kind.trim() !== "function") return [{ name: kind.trim(), arguments: after.trim() }]
  // V3 writes the kind first and fences the arguments, V3.1 writes the name and the bare arguments.
  const lineEnd = after.indexOf("\n")
  return lineEnd < 0 ? [] : [{ name: after.slice(0, lineEnd).trim(), arguments: after.slice(lineEnd).trim() }]
}

const fromMistral = (body: string): ReadonlyArray<Call> => {
  const [, name, given = ""] =
    /^\s*([\w.-]{1,128})(?:\[CALL_ID\][\w-]*)?(?:\[ARGS\])?\s*(\{[^]*)$/u.exec(body) ?? []
  return name === undefined ? fromMarkedJson(body) : [{ name, arguments: given.trim() }]
}

const fromHarmony = (body: string): ReadonlyArray<Call> => {
  const [, name, given = ""] =
    /^(?:functions\.)?([\w.-]{1,128})[^{]{0,200}?<\|message\|>([^]*)$/u.exec(body) ?? []
  return name === undefined ? [] : [{ name, arguments: given.trim() }]
}

const fromEither = (body: string): ReadonlyArray<Call> => {
  const calls = fromMarkedJson(body)
  return calls.length > 0 ? calls : fromProgram(body)
}

/** Apertus: the name is the key of its arguments. */
const fromKeys = (body: string): ReadonlyArray<Call> => {
  const list = Option.getOrUndefined(parseJson(body.trim()))
  return (Array.isArray(list) ? list : [list]).flatMap((one) =>
    isRecord(one)
      ? Object.entries(one).map(([name, given]) => ({ name, arguments: argumentText(given) }))
      : []
  )
}

const fromKimi3 = (body: string): ReadonlyArray<Call> => {
  const [head, name = ""] = /^"([^"]{1,128})"[^<]{0,80}<\|sep\|>/u.exec(body) ?? []
  return head === undefined ? [] : [fromTags(name, body.slice(head.length), markedTags)]
}

const fromHunyuan = (body: string): ReadonlyArray<Call> =>
  nameThen("<tool_sep:opensource>")(body).map(({ arguments: given, name }) =>
    fromTags(name, given, argumentTags(":opensource"))
  )

export interface Form {
  readonly open: string
  /** What must follow the opening words, where they alone are not enough. */
  readonly follows?: RegExp
  readonly close: ReadonlyArray<string>
  readonly read: (body: string) => ReadonlyArray<Call>
}

const dsml = "｜DSML｜"

export const forms: ReadonlyArray<Form> = [
  { open: "<tool_call>", close: ["</tool_call>"], read: fromToolCall },
  {
    open: "<function=",
    close: ["</function>"],
    read: (body) => {
      const end = body.indexOf(">")
      return end < 0 ? [] : [fromTags(body.slice(0, end).trim(), body.slice(end + 1), parameterTags)]
    }
  },
  // MiniMax, and Anthropic's older words.
  { open: "<invoke name=", close: ["</invoke>"], read: fromNamed(namedTags("parameter")) },
  {
    open: `<${dsml}invoke name=`,
    close: [`</${dsml}invoke>`],
    read: fromNamed(namedTags(`${dsml}parameter`))
  },
  { open: "<atem:invoke name=", close: ["</atem:invoke>"], read: fromNamed(namedTags("atem:parameter")) },
  { open: "<function name=", close: ["</function>"], read: fromNamed(namedTags("param")) },
  { open: "<tool_call:opensource>", close: ["</tool_call:opensource>"], read: fromHunyuan },
  { open: "<|open|>call tool=", close: ["<|close|>call<|sep|>"], read: fromKimi3 },
  {
    open: "<｜tool▁call▁begin｜>",
    close: ["<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"],
    read: fromDeepSeek
  },
  {
    open: "<|tool_call_begin|>",
    close: ["<|tool_call_end|>", "<|tool_calls_section_end|>"],
    read: nameThen("<|tool_call_argument_begin|>")
  },
  { open: "[TOOL_CALLS]", close: ["[TOOL_CALLS]", "</s>"], read: fromMistral },
  { open: "<|python_tag|>", close: ["<|eom_id|>", "<|eot_id|>"], read: fromEither },
  { open: "<|tool_call_start|>", close: ["<|tool_call_end|>"], read: fromEither },
  { open: "<|tool_call|>", close: ["<|/tool_call|>", "</tool_call>", "<|end|>"], read: fromMarkedJson },
  { open: "<|tool_call>", close: ["<tool_call|>"], read: fromGemma },
  { open: "<start_function_call>", close: ["<end_function_call>"], read: fromGemma },
  { open: "<|START_ACTION|>", close: ["<|END_ACTION|>"], read: fromMarkedJson },
  { open: "<|function_call|>", close: ["<|message_sep|>"], read: fromMarkedJson },
  { open: "<TOOLCALL>", close: ["</TOOLCALL>"], read: fromMarkedJson },
  { open: "<|tools_prefix|>", close: ["<|tools_suffix|>"], read: fromKeys },
  { open: "<|tool_call:name|>", close: ["<|tool_call:end|>"], read: nameThen("<|tool_call:args|>") },
  { open: "function call<|role_sep|>", close: ["<|message_sep|>"], read: fromMarkedJson },
  // Functionary.
  {
    open: ">>>",
    follows: /^[\w.]{1,128}\r?\n\s{0,8}\{/u,
    close: ["\n>>>", "<|eot_id|>"],
    read: nameThen("\n")
  },
  { open: "<tool_calls>", follows: /^\s*[[{]/u, close: ["</tool_calls>"], read: fromMarkedJson },
  { open: "functools[", close: [], read: (body) => fromMarkedJson(`[${body}`) },
  { open: "<|channel|>commentary to=", close: ["<|call|>", "<|end|>"], read: fromHarmony },
  {
    open: "to=functions.",
    follows: /^[\w.-]{1,128}\s{0,4}(?:code|json)?\s{0,4}<\|(?:channel|constrain|message)\|>/u,
    close: ["<|call|>", "<|end|>"],
    read: fromHarmony
  },
  // Gemma 3. The name of the fence is the mark.
  { open: "```tool_code", follows: /^\s/u, close: ["\n```"], read: fromEither },
  { open: "```tool_call", follows: /^\s/u, close: ["\n```"], read: fromEither },
  // Command R.
  {
    open: "Action:",
    follows: /^\s{0,8}```json\s{0,32}\[\s{0,32}\{\s{0,32}"tool_name"/u,
    close: ["\n```", "]```"],
    read: (body) => fromMarkedJson(/\]\s*$/u.test(body) ? body : `${body}]`)
  }
]

/** What some of them write around all calls of a reply. */
export const frames =
  /<\/?(?:minimax:tool_call|seed:tool_call|atem:function_calls|function_calls|tool_calls(?::opensource)?|｜DSML｜(?:function_calls|tool_calls))>|<\|tool_calls_section_(?:begin|end)\|>|<｜tool▁calls▁(?:begin|end)｜>/gu

/** A reply that is nothing but calls, without any mark. */
export const fromBare = (text: string): ReadonlyArray<Call> => {
  const calls = /^\s*[{[]/u.test(text) ? fromJson(text) : []
  return calls.length > 0 ? calls : fromProgram(text)
}

export const isReadable = (call: Call): boolean => objectText(call.arguments) !== undefined
