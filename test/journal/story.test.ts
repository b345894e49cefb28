import { assert, describe, it } from "@effect/vitest"

import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import { isLast, storyLines } from "../../src/journal/story.ts"
import { beginning, claim, turnOf } from "./records.ts"

const texts = (record: JournalRecord) => storyLines(lineOf(record)).map(({ text }) => text)
const result = (content: unknown): JournalRecord => ({
  type: "result",
  at: 1,
  turn: 1,
  index: 0,
  message: JSON.stringify({ role: "tool", content: JSON.stringify(content) }),
  succeeded: true
})

describe("a journal for people", () => {
  it("tells of a turn what was said, called and answered, and leaves out what is for machines", () => {
    assert.deepStrictEqual([beginning, ...turnOf(1)].flatMap(texts), [
      "default/fix: run 1 on n, at most 12 turns",
      "turn 1: no reply: e: cut",
      "turn 1: é",
      "  → bash ls",
      "  ← {}"
    ])
  })

  it.each([
    [result({ error: "there is no such file" }), "  ← there is no such file"],
    [result({ exit_code: 1, stdout: "a\nb", stderr: "" }), "  ← exit 1 a b"],
    [result({ matches: [] }), '  ← {"matches":[]}'],
    [{ type: "hold", at: 1, reason: "Draining" } as const, "interrupted: Draining"],
    [{ type: "resume", at: 1, claim, turn: 3, replies: 0 } as const, "goes on after turn 3, on n"]
  ])("%#", (record, text) => assert.deepStrictEqual(texts(record), [text]))

  it("keeps to a line whatever a model wrote, and without what a terminal obeys", () => {
    const reply = { content: `\u001b]0;title\u0007${"word\n".repeat(500)}`, reasoning: "", toolCalls: [] }
    const [text = ""] = texts({ type: "reply", at: 1, turn: 2, reply: { ...reply, finishReason: "stop" } })
    assert.isBelow(text.length, 200)
    assert.notMatch(text, /\p{Cc}/u)
  })

  it("shows a line that it cannot read, and goes on", () => {
    assert.deepStrictEqual(
      storyLines('{"type":"later"}').map(({ text, tone }) => [tone, text]),
      [["bad", 'cannot be read: {"type":"later"}']]
    )
  })

  it("is over once the result was reported", () => {
    assert.isTrue(isLast(lineOf({ type: "end", at: 1 })))
    assert.isFalse(isLast(lineOf({ type: "hold", at: 1, reason: "Draining" })))
  })
})
