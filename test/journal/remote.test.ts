import { assert, describe, it } from "@effect/vitest"

import {
  checkpointPrefix,
  checkpointRef,
  lastCheckpoint,
  newestCheckpoint,
  refusalOf
} from "../../src/journal/remote.ts"
import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import { beginning, claim, turnOf } from "./records.ts"

const textOf = (records: ReadonlyArray<JournalRecord>) => records.map((one) => `${lineOf(one)}\n`).join("")
const kept = (
  turn: number,
  more: { readonly tree?: string; readonly failure?: string } = {}
): JournalRecord => ({
  type: "checkpoint",
  at: 1,
  turn,
  ...more
})
const resume = (turn: number): JournalRecord => ({ type: "resume", at: 1, claim, turn, replies: 0 })

describe("a checkpoint on the remote", () => {
  it("is named by task, attempt and turn, and nothing else is taken for one", () => {
    assert.deepStrictEqual(checkpointRef("refs/foreman/u-1/2/30"), {
      ref: "refs/foreman/u-1/2/30",
      uid: "u-1",
      attempt: 2,
      turn: 30
    })
    for (const ref of [
      "refs/foreman/u-1/2",
      "refs/heads/u/1/2",
      "refs/foreman/u/1/x",
      "refs/foreman/u/1/2/3"
    ]) {
      assert.isUndefined(checkpointRef(ref))
    }
    assert.isUndefined(checkpointPrefix("../heads"))
    assert.isUndefined(checkpointPrefix(""))
  })

  it("is the newest by attempt, then by turn, as numbers", () => {
    const refs = ["refs/foreman/u/1/9", "refs/foreman/u/1/10", "refs/foreman/u/2/1", "refs/foreman/u/2"]
    assert.strictEqual(newestCheckpoint(refs)?.ref, "refs/foreman/u/2/1")
    assert.strictEqual(newestCheckpoint(refs.slice(0, 2))?.turn, 10)
  })

  it("has the last complete turn, and the files that were kept last", () => {
    assert.isUndefined(lastCheckpoint(textOf([beginning])))
    assert.deepStrictEqual(lastCheckpoint(textOf([beginning, kept(1)])), { turn: 1, tree: undefined })
    const two = [beginning, kept(1, { tree: "a" }), kept(2)]
    assert.deepStrictEqual(lastCheckpoint(textOf(two)), { turn: 2, tree: "a" })
    assert.deepStrictEqual(lastCheckpoint(textOf([...two, kept(3, { failure: "no" })])), {
      turn: 2,
      tree: "a"
    })
  })

  it("has no files of turns that did not happen", () => {
    const wentBack = [beginning, kept(1, { tree: "a" }), kept(2, { tree: "b" }), resume(1)]
    assert.deepStrictEqual(lastCheckpoint(textOf(wentBack)), { turn: 1, tree: "a" })
    assert.deepStrictEqual(lastCheckpoint(textOf([...wentBack, kept(2)])), { turn: 2, tree: "a" })
    assert.isUndefined(lastCheckpoint(textOf([beginning, kept(1, { tree: "a" }), resume(0)])))
  })

  it("is used only where it is a journal of this task, and names git's objects", () => {
    const { uid } = beginning.type === "run" ? beginning.task : assert.fail()
    const id = "0123456789abcdef0123456789abcdef01234567"
    const start: JournalRecord = { type: "workspace", at: 1, baseCommit: id, parent: id, seen: null }
    assert.isUndefined(refusalOf(textOf([beginning, start, kept(1, { tree: id })]), uid))
    assert.include(refusalOf(textOf([beginning]), "another"), "of another task")
    assert.include(refusalOf(textOf([beginning, kept(1, { tree: "--upload-pack=x" })]), uid), "git's")
    assert.include(refusalOf(textOf([beginning, { ...start, parent: "-x" }]), uid), "git's")
    assert.include(refusalOf("{}\n", uid), "line 1")
    assert.isDefined(refusalOf(textOf([beginning, ...turnOf(1)]), uid))
  })
})
