import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import * as Context from "../../src/decide/context.ts"

const pair = (id: number, size: number): ReadonlyArray<Context.Entry> => [
  Context.entryOf({
    role: "assistant",
    tool_calls: [{ id: `c${id}`, type: "function", function: { name: "bash", arguments: "{}" } }]
  }),
  Context.entryOf({ role: "tool", tool_call_id: `c${id}`, name: "bash", content: "x".repeat(size) })
]
const pinned = [
  Context.entryOf({ role: "system", content: "system" }),
  Context.entryOf({ role: "user", content: "task" })
]
const conversation = (groups: number, size: number) =>
  Context.append(Context.empty(), [
    ...pinned,
    ...Array.from({ length: groups }, (_, id) => pair(id, size)).flat()
  ])

const compact = (before: Context.Conversation, keptTokens: number, roomTokens = 30_000) =>
  Context.compact(before, { keptTokens, roomTokens })
const rolesOf = ({ entries }: Context.Conversation): string => entries.map(({ role }) => role).join(" ")

describe("the context", () => {
  it("only grows at its end: the same array, the same texts", () => {
    const before = conversation(3, 100)
    const after = Context.append(before, pair(4, 100))
    assert.strictEqual(after.messages, before.messages)
    assert.strictEqual(
      after.tokens,
      after.messages.map(Context.tokensOf).reduce((sum, one) => sum + one, 0)
    )
  })

  it("is compacted to what may be kept, with system, task and the last group in place", () => {
    const compacted = compact(conversation(50, 4000), 6_000)?.conversation ?? Context.empty()
    const [system, task = ""] = compacted.messages
    const [first, second] = pinned.map((entry) => entry.json)
    assert.strictEqual(system, first)
    // The notes are part of the task: templates refuse two messages of a user in a row.
    const content: string = JSON.parse(task).content
    assert.isTrue(
      content.startsWith(`${JSON.parse(second ?? "").content}\n\n(45 earlier turns were left out`)
    )
    assert.match(rolesOf(compacted), /^system user assistant tool/u)
    assert.strictEqual(compacted.messages.at(-1), pair(49, 4000)[1]?.json)
    assert.isAtMost(compacted.tokens, 6_200)
  })

  it("is as it was when there is nothing to leave out", () => {
    assert.isUndefined(compact(conversation(1, 4000), 100))
    assert.isUndefined(compact(Context.append(Context.empty(), pinned), 0, 0))
  })

  it("a second compaction goes on with the first one's notes", () => {
    let once = compact(conversation(50, 4000), 6_000)?.conversation ?? Context.empty()
    for (let id = 50; id < 60; id++) once = Context.append(once, pair(id, 4000))
    const twice = compact(once, 6_000)?.conversation
    const notes = twice?.messages.join("").match(/\d+ earlier turns/gu)
    assert.deepStrictEqual(notes, ["55 earlier turns"])
  })

  it("a result that alone is larger than the room is left out, and named as one that was not read", () => {
    const before = conversation(3, 40_000)
    const compacted = compact(before, 2_000, 4_000)
    assert.deepStrictEqual(compacted?.unread, pair(2, 40_000).slice(1))
    assert.match(compacted?.conversation.messages.at(-1) ?? "", /"tool_call_id":"c2".*left out/u)
    assert.isBelow(compacted?.conversation.tokens ?? Infinity, 4_000)
  })

  it.prop(
    "a result never stays without its call, and no two messages of a user follow each other, for any sizes",
    {
      sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30_000 }))),
      window: Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 20_000 }))
    },
    ({ sizes, window }) => {
      const whole = Context.append(Context.empty(), [
        ...pinned,
        ...sizes.flatMap((size, id) => pair(id, size))
      ])
      const { conversation: compacted, unread } = compact(whole, window / 5, window) ?? {
        conversation: whole,
        unread: []
      }
      assert.notMatch(rolesOf(compacted), /user user|(?:user|system) tool/u)
      if (unread.length === 0) assert.strictEqual(compacted.messages.at(-1), whole.messages.at(-1))
      assert.isAtMost(compacted.messages.length, whole.messages.length)
      assert.strictEqual(
        compacted.tokens,
        compacted.messages.reduce((sum, json) => sum + Context.tokensOf(json), 0)
      )
    }
  )
})
