/** Writes down the run of another coding agent, and keeps its files, so that another process can go on with it. */
import { Clock, Duration, Effect, Semaphore, type Scope } from "effect"

import type { AgentRecord } from "../journal/agentRecords.ts"
import { type JournalRecord, lineOf, type OutcomeRecord, type RunRecord } from "../journal/record.ts"
import type { Workspace } from "../services/GitWorkspace.ts"
import type { JournalError } from "../services/Journal.ts"
import type { History, OpenJournal } from "./history.ts"

/** Between two checkpoints while the agent works. */
const checkpointEvery = Duration.seconds(3)

export interface AcpRecording {
  readonly attempt: number | undefined
  readonly write: (records: ReadonlyArray<AgentRecord>) => Effect.Effect<void>
  /** Keeps the files now, and all that was written before. */
  readonly checkpoint: Effect.Effect<void>
  /** The same meanwhile, unless they were kept a moment ago. */
  readonly checkpointSoon: Effect.Effect<void>
  readonly ended: (outcome: Omit<OutcomeRecord, "type" | "at">) => Effect.Effect<void>
}

export const begin = Effect.fnUntraced(function* (
  open: OpenJournal | undefined,
  options: {
    readonly head: Omit<RunRecord, "type" | "at" | "v" | "attempt" | "task" | "claim" | "spec">
    readonly history: History
    readonly checkout: Workspace
    /** There is no room for a record: the run cannot go on. */
    readonly onFull: (error: JournalError) => Effect.Effect<unknown>
  }
): Effect.fn.Return<AcpRecording, never, Scope.Scope> {
  if (open === undefined) {
    const nothing = Effect.void
    const none = { write: () => nothing, checkpoint: nothing, checkpointSoon: nothing, ended: () => nothing }
    return { ...none, attempt: undefined }
  }
  const { checkout, head, history, onFull } = options
  const { claim, folder, redact, writer } = open
  const { continuation } = history
  const scope = yield* Effect.scope
  const one = yield* Semaphore.make(1)
  let isOn = true
  let turn = continuation?.turn ?? 0
  let keptAt = Number.NEGATIVE_INFINITY
  let isRunning = false

  const append = Effect.fnUntraced(function* (
    records: ReadonlyArray<JournalRecord>,
    options?: { readonly isDurable: boolean }
  ) {
    if (!isOn || records.length === 0) return
    yield* writer
      .append(
        records.map((record) => redact(lineOf(record))),
        options
      )
      .pipe(
        Effect.catch((error) => {
          isOn = false
          return error.reason === "DiskFull"
            ? Effect.asVoid(onFull(error))
            : Effect.logWarning(
                "the run is recorded no further: it begins anew when it is interrupted",
                error
              )
        })
      )
  })

  const checkpoint = Effect.gen(function* () {
    if (!isOn || folder === undefined || !head.isEditing) return
    keptAt = yield* Clock.currentTimeMillis
    const tree = yield* checkout.checkpoint(folder)
    turn++
    const at = yield* Clock.currentTimeMillis
    yield* append([{ type: "checkpoint", at, turn, tree }], { isDurable: true })
  }).pipe(
    Effect.catch(({ message }) =>
      Effect.logWarning("the files of a run could not be kept").pipe(Effect.annotateLogs({ error: message }))
    ),
    one.withPermit
  )

  const at = yield* Clock.currentTimeMillis
  yield* append(
    continuation === undefined
      ? [{ type: "run", at, v: 1, attempt: writer.attempt, ...open.head, ...head }]
      : [{ type: "resume", at, claim, turn, replies: 0 }]
  )
  if (continuation?.journal.start === undefined && checkout.baseCommit !== "") {
    const { baseCommit, parent, seen } = checkout
    yield* append([{ type: "workspace", at, baseCommit, parent, seen: seen ?? null }])
  }

  return {
    attempt: writer.attempt,
    write: append,
    checkpoint,
    checkpointSoon: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (isRunning || now - keptAt < Duration.toMillis(checkpointEvery)) return
      isRunning = true
      yield* checkpoint.pipe(Effect.ensuring(Effect.sync(() => (isRunning = false))), Effect.forkIn(scope))
    }),
    ended: (outcome) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => append([{ type: "outcome", at: now, ...outcome }]))
  }
})
