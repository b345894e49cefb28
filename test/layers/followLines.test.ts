import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"

import { followLines } from "../../layers/followLines.ts"

const file = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-follow-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
).pipe(Effect.map((folder) => join(folder, "lines")))

describe("the lines of a file", () => {
  it.live("that somebody writes come as they are whole, until the last one", () =>
    Effect.gen(function* () {
      const path = yield* file
      writeFileSync(path, "one\ntw")
      const isLast = (line: string) => line === "end"
      const lines = yield* Effect.forkChild(Stream.runCollect(followLines(path, { follows: true, isLast })))
      yield* Effect.sleep("300 millis")
      appendFileSync(path, "o\nthree ü")
      yield* Effect.sleep("300 millis")
      appendFileSync(path, "\nend\nmore\n")
      assert.deepStrictEqual(yield* Fiber.join(lines), ["one", "two", "three ü", "end"])
    })
  )

  it.live("that is not followed end with the file; a line without its end is none", () =>
    Effect.gen(function* () {
      const path = yield* file
      const long = "x".repeat(200_000)
      writeFileSync(path, `one\n${long}\nthree\nfo`)
      const from = (count: number) => Stream.runCollect(followLines(path, { follows: false, from: count }))
      assert.deepStrictEqual(yield* from(0), ["one", long, "three"])
      assert.deepStrictEqual(yield* from(2), ["three"])
      assert.deepStrictEqual(yield* from(9), [])
    })
  )

  it.live("that is not there: an error that says so", () =>
    Effect.gen(function* () {
      const path = yield* file
      const error = yield* Effect.flip(Stream.runCollect(followLines(path, { follows: true })))
      assert.include(error.message, "ENOENT")
    })
  )
})
