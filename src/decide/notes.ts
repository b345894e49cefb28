/** What stays of the turns that a compaction leaves out: what was decided, read, changed and run, as a short text. Pure. */
import { Option } from "effect"

export interface Notes {
  /** Turns that were left out, those of earlier compactions included. */
  readonly turns: number
  /** What the model said, the oldest first; so with the lists below. */
  readonly said: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly read: ReadonlyArray<string>
  readonly ran: ReadonlyArray<string>
}

export const none: Notes = { turns: 0, said: [], changed: [], read: [], ran: [] }

/** Entries of each list that are kept, the latest. */
const most = { said: 6, changed: 40, read: 40, ran: 8 } as const
const maxSaid = 200
const maxCommand = 100
const maxPath = 160

type JsonObject = { readonly [key: string]: unknown }
const isRecord = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const parse = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const objectOf = (text: unknown): JsonObject => {
  const value = typeof text === "string" ? Option.getOrUndefined(parse(text)) : text
  return isRecord(value) ? value : {}
}

/** One line of at most `max` characters. */
const short = (text: unknown, max: number): string => {
  const line = typeof text === "string" ? text.replace(/\s+/gu, " ").trim() : ""
  return line.length <= max ? line : `${line.slice(0, max - 1).toWellFormed()}…`
}

/** The latest of each, each once. */
const latest = (before: ReadonlyArray<string>, one: string, count: number): ReadonlyArray<string> =>
  one === "" ? before : [...before.filter((other) => other !== one), one].slice(-count)

const changes: ReadonlySet<unknown> = new Set(["delete", "str_replace", "write_file"])

/** Takes note of one call; `result` is what the model was told. */
const noteCall = (notes: Notes, name: unknown, args: JsonObject, result: JsonObject): Notes => {
  if (name === "bash") {
    const exit = typeof result["exit_code"] === "number" ? ` (exit ${result["exit_code"]})` : ""
    const command = short(args["command"], maxCommand)
    return command === "" ? notes : { ...notes, ran: latest(notes.ran, `${command}${exit}`, most.ran) }
  }
  if ("error" in result) return notes
  const path = short(args["path"], maxPath)
  if (changes.has(name)) {
    const change = name === "delete" && path !== "" ? `${path} (deleted)` : path
    return { ...notes, changed: latest(notes.changed, change, most.changed) }
  }
  if (name === "move") {
    const change = `${short(args["from"], maxPath)} → ${short(args["to"], maxPath)}`
    return { ...notes, changed: latest(notes.changed, change, most.changed) }
  }
  return name === "read_file" ? { ...notes, read: latest(notes.read, path, most.read) } : notes
}

/** Takes note of one turn: a reply and what followed it, as JSON texts of messages. */
export const noteTurn = (before: Notes, messages: ReadonlyArray<string>): Notes => {
  const parsed = messages.map(objectOf)
  const results = new Map(parsed.map((message) => [message["tool_call_id"], objectOf(message["content"])]))
  let notes: Notes = { ...before, turns: before.turns + 1 }
  for (const { content, role, tool_calls: calls } of parsed) {
    if (role !== "assistant") continue
    notes = { ...notes, said: latest(notes.said, short(content, maxSaid), most.said) }
    for (const call of Array.isArray(calls) ? calls.map(objectOf) : []) {
      const { arguments: args, name } = objectOf(call["function"])
      notes = noteCall(notes, name, objectOf(args), results.get(call["id"]) ?? {})
    }
  }
  return notes
}

const turnsOf = (count: number): string => `${count} earlier turn${count === 1 ? " was" : "s were"}`

const lines = ({ changed, ran, read, said }: Notes): ReadonlyArray<string> => [
  ...(changed.length === 0 ? [] : [`Changed: ${changed.join(", ")}`]),
  ...(read.length === 0 ? [] : [`Read: ${read.join(", ")}`]),
  ...(ran.length === 0 ? [] : [`Ran: ${ran.map((command) => `\`${command}\``).join(", ")}`]),
  ...(said.length === 0 ? [] : [`You said:\n${said.map((text) => `- ${text}`).join("\n")}`])
]

const textOf = (notes: Notes): string =>
  [
    `\n\n(${turnsOf(notes.turns)} left out to save room. The files in the workspace are as you left them.`,
    ...lines(notes)
  ].join("\n") + ")"

/** The notes as text, to stand after the task. The oldest entries give way until it has at most `maxChars`; the first sentence stays. */
export const render = (notes: Notes, maxChars: number): string => {
  let shown = notes
  for (const key of ["read", "ran", "said", "changed"] as const) {
    while (shown[key].length > 0 && textOf(shown).length > maxChars) {
      shown = { ...shown, [key]: shown[key].slice(Math.ceil(shown[key].length / 4)) }
    }
  }
  return textOf(shown)
}
