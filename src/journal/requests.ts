/** Requests as a journal has them: of each only what differs from the one before. Pure, but for what it remembers. */
import type { JournalRecord } from "./record.ts"

export class RequestLog {
  #sent: ReadonlyArray<string> = []
  readonly #results = new Set<string>()

  /** A tool's message, which the journal has already. */
  result(json: string): void {
    this.#results.add(json)
  }

  /** The records of a request: itself, and before it that messages were left out of the conversation. */
  next(
    asked: {
      readonly turn: number
      readonly messages: ReadonlyArray<string>
      readonly maxTokens: number
      readonly temperature: number | undefined
    },
    at: number
  ): ReadonlyArray<JournalRecord> {
    const { maxTokens, messages, temperature, turn } = asked
    const before = this.#sent
    let shared = 0
    while (shared < before.length && before[shared] === messages[shared]) shared++
    // The last message may have been gone on with; more is a compaction.
    const isCompacted = shared < before.length - 1
    const known = isCompacted ? new Map(before.map((json, index) => [json, index])) : undefined
    const rest = messages.slice(shared).map((json) => known?.get(json) ?? this.#nameOf(json))
    this.#sent = [...messages]
    this.#results.clear()
    const request: JournalRecord = {
      type: "request",
      at,
      turn,
      shared,
      messages: rest,
      maxTokens,
      ...(temperature !== undefined && { temperature })
    }
    return isCompacted
      ? [{ type: "compaction", at, turn, before: before.length, after: messages.length }, request]
      : [request]
  }

  #nameOf(json: string): string {
    if (json.startsWith('{"role":"assistant"')) return "reply"
    return this.#results.has(json) ? "result" : json
  }
}
