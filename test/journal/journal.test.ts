import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"

import { lastCompleteTurn, readJournal } from "../../src/journal/read.ts"
import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import { redacted, redactor } from "../../src/journal/redact.ts"
import { MalformedToolCall } from "../../src/services/InferenceClient.ts"
import { beginning, claim, failed, turnOf } from "./records.ts"

const textOf = (records: ReadonlyArray<JournalRecord>): string =>
  records.map((record) => `${lineOf(record)}\n`).join("")
const whole = [beginning, ...[1, 2].flatMap(turnOf)]
const journalOf = (records: ReadonlyArray<JournalRecord>) => Result.getOrThrow(readJournal(textOf(records)))

describe("a journal", () => {
  it("tells what was written, failures of the endpoint as such", () => {
    const { run, turns } = journalOf(whole)
    assert.deepStrictEqual(run, beginning)
    assert.deepStrictEqual(
      turns.map(({ checkpoint, results }) => [checkpoint?.tree, results.length]),
      [
        ["tree1", 1],
        ["tree2", 1]
      ]
    )
    assert.instanceOf(turns[0]?.replies[0]?.failure?.reason, MalformedToolCall)
  })

  it("cut at any byte is the journal of the whole lines before the cut", () => {
    const bytes = new TextEncoder().encode(textOf(whole))
    const ends = [...bytes.entries()].flatMap(([index, byte]) => (byte === 10 ? [index + 1] : []))
    const wantedOf = whole.map((_, index) => journalOf(whole.slice(0, index + 1)))
    // From the middle of the first turn: what comes before has nothing that is not here, too.
    for (let cut = (ends[3] ?? 0) - 40; cut < bytes.length; cut++) {
      const read = readJournal(new TextDecoder().decode(bytes.subarray(0, cut)))
      const lines = ends.filter((end) => end <= cut).length
      if (lines === 0) assert.isTrue(Result.isFailure(read))
      else {
        const { isTorn, ...found } = Result.getOrThrow(read)
        const { isTorn: _, ...wanted } = wantedOf[lines - 1] ?? assert.fail()
        assert.deepStrictEqual(found, wanted)
        assert.strictEqual(isTorn, !ends.includes(cut))
        assert.strictEqual(lastCompleteTurn(found), Math.floor((lines - 1) / 6))
      }
    }
  })

  it("damaged in its middle is refused, with the line", () => {
    const lines = textOf(whole).split("\n")
    for (const index of lines.keys()) {
      if (index === lines.length - 1 || index === lines.length - 2) continue
      const read = readJournal(lines.map((line, at) => (at === index ? line.slice(0, -3) : line)).join("\n"))
      assert.strictEqual(Result.isFailure(read) && read.failure.line, index + 1)
    }
  })

  it("whose last line a power cut emptied is read without it", () => {
    const read = readJournal(`${textOf(whole)}${"\0".repeat(80)}\n`)
    assert.deepStrictEqual(Result.isSuccess(read) && [read.success.isTorn, read.success.turns.length], [
      true,
      2
    ])
  })

  it("of another version is refused by name", () => {
    const read = readJournal(`${lineOf(beginning).replace('"v":1', '"v":2')}\n`)
    assert.include(Result.isFailure(read) ? read.failure.message : "", "version 2")
  })

  it("forgets what came after the turn that a run went on from, but for the reply that is used again", () => {
    const goOn: JournalRecord = {
      type: "resume",
      at: 9000,
      claim: { ...claim, id: "b" },
      turn: 1,
      replies: 2,
      note: "restored"
    }
    const { elapsedMillis, resumes, turns, ...rest } = journalOf([
      ...whole,
      { type: "hold", at: 1010, reason: "Drained" },
      goOn,
      { type: "checkpoint", at: 9005, turn: 2, tree: "again" }
    ])
    assert.deepStrictEqual(
      turns.map(({ checkpoint, note, replies, results }) => [
        checkpoint?.tree,
        replies.length,
        results.length,
        note
      ]),
      [
        ["tree1", 2, 1, undefined],
        ["again", 2, 0, "restored"]
      ]
    )
    // 10 ms until the hold, and 5 since it goes on.
    assert.deepStrictEqual([elapsedMillis, resumes, rest.claim.id, rest.hold], [15, 1, "b", undefined])
  })

  it("goes on from no turn whose files could not be kept", () => {
    const { turns } = journalOf([
      ...whole,
      { type: "reply", at: 2000, turn: 3, failure: failed },
      { type: "checkpoint", at: 2001, turn: 3, failure: "index.lock" }
    ])
    assert.strictEqual(lastCompleteTurn({ turns }), 2)
  })
})

describe("redaction", () => {
  const secret = 'sk-live/"quoted"\\+42'
  const take = redactor([secret, "abc"])

  it.each([
    ["as it is", secret],
    ["in JSON", JSON.stringify({ key: secret })],
    ["in JSON within JSON", JSON.stringify({ content: JSON.stringify({ output: secret }) })],
    ["in a URL", `https://x/?k=${encodeURIComponent(secret)}`],
    ["in hex", Buffer.from(secret).toString("hex")],
    ["in base64", Buffer.from(secret).toString("base64")],
    ["as a password in base64", Buffer.from(`x-access-token:${secret}`).toString("base64")],
    ["in base64, aligned otherwise", Buffer.from(`ab${secret}\n`).toString("base64")],
    ["in base64 for URLs", Buffer.from(`a${secret}?`).toString("base64url")]
  ])("takes a secret out %s", (_, text) => {
    const left = take(`before ${text} after`)
    assert.include(left, redacted)
    assert.isTrue(left.startsWith("before ") && left.endsWith(" after"))
    assert.notInclude(left, secret)
  })

  it("leaves every other text, and short words, alone", () => {
    assert.strictEqual(take("abc and nothing else"), "abc and nothing else")
    assert.strictEqual(redactor([])("x"), "x")
  })
})
