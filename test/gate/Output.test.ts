import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"

import * as Output from "../../layers/gate/Output.ts"

const MiB = 1024 * 1024
/** What a kubelet keeps of a log before it begins a new one. */
const wholeLog = 10 * MiB

/** Lines of one length, each another. */
const lines = (bytes: number, length: number): string =>
  Array.from({ length: Math.ceil(bytes / length) }, (_, line) =>
    `${line}`.slice(1 - length).padStart(length - 1, "0")
  )
    .join("\n")
    .slice(0, bytes)
    .padEnd(bytes, "\n")

/** As a runtime writes it to a kubelet's log. */
const sizeOf = (shown: string): number => shown.length + 45 * shown.split("\n").length

/** What the log shows and what the results keep of checks that print these, one after another, in chunks of uneven size. */
const printed = Effect.fnUntraced(function* (texts: ReadonlyArray<string>, outputBytes = 64 * MiB) {
  let shown = ""
  const collect = Output.make((chunk) => {
    shown += Buffer.from(chunk).toString()
  })
  const checks = yield* Effect.forEach(texts, (text) =>
    Effect.gen(function* () {
      const output = yield* collect({ outputBytes }, true)
      for (let at = 0; at < text.length; at += 65_521) output.take(Buffer.from(text.slice(at, at + 65_521)))
      const isTooMuch = Option.isSome(yield* Effect.timeoutOption(output.isTooMuch, 0))
      return { isTooMuch, tail: output.tail() }
    }).pipe(Effect.scoped)
  )
  return { shown, checks }
})

describe("what a check prints", () => {
  it.live.each([0, 100, MiB, 5 * MiB])("is in the log to the last byte when it is %i bytes", (bytes) =>
    Effect.gen(function* () {
      const text = lines(bytes, 1_000)
      const { checks, shown } = yield* printed([text])
      assert.isTrue(shown === text)
      assert.isTrue(checks[0]?.tail === text.slice(-Output.tailBytes))
    })
  )

  it.live("is in the log with its beginning, its end, and how much is missing, when it is more", () =>
    Effect.gen(function* () {
      const text = lines(20 * MiB, 1_000)
      const { checks, shown } = yield* printed([text])
      const [, head = "", count, end] =
        /^([^]*)\n… (\d+) bytes are left out here …\n([^]*)$/u.exec(shown) ?? []
      assert.isTrue(text.startsWith(head))
      assert.isAbove(head.length, 5 * MiB)
      assert.isTrue(text.endsWith(end ?? "?"))
      assert.strictEqual(head.length + Number(count) + (end ?? "").length, text.length)
      assert.isTrue(checks[0]?.tail === end)
    })
  )

  it.live("is in the log to the last byte when the log is full just before its end", () =>
    Effect.gen(function* () {
      const flood = lines(20 * MiB, 1_000)
      const { shown } = yield* printed([flood, "begun\nended\n"])
      assert.isTrue(shown.endsWith("\nbegun\nended\n") || shown.endsWith("begun\nended\n"))
    })
  )

  it.live.each([2, 80])(
    "leaves the log's first line where it is, however often it floods with lines of %i",
    (length) =>
      Effect.gen(function* () {
        const flood = lines(11 * MiB, length)
        assert.isAbove(sizeOf(flood), wholeLog)
        const { shown } = yield* printed([flood, flood])
        assert.isBelow(sizeOf(shown), wholeLog)
      })
  )

  it.live("is too much past its limit, and no more of it counts", () =>
    Effect.gen(function* () {
      const limit = MiB
      const text = lines(3 * MiB, 100)
      const { checks } = yield* printed([text.slice(0, limit), text], limit)
      assert.deepStrictEqual(
        checks.map(({ isTooMuch }) => isTooMuch),
        [false, true]
      )
      const tail = checks[1]?.tail ?? "?"
      assert.isFalse(text.endsWith(tail))
      assert.isTrue(text.includes(tail))
    })
  )
})
