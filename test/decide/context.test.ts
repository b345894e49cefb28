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

describe("the context", () => {
  it("only grows at its end while it fits: the same array, the same texts", () => {
    const before = conversation(3, 100)
    const after = Context.append(Context.fit(before, 32_768), pair(4, 100))
    assert.strictEqual(after.messages, before.messages)
    assert.strictEqual(
      after.tokens,
      after.messages.map(Context.tokensOf).reduce((sum, one) => sum + one, 0)
    )
  })

  it("febcb2a7 is left alone until it passes 85 % of the window, so that one compaction lasts for many turns", () => {
    const near = conversation(8, 4000)
    assert.isAbove(near.tokens, 0.8 * 10_000)
    assert.strictEqual(Context.fit(near, 10_000), near)
    let compacted = Context.fit(conversation(9, 4000), 10_000)
    const { messages } = compacted
    for (let id = 9; id < 11; id++) compacted = Context.fit(Context.append(compacted, pair(id, 4000)), 10_000)
    assert.strictEqual(compacted.messages, messages)
  })

  it("is compacted to 60 % of the window, with system, task and the last group in place", () => {
    const compacted = Context.fit(conversation(50, 4000), 10_000)
    const [system, task = ""] = compacted.messages
    const [first, second] = pinned.map((entry) => entry.json)
    assert.strictEqual(system, first)
    // The note is part of the task: templates refuse two messages of a user in a row.
    const content: string = JSON.parse(task).content
    assert.isTrue(
      content.startsWith(`${JSON.parse(second ?? "").content}\n\n(45 earlier turns were left out`)
    )
    assert.deepStrictEqual(
      compacted.entries.slice(1, 3).map(({ role }) => role),
      ["user", "assistant"]
    )
    assert.strictEqual(compacted.messages.at(-1), pair(49, 4000)[1]?.json)
    assert.isAtMost(compacted.tokens, 6_200)
  })

  it("a second compaction replaces the first one's note", () => {
    let once = Context.fit(conversation(50, 4000), 10_000)
    for (let id = 50; id < 60; id++) once = Context.append(once, pair(id, 4000))
    const twice = Context.fit(once, 10_000)
    const notes = twice.messages.join("").match(/\d+ earlier turns/gu)
    assert.deepStrictEqual(notes, ["55 earlier turns"])
  })

  it.prop(
    "a result never stays without its call, for any sizes",
    {
      sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30_000 }))),
      window: Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 20_000 }))
    },
    ({ sizes, window }) => {
      const whole = Context.append(Context.empty(), [
        ...pinned,
        ...sizes.flatMap((size, id) => pair(id, size))
      ])
      const compacted = Context.fit(whole, window)
      const rolesOf = compacted.entries.map((entry) => entry.role)
      for (const [index, role] of rolesOf.entries()) {
        if (role === "tool") assert.strictEqual(rolesOf[index - 1], "assistant")
      }
      assert.strictEqual(compacted.messages.at(-1), whole.messages.at(-1))
      assert.isAtMost(compacted.messages.length, whole.messages.length + 1)
    }
  )
})
