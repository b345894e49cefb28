/**
 * What another coding agent does, told as records of a journal and as a transcript: pieces of a message become one, a tool call is told at its
 * begin and at its end. Pure, but for what it remembers.
 */
import type { Update } from "../../schema/Acp.ts"
import type { AgentEvent } from "../services/CodingAgent.ts"
import type { AgentRecord } from "./agentRecords.ts"

/** Characters of one message; what is longer goes on in the next record, up to as many messages as the journal has room for. */
const maxSaid = 64 * 1024
/** Characters of what a tool was given, or gave. */
const maxShown = 8 * 1024
/** Characters of a title or a path. */
const maxTitle = 500

const cut = (text: string, limit: number): string =>
  text.length <= limit ? text : `${text.slice(0, limit).toWellFormed()}… (${text.length} characters)`

const shown = (value: unknown): string | undefined =>
  value === undefined || value === null
    ? undefined
    : cut(typeof value === "string" ? value : JSON.stringify(value), maxShown)

type ToolUpdate = Extract<Update, { readonly toolCallId: string }>
type Chunk = Exclude<Update, ToolUpdate>

/** Text of what a tool call shows, where it shows text; else the JSON of it. */
const outputOf = ({ content, rawOutput }: ToolUpdate): string | undefined => {
  const parts = (Array.isArray(content) ? (content as ReadonlyArray<unknown>) : []).flatMap((part) => {
    const inner = within(part, "content")
    const text = within(inner, "text")
    return typeof text === "string" ? [text] : []
  })
  return parts.length > 0 ? cut(parts.join("\n"), maxShown) : shown(rawOutput ?? content)
}
const within = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined

const isOver = (status: string | null | undefined): boolean => status === "completed" || status === "failed"

export class AgentStory {
  /** The conversation so far, as JSON texts. */
  readonly transcript: Array<string> = []
  /** What the agent said since it last did something. */
  message = ""
  #messageId: string | undefined
  /** What it was refused since it last said or did something. */
  refused: string | undefined
  #pending: { text: string; readonly isThought: boolean } | undefined
  readonly #calls = new Map<string, { title: string; kind: string; status: string }>()
  #begun: Array<string> = []

  /** Kinds of the tool calls that began since this was asked last. */
  takeTools(): ReadonlyArray<string> {
    const begun = this.#begun
    this.#begun = []
    return begun
  }

  /** A message to the agent: what it says from now on is an answer to it. */
  prompted(text: string): void {
    this.message = ""
    this.refused = undefined
    this.transcript.push(JSON.stringify({ role: "user", content: text }))
  }

  /** Whether files may have changed since a call of this kind ended. */
  endsWork(event: AgentEvent): boolean {
    if (event.type === "File") return event.action === "write" && event.refused === undefined
    return event.type === "Update" && "toolCallId" in event.update && isOver(event.update.status)
  }

  /** The records that are complete with this event. */
  take(event: AgentEvent, at: number): ReadonlyArray<AgentRecord> {
    if (event.type === "Update" && "content" in event.update && !("toolCallId" in event.update)) {
      return this.#chunk(event.update, at)
    }
    return [...this.flush(at), ...this.#recordsOf(event, at)]
  }

  /** What is pending of a message. */
  flush(at: number): ReadonlyArray<AgentRecord> {
    const pending = this.#pending
    this.#pending = undefined
    if (pending === undefined || pending.text === "") return []
    const { isThought, text } = pending
    if (!isThought) this.transcript.push(JSON.stringify({ role: "assistant", content: text }))
    return [{ type: "said", at, text, ...(isThought && { isThought }) }]
  }

  #chunk(update: Chunk, at: number): ReadonlyArray<AgentRecord> {
    const isThought = update.sessionUpdate === "agent_thought_chunk"
    const { text = "" } = update.content
    const id = "messageId" in update ? (update.messageId ?? undefined) : undefined
    const isNext = !isThought && id !== undefined && this.#messageId !== undefined && id !== this.#messageId
    if (!isThought) this.#messageId = id
    if (isNext) this.message = ""
    const isNew = isNext || this.#pending?.isThought !== isThought || this.#pending.text.length > maxSaid
    const before = isNew ? this.flush(at) : []
    this.#pending ??= { text: "", isThought }
    this.#pending.text += cut(text, maxSaid)
    if (!isThought) this.message = cut(this.message + text, maxSaid)
    return before
  }

  #recordsOf(event: AgentEvent, at: number): ReadonlyArray<AgentRecord> {
    if (event.type === "File") {
      const { action, path, refused } = event
      this.message = ""
      const known = { type: "file", at, action, path: cut(path, maxTitle) } as const
      return [refused === undefined ? known : { ...known, refused: cut(refused, maxTitle) }]
    }
    if (event.type === "Permission") {
      const { isGranted, request } = event
      const { kind, title, toolCallId } = request.toolCall
      const call = this.#calls.get(toolCallId)
      if (!isGranted) this.refused = cut(title ?? call?.title ?? kind ?? "", maxTitle)
      const words = { title: cut(title ?? call?.title ?? "", maxTitle), kind: kind ?? call?.kind ?? "other" }
      return [{ type: "permission", at, ...words, isGranted }]
    }
    return "toolCallId" in event.update ? this.#call(event.update, at) : []
  }

  #call(update: ToolUpdate, at: number): ReadonlyArray<AgentRecord> {
    const { kind, rawInput, status, title, toolCallId: id } = update
    const before = this.#calls.get(id)
    const call = {
      title: cut(title ?? before?.title ?? "", maxTitle),
      kind: kind ?? before?.kind ?? "other",
      status: status ?? before?.status ?? "pending"
    }
    this.#calls.set(id, call)
    if (before === undefined) {
      this.message = ""
      this.refused = undefined
      this.#begun.push(call.kind)
    } else if (before.status === call.status) return []
    const output = isOver(status) ? outputOf(update) : undefined
    if (isOver(status)) {
      const content = output ?? ""
      this.transcript.push(
        JSON.stringify({ role: "tool", name: call.kind, title: call.title, status, content })
      )
    }
    const input = isOver(status) ? undefined : shown(rawInput)
    return [
      {
        type: "agentCall",
        at,
        id,
        ...call,
        ...(input !== undefined && { input }),
        ...(output !== undefined && { output })
      }
    ]
  }
}
