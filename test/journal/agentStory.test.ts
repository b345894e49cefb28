import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"

import type { Update } from "../../schema/Acp.ts"
import { AgentStory } from "../../src/journal/AgentStory.ts"
import { readJournal } from "../../src/journal/read.ts"
import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import type { AgentEvent } from "../../src/services/CodingAgent.ts"
import { beginning } from "./records.ts"

const update = (one: Update): AgentEvent => ({ type: "Update", update: one })
const says = (text: string) =>
  update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } })
const thinks = (text: string) =>
  update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text } })
const calls = (status: string, more: object = {}) =>
  update({ sessionUpdate: "tool_call_update", toolCallId: "1", status, ...more })

const told = (...events: ReadonlyArray<AgentEvent>) => {
  const story = new AgentStory()
  const records = events.flatMap((event) => story.take(event, 1))
  return { story, records: [...records, ...story.flush(2)] }
}

describe("AgentStory", () => {
  it("puts pieces of a message together, thoughts apart", () =>
    assert.deepStrictEqual(told(thinks("hm"), thinks("m"), says("Hel"), says("lo")).records, [
      { type: "said", at: 1, text: "hmm", isThought: true },
      { type: "said", at: 2, text: "Hello" }
    ]))

  it("tells a tool call at its begin and at its end, however often it is updated", () => {
    const output = { content: [{ type: "content", content: { type: "text", text: "ok" } }] }
    const { records, story } = told(
      update({
        sessionUpdate: "tool_call",
        toolCallId: "1",
        title: "npm test",
        kind: "execute",
        status: "pending"
      }),
      calls("pending"),
      calls("in_progress", { rawInput: { command: "npm test" } }),
      calls("in_progress", output),
      calls("completed", output)
    )
    const call = { type: "agentCall", at: 1, id: "1", title: "npm test", kind: "execute" } as const
    assert.deepStrictEqual(records, [
      { ...call, status: "pending" },
      { ...call, status: "in_progress", input: '{"command":"npm test"}' },
      { ...call, status: "completed", output: "ok" }
    ])
    assert.deepStrictEqual(story.takeTools(), ["execute"])
    assert.deepStrictEqual(story.takeTools(), [])
  })

  it("the message is what was said since something was done", () => {
    const { story } = told(
      says("I look."),
      update({ sessionUpdate: "tool_call", toolCallId: "1", title: "ls" }),
      calls("completed"),
      says("Done.")
    )
    assert.strictEqual(story.message, "Done.")
    story.prompted("again")
    assert.strictEqual(story.message, "")
  })

  it("another id is another message", () => {
    const piece = (messageId: string, text: string) =>
      update({ sessionUpdate: "agent_message_chunk", messageId, content: { type: "text", text } })
    const { records, story } = told(piece("a", "A warning."), piece("b", "Do"), piece("b", "ne."))
    assert.strictEqual(story.message, "Done.")
    assert.strictEqual(records.length, 2)
  })

  it("bounds what a tool shows", () => {
    const { records } = told(calls("completed", { rawOutput: "x".repeat(100_000) }))
    const [record] = records
    assert.isBelow(lineOf(record ?? beginning).length, 9_000)
  })

  it("says what was refused until something else is done", () => {
    const request = { sessionId: "s", toolCall: { toolCallId: "1", title: "rm" }, options: [] }
    const { story } = told({ type: "Permission", request, isGranted: false })
    assert.strictEqual(story.refused, "rm")
    story.prompted("go on")
    assert.isUndefined(story.refused)
  })
})

describe("a journal of another coding agent", () => {
  it("says what a run goes on with", () => {
    const usage = { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0 }
    const records: ReadonlyArray<JournalRecord> = [
      beginning,
      { type: "session", at: 1, id: "s1", agent: "opencode", isLoaded: false },
      { type: "prompt", at: 1, text: "do it" },
      { type: "spent", at: 2, usage, modelMillis: 30 },
      { type: "checkpoint", at: 3, turn: 1, tree: "t1" },
      { type: "prompt", at: 4, text: "not accepted", triesLeft: 2 },
      { type: "spent", at: 5, usage, modelMillis: 10 },
      { type: "checkpoint", at: 6, turn: 2, tree: "t2" }
    ]
    const journal = Result.getOrThrow(readJournal(records.map((record) => `${lineOf(record)}\n`).join("")))
    assert.deepStrictEqual(journal.agent, {
      session: "s1",
      handedBack: { text: "not accepted", triesLeft: 2 },
      requests: 2
    })
    assert.deepStrictEqual([journal.untold.usage.inputTokens, journal.untold.modelMillis], [20, 40])
    assert.strictEqual(journal.turns.at(-1)?.checkpoint?.tree, "t2")
  })
})
