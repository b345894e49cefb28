/** A run of an Agent with a model, whoever does the work: what must be there first, what the end comes to, and where the work is kept. */
import { Clock, Effect, Result as Outcome, type Scope } from "effect"

import type { Result } from "../../schema/Result.ts"
import { decided, type RunFacts } from "../decide/nativeVerdict.ts"
import { preconditionFailed } from "../decide/verdict.ts"
import type { LoopReport } from "../loop/loop.ts"
import { isEditing, resumeImpossible } from "./checkout.ts"
import { ExecutorError, type Run, RunnerConfig } from "./Executor.ts"
import {
  begunBefore,
  elapsedBefore,
  type History,
  historyOf,
  interruptions,
  lockRun,
  type Recorded
} from "./history.ts"
import { keepWork } from "./keptWork.ts"
import type { Precondition } from "./modelEndpoint.ts"
import { isResult, prepare, type Prepared, type Requirements } from "./prepare.ts"
import { publish } from "./publish.ts"
import { drop } from "./remoteCheckpoints.ts"
import { onMovedBranch } from "./reviewing.ts"
import * as Transcript from "./Transcript.ts"
import { withoutSubmission } from "./unsubmitted.ts"

/** What the work came to, before any of it is published. */
export interface Conversed {
  readonly report: LoopReport
  readonly recording: Pick<Recorded, "attempt" | "ended">
  /** Who did it, where it was not our own loop; becomes `extra.executor`. */
  readonly executor?: RunFacts["executor"]
}

const settle = Effect.fnUntraced(function* (
  run: Run,
  { agent, history, remote, workspace }: Prepared,
  { executor, report }: Conversed,
  startedAt: number
) {
  const config = yield* RunnerConfig
  const transcriptRef = yield* Transcript.store(run.task, report.transcript, report.turnCount)
  const ownSec = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  const elapsedSec = elapsedBefore(history) / 1000 + ownSec
  const facts: RunFacts = {
    intendedBranch: remote?.branch,
    transcriptRef,
    turnCount: report.turnCount,
    usage: report.spent && {
      ...report.spent,
      wallSeconds: (begunBefore(history)?.wallSeconds ?? 0) + ownSec
    },
    ...interruptions(history),
    ...(executor !== undefined && { executor }),
    elapsedSec
  }
  const { end } = report
  if (end._tag !== "Submitted") return withoutSubmission(end, facts)

  const { terminal } = end
  const { author, committer = author } = config
  const isPublished = terminal.verdict === "GO" && remote !== undefined && isEditing(run.task, agent)
  if (!isPublished || author === undefined || committer === undefined) {
    return decided(facts, yield* onMovedBranch(run.task, remote, yield* workspace, terminal))
  }
  const submission = { ...terminal, commitMessage: terminal.commitMessage ?? terminal.summary }
  return yield* publish(run, yield* workspace, remote, facts, submission, { author, committer })
})

type Converse<R> = (run: Run, prepared: Prepared) => Effect.Effect<Conversed, Precondition, R>

const locked = Effect.fnUntraced(function* <R>(
  run: Run,
  converse: Converse<R>
): Effect.fn.Return<Result, ExecutorError, Exclude<R, Scope.Scope> | Requirements | Scope.Scope> {
  const { agent, task } = run
  if (agent === undefined) {
    return yield* new ExecutorError({ message: `task ${task.metadata.name} names no agent` })
  }
  // Before anything of the other process is touched: its checkout has the same folder.
  yield* lockRun(run)
  const startedAt = yield* Clock.currentTimeMillis
  const once = (history: History) =>
    Effect.scoped(
      Effect.gen(function* () {
        const prepared = yield* prepare(run, agent, history)
        if (isResult(prepared)) return prepared
        const work = Effect.gen(function* () {
          const conversed = yield* converse(run, prepared)
          const { recording, report } = conversed
          const settled = yield* settle(run, prepared, conversed, startedAt)
          const isKept = prepared.remote !== undefined && isEditing(run.task, agent)
          const result = isKept
            ? yield* keepWork(run, prepared.workspace, recording.attempt, settled)
            : settled
          yield* recording.ended({ end: report.end._tag, result })
          return result
        })
        const result = yield* Effect.raceFirst(work, prepared.adopted)
        if (result.verdict === "GO" && prepared.remote !== undefined && isEditing(run.task, agent)) {
          yield* drop(run.task, prepared.remote)
        }
        return result
      })
    )
  const outcome = yield* historyOf(run, agent).pipe(
    Effect.flatMap(once),
    Effect.catchIf(
      (error) => error._tag === "Precondition" && error.reason === resumeImpossible,
      ({ message }) =>
        Effect.andThen(Effect.logWarning(`the run begins anew: ${message}`), once({ lost: message }))
    ),
    Effect.result
  )
  if (Outcome.isSuccess(outcome)) return outcome.success
  if (outcome.failure._tag === "ExecutorError") return yield* outcome.failure
  const { failureReason, message, reason } = outcome.failure
  const elapsedSec = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  return preconditionFailed({ reason, failureReason, message, elapsedSec })
})

/** What must be repaired by a person is a Result; what only the machinery knows is an error. */
export const attempt = <R>(
  run: Run,
  converse: Converse<R>
): Effect.Effect<Result, ExecutorError, Exclude<R, Scope.Scope> | Exclude<Requirements, Scope.Scope>> =>
  Effect.scoped(locked(run, converse))
