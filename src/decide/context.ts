/**
 * What the model sees of a conversation. It only grows at its end, so that a server keeps its prefix cache, until it passes the window;
 * then it is compacted once to a fixed share of it. Messages are JSON text, made once. Pure; design §3.8, contract §4.2.
 */
import type { ChatMessage } from "../../schema/Chat.ts"

export const defaultWindowTokens = 32_768
/** Share of the window that is kept at a compaction: far enough down that the next one is many turns away. */
const keptShare = 0.6
/** Tokens set aside for the tools' schemas and the reply. */
const reservedShare = 0.15

export interface Entry {
  readonly role: ChatMessage["role"]
  readonly json: string
}

export interface Conversation {
  /** Appended to in place: a copy each turn would make long runs slow. A compaction starts a new array. */
  readonly entries: Array<Entry>
  /** The JSON texts of `entries`, in the same array from turn to turn. */
  readonly messages: Array<string>
  readonly tokens: number
}

/** About four characters a token: good enough to decide when to compact, and free. */
export const tokensOf = (json: string): number => Math.ceil(json.length / 4)

export const entryOf = (message: ChatMessage): Entry => ({
  role: message.role,
  json: JSON.stringify(message)
})

/** Text of the harness at the end of the last message: a message of its own after a tool's is refused by some chat templates. */
export const amendLast = (conversation: Conversation, text: string): Conversation => {
  const last = conversation.entries.pop()
  conversation.messages.pop()
  if (last === undefined) return append(conversation, [entryOf({ role: "user", content: text })])
  const message: { readonly content?: unknown } = JSON.parse(last.json)
  const content = typeof message.content === "string" ? `${message.content}\n\n${text}` : text
  const amended = { role: last.role, json: JSON.stringify({ ...message, content }) }
  return append({ ...conversation, tokens: conversation.tokens - tokensOf(last.json) }, [amended])
}

export const empty = (): Conversation => ({ entries: [], messages: [], tokens: 0 })

export const append = (conversation: Conversation, entries: ReadonlyArray<Entry>): Conversation => {
  let { tokens } = conversation
  for (const entry of entries) {
    conversation.entries.push(entry)
    conversation.messages.push(entry.json)
    tokens += tokensOf(entry.json)
  }
  return { ...conversation, tokens }
}

/** Groups that must stay together: an assistant's calls and the results of them. The first is system and task. */
const groupsOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<ReadonlyArray<Entry>> => {
  const groups: Array<Array<Entry>> = [[]]
  for (const entry of entries) {
    if (entry.role === "assistant") groups.push([])
    groups.at(-1)?.push(entry)
  }
  return groups
}

const weight = (group: ReadonlyArray<Entry>): number =>
  group.reduce((sum, entry) => sum + tokensOf(entry.json), 0)

/**
 * The same conversation while it fits; else the system prompt, the task with a note and as many of the last groups as fit, the last one
 * always.
 */
export const fit = (conversation: Conversation, windowTokens: number): Conversation =>
  conversation.tokens <= windowTokens * (1 - reservedShare)
    ? conversation
    : compact(conversation, windowTokens)

/** The same whether or not it fits; undropped when there is nothing to leave out. */
export const compact = (conversation: Conversation, windowTokens: number): Conversation => {
  const [pinned = [], ...groups] = groupsOf(conversation.entries)
  const kept: Array<ReadonlyArray<Entry>> = []
  let tokens = weight(pinned)
  for (const group of groups.toReversed()) {
    tokens += weight(group)
    if (kept.length > 0 && tokens > windowTokens * keptShare) break
    kept.unshift(group)
  }
  const dropped = groups.length - kept.length
  if (dropped === 0) return conversation
  return append(empty(), [
    ...pinned.slice(0, -1),
    ...pinned.slice(-1).map((task) => withNote(task, dropped)),
    ...kept.flat()
  ])
}

const noteForm = /\n\n\((\d+) earlier turns were left out to save room[^)]*\)$/u

/** The task with a note of what is left out, earlier compactions counted: two messages of a user in a row are refused by templates. */
const withNote = (task: Entry, dropped: number): Entry => {
  const message: { readonly content?: unknown } = JSON.parse(task.json)
  const text = typeof message.content === "string" ? message.content : ""
  const count = dropped + Number(noteForm.exec(text)?.[1] ?? 0)
  const note = `\n\n(${count} earlier turns were left out to save room. The files in the workspace are as you left them.)`
  return { ...task, json: JSON.stringify({ ...message, content: `${text.replace(noteForm, "")}${note}` }) }
}
