/** Brings the journal of a run that another host began onto this one. */
import { Effect, Result } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import { refusalOf } from "../journal/remote.ts"
import { GitWorkspace } from "../services/GitWorkspace.ts"
import { Journal } from "../services/Journal.ts"
import { isEditing, remoteFor } from "./checkout.ts"
import { type Run, RunnerConfig } from "./Executor.ts"

/** Whether there is one now. What fails here costs the turns, not the run. */
export const fetchJournal = Effect.fn("fetchJournal")(function* (run: Run, agent: Agent, uid: string) {
  const { checkpointRemote } = yield* RunnerConfig
  if (checkpointRemote !== true || !isEditing(run.task, agent)) return false
  const journal = yield* Journal
  const git = yield* GitWorkspace
  const folder = journal.folder(uid)
  // A task without a usable remote is told so where its checkout is made.
  const remote = yield* Effect.result(remoteFor(run.task))
  if (folder === undefined || Result.isFailure(remote) || remote.success === undefined) return false
  return yield* git.findCheckpoint({ ...remote.success, uid, folder }).pipe(
    Effect.flatMap((found) => {
      if (found === undefined) return Effect.succeed(false)
      const refusal = refusalOf(found.journal, uid)
      return refusal === undefined
        ? Effect.as(journal.adopt(uid, found.attempt, found.journal), true)
        : Effect.as(Effect.logWarning(`the checkpoint on the remote is not used: ${refusal}`), false)
    }),
    Effect.catch((error) =>
      Effect.as(Effect.logWarning("checkpoints on the remote cannot be read", error), false)
    )
  )
})
