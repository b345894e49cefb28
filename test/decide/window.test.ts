import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import type { ChatReply } from "../../schema/Chat.ts"
import * as Window from "../../src/decide/window.ts"

const make = (more: Partial<Parameters<typeof Window.make>[0]> = {}) =>
  Window.make({ tokens: 32_768, source: "server", toolTokens: 1_000, maxTokens: 8_192, ...more })
const reply = (inputTokens: number, more: Partial<ChatReply> = {}): ChatReply => ({
  content: "",
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  usage: { inputTokens, outputTokens: 100, cachedTokens: 0, reasoningTokens: 0 },
  ...more
})

describe("the window", () => {
  it("counts the tools in, and a reply's usage corrects the count", () => {
    assert.strictEqual(Window.used(make(), 3_000), 4_000)
    const measured = Window.observe(make(), 3_000, reply(6_000))
    assert.strictEqual(Window.used(measured, 3_000), 6_000)
    assert.strictEqual(Window.used(measured, 4_000), 7_500)
    assert.strictEqual(Window.used(measured, 1_000), 3_000)
  })

  it.each([
    ["none", 0],
    ["what its cache had left out", 300],
    ["a number that nothing explains", 90_000]
  ])("does not believe a usage of %s", (_, inputTokens) => {
    assert.strictEqual(Window.used(Window.observe(make(), 3_000, reply(inputTokens)), 3_000), 4_000)
  })

  it("does not believe a longer prompt to be shorter", () => {
    const once = Window.observe(make(), 3_000, reply(4_000))
    assert.isAtLeast(Window.used(Window.observe(once, 7_000, reply(2_500)), 7_000), 8_000)
  })

  it("asks for no longer a reply than there is room for, and for one of use at least", () => {
    assert.strictEqual(Window.replyTokens(make(), 3_000), 8_192)
    assert.isBelow(Window.replyTokens(make(), 28_000), 3_768)
    assert.strictEqual(Window.replyTokens(make(), 40_000), 256)
    assert.strictEqual(Window.replyTokens(make({ maxTokens: 100 }), 40_000), 100)
  })

  it("gives one result a small part of what is left, and never less than its floor", () => {
    const left = Window.limit(make()) - Window.used(make(), 3_000)
    assert.strictEqual(Window.resultChars(make(), 3_000, 0), Math.floor((left / 16) * 4))
    assert.strictEqual(Window.resultChars(make(), 31_000, 0), Window.leastResult * 4)
  })

  it("gives the results of a turn what is left, and then no more", () => {
    const window = make({ tokens: 8_192 })
    let [tokens, spent, calls] = [2_000, 0, 0]
    for (; calls < 1_000; calls++) {
      const chars = Window.resultChars(window, tokens, spent)
      if (chars === undefined) break
      tokens += chars / 4
      spent += chars
    }
    assert.isBelow(calls, 30)
    assert.isAtMost(Window.used(window, tokens), Window.limit(window))
  })

  it("takes up the figures of a refusal; without any, less than was tried", () => {
    const told = Window.refused(make(), 9_000, { promptTokens: 15_000, windowTokens: 8_192 })
    assert.deepStrictEqual([told.tokens, told.source, Window.used(told, 9_000)], [8_192, "refusal", 15_000])
    assert.strictEqual(Window.refused(make(), 9_000, {}).tokens, 8_000)
  })

  it("is too small where nothing fits beside the first request, its tools shown or not; a default is nobody's word", () => {
    assert.isTrue(Window.isTooSmall(make({ tokens: 2_048 }), 100))
    assert.isTrue(Window.isTooSmall(make({ tokens: 4_096 }), 2_500))
    assert.isTrue(Window.isTooSmall(Window.observe(make({ tokens: 4_096 }), 1_000, reply(3_500)), 1_000))
    assert.isFalse(Window.isTooSmall(make({ tokens: 8_192 }), 3_500))
    assert.isFalse(Window.isTooSmall(make({ tokens: 2_048, source: "default" }), 1_500))
  })

  it("that the Agent names is too small only where the server counts more", () => {
    const small = make({ tokens: 2_048, source: "agent" })
    assert.isFalse(Window.isTooSmall(small, 1_500))
    assert.isTrue(Window.isTooSmall(Window.observe(small, 1_000, reply(1_900)), 1_000))
  })

  it("shows a reviewer about a quarter of itself, and something in any case", () => {
    assert.strictEqual(Window.diffChars(32_768), (8_192 - 2_000) * 3)
    assert.strictEqual(Window.diffChars(4_096), 2_000)
  })

  const tokens = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200_000 }))
  it.prop(
    "a compaction leaves room for a reply and a result, whatever a server says",
    { ours: tokens, theirs: tokens, windowTokens: tokens, pinned: tokens },
    ({ ours, pinned, theirs, windowTokens }) => {
      const window = Window.observe(make({ tokens: windowTokens }), ours, reply(theirs))
      const kept = Window.keptForMessages(window, pinned)
      assert.isAtMost(kept, Window.roomForMessages(window))
      assert.isAtLeast(Window.replyTokens(window, kept), 0)
      assert.isAtLeast(Window.resultChars(window, kept, 0) ?? 0, 1)
    }
  )
})
