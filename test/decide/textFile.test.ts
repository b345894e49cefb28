import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { readTextFile, type TextFile, writeTextFile } from "../../src/decide/textFile.ts"

const utf16 = (text: string, isLittle: boolean): Uint8Array => {
  const bytes = Buffer.from(`\uFEFF${text}`, "utf16le")
  return isLittle ? bytes : bytes.swap16()
}

const forms: ReadonlyArray<readonly [string, (text: string) => Uint8Array]> = [
  ["UTF-8", (text) => Buffer.from(text)],
  ["UTF-8 with a mark", (text) => Buffer.from(`\uFEFF${text}`)],
  ["UTF-16 LE", (text) => utf16(text, true)],
  ["UTF-16 BE", (text) => utf16(text, false)],
  ["Latin-1", (text) => Buffer.from(`ü${text}`, "latin1")]
]
const text = Schema.String.check(Schema.isPattern(/^[\u0020-\u007e\u00a0-\u00ff\n\r]*$/u))

const bytesOf = (written: ReturnType<typeof writeTextFile>): Uint8Array =>
  "unwritable" in written ? assert.fail(`unwritable ${written.unwritable}`) : written

describe("a file as text", () => {
  for (const [name, encode] of forms) {
    it.prop(
      `in ${name} comes back as the same bytes, whatever its line ends`,
      { text, end: Schema.Literals(["\n", "\r\n"]) },
      ({ end, text }) => {
        const bytes = encode(text.replaceAll("\n", end))
        const file = readTextFile(bytes)
        if (file === undefined) return assert.fail("no text")
        assert.deepStrictEqual(Buffer.from(bytesOf(writeTextFile(file.text, file))), Buffer.from(bytes))
      }
    )

    it(`in ${name} an edit changes the edited part alone`, () => {
      const before = encode("one é\r\ntwo\r\nthree\r\n")
      const file = readTextFile(before) ?? assert.fail("no text")
      const after = bytesOf(writeTextFile(file.text.replace("two", "TWO\nand more"), file))
      assert.deepStrictEqual(Buffer.from(after), Buffer.from(encode("one é\r\nTWO\r\nand more\r\nthree\r\n")))
    })
  }

  it.each<[string, Uint8Array]>([
    ["a program", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1)],
    ["a picture without a zero", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
    ["UTF-16 that is cut", utf16("ab", true).subarray(0, 5)],
    ["half a pair of UTF-16", Uint8Array.of(0xff, 0xfe, 0x3c, 0xd8)]
  ])("is none: %s", (_, bytes) => assert.isUndefined(readTextFile(bytes)))

  it("says the first character that its encoding does not have", () => {
    const file: TextFile = readTextFile(Buffer.from("é\n", "latin1")) ?? assert.fail("no text")
    assert.deepStrictEqual(writeTextFile("€ 你\n", file), { unwritable: "你" })
    assert.deepStrictEqual(Buffer.from(bytesOf(writeTextFile("€\n", file))), Buffer.from([0x80, 0x0a]))
  })

  it("keeps both line ends of a file that has both", () => {
    const file = readTextFile(Buffer.from("a\r\nb\nc\r\n")) ?? assert.fail("no text")
    assert.deepStrictEqual([file.isCrlf, file.text], [false, "a\r\nb\nc\r\n"])
  })
})
