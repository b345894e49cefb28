/**
 * Tool calls that a model writes as text, where its server does not know the model's protocol. Only names of tools that the request offered
 * are taken for calls, and what a model quotes (in a fence, between backticks or quotes) is none unless the whole reply is the call.
 */
import { type Draft, objectText, toolName } from "./calls.ts"
import type { Call } from "./pythonic.ts"
import { type Form, forms, frames, fromBare, isReadable } from "./textForms.ts"

export interface FoundCalls {
  readonly drafts: ReadonlyArray<Draft>
  /** What stands beside them. */
  readonly content: string
}

/** Text of a reply that is looked at; a model's call is shorter, and forms are tried from its start on. */
const maxText = 256 * 1024
/** Calls of one reply; what follows them is left as it is. */
const maxCalls = 64
/** Ends that are tried for one call: a value may hold the words by which it ends. */
const maxEnds = 8

/** The calls from `from` on, and where they end: at the first end up to which they can be read, else at the first that there is. */
const readTo = (
  { close, open, read }: Form,
  text: string,
  from: number
): { readonly calls: ReadonlyArray<Call>; readonly to: number } => {
  let first: { readonly calls: ReadonlyArray<Call>; readonly to: number } | undefined
  let after = from
  for (let tried = 0; tried < maxEnds; tried++) {
    const next = close
      .map((word) => ({ word, end: text.indexOf(word, after) }))
      .filter(({ end }) => end >= 0)
      .toSorted((one, other) => one.end - other.end)[0]
    // The last call of a reply often lacks its end.
    const end = next?.end ?? text.length
    // Where the next call begins this one ends.
    const past = next === undefined || next.word === open ? 0 : next.word.length
    const here = { calls: read(text.slice(from, end)), to: end + past }
    if (here.calls.length > 0 && here.calls.every(isReadable)) return here
    first ??= here
    if (next === undefined) break
    after = end + next.word.length
  }
  return first ?? { calls: [], to: text.length }
}

const quotes = new Map([
  ['"', '"'],
  ["'", "'"],
  ["“", "”"],
  ["«", "»"],
  ["‘", "’"]
])

/** A text that is read on: whether what follows stands in a fence, between backticks, or in a quoted line. */
class Beside {
  text = ""
  #fence = ""
  #line = ""

  add(more: string): void {
    this.text += more
    const lines = (this.#line + more).split("\n")
    this.#line = lines.pop() ?? ""
    for (const line of lines) {
      const mark = /^ {0,3}(`{3,16}|~{3,16})/u.exec(line)?.[1]
      if (mark === undefined) continue
      if (this.#fence === "") this.#fence = mark
      else if (mark.startsWith(this.#fence)) this.#fence = ""
    }
  }

  get isQuoting(): boolean {
    return this.#fence !== "" || /^\s{0,3}>/u.test(this.#line) || this.#line.split("`").length % 2 === 0
  }
}

interface Found {
  readonly calls: ReadonlyArray<Call>
  readonly beside: string
  /** Where the last call ends. */
  readonly end: number
}

/** All marked calls of a text that are not quoted in it. */
const marked = (text: string, isOffered: (call: Call) => boolean): Found => {
  const calls: Array<Call> = []
  const beside = new Beside()
  const starts = forms.map((form) => ({ form, start: text.indexOf(form.open) }))
  let end = 0
  let at = 0
  for (let steps = 0; calls.length < maxCalls && steps < maxCalls * 4; steps++) {
    let next: { readonly form: Form; readonly start: number } | undefined
    for (const one of starts) {
      if (one.start >= 0 && one.start < at) one.start = text.indexOf(one.form.open, at)
      // The longer of two that begin at the same place.
      const isSooner =
        next === undefined ||
        one.start < next.start ||
        (one.start === next.start && one.form.open.length > next.form.open.length)
      if (one.start >= 0 && isSooner) next = { ...one }
    }
    if (next === undefined) break
    const { form, start } = next
    const from = start + form.open.length
    beside.add(text.slice(at, start))
    at = from
    if (form.follows?.test(text.slice(from, from + 256)) === false || beside.isQuoting) {
      beside.add(form.open)
      continue
    }
    const { calls: here, to } = readTo(form, text, from)
    at = to
    const closing = quotes.get(beside.text.at(-1) ?? "")
    if (closing !== undefined && text.startsWith(closing, to)) {
      beside.add(text.slice(start, to))
      continue
    }
    const taken = here.filter(isOffered)
    calls.push(...taken)
    if (taken.length > 0) end = to
  }
  return { calls, beside: beside.text + text.slice(at), end }
}

/** What one pair of quotation marks is around, a fence among them; undefined where there is none. */
const unquoted = (text: string): string | undefined => {
  const [, mark, inner] = /^(`{1,16}|~{3,16})(?:[\w-]{0,32}\n)?([^]*)$/u.exec(text) ?? []
  if (mark !== undefined && inner?.endsWith(mark)) return inner.slice(0, -mark.length).trim()
  const closing = quotes.get(text[0] ?? "")
  return closing !== undefined && text.length > 1 && text.endsWith(closing)
    ? text.slice(1, -1).trim()
    : undefined
}

const draftsOf = (calls: ReadonlyArray<Call>, offered: ReadonlySet<string>): ReadonlyArray<Draft> =>
  calls.map((call, index) => ({
    name: toolName(call.name, offered),
    arguments: objectText(call.arguments) ?? call.arguments,
    index,
    id: "",
    extras: {}
  }))

export interface Written {
  readonly text: string
  /** Thoughts that the server told apart. */
  readonly reasoning?: string
}

/** `undefined` when there is no call of a tool that was offered. */
export const textCalls = (
  { reasoning = "", text }: Written,
  offered: ReadonlySet<string>
): FoundCalls | undefined => {
  if (text.length > maxText || reasoning.length > maxText) return undefined
  const drafts = (calls: ReadonlyArray<Call>) => draftsOf(calls, offered)
  const isOffered = ({ name }: Call) => offered.has(toolName(name, offered))
  // Thoughts that the server left in the text.
  const thoughtEnd = text.lastIndexOf("</think>")
  const said = thoughtEnd < 0 ? text : text.slice(thoughtEnd + "</think>".length)
  const { beside, calls } = marked(said, isOffered)
  const content = (rest: string) =>
    `${text.slice(0, text.length - said.length)}${rest.replaceAll(frames, "").trim()}`
  if (calls.length > 0) return { drafts: drafts(calls), content: content(beside) }
  const whole = said.trim()
  const inner = unquoted(whole)
  if (inner !== undefined) {
    const quoted = marked(inner, isOffered)
    if (quoted.calls.length > 0 && quoted.beside.replaceAll(frames, "").trim() === "")
      return { drafts: drafts(quoted.calls), content: content("") }
  }
  for (const alone of [whole, inner]) {
    const bare = alone === undefined ? [] : fromBare(alone).filter(isOffered)
    if (bare.length > 0) return { drafts: drafts(bare), content: content("") }
  }
  // A call that was begun among the thoughts and is the last of them.
  const thoughts = reasoning === "" ? text.slice(0, Math.max(0, thoughtEnd)) : reasoning
  if (whole !== "" || thoughts === "") return undefined
  const thought = marked(thoughts, isOffered)
  const isLast = thoughts.slice(thought.end).replaceAll(frames, "").trim() === ""
  return thought.calls.length > 0 && isLast ? { drafts: drafts(thought.calls), content: text } : undefined
}
