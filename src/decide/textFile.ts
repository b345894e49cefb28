/**
 * Bytes of a file as text, and back. What was not changed comes back byte for byte, or the change is refused: nothing is ever replaced
 * by U+FFFD. Pure.
 */
import { Result } from "effect"

export type Encoding =
  | "UTF-8"
  | "UTF-8 with BOM"
  | "UTF-16LE"
  | "UTF-16BE"
  | "Latin-1"
  | "Windows-1252"
  /** One byte a character, but which character nobody can tell: shown as Windows-1252, and only ASCII may be added. */
  | "unknown"

export interface TextFile {
  /** Without its byte order mark. */
  readonly text: string
  readonly encoding: Encoding
}

/** Windows-1252 from 0x80 to 0x9F; the five that it leaves open are control characters, as on the web. */
const high = [
  0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
  0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a,
  0x153, 0x9d, 0x17e, 0x178
]
const codeOf = Uint16Array.from({ length: 256 }, (_, byte) => high[byte - 0x80] ?? byte)
const byteOf = new Map(Array.from(codeOf, (code, byte) => [code, byte]))

const chunkLength = 8192

/** Code units as a string, some at a time: a call has room for so many arguments only. */
const fromUnits = (units: Uint16Array): string => {
  const parts: Array<string> = []
  for (let at = 0; at < units.length; at += chunkLength) {
    parts.push(String.fromCharCode(...units.subarray(at, at + chunkLength)))
  }
  return parts.join("")
}

const decodeUtf8 = (bytes: Uint8Array): Result.Result<string, string> =>
  Result.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: () => "its bytes are not valid UTF-8"
  })

const decodeUtf16 = (bytes: Uint8Array, isLittle: boolean): Result.Result<string, string> => {
  if (bytes.length % 2 === 1) return Result.fail("its UTF-16 ends in the middle of a character")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = fromUnits(
    Uint16Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(2 * index, isLittle))
  )
  return text.isWellFormed() ? Result.succeed(text) : Result.fail("its UTF-16 has half a character")
}

/** Control characters that a text does not have. */
const isControl = (byte: number): boolean =>
  byte === 0x7f || (byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d) && byte !== 0x1b)

/** Two signs that one byte is not one character of a western language: UTF-8 among it, or whole words above ASCII. */
const utf8Part =
  /[\u00c2-\u00df][\u0080-\u00bf]|[\u00e0-\u00ef][\u0080-\u00bf]{2}|[\u00f0-\u00f4][\u0080-\u00bf]{3}/u
const foreignWord = /[\u0080-\u00ff]{4}/u

const decodeBytes = (bytes: Uint8Array): Result.Result<TextFile, string> => {
  if (bytes.some(isControl)) return Result.fail("it is a binary file")
  const plain = fromUnits(Uint16Array.from(bytes))
  if (utf8Part.test(plain) || foreignWord.test(plain)) {
    return Result.succeed({
      text: fromUnits(Uint16Array.from(bytes, (byte) => codeOf[byte] ?? byte)),
      encoding: "unknown"
    })
  }
  return /[\u0080-\u009f]/u.test(plain)
    ? Result.succeed({
        text: fromUnits(Uint16Array.from(bytes, (byte) => codeOf[byte] ?? byte)),
        encoding: "Windows-1252"
      })
    : Result.succeed({ text: plain, encoding: "Latin-1" })
}

const withoutNul = (file: TextFile): Result.Result<TextFile, string> =>
  file.text.includes("\0") ? Result.fail("it is a binary file") : Result.succeed(file)

/** The text, or why there is none: the end of a sentence that begins with the file's name and a colon. */
export const decodeText = (bytes: Uint8Array): Result.Result<TextFile, string> => {
  const [first, second, third] = bytes
  if (first === 0xff && second === 0xfe) {
    return Result.flatMap(decodeUtf16(bytes.subarray(2), true), (text) =>
      withoutNul({ text, encoding: "UTF-16LE" })
    )
  }
  if (first === 0xfe && second === 0xff) {
    return Result.flatMap(decodeUtf16(bytes.subarray(2), false), (text) =>
      withoutNul({ text, encoding: "UTF-16BE" })
    )
  }
  if (bytes.includes(0)) return Result.fail("it is a binary file")
  if (first === 0xef && second === 0xbb && third === 0xbf) {
    return Result.map(decodeUtf8(bytes.subarray(3)), (text) => ({
      text,
      encoding: "UTF-8 with BOM" as const
    }))
  }
  const utf8 = decodeUtf8(bytes)
  return Result.isSuccess(utf8)
    ? Result.succeed({ text: utf8.success, encoding: "UTF-8" })
    : decodeBytes(bytes)
}

/** Characters of a text that have no byte in this encoding. */
const strangers = (text: string, isKnown: (code: number) => boolean): ReadonlyArray<string> => {
  const found = new Set<string>()
  for (let at = 0; at < text.length && found.size < 5; at++) {
    if (!isKnown(text.charCodeAt(at))) found.add(String.fromCodePoint(text.codePointAt(at) ?? 0xfffd))
  }
  return [...found]
}

const asBytes = (text: string, encoding: Encoding): Result.Result<Uint8Array, string> => {
  const isKnown = (code: number): boolean =>
    encoding === "Latin-1" ? code < 0x80 || (code >= 0xa0 && code <= 0xff) : byteOf.has(code)
  const unknown = strangers(text, isKnown)
  if (unknown.length > 0) {
    return Result.fail(`it is in ${encoding}, which has no ${unknown.map((one) => `"${one}"`).join(", ")}`)
  }
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = byteOf.get(text.charCodeAt(at)) ?? text.charCodeAt(at)
  return Result.succeed(bytes)
}

const asUtf16 = (text: string, isLittle: boolean): Uint8Array => {
  const bytes = new Uint8Array(2 + 2 * text.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0xfeff, isLittle)
  for (let at = 0; at < text.length; at++) view.setUint16(2 + 2 * at, text.charCodeAt(at), isLittle)
  return bytes
}

const asUtf8 = (text: string, hasMark: boolean): Uint8Array =>
  new TextEncoder().encode(hasMark ? `\ufeff${text}` : text)

/**
 * The bytes of a text in an encoding, or why it has none there. Read again they are the same text: an encoding that has to be guessed
 * may otherwise be guessed differently the next time.
 */
export const encodeText = ({ encoding, text }: TextFile): Result.Result<Uint8Array, string> => {
  if (text.includes("\0")) return Result.fail("a text has no NUL character")
  if (!text.isWellFormed()) return Result.fail("the new text has half a character (a lone surrogate)")
  switch (encoding) {
    case "UTF-8":
      return text.startsWith("\ufeff")
        ? Result.fail("a file in UTF-8 without a byte order mark cannot begin with one")
        : Result.succeed(asUtf8(text, false))
    case "UTF-8 with BOM":
      return Result.succeed(asUtf8(text, true))
    case "UTF-16LE":
    case "UTF-16BE":
      return Result.succeed(asUtf16(text, encoding === "UTF-16LE"))
    default:
      return Result.flatMap(asBytes(text, encoding), (bytes) => {
        const again = decodeText(bytes)
        return Result.isSuccess(again) && again.success.text === text
          ? Result.succeed(bytes)
          : Result.fail(`it is in ${encoding}, and with this change it would be read as another encoding`)
      })
  }
}

/** Why `added` cannot be put into a file where `before` stood; `undefined` when it can. */
export const cannotAdd = (encoding: Encoding, added: string, before: string): string | undefined => {
  if (encoding !== "unknown") return undefined
  const known = new Set(before)
  const unknown = [...new Set(added)].filter((one) => (one.codePointAt(0) ?? 0) > 0x7f && !known.has(one))
  return unknown.length === 0
    ? undefined
    : `its encoding is not known (it is not UTF-8), so only ASCII can be added, not "${unknown.slice(0, 5).join("")}"`
}
