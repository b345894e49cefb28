import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

import { replaceText } from "../../src/decide/replaceText.ts"
import { cannotAdd, decodeText, encodeText, type Encoding } from "../../src/decide/textFile.ts"

const bytesOf = (text: string, encoding: Encoding): Uint8Array =>
  Result.getOrThrow(encodeText({ text, encoding }))
const latin = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0))

describe("the text of a file", () => {
  it.each([
    ["UTF-8", "Grüße 你好 🙂\n"],
    ["UTF-8 with BOM", "Grüße\r\n"],
    ["UTF-16LE", "Grüße 🙂\r\n"],
    ["UTF-16BE", "你好\n"],
    ["Latin-1", "/* Grüße */\n"],
    ["Windows-1252", "5 € – “so”\r\n"]
  ] as const)("in %s is known again, and comes back byte for byte", (encoding, text) => {
    const bytes = bytesOf(text, encoding)
    const file = Result.getOrThrow(decodeText(bytes))
    assert.deepStrictEqual(file, { text, encoding })
    assert.deepStrictEqual(bytesOf(file.text, file.encoding), bytes)
  })

  it.each([
    ["a NUL", new Uint8Array([97, 0, 98])],
    ["UTF-16 of an odd length", new Uint8Array([0xff, 0xfe, 97])],
    ["half a character of UTF-16", new Uint8Array([0xff, 0xfe, 0x00, 0xd8])],
    ["UTF-32", new Uint8Array([0xff, 0xfe, 0, 0, 97, 0, 0, 0])],
    ["a byte order mark before what is not UTF-8", new Uint8Array([0xef, 0xbb, 0xbf, 0xff])],
    ["a picture without a zero", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
    ["control characters", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x02, 0xff])]
  ])("is refused for %s", (_, bytes) => {
    assert.isTrue(Result.isFailure(decodeText(bytes)))
  })

  it.each([
    ["Latin-1", "中", /it is in Latin-1, which has no "中"/u],
    ["Latin-1", "€", /no "€"/u],
    ["Windows-1252", "\u0100", /Windows-1252/u],
    ["UTF-8", "a\0", /NUL/u],
    ["UTF-8", "\ud800", /surrogate/u],
    ["UTF-16LE", "\udc00", /surrogate/u],
    ["Latin-1", "Ã©", /read as another/u]
  ] as const)("has no bytes in %s for %j", (encoding, text, message) => {
    const encoded = encodeText({ text, encoding })
    assert.match(Result.isFailure(encoded) ? encoded.failure : "", message)
  })

  it("of which nobody knows the encoding takes ASCII only", () => {
    const koi8 = latin("// \xf0\xd2\xc9\xd7\xc5\xd4\nint x;\n")
    const { encoding, text } = Result.getOrThrow(decodeText(koi8))
    assert.strictEqual(encoding, "unknown")
    assert.isUndefined(cannotAdd(encoding, "int y;", "int x;"))
    assert.match(cannotAdd(encoding, "ä", "int x;") ?? "", /only ASCII/u)
    assert.deepStrictEqual(bytesOf(text, encoding), koi8)
  })
})

const Char = Schema.Literals([
  "a",
  "b",
  " ",
  "\t",
  "\n",
  "\r\n",
  "\r",
  "é",
  "ß",
  "€",
  "“",
  "中",
  "🙂",
  "\u0085",
  "Ã",
  "©"
])
const someEncodings = Schema.Literals([
  "UTF-8",
  "UTF-8 with BOM",
  "UTF-16LE",
  "UTF-16BE",
  "Latin-1",
  "Windows-1252"
])

describe("an edit of a file in any encoding", () => {
  it.prop(
    "leaves what it does not touch as it was, byte for byte, or changes nothing",
    {
      encoding: someEncodings,
      before: Schema.Array(Char),
      old: Schema.Array(Char).check(Schema.isMinLength(1)),
      put: Schema.Array(Char),
      after: Schema.Array(Char)
    },
    ({ after, before, encoding, old, put }) => {
      const marked = "<<OLD>>"
      const whole = `${before.join("")}${marked}${old.join("")}${marked}${after.join("")}`
      const bytes = encodeText({ text: whole, encoding })
      if (Result.isFailure(bytes)) return
      const file = Result.getOrThrow(decodeText(bytes.success))
      assert.strictEqual(file.text, whole)
      const edited = replaceText(file.text, `${marked}${old.join("")}${marked}`, `<<${put.join("")}>>`, 1)
      assert.strictEqual(edited._tag, "Replaced")
      if (edited._tag !== "Replaced") return
      const written = encodeText({ text: edited.text, encoding: file.encoding })
      if (Result.isFailure(written)) return
      const head = bytesOf("", encoding).length + (bytes.success.length - bytesOf("", encoding).length)
      const prefix = sharedHead(bytes.success, written.success)
      const markAt = byteLength(before.join(""), encoding)
      assert.isAtLeast(prefix, Math.min(markAt, head))
      assert.isAtLeast(
        sharedTail(bytes.success, written.success),
        byteLength(after.join(""), encoding) - bytesOf("", encoding).length
      )
    }
  )

  it.prop(
    "needs no care for line ends: LF in the old text stands for any, and the new text has those of the file",
    {
      lines: Schema.Array(Schema.Literals(["one", "two", "", "  three"])).check(Schema.isMinLength(3)),
      end: Schema.Literals(["\n", "\r\n", "\r"]),
      given: Schema.Literals(["\n", "\r\n"])
    },
    ({ end, given, lines }) => {
      const text = [...lines, "from", "to", ...lines, ""].join(end)
      const edited = replaceText(text, ["from", "to"].join(given), ["x", "y", "z"].join(given), 1)
      assert.deepStrictEqual(edited, {
        _tag: "Replaced",
        text: [...lines, "x", "y", "z", ...lines, ""].join(end),
        count: 1,
        via: "exact"
      })
    }
  )
})

const byteLength = (text: string, encoding: Encoding): number =>
  Result.match(encodeText({ text, encoding }), { onSuccess: (bytes) => bytes.length, onFailure: () => 0 })

const sharedHead = (one: Uint8Array, other: Uint8Array): number => {
  let count = 0
  while (count < one.length && one[count] === other[count]) count++
  return count
}
const sharedTail = (one: Uint8Array, other: Uint8Array): number =>
  sharedHead(one.toReversed(), other.toReversed())

describe("a replacement", () => {
  it("takes the line end of the place where the ends are mixed", () => {
    const text = "a\r\nb\nc\r\nd\n"
    const edit = (old: string, put: string) => {
      const outcome = replaceText(text, old, put, 1)
      return outcome._tag === "Replaced" ? outcome.text : outcome.message
    }
    assert.strictEqual(edit("a\nb", "1\n2"), "1\r\n2\nc\r\nd\n")
    assert.strictEqual(edit("b\nc", "1\n2"), "a\r\n1\n2\r\nd\n")
    assert.strictEqual(edit("c", "1\n2"), "a\r\nb\n1\n2\r\nd\n")
  })

  it("does not add the final newline that a file lacks", () => {
    assert.include(replaceText("a\nb  ", "b\n", "c\n", 1), { text: "a\nc", via: "trailing-ws" })
  })

  it("takes lines away with their end, where spaces differ", () => {
    assert.include(replaceText("a  \nb\n", "a\n", "", 1), { text: "b\n", via: "trailing-ws" })
  })

  it.each([
    ["long lines of one letter", "a".repeat(2_000_000), `b${"a".repeat(200_000)}`],
    ["100,001 lines that are nearly the same", "x \n".repeat(100_001), `${"x\n".repeat(50_000)}y`],
    ["many short lines", "\n".repeat(1_000_000), "a\n\n"]
  ])("is refused at once for %s", (_, text, old) => {
    const begin = performance.now()
    assert.strictEqual(replaceText(text, old, "z", 1)._tag, "Refused")
    assert.isBelow(performance.now() - begin, 1_000)
  })
})
