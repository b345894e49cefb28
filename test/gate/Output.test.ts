import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"

import { collect, headBytes, tailBytes } from "../../layers/gate/output.ts"

/** What the log shows and what the result keeps of a check that prints so much, in chunks of uneven size. */
const printed = Effect.fnUntraced(function* (bytes: number, outputBytes = 64 * headBytes) {
  const text = Array.from({ length: Math.ceil(bytes / 8) }, (_, line) => `${line}`.padStart(7, "0"))
    .join("\n")
    .slice(0, bytes)
    .padEnd(bytes, "\n")
  let shown = ""
  const output = yield* collect({ outputBytes }, (chunk) => {
    shown += Buffer.from(chunk).toString()
  })
  for (let at = 0; at < bytes; at += 65_521) output.take(Buffer.from(text.slice(at, at + 65_521)))
  return { text, kept: yield* output.end, shown, isTooMuch: yield* Deferred.isDone(output.isTooMuch) }
})

describe("what a check prints", () => {
  it.effect.each([0, 100, headBytes - 1, headBytes, headBytes + 1, headBytes + tailBytes])(
    "is in the log to the last byte when it is %i bytes",
    (bytes) =>
      Effect.gen(function* () {
        const { kept, shown, text } = yield* printed(bytes)
        assert.strictEqual(shown, text)
        assert.strictEqual(kept, text.slice(-tailBytes))
      })
  )

  it.effect("is in the log with its beginning, its end and what is missing, when it is more", () =>
    Effect.gen(function* () {
      const { kept, shown, text } = yield* printed(3 * headBytes)
      assert.isTrue(shown.startsWith(text.slice(0, headBytes)))
      assert.strictEqual(
        shown.slice(headBytes),
        `\n… ${2 * headBytes - tailBytes} bytes are left out here …\n${text.slice(-tailBytes)}`
      )
      assert.strictEqual(kept, text.slice(-tailBytes))
    })
  )

  it.effect("is too much past its limit, and no more of it counts", () =>
    Effect.gen(function* () {
      const limit = 2 * headBytes
      assert.isFalse((yield* printed(limit, limit)).isTooMuch)
      const { kept, isTooMuch, text } = yield* printed(3 * headBytes, limit)
      assert.isTrue(isTooMuch)
      assert.isFalse(text.endsWith(kept))
      assert.include(text, kept)
    })
  )
})
