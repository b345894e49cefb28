/**
 * The syntax of Go's regexps (RE2), which tools promise to models, as a tree. Back references and look-around are refused, as Go does:
 * without them matching takes time in proportion to the line. Pure.
 */
import { Result } from "effect"

export type PatternNode =
  /** One character; the source is a JavaScript regexp of exactly one. */
  | { readonly type: "test"; readonly source: string; readonly ignoreCase: boolean }
  | { readonly type: "assert"; readonly kind: "start" | "end" | "boundary" | "inside" }
  | { readonly type: "all"; readonly parts: ReadonlyArray<PatternNode> }
  | { readonly type: "any"; readonly options: ReadonlyArray<PatternNode> }
  | { readonly type: "repeat"; readonly node: PatternNode; readonly min: number; readonly max: number }

/** Go's own bound on a counted repetition. */
const maxRepeat = 1000
/** Groups within groups. */
const maxDepth = 100

const posix: { readonly [name: string]: string } = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f"
}

/** Thrown and caught within this file only. */
class Refusal {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}
const refuse = (message: string): never => {
  throw new Refusal(message)
}

const escapeForClass = (character: string): string => character.replace(/[\\\]^[-]/u, "\\$&")
const escapeAlone = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/]/u, "\\$&")

class Parser {
  #at = 0
  #flags = { ignoreCase: false, dotAll: false }
  #depth = 0
  readonly #text: ReadonlyArray<string>
  constructor(pattern: string) {
    this.#text = Array.from(pattern)
  }

  whole(): PatternNode {
    const node = this.#alternatives()
    return this.#at < this.#text.length ? refuse("there is a ) too many") : node
  }

  #peek(ahead = 0): string {
    return this.#text[this.#at + ahead] ?? ""
  }
  #take(): string {
    const character = this.#peek()
    this.#at++
    return character
  }
  #eat(text: string): boolean {
    const isThere = Array.from(text).every((character, index) => this.#peek(index) === character)
    if (isThere) this.#at += text.length
    return isThere
  }
  #until(end: string): string {
    let text = ""
    while (this.#peek() !== end) text += this.#peek() === "" ? refuse(`a ${end} is missing`) : this.#take()
    this.#at++
    return text
  }

  #alternatives(): PatternNode {
    const options = [this.#sequence()]
    while (this.#eat("|")) options.push(this.#sequence())
    return options.length === 1 && options[0] !== undefined ? options[0] : { type: "any", options }
  }

  #sequence(): PatternNode {
    const parts: Array<PatternNode> = []
    while (!["", "|", ")"].includes(this.#peek())) parts.push(this.#repeated(this.#atom()))
    return { type: "all", parts }
  }

  #repeated(node: PatternNode): PatternNode {
    const bounds = this.#bounds()
    if (bounds === undefined) return node
    // A lazy repetition matches the same lines.
    this.#eat("?")
    return this.#repeated({ type: "repeat", node, min: bounds[0], max: bounds[1] })
  }

  #bounds(): readonly [number, number] | undefined {
    if (this.#eat("*")) return [0, Infinity]
    if (this.#eat("+")) return [1, Infinity]
    if (this.#eat("?")) return [0, 1]
    const rest = this.#text.slice(this.#at, this.#at + 16).join("")
    const counted = /^\{(\d+)(,?)(\d*)\}/u.exec(rest)
    if (counted === null) return undefined
    this.#at += counted[0].length
    const min = Number(counted[1])
    const max = counted[2] === "" ? min : counted[3] === "" ? Infinity : Number(counted[3])
    const isSound = min <= maxRepeat && min <= max && (max === Infinity || max <= maxRepeat)
    return isSound ? [min, max] : refuse(`${counted[0]} is out of bounds`)
  }

  #atom(): PatternNode {
    const character = this.#take()
    switch (character) {
      case "(":
        return this.#group()
      case "[":
        return this.#test(this.#class())
      case ".":
        return this.#test(this.#flags.dotAll ? "[\\s\\S]" : "[^\\n]")
      case "^":
        return { type: "assert", kind: "start" }
      case "$":
        return { type: "assert", kind: "end" }
      case "*":
      case "+":
      case "?":
        return refuse(`there is nothing for ${character} to repeat`)
      case "\\":
        return this.#escape()
      default:
        return this.#test(escapeAlone(character))
    }
  }

  #test(source: string): PatternNode {
    return { type: "test", source, ignoreCase: this.#flags.ignoreCase }
  }

  #group(): PatternNode {
    if (++this.#depth > maxDepth) return refuse("groups are nested too deep")
    const outer = { ...this.#flags }
    if (this.#eat("?")) {
      if (
        this.#eat("P<") ||
        (this.#peek() === "<" && !["=", "!"].includes(this.#peek(1)) && this.#eat("<"))
      ) {
        this.#until(">")
      } else if (this.#setFlags() === ")") {
        this.#depth--
        return { type: "all", parts: [] }
      }
    }
    const node = this.#alternatives()
    if (!this.#eat(")")) return refuse("a ) is missing")
    this.#flags = outer
    this.#depth--
    return node
  }

  /** `i`, `m`, `s`, `U` up to `:` or `)`. Lines are matched one by one, so `m` changes nothing. */
  #setFlags(): string {
    let isOn = true
    for (;;) {
      const flag = this.#take()
      if (flag === ":" || flag === ")") return flag
      if (flag === "-") isOn = false
      else if (flag === "i") this.#flags = { ...this.#flags, ignoreCase: isOn }
      else if (flag === "s") this.#flags = { ...this.#flags, dotAll: isOn }
      else if (flag !== "m" && flag !== "U") return refuse(`(?${flag} is not Go's syntax: no look-around`)
    }
  }

  #escape(): PatternNode {
    const next = this.#peek()
    if (next === "b" || next === "B") {
      this.#at++
      return { type: "assert", kind: next === "b" ? "boundary" : "inside" }
    }
    if (next === "A" || next === "z") {
      this.#at++
      return { type: "assert", kind: next === "A" ? "start" : "end" }
    }
    if (this.#eat("Q")) {
      const parts: Array<PatternNode> = []
      while (this.#peek() !== "" && !this.#eat("\\E")) parts.push(this.#test(escapeAlone(this.#take())))
      return { type: "all", parts }
    }
    return this.#test(this.#escaped())
  }

  /** What stands after a backslash, as JavaScript source that is good alone and within a class. */
  #escaped(): string {
    const next = this.#take()
    if (next === "") return refuse("a \\ stands at the end")
    if ("dDwWsStnrfv".includes(next)) return `\\${next}`
    if (next === "a") return "\\x07"
    if (next === "p" || next === "P") {
      const name = this.#eat("{") ? this.#until("}") : this.#take()
      const isCategory = Result.isSuccess(Result.try(() => new RegExp(`\\p{${name}}`, "u")))
      return `\\${next}{${isCategory ? name : `Script=${name}`}}`
    }
    if (next === "x") return `\\u{${this.#eat("{") ? this.#until("}") : this.#take() + this.#take()}}`
    if (/[0-9]/u.test(next)) return refuse(`\\${next} is not Go's syntax: no back references`)
    if (/[A-Za-z]/u.test(next)) return refuse(`\\${next} is not Go's syntax`)
    return `\\u{${(next.codePointAt(0) ?? 0).toString(16)}}`
  }

  #class(): string {
    let source = this.#eat("^") ? "[^" : "["
    let isFirst = true
    while (isFirst || this.#peek() !== "]") {
      isFirst = false
      if (this.#eat("[:")) {
        const isNot = this.#eat("^")
        const name = this.#until(":")
        const set = posix[name]
        if (set === undefined || isNot || !this.#eat("]")) return refuse(`[:${name}:] is no class`)
        source += set
      } else if (this.#eat("\\")) source += this.#escaped()
      else if (this.#peek() === "") return refuse("a ] is missing")
      else source += this.#peek() === "-" ? this.#take() : escapeForClass(this.#take())
    }
    this.#at++
    return `${source}]`
  }
}

/** The tree, or a sentence that says what is wrong with the pattern. */
export const parsePattern = (pattern: string): Result.Result<PatternNode, string> =>
  Result.try({
    try: () => new Parser(pattern).whole(),
    catch: (cause) => (cause instanceof Refusal ? cause.message : String(cause))
  })
