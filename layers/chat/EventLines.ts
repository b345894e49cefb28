/**
 * The events of a stream, as servers really write them: server-sent events with any line end, data over several lines, one JSON text a line
 * without `data:`, and lines of one event that no blank line ends.
 */
import { Option } from "effect"

export interface StreamEvent {
  /** Empty where the server names none. */
  readonly name: string
  readonly text: string
  /** The text read as JSON. */
  readonly value: Option.Option<unknown>
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** Lines of one event whose JSON is looked for after each; what is longer is read at the event's end. */
const maxEagerLines = 64
/** Of what is no event, for a person. */
const maxUnreadText = 200

export const doneText = "[DONE]"

export class EventLines {
  /** The beginning of what was no field of an event. */
  unread = ""
  #rest = ""
  #endedWithReturn = false
  #name = ""
  #pending: Array<string> = []
  #found: Array<StreamEvent> = []

  /** Events whose last line is in the text. */
  push(text: string): ReadonlyArray<StreamEvent> {
    const more = this.#endedWithReturn && text.startsWith("\n") ? text.slice(1) : text
    if (text !== "") this.#endedWithReturn = more.endsWith("\r")
    const [first = "", ...others] = more.split(/\r\n|\r|\n/u)
    if (others.length === 0) {
      this.#rest += first
      return []
    }
    this.#line(this.#rest + first)
    this.#rest = others.pop() ?? ""
    for (const line of others) this.#line(line)
    return this.#taken()
  }

  /** What the stream's last line, and lines that no blank one ends, still hold. */
  end(): ReadonlyArray<StreamEvent> {
    this.#line(this.#rest)
    this.#rest = ""
    this.#flush()
    return this.#taken()
  }

  #taken(): ReadonlyArray<StreamEvent> {
    const found = this.#found
    this.#found = []
    return found
  }

  #line(line: string): void {
    const trimmed = line.trim()
    if (trimmed === "") {
      this.#flush()
      this.#name = ""
    } else if (/^[{[]/u.test(trimmed)) this.#data(trimmed)
    else if (!trimmed.startsWith(":")) {
      const [, field = "", value = ""] = /^(data|event|error|id|retry)\s*:([^]*)$/u.exec(trimmed) ?? []
      if (field === "event") this.#name = value.trim()
      else if (field === "data") this.#data(value.trim())
      // llama.cpp's, for a while.
      else if (field === "error") this.#found.push(eventOf("error", value.trim()))
      else if (field === "" && this.unread === "") this.unread = trimmed.slice(0, maxUnreadText)
    }
  }

  /** One line of an event's data; most servers send all of it in one, and some no blank line after it. */
  #data(line: string): void {
    if (line === "") return
    this.#pending.push(line)
    if (this.#pending.length > maxEagerLines || !/[}\]]$/u.test(line)) return
    const all = eventOf(this.#name, this.#pending.join("\n"))
    const last = this.#pending.length > 1 ? eventOf(this.#name, line) : all
    if (isWhole(all)) this.#found.push(all)
    else if (isWhole(last)) {
      // A whole one after what was none.
      this.#pending.pop()
      this.#flush()
      this.#found.push(last)
    } else return
    this.#pending = []
  }

  #flush(): void {
    if (this.#pending.length === 0) return
    this.#found.push(eventOf(this.#name, this.#pending.join("\n")))
    this.#pending = []
  }
}

const eventOf = (name: string, text: string): StreamEvent => ({ name, text, value: parseJson(text) })

const isWhole = ({ text, value }: StreamEvent): boolean => text === doneText || Option.isSome(value)
