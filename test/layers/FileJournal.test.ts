import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import * as FileJournal from "../../layers/FileJournal.ts"
import { Journal } from "../../src/services/Journal.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "foreman-journal-"))),
  (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)
const write = (uid: string, how: "New" | "GoOn", lines: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { append, attempt } = yield* (yield* Journal).open(uid, how)
      yield* append(lines)
      return attempt
    })
  )

describe("FileJournal", () => {
  it.live("goes on after the last whole line of the newest journal", () =>
    Effect.gen(function* () {
      const root = yield* folder
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        assert.strictEqual(yield* journal.read("u"), undefined)
        yield* journal.note("u", "no journal yet")
        assert.strictEqual(yield* write("u", "New", ["old"]), 1)
        assert.strictEqual(yield* write("u", "New", ["one", "two"]), 2)
        const file = join(root, ".journals", "u", "2.ndjson")
        appendFileSync(file, '{"type":"repl')
        assert.strictEqual(yield* write("u", "GoOn", ["three"]), 2)
        appendFileSync(file, "torn")
        yield* journal.note("u", "end")
        assert.strictEqual(yield* journal.read("u"), "one\ntwo\nthree\nend\n")
        assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      }).pipe(Effect.provide(FileJournal.layer(root)))
    })
  )

  it.live("a run that is under way is locked: another neither begins nor ends it", () =>
    Effect.gen(function* () {
      const root = yield* folder
      yield* Effect.gen(function* () {
        const journal = yield* Journal
        yield* write("u", "New", ["one"])
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* journal.lock("u")
            const error = yield* Effect.flip(Effect.scoped(journal.lock("u")))
            assert.strictEqual(error.reason, "InUse")
            assert.include(error.message, `process ${process.pid} on `)
            assert.strictEqual((yield* Effect.flip(journal.note("u", "end"))).reason, "InUse")
            yield* Effect.scoped(journal.lock("another"))
          })
        )
        yield* journal.note("u", "end")
        yield* Effect.scoped(journal.lock("u"))
        assert.strictEqual(yield* journal.read("u"), "one\nend\n")
      }).pipe(Effect.provide(FileJournal.layer(root)))
    })
  )

  it.live("a uid cannot lead out of the folder", () =>
    Effect.gen(function* () {
      const root = yield* folder
      yield* write("../../x", "New", ["one"]).pipe(Effect.provide(FileJournal.layer(root)))
      assert.isTrue(existsSync(join(root, ".journals", "______x", "1.ndjson")))
    })
  )

  it.live("a journal that is full says so once, and still takes how the run ended", () =>
    Effect.gen(function* () {
      const root = yield* folder
      yield* Effect.gen(function* () {
        const { append } = yield* (yield* Journal).open("u", "New")
        yield* append(["x".repeat(90)], { isDurable: true })
        assert.strictEqual((yield* Effect.flip(append(["y".repeat(20)]))).reason, "Full")
        yield* append(["the end"])
      }).pipe(Effect.scoped, Effect.provide(FileJournal.layer(root, 100)))
      assert.strictEqual(
        readFileSync(join(root, ".journals", "u", "1.ndjson"), "utf8"),
        `${"x".repeat(90)}\nthe end\n`
      )
    })
  )

  it.live("keeps the journals of 14 days, and of the last 100 tasks", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const pathOf = (uid: string) => join(root, ".journals", uid, "1.ndjson")
      yield* Effect.gen(function* () {
        for (let index = 0; index < 102; index++) {
          yield* write(`u${index}`, "New", ["x"])
          const seconds = Date.now() / 1000 - index * 60
          utimesSync(pathOf(`u${index}`), seconds, seconds)
        }
      }).pipe(Effect.provide(FileJournal.layer(root)))
      const old = Date.now() / 1000 - 15 * 86_400
      utimesSync(pathOf("u3"), old, old)
      yield* Effect.void.pipe(Effect.provide(FileJournal.layer(root)))
      const left = Array.from({ length: 102 }, (_, index) => `u${index}`).filter((uid) =>
        existsSync(pathOf(uid))
      )
      assert.strictEqual(left.length, 100)
      assert.deepStrictEqual(
        ["u3", "u0", "u100", "u101"].map((uid) => left.includes(uid)),
        [false, true, true, false]
      )
    })
  )
})
