/** A tool's result within its share of the context: of what is too long the beginning and the end are kept, and what is left out is said. Pure. */
import type { Schema } from "effect"

type JsonObject = { readonly [key: string]: Schema.Json }

const isArray = (value: Schema.Json): value is ReadonlyArray<Schema.Json> => Array.isArray(value)

/** The beginning and the end of a text, about `maxChars` in all. */
export const cutMiddle = (text: string, maxChars: number): string => {
  if (text.length <= maxChars) return text
  const kept = Math.max(0, maxChars)
  const start = text.slice(0, Math.ceil(kept / 2))
  const end = kept < 2 ? "" : text.slice(-Math.floor(kept / 2))
  // Half a character at a cut is no text.
  return `${start.toWellFormed()}\n[… ${text.length - kept} characters left out …]\n${end.toWellFormed()}`
}

/** Every text and list in it is held to the bound. */
const cutAll = (value: Schema.Json, maxChars: number, maxItems: number): Schema.Json => {
  if (typeof value === "string") return cutMiddle(value, maxChars)
  if (isArray(value)) {
    const left = value.length - maxItems
    const items =
      left <= 0
        ? value
        : [
            ...value.slice(0, Math.ceil(maxItems / 2)),
            `[… ${left} more left out …]`,
            ...(maxItems < 2 ? [] : value.slice(-Math.floor(maxItems / 2)))
          ]
    return items.map((item) => cutAll(item, maxChars, maxItems))
  }
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cutAll(one, maxChars, maxItems)]))
}

const sizeOf = (value: Schema.Json): number => JSON.stringify(value).length

/** The same where its JSON has at most `maxChars` characters; else with its longest texts cut, then its lists. */
export const bounded = (output: JsonObject, maxChars: number): JsonObject => {
  if (sizeOf(output) <= maxChars) return output
  const attempt = (chars: number, items: number) => cutAll(output, chars, items) as JsonObject
  for (let chars = maxChars; chars >= 64; chars = Math.floor(chars * 0.8)) {
    const cut = attempt(chars, Number.POSITIVE_INFINITY)
    if (sizeOf(cut) <= maxChars) return cut
  }
  for (let items = 256; items >= 1; items >>= 1) {
    const cut = attempt(256, items)
    if (sizeOf(cut) <= maxChars) return cut
  }
  return { left_out: cutMiddle(JSON.stringify(output), Math.max(64, Math.floor(maxChars / 2))) }
}
