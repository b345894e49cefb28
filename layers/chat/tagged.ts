/** Arguments between tags, a pair of key and value each. */
import type { Call } from "./pythonic.ts"

export interface Tags {
  readonly begin: string
  /** From `begin` to the value; its group is the key. */
  readonly key: RegExp
  readonly end: string
}

/** Qwen's. */
export const parameterTags: Tags = { begin: "<parameter=", key: /^([^>]{1,200})>/u, end: "</parameter>" }

/** GLM's, and with a suffix Hunyuan's. */
export const argumentTags = (suffix = ""): Tags => ({
  begin: `<arg_key${suffix}>`,
  key: new RegExp(`^([^<]{1,200})</arg_key${suffix}>\\s*<arg_value${suffix}>`, "u"),
  end: `</arg_value${suffix}>`
})

/** With the key as an attribute: MiniMax's, DeepSeek's, and others by the name of their tag. */
export const namedTags = (tag: string): Tags => ({
  begin: `<${tag} name=`,
  key: /^\s*"([^"]{1,200})"[^>]{0,80}>/u,
  end: `</${tag}>`
})

/** Kimi K3's. */
export const markedTags: Tags = {
  begin: "<|open|>argument key=",
  key: /^"([^"]{1,200})"[^<]{0,80}<\|sep\|>/u,
  end: "<|close|>argument<|sep|>"
}

const cdata = /^<!\[CDATA\[([^]*)\]\]>$/u

/** Values are text. Where one stands on lines of its own, the line ends around it are no part of it; else all of it is. */
const valueOf = (text: string): string => {
  const marked = cdata.exec(text.trim())?.[1]
  if (marked !== undefined) return marked
  return /^\r?\n/u.test(text) ? text.replace(/^\r?\n/u, "").replace(/\r?\n$/u, "") : text
}

export const fromTags = (name: string, body: string, { begin, end, key }: Tags): Call => {
  const trimmed = body.trim()
  if (trimmed.startsWith("{")) return { name, arguments: trimmed }
  const [before = "", ...parts] = body.split(begin)
  const given = new Map<string, string>()
  for (const part of parts) {
    const head = key.exec(part)
    const close = part.lastIndexOf(end)
    // A value that holds such tags itself cannot be told from the next one: nobody writes half of it into a file.
    if (head === null || close < head[0].length || part.slice(close + end.length).trim() !== "")
      return { name, arguments: body }
    given.set((head[1] ?? "").trim().replaceAll('"', ""), valueOf(part.slice(head[0].length, close)))
  }
  const isWhole = before.trim() === "" && given.size === parts.length
  return { name, arguments: isWhole ? JSON.stringify(Object.fromEntries(given)) : body }
}

/** `"NAME" …>` and its pairs. */
export const fromNamed =
  (tags: Tags) =>
  (body: string): ReadonlyArray<Call> => {
    const [head, name = ""] = /^\s*"([^"]{1,128})"[^>]{0,80}>/u.exec(body) ?? []
    return head === undefined ? [] : [fromTags(name, body.slice(head.length), tags)]
  }
