/** What an earlier process of a run left behind, and the journal that this one goes on writing. */
import { Clock, Effect, Hash, Redacted, type Scope } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { Spend } from "../../schema/Budget.ts"
import { type AgenticTask } from "../../schema/AgenticTask.ts"
import { refOf } from "../../schema/Meta.ts"
import type { RunFacts } from "../decide/nativeVerdict.ts"
import { spendOf } from "../decide/spend.ts"
import { continues, earlierNode } from "../decide/claim.ts"
import { findCondition } from "../decide/status.ts"
import { type Continuation, continuationOf } from "../journal/continuation.ts"
import type { Journal as Read } from "../journal/read.ts"
import { lineOf, type RunClaim, type RunRecord } from "../journal/record.ts"
import { redactor } from "../journal/redact.ts"
import type { Endpoint } from "../services/InferenceClient.ts"
import { Journal, type JournalError, type JournalWriter } from "../services/Journal.ts"
import { GitWorkspace, type Workspace } from "../services/GitWorkspace.ts"
import type { CatalogTool } from "../tools/catalog.ts"
import { ExecutorError, type Run, RunnerConfig } from "./Executor.ts"
import type { Remote } from "./publish.ts"
import { fetchJournal } from "./remoteJournal.ts"
import * as RemoteCheckpoints from "./remoteCheckpoints.ts"
import * as Recording from "./recording.ts"

export interface History {
  readonly continuation?: Continuation
  /** Why a run that was interrupted begins anew. */
  readonly lost?: string
}

/**
 * Of what a run depends on: with another one, what was answered means something else. What it may use is not a part of it: a limit that is
 * raised while a run is parked costs no turn.
 */
const specOf = (task: AgenticTask, agent: Agent): string => {
  const { limits: _, ...taskSpec } = task.spec
  const { limits: __, limitsPerDay: ___, prices: ____, ...agentSpec } = agent.spec
  const text = JSON.stringify([taskSpec, agentSpec])
  return `${text.length}-${Hash.string(text)}`
}

const claimOf = ({ claimId, nodeName, task }: Run): RunClaim => ({
  id: claimId,
  node: nodeName,
  claimedAt: task.status?.claimedAt ?? ""
})

/**
 * A journal is ours while nobody else had the task since: it was interrupted in order, or our claim follows its claim, or it is the very
 * claim (a process that was started again by hand or by its Job).
 */
const isOurs =
  (run: Run) =>
  ({ claim, hold }: Read): boolean =>
    hold !== undefined || claim.id === run.claimId || continues(run.before ?? run.task, claim)

/** Keeps other processes from the run. Where nobody can, for want of locks or room, two are only kept apart by the claim. */
export const lockRun = Effect.fnUntraced(function* ({ task }: Run) {
  const { uid } = task.metadata
  if (uid === undefined) return
  const journal = yield* Journal
  yield* journal
    .lock(uid)
    .pipe(
      Effect.catch((error) =>
        error.reason === "InUse"
          ? Effect.fail(new ExecutorError({ message: error.message }))
          : Effect.logWarning("the run cannot be locked", error)
      )
    )
})

/** What a journal comes to for this run: to go on, a sentence why not, or nothing. */
const read = Effect.fnUntraced(function* (
  run: Run,
  agent: Agent,
  uid: string,
  isOurs: (journal: Read) => boolean
) {
  const journal = yield* Journal
  return yield* journal.read(uid).pipe(
    Effect.map((text) => continuationOf(text, { spec: specOf(run.task, agent), isOurs })),
    Effect.catch(({ message }) => Effect.succeed(`its journal cannot be read: ${message}`))
  )
})

/** Reads the journal of the task, here or on its remote. One that cannot be read costs the turns, not the run. */
export const historyOf = Effect.fn("historyOf")(function* (
  run: Run,
  agent: Agent
): Effect.fn.Return<History, never, GitWorkspace | Journal | RunnerConfig> {
  const { uid } = run.task.metadata
  if (uid === undefined) return {}
  const here = yield* read(run, agent, uid, isOurs(run))
  const isHere = here !== undefined && typeof here !== "string"
  const isElsewhere = !isHere && (yield* fetchJournal(run, agent, uid))
  const node = run.before === undefined ? undefined : earlierNode(run.before)
  // The last that had the task is whose journal this is; there it may have ended without a word.
  const found = isElsewhere
    ? yield* read(run, agent, uid, (journal) => isOurs(run)(journal) || journal.claim.node === node)
    : here
  if (found === undefined) return yield* nothingFound(run, node)
  if (typeof found === "string") {
    yield* Effect.logWarning(`the run begins anew: ${found}`)
    return { lost: found }
  }
  yield* Effect.logInfo("the run goes on where it was interrupted").pipe(
    Effect.annotateLogs({
      afterTurn: found.turn,
      interruptedBy: found.journal.hold ?? "the end of its process",
      ...(isElsewhere && { from: "its remote" })
    })
  )
  return { continuation: found }
})

/** A run that was told to the end, or that never asked a model, has left nothing to go on with. */
const nothingFound = Effect.fnUntraced(function* ({ before }: Run, node: string | undefined) {
  if (before?.status === undefined || node === undefined) return {}
  const wasInOrder = findCondition(before.status.conditions, "Running")?.status === "False"
  if (wasInOrder && (before.status.usage?.outputTokens ?? 0) === 0) return {}
  const lost = `JournalLost: node ${node} had the task before, and the journal of its run is not here`
  yield* Effect.logWarning(`the run begins anew: ${lost}`)
  return { lost }
})

/** A journal that is open, and what every record of it needs. */
export interface OpenJournal {
  readonly writer: JournalWriter
  /** Takes secrets out of a line. */
  readonly redact: (line: string) => string
  readonly claim: RunClaim
  /** The first fields of the run's first record. */
  readonly head: Pick<RunRecord, "task" | "claim" | "spec">
  /** Of checkpoints and what else goes when the journal goes. */
  readonly folder: string | undefined
}

/** Opens the journal. Where it cannot be written, the run is not recorded, and says so in the log. */
export const openJournal = Effect.fnUntraced(function* (
  run: Run,
  agent: Agent,
  { continuation }: History,
  /** What must not be written down, besides the runner's own tokens. */
  secrets: ReadonlyArray<Redacted.Redacted<string> | undefined>
): Effect.fn.Return<OpenJournal | undefined, JournalError, Journal | RunnerConfig | Scope.Scope> {
  const { uid } = run.task.metadata
  if (uid === undefined) return undefined
  const journal = yield* Journal
  const { gitToken, modelToken, overrideToken } = yield* RunnerConfig
  const writer = yield* journal.open(uid, continuation === undefined ? "New" : "GoOn").pipe(
    Effect.catchIf(
      ({ reason }) => reason !== "DiskFull",
      (error) =>
        Effect.as(
          Effect.logWarning("the run is not recorded: it begins anew when it is interrupted", error),
          undefined
        )
    )
  )
  if (writer === undefined) return undefined
  const all = [gitToken, modelToken, overrideToken, ...secrets]
  const { name, namespace = "default" } = refOf(run.task)
  const claim = claimOf(run)
  return {
    writer,
    redact: redactor(all.flatMap((secret) => (secret === undefined ? [] : [Redacted.value(secret)]))),
    claim,
    head: { task: { namespace, name, uid }, claim, spec: specOf(run.task, agent) },
    folder: journal.folder(uid)
  }
})

export interface Recorded extends Recording.Recording {
  /** The journal's number among those of the task; absent where there is none. */
  readonly attempt: number | undefined
}

/** The journal of our own loop. */
export const record = Effect.fnUntraced(function* (
  run: Run,
  agent: Agent,
  history: History,
  options: {
    readonly head: Omit<RunRecord, "type" | "at" | "v" | "attempt" | "task" | "claim" | "spec">
    /** Of the run's repository; absent where it has none. */
    readonly remote: Remote | undefined
    readonly endpoints: ReadonlyArray<Endpoint>
    readonly workspace: Effect.Effect<Workspace, { readonly message: string }>
    readonly tools: ReadonlyArray<CatalogTool>
  }
): Effect.fn.Return<Recorded, JournalError, GitWorkspace | Journal | RunnerConfig | Scope.Scope> {
  const { endpoints, head, remote, tools, workspace } = options
  const { continuation } = history
  const open = yield* openJournal(
    run,
    agent,
    history,
    endpoints.map(({ apiKey }) => apiKey)
  )
  if (open === undefined) return { ...Recording.none, attempt: undefined }
  const { claim, redact, writer } = open
  const kept = yield* RemoteCheckpoints.begin(
    run.task,
    head.isEditing ? remote : undefined,
    writer.attempt,
    workspace
  )
  const recording = yield* Recording.begin({
    writer,
    redact,
    head: { ...open.head, ...head },
    continuation,
    claim,
    workspace,
    folder: head.isEditing ? open.folder : undefined,
    tools,
    onTurnKept: kept.turnKept
  })
  // Another host's run is ours from here on, also for a third one.
  if ((continuation?.turn ?? 0) > 0) yield* kept.turnKept
  return {
    recorder: recording.recorder,
    ended: (outcome) => Effect.andThen(recording.ended(outcome), kept.ended(outcome.result)),
    attempt: writer.attempt
  }
})

/** What earlier processes of the run used and nobody was told: what one that ended in order used is in the task's status. */
export const begunBefore = ({ continuation }: History, endpoint?: Endpoint): Spend | undefined => {
  if (continuation === undefined) return undefined
  const { modelMillis, usage, wallMillis } = continuation.journal.untold
  return { ...spendOf(usage, modelMillis / 1000, endpoint?.prices, false), wallSeconds: wallMillis / 1000 }
}

export const elapsedBefore = ({ continuation }: History): number => continuation?.journal.elapsedMillis ?? 0

/** What the result says about interruptions of the run; nothing where there were none. */
export const interruptions = ({ continuation, lost }: History): Pick<RunFacts, "resumes" | "beganAnew"> => ({
  ...(continuation !== undefined && { resumes: continuation.journal.resumes + 1 }),
  ...(lost !== undefined && { beganAnew: lost })
})

/** Says that the run was interrupted in order: it may go on under any claim. */
export const noteHold = (task: AgenticTask, reason: string) =>
  note(task, (at) => lineOf({ type: "hold", at, reason }))

/** Says that the run's end was told: nobody goes on with it. */
export const noteEnd = (task: AgenticTask) => note(task, (at) => lineOf({ type: "end", at }))

const note = Effect.fnUntraced(function* (task: AgenticTask, line: (at: number) => string) {
  const { uid } = task.metadata
  if (uid === undefined) return
  const journal = yield* Journal
  yield* journal
    .note(uid, line(yield* Clock.currentTimeMillis))
    .pipe(Effect.catch((error) => Effect.logWarning("the journal of the run has no end", error)))
})
