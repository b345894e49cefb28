/** Tool calls out of what servers send in their place. What cannot be read as a call is an error that the model is told. */
import { Effect, Option, Schema } from "effect"

import type { ToolCall } from "../../schema/Chat.ts"
import { MalformedToolCall } from "../../src/services/InferenceClient.ts"

export interface Draft {
  readonly index: number
  id: string
  name: string
  arguments: string
  /** Signatures that go back with the call. */
  readonly extras: Record<string, unknown>
}

const strictJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const isObject = Schema.is(Schema.Record(Schema.String, Schema.Unknown))

/** Line ends and tabs inside of texts, which small models do not escape, as JSON has them; a text in which all are escaped stays as it is. */
const withEscapes = (text: string): string => {
  let isInText = false
  let made = ""
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ""
    if (character === "\\" && isInText) at++
    else if (character === '"') isInText = !isInText
    else if (isInText && character < " ") {
      made += text.slice(from, at) + JSON.stringify(character).slice(1, -1)
      from = at + 1
    }
  }
  return made + text.slice(from)
}

/** JSON, also where its texts hold bare line ends: nothing of it can be meant otherwise. */
export const parseJson = (text: string): Option.Option<unknown> =>
  Option.orElse(strictJson(text), () => {
    const escaped = withEscapes(text)
    return escaped === text ? Option.none() : strictJson(escaped)
  })

/** `JSON.parse` takes what is nested as deeply as anybody likes; `JSON.stringify` does not. This text is no JSON. */
const jsonText = (value: unknown): string =>
  Option.getOrElse(
    Option.liftThrowable((any: unknown) => JSON.stringify(any))(value),
    () => "(nested too deeply)"
  )

/** Ollama has been seen to send arguments as an object; the wire says text. */
export const argumentText = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : jsonText(value)

/** The text that ends where the object ends which it begins with; undefined for anything else. */
export const firstObject = (text: string): string | undefined => {
  let depth = 0
  let isInText = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (isInText) {
      if (character === "\\") at++
      else if (character === '"') isInText = false
    } else if (character === '"') isInText = true
    else if (character === "{") depth++
    else if (character === "}" && --depth === 0) return text.slice(0, at + 1)
    else if (depth === 0) return undefined
  }
  return undefined
}

/** What a server sends of arguments of which it knows nothing yet. */
const nothingYet = /^\s*(?:\{\s*\}|null|"")\s*/u
/** Words by which models end a call, where the server did not take them off, and nothing else. */
const closers = /^(?:\s|<[|/｜][^<>\s]{1,40}>)*$/u
/** What a server sends of arguments of which it knows nothing yet is not longer. */
const longestNothing = 16
/** How often one object may be wrapped. */
const deepest = 4

/** What a fence of Markdown is around. */
const withoutFence = (text: string): string =>
  text.length > 6 && text.startsWith("```") && text.endsWith("```")
    ? text
        .slice(3, -3)
        .replace(/^(?:json)?\s+/u, "")
        .trim()
    : text

/** An object, however often it was encoded, sent or wrapped. */
export const objectText = (text: string, depth = 0): string | undefined => {
  const trimmed = withoutFence(text.trim())
  if (trimmed === "" || trimmed === "null") return "{}"
  if (depth > deepest) return undefined
  const read = parseJson(trimmed)
  if (Option.isSome(read)) {
    const { value } = read
    if (isObject(value)) return Option.isSome(strictJson(trimmed)) ? trimmed : jsonText(value)
    // Encoded twice.
    if (typeof value === "string")
      return /^\s*(?:[{["]|```|$)/u.test(value) ? objectText(value, depth + 1) : undefined
    // The only one of a list; an empty list is PHP's empty object.
    if (!Array.isArray(value) || value.length > 1) return undefined
    return value.length === 0 || isObject(value[0])
      ? objectText(argumentText(value[0]), depth + 1)
      : undefined
  }
  const early = nothingYet.exec(trimmed)?.[0].length ?? 0
  if (early > 0 && early < trimmed.length) return objectText(trimmed.slice(early), depth + 1)
  const first = firstObject(trimmed)
  if (first === undefined || Option.isNone(parseJson(first))) return undefined
  // The same arguments sent once more after themselves, or the words by which the model ends a call.
  const isAlone = trimmed.replaceAll(first, "").trim() === "" || closers.test(trimmed.slice(first.length))
  return isAlone ? objectText(first, depth + 1) : undefined
}

/** Whether nothing is missing, as far as one can see. */
export const isWhole = (draft: Draft): boolean =>
  draft.arguments.trim() !== "" && objectText(draft.arguments) !== undefined

/**
 * Arguments that grow by a piece. A server that sends the whole of them so far each time does not say so; a text that begins with an
 * object's opening cannot go on with the same opening, so that tells. An empty object before the first piece says nothing.
 */
export const grown = (before: string, piece: string): string => {
  if (before.length <= longestNothing && nothingYet.exec(before)?.[0] === before && piece.trim() !== "")
    return piece
  return piece.length >= before.length && before.startsWith("{") && piece.startsWith(before)
    ? piece
    : before + piece
}

/** Prefixes by which models name the place where a tool is kept. */
const place = /^(?:functions?|tools?|default_api)[.:/]/u

/** The name of a tool, without what models and servers write around it: `functions.NAME:0`, `NAME<|channel|>json`. */
export const toolName = (written: string, offered: ReadonlySet<string>): string => {
  const plain = written.trim()
  if (offered.has(plain)) return plain
  const whole = plain.replace(/(?:<\||\s)[^]*$/u, "").replace(place, "")
  return offered.has(whole) ? whole : whole.replace(/:\d{1,9}$/u, "")
}

/** A call that was put into its own arguments. */
const unwrapped = (text: string, name: string, offered: ReadonlySet<string>): string => {
  const value = Option.getOrUndefined(strictJson(text))
  if (!isObject(value) || Object.keys(value).length !== 2 || typeof value["name"] !== "string") return text
  const inner = value["arguments"] ?? value["parameters"]
  return isObject(inner) && toolName(value["name"], offered) === name ? jsonText(inner) : text
}

export interface Said {
  readonly content: string
  readonly finishReason: string
  /** The tools of the request. */
  readonly offered: ReadonlySet<string>
}

/** Ids stay as the server gave them, empty where it gave none; the loop sees to it that each is one. */
export const toCalls = (
  drafts: ReadonlyArray<Draft>,
  { content, finishReason, offered }: Said
): Effect.Effect<ReadonlyArray<ToolCall>, MalformedToolCall> =>
  Effect.gen(function* () {
    const calls: Array<ToolCall> = []
    for (const draft of drafts) {
      const text = objectText(draft.arguments)
      // Kimi's ids hold the name, which some servers leave out.
      const fromId = draft.name.trim() === "" ? toolName(draft.id, offered) : ""
      const name = offered.has(fromId) ? fromId : toolName(draft.name, offered)
      if (text !== undefined) {
        const given = { name, arguments: unwrapped(text, name, offered) }
        // Some servers send all calls once more at the end.
        const isAgain = ({ function: known, id }: ToolCall) =>
          id !== "" && id === draft.id && known.name === name && known.arguments === given.arguments
        if (!calls.some(isAgain))
          calls.push({ id: draft.id, type: "function", function: given, ...draft.extras })
      }
      // What the token limit cut is no call: the model is told so (`truncated`), and asked for smaller steps.
      else if (finishReason !== "length") {
        return yield* new MalformedToolCall({
          message: `the arguments of ${name} are no JSON object: ${draft.arguments.slice(0, 200)}`,
          party: "model",
          tool: name,
          written: draft.arguments,
          content
        })
      }
    }
    return calls
  })
