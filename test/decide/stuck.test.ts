import { assert, describe, it } from "@effect/vitest"

import * as Stuck from "../../src/decide/stuck.ts"

const call = (name: string, args = "{}", succeeded = true): Stuck.CallRecord => ({
  call: { id: "c", type: "function", function: { name, arguments: args } },
  succeeded
})

interface Log {
  readonly said: ReadonlyArray<string>
  readonly state: Stuck.StuckState
}

/** Plays turns and notes what was said in which of them. */
const play = (
  limits: Stuck.StuckLimits,
  turns: ReadonlyArray<ReadonlyArray<Stuck.CallRecord>>,
  tokens: (turn: number) => number = () => 0
): Log => {
  let state = Stuck.initial
  const said: Array<string> = []
  for (const [index, calls] of turns.entries()) {
    const turn = index + 1
    state = Stuck.observe(state, calls)
    const verdict = Stuck.judge(state, limits, turn, tokens(turn))
    if (verdict._tag === "GoOn") continue
    said.push(`${turn} ${verdict._tag} ${verdict.signal}`)
    if (verdict._tag === "End") break
    state = verdict.state
  }
  return { said, state }
}
const times = (count: number, make: (index: number) => ReadonlyArray<Stuck.CallRecord>) =>
  Array.from({ length: count }, (_, index) => make(index))

const editing = Stuck.limitsOf(undefined, true)

describe("the stuck detector", () => {
  it("five identical calls in a row are told once; still the same after three turns, the run ends", () => {
    const log = play(
      editing,
      times(20, () => [call("read_file", '{"path":"a"}')])
    )
    assert.deepStrictEqual(log.said, ["5 Nudge RepeatedToolCall", "9 End RepeatedToolCall"])
  })

  it("a call with other arguments begins the count anew", () => {
    const log = play(
      editing,
      times(12, (index) => [call("bash", JSON.stringify({ command: index % 4 })), call("str_replace")])
    )
    assert.deepStrictEqual(log.said, [])
  })

  it("fifteen turns without an edit withhold the search tools for three turns, then end", () => {
    const turns = times(30, (index) => [call("grep", `{"pattern":"${index}"}`)])
    const log = play(editing, turns)
    assert.deepStrictEqual(log.said, ["15 Nudge EditFreeStreak", "19 End EditFreeStreak"])
    assert.strictEqual(log.state.restrictedUntil, 18)
  })

  it("an edit that failed is no edit; one that worked sets the streak back", () => {
    const search = (index: number) => [call("grep", `{"pattern":"${index}"}`)]
    const failed = [...times(14, search), [call("str_replace", "{}", false)]]
    assert.deepStrictEqual(play(editing, failed).said, ["15 Nudge EditFreeStreak"])
    const worked = [...times(14, search), [call("str_replace")], ...times(14, search)]
    assert.deepStrictEqual(play(editing, worked).said, [])
  })

  it("reading new files buys at most eight turns", () => {
    const log = play(
      editing,
      times(40, (index) => [call("read_file", `{"path":"${index}"}`)])
    )
    assert.strictEqual(log.said[0], "23 Nudge EditFreeStreak")
  })

  it("a reviewer is never told to edit", () => {
    const limits = Stuck.limitsOf(undefined, false)
    const log = play(
      limits,
      times(60, (index) => [call("grep", `{"pattern":"${index}"}`)])
    )
    assert.deepStrictEqual(log.said, [])
  })

  it("the context is told at the soft cap and ended at the hard cap at once", () => {
    const turns = times(20, () => [call("write_file", "{}"), call("write_file", "{ }")])
    const log = play(editing, turns, (turn) => (turn === 7 ? 140_000 : turn >= 5 ? 90_000 : 0))
    assert.deepStrictEqual(log.said, ["5 Nudge ContextSoftCap", "7 End ContextHardCap"])
  })

  it("a soft cap that is not below the hard one turns the context's signals off", () => {
    const limits = Stuck.limitsOf({ contextSoftCap: 200_000, contextHardCap: 100_000 }, true)
    assert.deepStrictEqual([limits.contextSoftCap, limits.contextHardCap], [0, 0])
  })

  it("all zero is off", () => {
    const limits = Stuck.limitsOf(
      { repeatedToolThreshold: 0, editFreeTurnsLimit: 0, contextSoftCap: 0, contextHardCap: 0 },
      true
    )
    const log = play(
      limits,
      times(100, () => [call("bash")]),
      () => 1e9
    )
    assert.deepStrictEqual(log.said, [])
  })
})
