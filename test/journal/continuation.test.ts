import { assert, describe, it } from "@effect/vitest"

import { type Continuation, continuationOf } from "../../src/journal/continuation.ts"
import { type JournalRecord, lineOf } from "../../src/journal/record.ts"
import { RequestLog } from "../../src/journal/requests.ts"
import { EndpointBusy, InferenceError } from "../../src/services/InferenceClient.ts"
import { beginning, turnOf } from "./records.ts"

const textOf = (records: ReadonlyArray<JournalRecord>): string =>
  records.map((record) => `${lineOf(record)}\n`).join("")
const ours = { spec: "digest", isOurs: () => true }
const goOn = (records: ReadonlyArray<JournalRecord>): Continuation => {
  const found = continuationOf(textOf(records), ours)
  if (found === undefined || typeof found === "string") throw new Error(`begins anew: ${found}`)
  return found
}
const [request, , reply, call, result, checkpoint] = turnOf(2)
const busy: JournalRecord = {
  type: "reply",
  at: 1002,
  turn: 2,
  failure: new InferenceError({
    endpoint: "e",
    reason: new EndpointBusy({ message: "later", party: "server" })
  })
}
const of = (...records: ReadonlyArray<JournalRecord | undefined>) =>
  records.filter((record) => record !== undefined)
const where = ({ replies, tree, turn }: Continuation) => ({ turn, replies, tree })
const treeTurnOf = ({ treeTurn }: Continuation) => treeTurn

describe("a run goes on", () => {
  it("after its last turn that has its files; a reply that came already is not asked for again", () => {
    const first = [beginning, ...turnOf(1)]
    assert.deepStrictEqual(where(goOn([beginning])), { turn: 0, replies: 0, tree: undefined })
    assert.deepStrictEqual(where(goOn(first)), { turn: 1, replies: 0, tree: "tree1" })
    assert.deepStrictEqual(where(goOn([...first, ...of(request)])), { turn: 1, replies: 0, tree: "tree1" })
    for (const more of [of(request, reply), of(request, reply, call), of(request, reply, call, result)]) {
      assert.deepStrictEqual(where(goOn([...first, ...more])), { turn: 1, replies: 1, tree: "tree1" })
    }
    assert.deepStrictEqual(where(goOn([...first, ...of(request, reply, call, result, checkpoint)])), {
      turn: 2,
      replies: 0,
      tree: "tree2"
    })
  })

  it("without a failure of the endpoint, which is asked again", () => {
    const records = [beginning, ...turnOf(1), ...of(request), busy]
    assert.deepStrictEqual(where(goOn(records)), { turn: 1, replies: 0, tree: "tree1" })
  })

  it("without a reply from which a secret was taken: its calls are not those that the model made", () => {
    const redacted = reply?.type === "reply" ? { ...reply, isRedacted: true } : undefined
    const records = [beginning, ...turnOf(1), ...of(request, redacted)]
    assert.strictEqual(goOn(records).replies, 0)
  })

  it("from the files of an earlier turn, where later ones only read", () => {
    const quiet = turnOf(2).map((record): JournalRecord =>
      record.type === "checkpoint" ? { type: "checkpoint", at: record.at, turn: 2 } : record
    )
    assert.deepStrictEqual(where(goOn([beginning, ...turnOf(1), ...quiet])), {
      turn: 2,
      replies: 0,
      tree: "tree1"
    })
  })

  it("and makes the edits again of the turns since the files were last kept", () => {
    const quiet = turnOf(2).map((record): JournalRecord =>
      record.type === "checkpoint" ? { type: "checkpoint", at: record.at, turn: 2 } : record
    )
    assert.strictEqual(treeTurnOf(goOn([beginning, ...turnOf(1), ...quiet])), 1)
    assert.strictEqual(treeTurnOf(goOn([beginning, ...turnOf(1), ...turnOf(2)])), 2)
    assert.strictEqual(treeTurnOf(goOn([beginning])), 0)
  })

  it("before a turn whose files could not be kept", () => {
    const failed = turnOf(2).map((record): JournalRecord =>
      record.type === "checkpoint"
        ? { type: "checkpoint", at: record.at, turn: 2, failure: "no room" }
        : record
    )
    assert.deepStrictEqual(where(goOn([beginning, ...turnOf(1), ...failed])), {
      turn: 1,
      replies: 2,
      tree: "tree1"
    })
  })
})

describe("a run begins anew", () => {
  it("and says why, when another had the task, its spec is another, or its journal is damaged or full", () => {
    const text = textOf([beginning, ...turnOf(1)])
    assert.strictEqual(
      continuationOf(text, { ...ours, isOurs: () => false }),
      "the task was taken by another since"
    )
    assert.strictEqual(
      continuationOf(text, { ...ours, spec: "other" }),
      "the task or its Agent was changed since"
    )
    const full: JournalRecord = { type: "full", at: 1, message: "64 MiB" }
    assert.strictEqual(continuationOf(text + textOf([full]), ours), "its journal was full")
    assert.match(String(continuationOf(`damaged\n${text}`, ours)), /^its journal cannot be read: line 1/u)
  })

  it("with nothing to say after an end that was told, or without a journal", () => {
    const ended = textOf([beginning, ...turnOf(1), { type: "end", at: 1 }])
    assert.deepStrictEqual(
      [undefined, "", ended].map((text) => continuationOf(text, ours)),
      [undefined, undefined, undefined]
    )
  })
})

describe("the requests of a journal", () => {
  const ask = (log: RequestLog, messages: ReadonlyArray<string>) =>
    log.next({ turn: 1, messages, maxTokens: 9, temperature: undefined }, 1)

  it("hold what is new; what the journal has as reply or result is named", () => {
    const log = new RequestLog()
    const messages = ['{"role":"system"}', '{"role":"user"}']
    assert.deepInclude(ask(log, messages)[0], { type: "request", shared: 0, messages })
    log.result('{"role":"tool"}')
    messages.push('{"role":"assistant"}', '{"role":"tool"}', '{"role":"user","content":"go on"}')
    assert.deepInclude(ask(log, messages)[0], {
      shared: 2,
      messages: ["reply", "result", '{"role":"user","content":"go on"}']
    })
  })

  it("say when messages were left out, and name those that stayed by their place", () => {
    const log = new RequestLog()
    ask(log, ["s", "task", "a", "b", "c", "d"])
    const [compaction, request] = ask(log, ["s", "task and a note", "c", "d"])
    assert.deepInclude(compaction, { type: "compaction", before: 6, after: 4 })
    assert.deepInclude(request, { shared: 1, messages: ["task and a note", 4, 5] })
  })
})
