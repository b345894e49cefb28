/** Writes a run down as it goes on, and hands out what an earlier process of it had written. Design §3.15. */
import { Clock, Effect, Fiber, Result, type Scope } from "effect"

import type { ChatReply, ToolCall } from "../../schema/Chat.ts"
import { editTools } from "../decide/stuck.ts"
import type { Continuation } from "../journal/continuation.ts"
import type { JournalTurn } from "../journal/read.ts"
import {
  type JournalRecord,
  lineOf,
  type OutcomeRecord,
  type RunClaim,
  type RunRecord
} from "../journal/record.ts"
import type { Dispatched } from "../loop/dispatch.ts"
import { type Asked, type Recorder, unrecorded } from "../loop/Recorder.ts"
import { RequestLog } from "../journal/requests.ts"
import type { InferenceError } from "../services/InferenceClient.ts"
import { JournalError, type JournalWriter } from "../services/Journal.ts"
import type { Workspace } from "../services/GitWorkspace.ts"
import type { CatalogTool } from "../tools/catalog.ts"

/** Calls after which the files are as they were. After edits they follow from the calls; after any other tool they are kept. */
const readers: ReadonlySet<string> = new Set(["fetch_issue", "grep", "list_files", "read_diff", "read_file"])

/** What the model is told where commands had run: what they made beside the repository's files is gone. */
const afterInterruption =
  "(The run was interrupted and goes on here. The files are as you left them, except for those that .gitignore names: build again, and install again, what you need.)"

export interface Recording {
  readonly recorder: Recorder
  /** The last words of the journal. */
  readonly ended: (outcome: Omit<OutcomeRecord, "type" | "at">) => Effect.Effect<void>
}

export interface Options {
  readonly writer: JournalWriter
  /** Takes secrets out of a line. */
  readonly redact: (line: string) => string
  readonly head: Omit<RunRecord, "type" | "at" | "v" | "attempt">
  readonly continuation: Continuation | undefined
  readonly claim: RunClaim
  /** The checkout, once it is there. */
  readonly workspace: Effect.Effect<Workspace, { readonly message: string }>
  /** Folder of the checkpoints; absent for a run whose files nobody keeps. */
  readonly folder: string | undefined
  readonly tools: ReadonlyArray<CatalogTool>
  /** Runs when a turn is complete and in the journal. */
  readonly onTurnKept: Effect.Effect<void>
}

export const begin = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Recording, JournalError, Scope.Scope> {
  const { claim, continuation, folder, head, onTurnKept, redact, tools, workspace, writer } = options
  const { journal, treeTurn = 0, turn: pastTurns = 0 } = continuation ?? {}
  const scope = yield* Effect.scope
  const requests = new RequestLog()
  const taken = { turn: 0, replies: 0, results: 0, trees: 0 }
  let isStarted = journal?.start !== undefined
  /** The files do not follow from the journal: they are to be kept at the end of the turn. */
  let mustKeep = false
  let isOn = true
  let checkpoint: Fiber.Fiber<void, JournalError> | undefined

  /** A reply that had a secret in it may be read, but its calls are not those that the model made. */
  const redactedLine = (record: JournalRecord): string => {
    const line = lineOf(record)
    const clean = redact(line)
    if (clean === line || record.type !== "reply") return clean
    mustKeep = true
    return redact(lineOf({ ...record, isRedacted: true }))
  }

  const write = Effect.fnUntraced(function* (
    records: ReadonlyArray<JournalRecord>,
    options?: { readonly isDurable: boolean }
  ) {
    if (!isOn) return
    yield* writer.append(records.map(redactedLine), options).pipe(
      Effect.catch((error) => {
        // Without room the run cannot go on; without its journal it can.
        if (error.reason === "DiskFull") return Effect.fail(error)
        isOn = false
        const at = records[0]?.at ?? 0
        return Effect.logWarning(
          "the run is recorded no further: it begins anew when it is interrupted",
          error
        ).pipe(
          Effect.andThen(Effect.ignore(writer.append([lineOf({ type: "full", at, message: error.message })])))
        )
      })
    )
  })

  /** What the journal has of this turn, as far as nobody took it yet. */
  const past = (turn: number): JournalTurn | undefined => {
    if (taken.turn !== turn) Object.assign(taken, { turn, replies: 0, results: 0, trees: 0 })
    return turn <= pastTurns + 1 ? journal?.turns[turn - 1] : undefined
  }
  const isPast = (turn: number): boolean => turn <= pastTurns

  const nextReply = (turn: number): ChatReply | InferenceError | undefined => {
    const replies = past(turn)?.replies ?? []
    if (!isPast(turn) && taken.replies >= (continuation?.replies ?? 0)) return undefined
    const next = replies[taken.replies++]
    return next?.reply === undefined ? next?.failure : { usage: undefined, ...next.reply }
  }

  const answer = Effect.fnUntraced(function* <R>(
    asked: Asked,
    ask: Effect.Effect<ChatReply, InferenceError, R>
  ) {
    const { turn } = asked
    const recorded = nextReply(turn)
    if (recorded !== undefined) return "toolCalls" in recorded ? recorded : yield* recorded
    yield* write(requests.next(asked, yield* Clock.currentTimeMillis))
    const given = yield* Effect.result(ask)
    // The files of the turn before were kept while the model thought.
    if (checkpoint !== undefined) yield* Fiber.join(checkpoint)
    checkpoint = undefined
    const at = yield* Clock.currentTimeMillis
    const record: JournalRecord = Result.isSuccess(given)
      ? { type: "reply", at, turn, reply: withoutUndefined(given.success) }
      : { type: "reply", at, turn, failure: given.failure }
    yield* write([record], { isDurable: true })
    return Result.isSuccess(given) ? given.success : yield* given.failure
  })

  /** The files of an earlier turn are there; what was edited since is edited again. */
  const editAgain = Effect.fnUntraced(function* <R>(
    { function: { name } }: ToolCall,
    make: Effect.Effect<Dispatched, never, R>
  ) {
    if ((yield* make).succeeded) return
    yield* Effect.logWarning("an edit of the interrupted run could not be made again").pipe(
      Effect.annotateLogs({ tool: name })
    )
  })

  const call: Recorder["call"] = Effect.fnUntraced(function* ({ index, turn }, call, make) {
    const { name } = call.function
    const recorded = isPast(turn) ? past(turn)?.results[taken.results++] : undefined
    if (recorded !== undefined) {
      tools.find((tool) => tool.name === name)?.recall?.(outputOf(recorded.message))
      const { message: json, succeeded, terminal } = recorded
      if (turn > treeTurn && succeeded && editTools.has(name)) yield* editAgain(call, make)
      return { call, entry: { role: "tool" as const, json }, succeeded, terminal }
    }
    mustKeep ||= !readers.has(name) && !editTools.has(name)
    yield* write([{ type: "call", at: yield* Clock.currentTimeMillis, turn, index, id: call.id, tool: name }])
    const done: Dispatched = yield* make
    const { entry, succeeded, terminal } = done
    requests.result(entry.json)
    const at = yield* Clock.currentTimeMillis
    const result = { type: "result", at, turn, index, message: entry.json, succeeded } as const
    yield* write([terminal === undefined ? result : { ...result, terminal }])
    return done
  })

  const tree: Recorder["tree"] = Effect.fnUntraced(function* (turn, look) {
    const recorded = isPast(turn) ? past(turn)?.trees[taken.trees++] : undefined
    if (recorded !== undefined) return recorded
    const word = yield* look
    yield* write([{ type: "tree", at: yield* Clock.currentTimeMillis, turn, word }])
    return word
  })

  /** Where the work began, before the first files are kept. */
  const noteStart = Effect.fnUntraced(function* ({ baseCommit, parent, seen }: Workspace) {
    if (isStarted || baseCommit === "") return
    isStarted = true
    yield* write([
      { type: "workspace", at: yield* Clock.currentTimeMillis, baseCommit, parent, seen: seen ?? null }
    ])
  })

  const keepFiles = Effect.fnUntraced(function* (turn: number, isKept: boolean) {
    const kept = yield* workspace.pipe(
      Effect.tap(noteStart),
      Effect.flatMap((checkout) =>
        folder === undefined || !isKept ? Effect.undefined : checkout.checkpoint(folder)
      ),
      Effect.result
    )
    const at = yield* Clock.currentTimeMillis
    if (Result.isSuccess(kept)) {
      const { success: files } = kept
      yield* write([{ type: "checkpoint", at, turn, ...(files !== undefined && { tree: files }) }])
      return yield* onTurnKept
    }
    if (kept.failure instanceof JournalError) return yield* kept.failure
    const { message } = kept.failure
    mustKeep = true
    yield* Effect.logWarning("the files of a turn could not be kept").pipe(
      Effect.annotateLogs({ turn, error: message })
    )
    yield* write([{ type: "checkpoint", at, turn, failure: message }])
  })

  const turnEnded: Recorder["turnEnded"] = Effect.fnUntraced(function* (turn) {
    if (isPast(turn) || !isOn) return
    if (mustKeep || !isStarted) {
      checkpoint = yield* Effect.forkIn(keepFiles(turn, mustKeep), scope)
      mustKeep = false
      return
    }
    yield* write([{ type: "checkpoint", at: yield* Clock.currentTimeMillis, turn }])
    yield* onTurnKept
  })

  const at = yield* Clock.currentTimeMillis
  let note: string | undefined
  if (continuation === undefined) {
    yield* write([{ type: "run", at, v: 1, attempt: writer.attempt, ...head }])
  } else {
    const { replies, turn } = continuation
    const hadCommands = continuation.journal.turns
      .slice(0, turn)
      .some((one) => one.results.some(({ message }) => outputOf(message)["exit_code"] !== undefined))
    note = journal?.turns[turn]?.note ?? (hadCommands && replies === 0 ? afterInterruption : undefined)
    yield* write([{ type: "resume", at, claim, turn, replies, ...(note !== undefined && { note }) }])
  }

  return {
    recorder: {
      isPast,
      note: (turn) => (turn === pastTurns + 1 ? note : journal?.turns[turn - 1]?.note),
      answer,
      call,
      tree,
      turnEnded
    },
    ended: (outcome) =>
      Effect.gen(function* () {
        if (checkpoint !== undefined) yield* Fiber.await(checkpoint)
        yield* write([{ type: "outcome", at: yield* Clock.currentTimeMillis, ...outcome }])
      }).pipe(Effect.catch((error) => Effect.logWarning("the end of the run is not in its journal", error)))
  }
})

/** For a run that cannot be written down. */
export const none: Recording = { recorder: unrecorded, ended: () => Effect.void }

const withoutUndefined = ({ usage, ...reply }: ChatReply) => ({
  ...reply,
  ...(usage !== undefined && { usage })
})

/** What a tool's message holds, as the tool had put it. */
const outputOf = (message: string): { readonly [key: string]: unknown } => {
  const { content } = JSON.parse(message) as { readonly content?: unknown }
  const output: unknown = typeof content === "string" ? JSON.parse(content) : undefined
  return typeof output === "object" && output !== null ? { ...output } : {}
}
