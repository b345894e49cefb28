/** From the text of a journal to the run that it tells of. Pure. */
import { Result, Schema } from "effect"

import { addUsage, noUsage, type Usage } from "../../schema/Usage.ts"
import { type AgentJournal, AgentReader } from "./agentRecords.ts"
import {
  JournalRecord,
  type OutcomeRecord,
  type ReplyRecord,
  type ResultRecord,
  type RunClaim,
  type RunRecord,
  type Start,
  version
} from "./record.ts"

/** The text is not a journal, or was damaged in its middle. */
export class JournalUnreadable extends Schema.TaggedError<JournalUnreadable>()("JournalUnreadable", {
  /** From 1. */
  line: Schema.Int,
  message: Schema.String
}) {}

/** What happened in one turn, as far as it came. */
export interface JournalTurn {
  readonly turn: number
  readonly replies: Array<ReplyRecord>
  readonly results: Array<ResultRecord>
  /** In the order in which the files were asked. */
  readonly trees: Array<string>
  /** What the model was told at the start of the turn, because the run had been interrupted. */
  readonly note?: string
  /** Of its end; absent in a turn that did not come to its end. */
  checkpoint?: { readonly at: number; readonly tree?: string; readonly failure?: string }
}

export interface Journal {
  readonly run: RunRecord
  /** Of the process that began the run, or of the last one that went on with it. */
  readonly claim: RunClaim
  readonly start: Start | undefined
  /** By turn, from 1; the last one may be incomplete. */
  readonly turns: ReadonlyArray<JournalTurn>
  /** Time that the run was at work, interruptions left out. */
  readonly elapsedMillis: number
  /** What it used since it was last interrupted in order: what it had used until then was told. */
  readonly untold: { readonly usage: Usage; readonly modelMillis: number; readonly wallMillis: number }
  /** Why it is interrupted, where it was interrupted in order. */
  readonly hold: string | undefined
  readonly outcome: OutcomeRecord | undefined
  readonly isFull: boolean
  readonly isEnded: boolean
  /** A line that was cut short at the end was left out. */
  readonly isTorn: boolean
  /** How often another process went on with it. */
  readonly resumes: number
  /** Of a run that another coding agent does. */
  readonly agent: AgentJournal
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(JournalRecord))
const decodeVersion = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Struct({ v: Schema.Finite })))

type Happening = Extract<JournalRecord, { readonly type: "reply" | "result" | "tree" | "checkpoint" }>

/** What a journal's records come to, one after another. */
class Reader {
  run: RunRecord | undefined
  claim: RunClaim | undefined
  start: Start | undefined
  turns: Array<JournalTurn> = []
  hold: string | undefined
  outcome: OutcomeRecord | undefined
  isFull = false
  isEnded = false
  resumes = 0
  readonly #agent = new AgentReader()
  #usage = noUsage
  #modelMillis = 0
  #askedAt = 0
  #toldMillis = 0
  #elapsed = 0
  #from = 0
  #last = 0

  /** The time until an interrupted run goes on is not the run's. */
  get elapsedMillis(): number {
    return this.#elapsed + Math.max(0, this.#last - this.#from)
  }

  get agent(): AgentJournal {
    return this.#agent.journal
  }

  get untold(): Journal["untold"] {
    const wallMillis = this.elapsedMillis - this.#toldMillis
    return { usage: this.#usage, modelMillis: this.#modelMillis, wallMillis }
  }

  /** Takes up the next record; a sentence where it cannot follow those before it. */
  read(record: JournalRecord): string | undefined {
    if (record.type === "run") {
      if (this.run !== undefined) return "a second run begins here"
      this.run = record
      this.claim = record.claim
      this.#from = record.at
    }
    if (this.run === undefined) return "a journal must begin with a record of type run"
    const problem = this.#take(record)
    this.#last = record.at
    return problem
  }

  #take(record: JournalRecord): string | undefined {
    switch (record.type) {
      case "workspace":
        this.start = record
        return undefined
      case "hold":
        this.hold = record.reason
        this.#toldMillis = this.elapsedMillis
        this.#usage = noUsage
        this.#modelMillis = 0
        return undefined
      case "request":
        this.#askedAt = record.at
        return undefined
      case "outcome":
        this.outcome = record
        return undefined
      case "full":
        this.isFull = true
        return undefined
      case "end":
        this.isEnded = true
        return undefined
      case "resume":
        return this.#resume(record)
      case "reply":
      case "result":
      case "tree":
      case "checkpoint":
        return this.#happened(record)
      case "compaction":
      case "call":
      case "run":
        return undefined
      case "spent":
        this.#usage = addUsage(this.#usage, record.usage)
        this.#modelMillis += record.modelMillis
        this.#agent.read(record)
        return undefined
      default:
        this.#agent.read(record)
        return undefined
    }
  }

  /** The turn that goes on, or the next after one that is complete. */
  #turnOf(turn: number): JournalTurn | undefined {
    const last = this.turns.at(-1)
    const isOpen = last !== undefined && last.checkpoint === undefined
    if (isOpen) return turn === last.turn ? last : undefined
    if (turn !== this.turns.length + 1) return undefined
    const next: JournalTurn = { turn, replies: [], results: [], trees: [] }
    this.turns.push(next)
    return next
  }

  #happened(record: Happening): string | undefined {
    const turn = this.#turnOf(record.turn)
    if (turn === undefined) return `turn ${record.turn} is out of order`
    if (record.type === "reply") {
      turn.replies.push(record)
      this.#usage = addUsage(this.#usage, record.reply?.usage ?? noUsage)
      this.#modelMillis += Math.max(0, record.at - this.#askedAt)
    } else if (record.type === "result") turn.results.push(record)
    else if (record.type === "tree") turn.trees.push(record.word)
    else turn.checkpoint = record
    return undefined
  }

  #resume(record: Extract<JournalRecord, { readonly type: "resume" }>): string | undefined {
    const { at, claim, note, replies, turn } = record
    if (turn > this.turns.length)
      return `the run cannot go on after turn ${turn}: the journal does not have it`
    const kept = this.turns[turn]?.replies.slice(0, replies) ?? []
    this.turns = this.turns.slice(0, turn)
    if (kept.length > 0 || note !== undefined) {
      this.turns.push({
        turn: turn + 1,
        replies: kept,
        results: [],
        trees: [],
        ...(note !== undefined && { note })
      })
    }
    this.#elapsed = this.elapsedMillis
    this.#from = at
    this.claim = claim
    this.hold = undefined
    this.outcome = undefined
    this.resumes++
    return undefined
  }
}

const unreadable = (line: number, message: string) =>
  Result.fail(new JournalUnreadable({ line, message: `line ${line}: ${message}` }))

const whyNoRecord = (line: string, index: number): string => {
  const found = index === 0 ? decodeVersion(line) : undefined
  return found !== undefined && Result.isSuccess(found) && found.success.v !== version
    ? `this is version ${found.success.v} of a journal; version ${version} can be read`
    : "is not a record of a journal"
}

/** Reads a journal. A last line that was cut short is left out; one in the middle is an error. */
export const readJournal = (text: string): Result.Result<Journal, JournalUnreadable> => {
  const lines = text.split("\n")
  // What follows the last line's end was not written whole.
  let isTorn = lines.pop() !== ""
  const reader = new Reader()
  for (const [index, line] of lines.entries()) {
    const record = decode(line)
    if (Result.isFailure(record)) {
      // A power cut may leave a last line that is as long as it should be and holds nothing.
      const isLast = index === lines.length - 1 && index > 0 && !isTorn
      if (!isLast) return unreadable(index + 1, whyNoRecord(line, index))
      isTorn = true
      break
    }
    const problem = reader.read(record.success)
    if (problem !== undefined) return unreadable(index + 1, problem)
  }
  const { claim, run } = reader
  if (run === undefined || claim === undefined) return unreadable(1, "there is no whole record")
  const { agent, elapsedMillis, untold, hold, isEnded, isFull, outcome, resumes, start, turns } = reader
  return Result.succeed({
    run,
    claim,
    start,
    turns,
    elapsedMillis,
    untold,
    hold,
    outcome,
    isFull,
    isEnded,
    isTorn,
    resumes,
    agent
  })
}

/** The last turn that came to its end with all of its files; 0 when none did. */
export const lastCompleteTurn = ({ turns }: Pick<Journal, "turns">): number =>
  turns.findLastIndex(({ checkpoint }) => checkpoint !== undefined && checkpoint.failure === undefined) + 1
