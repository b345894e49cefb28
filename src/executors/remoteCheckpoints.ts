/** Keeps a run on its remote, so that another host goes on where this one is lost (`--checkpoint-remote`). Never holds the run up. */
import { Clock, Duration, Effect, Fiber, type Scope } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Result } from "../../schema/Result.ts"
import { parkingOf } from "../decide/parking.ts"
import { checkpointPrefix, lastCheckpoint } from "../journal/remote.ts"
import { lineOf } from "../journal/record.ts"
import { GitWorkspace, type Workspace } from "../services/GitWorkspace.ts"
import { Journal } from "../services/Journal.ts"
import { RunnerConfig } from "./Executor.ts"
import type { Remote } from "./publish.ts"

/** A longer journal is pushed no more: each push holds all of it. */
const maxJournalChars = 16 * 1024 * 1024
/** What a run that ended gives its last push. */
const lastPush = Duration.seconds(10)
/** The same for one that is interrupted: a daemon that drains has 5 s for all that is left. */
const interruptedPush = Duration.seconds(2)
const clearing = Duration.seconds(60)

export interface RemoteCheckpoints {
  /** A turn came to its end, and is in the journal. Returns at once; of turns that end meanwhile only the last one is pushed. */
  readonly turnKept: Effect.Effect<void>
  /** The run ended. Work that is no GO stays on the remote: as a run that is to go on, where it is parked. */
  readonly ended: (result: Result) => Effect.Effect<void>
}

/** For a run that is kept on its host alone. */
const none: RemoteCheckpoints = { turnKept: Effect.void, ended: () => Effect.void }

export const begin = Effect.fnUntraced(function* (
  { metadata: { uid = "" } }: AgenticTask,
  remote: Remote | undefined,
  attempt: number | undefined,
  workspace: Effect.Effect<Workspace, { readonly message: string }>
): Effect.fn.Return<RemoteCheckpoints, never, GitWorkspace | Journal | RunnerConfig | Scope.Scope> {
  const { checkpointRemote } = yield* RunnerConfig
  const git = yield* GitWorkspace
  const journal = yield* Journal
  const folder = journal.folder(uid)
  const prefix = checkpointPrefix(uid)
  if (checkpointRemote !== true || remote === undefined || folder === undefined) return none
  if (prefix === undefined || attempt === undefined) return none
  const { remoteURL, token } = remote

  let isWarned = false
  let isOn = true
  let isWanted = false
  let clearer: Fiber.Fiber<void> | undefined
  let worker: Fiber.Fiber<void> | undefined

  const warn = (error: { readonly message: string }) => {
    const words = isWarned
      ? Effect.void
      : Effect.logWarning("the run is not kept on its remote: it begins anew where this host is lost", error)
    isWarned = true
    return words
  }

  const push = (last?: string) =>
    Effect.gen(function* () {
      if (!isOn) return
      const text = (yield* journal.read(uid)) ?? ""
      const whole = text.slice(0, text.lastIndexOf("\n") + 1)
      const kept = lastCheckpoint(whole)
      if (kept === undefined) return
      if (whole.length > maxJournalChars) {
        isOn = false
        return yield* warn({ message: `its journal is longer than ${maxJournalChars} characters` })
      }
      const checkout = yield* workspace
      yield* checkout.pushCheckpoint({
        ref: `${prefix}${attempt}/${kept.turn}`,
        journal: last === undefined ? whole : `${whole}${last}\n`,
        tree: kept.tree,
        folder
      })
    }).pipe(Effect.catch(warn))

  const clear = git.expireCheckpoints({ remoteURL, token, uid }).pipe(
    Effect.timeout(clearing),
    Effect.catch((error) => Effect.logDebug("old checkpoints were not taken away", error)),
    Effect.forkDetach
  )

  const work = Effect.gen(function* () {
    while (isWanted) {
      isWanted = false
      yield* push()
      // Once a run, when its own work is safe.
      if (!isWanted) clearer ??= yield* clear
    }
  })

  const turnKept = Effect.suspend(() => {
    isWanted = true
    if (!isOn || worker !== undefined) return Effect.void
    return work.pipe(
      Effect.ensuring(Effect.sync(() => (worker = undefined))),
      Effect.forkDetach,
      Effect.map((fiber) => {
        // It may have ended before we come to this.
        if (fiber.pollUnsafe() === undefined) worker = fiber
      })
    )
  })

  /** Lets the push that is under way end. */
  const settle = (patience: Duration.Duration) =>
    Effect.suspend(() => {
      const running = worker
      if (running === undefined) return Effect.void
      const patient = Fiber.await(running).pipe(Effect.timeout(patience), Effect.ignore)
      return Effect.andThen(patient, Fiber.interrupt(running))
    })
  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      settle(interruptedPush),
      Effect.suspend(() => (clearer === undefined ? Effect.void : Fiber.interrupt(clearer)))
    )
  )

  const ended = Effect.fnUntraced(function* (result: Result) {
    if (result.verdict === "GO") {
      isOn = false
      return yield* settle(lastPush)
    }
    yield* settle(lastPush)
    const at = yield* Clock.currentTimeMillis
    const isParked = parkingOf(result) !== undefined
    const last = lineOf(isParked ? { type: "hold", at, reason: "EndpointHeld" } : { type: "end", at })
    yield* push(last).pipe(Effect.timeout(lastPush), Effect.catch(warn))
  })

  return { turnKept, ended }
})

/** The branch has what the checkpoints had. */
export const drop = Effect.fnUntraced(function* ({ metadata: { uid } }: AgenticTask, remote: Remote) {
  const { checkpointRemote } = yield* RunnerConfig
  if (checkpointRemote !== true || uid === undefined) return
  const git = yield* GitWorkspace
  yield* git.dropCheckpoints({ ...remote, uid }).pipe(
    Effect.timeout(clearing),
    Effect.catch((error) => Effect.logWarning("the run's checkpoints are still on its remote", error))
  )
})
