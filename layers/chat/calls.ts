/** Tool calls out of what servers send in their place. What cannot be read as a call is an error that the model is told. */
import { Effect, Option, Schema } from "effect"

import type { ToolCall } from "../../schema/Chat.ts"
import { MalformedToolCall } from "../../src/services/InferenceClient.ts"

export interface Draft {
  readonly index: number
  id: string
  name: string
  arguments: string
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const isObject = Schema.is(Schema.Record(Schema.String, Schema.Unknown))

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
const firstObject = (text: string): string | undefined => {
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

/** An object, however often it was encoded or sent. */
const objectText = (text: string): string | undefined => {
  const trimmed = text.trim()
  if (trimmed === "" || trimmed === "null") return "{}"
  const value = parseJson(trimmed)
  if (Option.isSome(value)) {
    if (isObject(value.value)) return trimmed
    // Encoded twice.
    return typeof value.value === "string" && value.value.trim().startsWith("{")
      ? objectText(value.value)
      : undefined
  }
  // The same arguments sent once more after themselves.
  const first = firstObject(trimmed)
  return first !== undefined && trimmed.replaceAll(first, "").trim() === "" && Option.isSome(parseJson(first))
    ? first
    : undefined
}

/** Whether nothing is missing, as far as one can see. */
export const isWhole = (draft: Draft): boolean =>
  draft.arguments.trim() !== "" && objectText(draft.arguments) !== undefined

/**
 * Arguments that grow by a piece. A server that sends the whole of them so far each time does not say so; a text that begins with an
 * object's opening cannot go on with the same opening, so that tells.
 */
export const grown = (before: string, piece: string): string =>
  before.startsWith("{") && piece.length >= before.length && piece.startsWith(before) ? piece : before + piece

/** Prefixes by which models name the place where a tool is kept. */
const place = /^(?:functions?|tools?|default_api)[.:/]/u

/** Ids stay as the server gave them, empty where it gave none; the loop sees to it that each is one. */
export const toCalls = (
  drafts: ReadonlyArray<Draft>,
  { content, finishReason }: { readonly content: string; readonly finishReason: string }
): Effect.Effect<ReadonlyArray<ToolCall>, MalformedToolCall> =>
  Effect.gen(function* () {
    const calls: Array<ToolCall> = []
    for (const draft of drafts) {
      const text = objectText(draft.arguments)
      const name = draft.name.replace(place, "")
      if (text !== undefined)
        calls.push({ id: draft.id, type: "function", function: { name, arguments: text } })
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
