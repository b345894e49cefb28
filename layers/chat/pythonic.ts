/** Calls in the form of a program: `[read_file(path="a"), …]`, and Gemma's `call:read_file{path:<|"|>a<|"|>}`. Read in one pass, never run. */
export interface Call {
  readonly name: string
  readonly arguments: string
}

/** Marks of Gemma around a text. */
const textMarks = ['<|"|>', "<escape>"]
const words = new Map<string, unknown>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["null", null],
  ["None", null]
])
const escapes = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["\n", ""],
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"']
])
/** How deep lists may lie in lists. */
const deepest = 16

/** What cannot be read on. */
class Unreadable extends Error {}

class Reader {
  #at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    this.#skipSpace()
    return this.#at >= this.#text.length
  }

  #skipSpace(): void {
    while (/\s/u.test(this.#text[this.#at] ?? "")) this.#at++
  }

  takes(word: string): boolean {
    this.#skipSpace()
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#at += word.length
    return true
  }

  needs(...anyOf: ReadonlyArray<string>): void {
    if (!anyOf.some((word) => this.takes(word))) throw new Unreadable()
  }

  word(): string {
    this.#skipSpace()
    const form = /[\p{L}_][\w.:-]{0,127}/uy
    form.lastIndex = this.#at
    const found = form.exec(this.#text)?.[0]
    if (found === undefined) throw new Unreadable()
    this.#at += found.length
    return found
  }

  /** A name before `=` or `:`. */
  #key(): string {
    const text = this.#string()
    if (text !== undefined) return text
    const form = /[\p{L}_][\w-]{0,127}/uy
    form.lastIndex = this.#at
    const found = form.exec(this.#text)?.[0]
    if (found === undefined) throw new Unreadable()
    this.#at += found.length
    return found
  }

  /** `key = value` up to the closing word. */
  pairs(close: string, depth = 0): Record<string, unknown> {
    const found: Array<[string, unknown]> = []
    while (!this.takes(close)) {
      const key = this.#key()
      this.needs("=", ":")
      found.push([key, this.#value(depth + 1)])
      if (!this.takes(",")) {
        this.needs(close)
        break
      }
    }
    return Object.fromEntries(found)
  }

  #value(depth: number): unknown {
    if (depth > deepest) throw new Unreadable()
    const text = this.#string()
    if (text !== undefined) return text
    if (this.takes("{")) return this.pairs("}", depth)
    if (this.takes("[")) {
      const list: Array<unknown> = []
      while (!this.takes("]")) {
        list.push(this.#value(depth + 1))
        if (!this.takes(",")) {
          this.needs("]")
          break
        }
      }
      return list
    }
    const form = /-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?|[A-Za-z]{4,5}/uy
    form.lastIndex = this.#at
    const found = form.exec(this.#text)?.[0] ?? ""
    if (found === "" || (/^[A-Za-z]/u.test(found) && !words.has(found))) throw new Unreadable()
    this.#at += found.length
    return words.has(found) ? words.get(found) : Number(found)
  }

  #string(): string | undefined {
    this.#skipSpace()
    const mark = textMarks.find((one) => this.#text.startsWith(one, this.#at))
    if (mark !== undefined) {
      const from = this.#at + mark.length
      const end = this.#text.indexOf(mark, from)
      if (end < 0) throw new Unreadable()
      this.#at = end + mark.length
      return this.#text.slice(from, end)
    }
    const quote = ['"""', "'''", '"', "'"].find((one) => this.#text.startsWith(one, this.#at))
    return quote === undefined ? undefined : this.#quoted(quote)
  }

  #quoted(quote: string): string {
    let made = ""
    let at = this.#at + quote.length
    let from = at
    for (; at < this.#text.length; at++) {
      const character = this.#text[at]
      if (character === "\\") {
        made += this.#text.slice(from, at)
        const [code, hex] =
          /^(?:u([\dA-Fa-f]{4})|x([\dA-Fa-f]{2}))/u.exec(this.#text.slice(at + 1, at + 6))?.slice(1) ?? []
        const digits = code ?? hex
        const next = this.#text[at + 1] ?? ""
        made +=
          digits === undefined
            ? (escapes.get(next) ?? `\\${next}`)
            : String.fromCharCode(Number.parseInt(digits, 16))
        at += digits === undefined ? 1 : digits.length + 1
        from = at + 1
      } else if (this.#text.startsWith(quote, at)) {
        this.#at = at + quote.length
        return made + this.#text.slice(from, at)
      }
    }
    throw new Unreadable()
  }
}

const orNone = (read: () => ReadonlyArray<Call>): ReadonlyArray<Call> => {
  try {
    return read()
  } catch (error) {
    if (error instanceof Unreadable) return []
    throw error
  }
}

/** All of the text, or nothing: calls with named arguments, in a list or one after another. */
export const fromProgram = (text: string): ReadonlyArray<Call> =>
  orNone(() => {
    const reader = new Reader(text)
    const isList = reader.takes("[")
    const calls: Array<Call> = []
    do {
      const isPrinted = reader.takes("print(")
      const name = reader.word()
      reader.needs("(")
      calls.push({ name: name.replace(/\.call$/u, ""), arguments: JSON.stringify(reader.pairs(")")) })
      if (isPrinted) reader.needs(")")
      if (isList) reader.takes(",")
      else reader.takes(";")
    } while (isList ? !reader.takes("]") : !reader.isAtEnd)
    return reader.isAtEnd ? calls : []
  })

/** `call:NAME{…}`, one after another. */
export const fromGemma = (text: string): ReadonlyArray<Call> =>
  orNone(() => {
    const reader = new Reader(text)
    const calls: Array<Call> = []
    do {
      reader.needs("call:")
      const name = reader.word()
      reader.needs("{")
      calls.push({ name, arguments: JSON.stringify(reader.pairs("}")) })
    } while (!reader.isAtEnd)
    return calls
  })
