/**
 * What the model sees of a conversation. It only grows at its end, so that a server keeps its prefix cache, until it passes the window;
 * then it is compacted. Messages are JSON text, made once. Pure; design §3.8, contract §4.2.
 */
import type { ChatMessage } from "../../schema/Chat.ts"
import * as Notes from "./notes.ts"

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
  /** Of the turns that were left out; absent before the first compaction. */
  readonly notes?: { readonly of: Notes.Notes; readonly text: string }
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

const weight = (entries: ReadonlyArray<Entry>): number =>
  entries.reduce((sum, entry) => sum + tokensOf(entry.json), 0)

/** Tokens of what every compaction keeps: the system prompt and the task. */
export const pinnedTokens = ({ entries }: Conversation): number => weight(groupsOf(entries)[0] ?? [])

/** Notes take at most this share of the room, within bounds in characters. */
const notesShare = 1 / 16
const leastNotes = 400
const mostNotes = 4_000

export interface Compacted {
  readonly conversation: Conversation
  /** Results as they were that the model has not read, and will not: there was no room for them. */
  readonly unread: ReadonlyArray<Entry>
}

/**
 * The system prompt, the task with notes of what is left out, and as many of the last groups as have `keptTokens` in all, the last one always.
 * Where that has more than `roomTokens`, results of the last group are left out, too. Undefined when nothing can be left out.
 */
export const compact = (
  conversation: Conversation,
  { keptTokens, roomTokens }: { readonly keptTokens: number; readonly roomTokens: number }
): Compacted | undefined => {
  const [pinned = [], ...groups] = groupsOf(conversation.entries)
  const kept: Array<ReadonlyArray<Entry>> = []
  let tokens = weight(pinned)
  for (const group of groups.toReversed()) {
    tokens += weight(group)
    if (kept.length > 0 && tokens > keptTokens) break
    kept.unshift(group)
  }
  const dropped = groups.slice(0, groups.length - kept.length)
  const before = conversation.notes
  const notes = dropped.reduce(
    (all, group) =>
      Notes.noteTurn(
        all,
        group.map(({ json }) => json)
      ),
    before?.of ?? Notes.none
  )
  const maxChars = Math.min(mostNotes, Math.max(leastNotes, roomTokens * 4 * notesShare))
  const text = dropped.length === 0 ? before?.text : Notes.render(notes, maxChars)
  const start =
    dropped.length === 0 || text === undefined
      ? pinned
      : [...pinned.slice(0, -1), ...pinned.slice(-1).map((task) => withNotes(task, before?.text, text))]
  const last = withinRoom(kept.at(-1) ?? [], roomTokens - weight(start) - weight(kept.slice(0, -1).flat()))
  if (dropped.length === 0 && last.unread.length === 0) return undefined
  const compacted = append(empty(), [...start, ...kept.slice(0, -1).flat(), ...last.entries])
  return {
    conversation: text === undefined ? compacted : { ...compacted, notes: { of: notes, text } },
    unread: last.unread
  }
}

/** What the model reads in place of a result that there is no room for. */
const leftOut = JSON.stringify({
  error: "the result was left out: it is larger than the context that is left. Ask for less of it."
})

/** The largest results give way first. */
const withinRoom = (
  group: ReadonlyArray<Entry>,
  roomTokens: number
): { readonly entries: ReadonlyArray<Entry>; readonly unread: ReadonlyArray<Entry> } => {
  const entries = [...group]
  const unread: Array<Entry> = []
  const results = group
    .map((entry, index) => ({ entry, index, tokens: tokensOf(entry.json) }))
    .filter(({ entry, tokens }) => entry.role === "tool" && tokens > leftOut.length)
    .toSorted((one, other) => other.tokens - one.tokens)
  for (const { entry, index } of results) {
    if (weight(entries) <= roomTokens) break
    const message: object = JSON.parse(entry.json)
    entries[index] = { role: entry.role, json: JSON.stringify({ ...message, content: leftOut }) }
    unread.push(entry)
  }
  return { entries, unread }
}

/** The task with notes in place of those of the compaction before: two messages of a user in a row are refused by templates. */
const withNotes = (task: Entry, before: string | undefined, text: string): Entry => {
  const message: { readonly content?: unknown } = JSON.parse(task.json)
  const content = typeof message.content === "string" ? message.content : ""
  const bare = before === undefined ? content : content.split(before).join("")
  return { role: task.role, json: JSON.stringify({ ...message, content: `${bare}${text}` }) }
}
