import { readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"

import { firstDifference, replay } from "../../src/executors/replay.ts"
import { type Journal, readJournal } from "../../src/journal/read.ts"
import { beginning, turnOf } from "../journal/records.ts"
import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import { call, edit, submit, type World, world } from "./modelRun.ts"

/** Runs it for real, and returns its journal. */
const journalOf = Effect.fnUntraced(function* (setup: World) {
  const { disk, run, uid } = yield* world(setup)
  const result = yield* run
  const text = readFileSync(join(disk.root, "work", ".journals", uid, "1.ndjson"), "utf8")
  return { result, text, journal: Result.getOrThrow(readJournal(text)) }
})
const look = call("read_file", { path: "README.md" })

describe("a replay", () => {
  it.live("comes to the same conversation and end, without a model", () =>
    Effect.gen(function* () {
      const { journal, result } = yield* journalOf({ turns: [look, edit, submit("GO")] })
      const replayed = yield* replay(journal)
      assert.deepInclude(replayed, { end: "Submitted", verdict: "GO", isSame: true })
      assert.deepStrictEqual(replayed.recorded, { end: "Submitted", verdict: "GO", summary: result.summary })
      assert.deepStrictEqual(
        replayed.turns.map(({ tools }) => tools),
        [["read_file"], ["write_file"], ["submit_result"]]
      )
      assert.lengthOf(replayed.messages, 2 + 3 * 2)
      assert.deepStrictEqual((yield* replay(journal, 1)).messages, replayed.messages.slice(0, 4))
    })
  )

  it.live("of a run that went in circles goes in circles, and of a model that says nothing, too", () =>
    Effect.gen(function* () {
      for (const turns of [
        Array.from({ length: 12 }, () => look),
        Array.from({ length: 12 }, () => ({ reply: { type: "prose" as const, content: "hm" } }))
      ]) {
        const { journal, result } = yield* journalOf({ turns, agent: { maxTurns: 12 } })
        const replayed = yield* replay(journal)
        assert.deepStrictEqual([replayed.isSame, replayed.end], [true, journal.outcome?.end])
        assert.strictEqual(result.verdict, "INCOMPLETE")
      }
    })
  )

  it.live("of a run that was interrupted goes as far as it went", () =>
    Effect.gen(function* () {
      const { text } = yield* journalOf({ turns: [look, edit, submit("GO")] })
      const lines = text.split("\n")
      for (let count = 1; count < lines.length; count++) {
        const cut = Result.getOrThrow(readJournal(`${lines.slice(0, count).join("\n")}\n`))
        assert.isTrue((yield* replay(cut)).isSame, `${count} lines`)
      }
    })
  )

  it.live("of a run that was told of a limit and ended there is told the same and ends as it did", () =>
    Effect.gen(function* () {
      const { journal, result } = yield* journalOf({
        turns: Array.from({ length: 9 }, (_, nth) =>
          call("write_file", { path: "README.md", content: `${nth}` })
        ),
        agent: { limits: { outputTokens: 40 } }
      })
      assert.deepInclude(result.extra, { reason: "LimitReached", limit: "outputTokens" })
      const replayed = yield* replay(journal)
      assert.deepStrictEqual([replayed.isSame, replayed.recorded?.end], [true, "LimitReached"])
      assert.isAbove(replayed.turns.length, 4)
    })
  )

  it.live("says so when it comes to another end", () =>
    Effect.gen(function* () {
      const { journal } = yield* journalOf({ turns: [edit, submit("GO")] })
      const turns = journal.turns.slice(0, 1)
      assert.deepInclude(yield* replay({ ...journal, turns }), { end: "JournalEnds", isSame: false })
    })
  )
})

describe("two journals", () => {
  const of = (records: ReadonlyArray<JournalRecord>): Journal =>
    Result.getOrThrow(readJournal(records.map((record) => `${lineOf(record)}\n`).join("")))

  it("differ first in the turn whose reply or results are others; ids are chance", () => {
    const one = of([beginning, ...turnOf(1), ...turnOf(2)])
    const other = of([
      beginning,
      ...turnOf(1),
      ...turnOf(2).map((record) => (record.type === "result" ? { ...record, message: '{"a":1}' } : record))
    ])
    assert.isUndefined(firstDifference(one, one))
    assert.isUndefined(firstDifference(one, of([beginning, ...turnOf(1)])))
    assert.deepInclude(firstDifference(one, other), { turn: 2, what: "results", other: '{"a":1}' })
    assert.deepInclude(firstDifference(one, of([{ ...beginning, taskPrompt: "x" } as JournalRecord])), {
      turn: 0,
      what: "task"
    })
  })
})
