import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"

import { collect, maxTailBytes } from "../../../layers/kube/containerLog.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const chunksOf = (all: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.subarray(index * size, (index + 1) * size)
  )

describe("containerLog", () => {
  it.effect("keeps a short log whole", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* collect(Stream.make(bytes("one\ntw"), bytes("o\n"))), {
        head: "one",
        tail: "one\ntwo\n"
      })
      assert.deepStrictEqual(yield* collect(Stream.empty), { head: "", tail: "" })
    })
  )

  it.effect.each([1_000, 4_099, maxTailBytes, maxTailBytes + 1, 200_001])(
    "keeps the last 32 KiB in whole characters, however the log is cut: %s",
    (size) =>
      Effect.gen(function* () {
        const text = `first line\n${"€ö𝄞x\n".repeat(9_000)}GATE PASS\n`
        const { head, tail } = yield* collect(Stream.fromIterable(chunksOf(bytes(text), size)))
        assert.strictEqual(head, "first line")
        assert.isTrue(text.endsWith(tail))
        assert.isAtMost(bytes(tail).length, maxTailBytes)
        assert.isAtLeast(bytes(tail).length, maxTailBytes - 3)
      })
  )
})
