/**
 * A file as the text that a model sees and edits, and back as the bytes that it was: encoding, byte order mark and line ends are kept.
 * Text that would not come back as it was is none. Pure.
 */

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252"

export interface TextFile {
  /** Without a byte order mark; lines end with `\n` where all of them ended with `\r\n`. */
  readonly text: string
  readonly encoding: Encoding
  readonly hasMark: boolean
  readonly isCrlf: boolean
}

/** What a new file is. */
export const plain: Omit<TextFile, "text"> = { encoding: "utf-8", hasMark: false, isCrlf: false }

const marks: { readonly [E in Encoding]: ReadonlyArray<number> } = {
  "utf-8": [0xef, 0xbb, 0xbf],
  "utf-16le": [0xff, 0xfe],
  "utf-16be": [0xfe, 0xff],
  "windows-1252": []
}

const marked = (bytes: Uint8Array): Encoding | undefined =>
  (["utf-8", "utf-16le", "utf-16be"] as const).find((encoding) =>
    marks[encoding].every((byte, index) => bytes[index] === byte)
  )

/** `undefined` for bytes that are no text of the encoding. */
const decoded = (bytes: Uint8Array, encoding: Encoding): string | undefined => {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Each byte is a character of its own in windows-1252, as browsers read it; so the way back is known. */
let westernBytes: ReadonlyMap<string, number> | undefined
const western = (): ReadonlyMap<string, number> =>
  (westernBytes ??= new Map(
    Array.from(
      new TextDecoder("windows-1252").decode(Uint8Array.from({ length: 256 }, (_, byte) => byte))
    ).map((character, byte) => [character, byte] as const)
  ))

/** All but tab, line ends, form feed and escape. */
const isControl = (character: string): boolean =>
  (character < " " && !"\t\n\v\f\r\u001b".includes(character)) || character === "\u007f"

/** The file, or `undefined` when its bytes are no text. */
export const readTextFile = (bytes: Uint8Array): TextFile | undefined => {
  const mark = marked(bytes)
  const encoding: Encoding =
    mark ?? (bytes.includes(0) ? "utf-8" : decoded(bytes, "utf-8") === undefined ? "windows-1252" : "utf-8")
  const text = decoded(bytes.subarray(mark === undefined ? 0 : marks[mark].length), encoding)
  if (text === undefined || text.includes("\0")) return undefined
  // Any bytes are windows-1252; those of a program or a picture have control characters, too.
  if (encoding === "windows-1252" && Array.from(text).some(isControl)) return undefined
  const ends = text.split("\n").length - 1
  const isCrlf = ends > 0 && text.split("\r\n").length - 1 === ends
  return {
    text: isCrlf ? text.replaceAll("\r\n", "\n") : text,
    encoding,
    hasMark: mark !== undefined,
    isCrlf
  }
}

const utf16 = (text: string, isLittle: boolean): Uint8Array => {
  const bytes = new Uint8Array(text.length * 2)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), isLittle)
  return bytes
}

/** The bytes of a new text in the file's own form, or the first character that cannot be written in it. */
export const writeTextFile = (
  text: string,
  { encoding, hasMark, isCrlf }: Omit<TextFile, "text">
): Uint8Array | { readonly unwritable: string } => {
  const ended = isCrlf ? text.replaceAll("\r\n", "\n").replaceAll("\n", "\r\n") : text
  let body: Uint8Array
  if (encoding === "utf-8") body = new TextEncoder().encode(ended)
  else if (encoding === "windows-1252") {
    const codes = western()
    const characters = Array.from(ended)
    const foreign = characters.find((character) => !codes.has(character))
    if (foreign !== undefined) return { unwritable: foreign }
    body = Uint8Array.from(characters, (character) => codes.get(character) ?? 0)
  } else body = utf16(ended, encoding === "utf-16le")
  if (!hasMark) return body
  const mark = marks[encoding]
  const whole = new Uint8Array(mark.length + body.length)
  whole.set(mark)
  whole.set(body, mark.length)
  return whole
}

/** The words that say what a file is besides plain UTF-8; nothing for that. */
export const formOf = ({
  encoding,
  hasMark,
  isCrlf
}: Omit<TextFile, "text">): {
  readonly encoding?: string
  readonly line_ends?: string
} => ({
  ...(encoding !== "utf-8" && { encoding }),
  ...(encoding === "utf-8" && hasMark && { encoding: "utf-8 with a byte order mark" }),
  ...(isCrlf && { line_ends: "crlf" })
})
