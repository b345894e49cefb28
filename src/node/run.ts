/** One claimed task from its claim to its last write. */
import { Cause, Clock, Deferred, Duration, Effect, Schema } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { formatMillis } from "../../schema/Time.ts"
import { Result } from "../../schema/Result.ts"
import { continues } from "../decide/claim.ts"
import { coderContainer } from "../decide/coderJob.ts"
import { type Outcome, timedOut, withSpent } from "../decide/outcome.ts"
import { parkingOf } from "../decide/parking.ts"
import { addSpend, noSpend, spendIn } from "../decide/spend.ts"
import { type ExecutorError, type Run, RunEvents } from "../executors/Executor.ts"
import { noteEnd, noteHold } from "../executors/history.ts"
import { KubeClient } from "../services/KubeClient.ts"
import { RunRecord, type RunRecordError } from "../services/RunRecord.ts"
import type { AgentHold } from "./agentHold.ts"
import type { Claimed } from "./claim.ts"
import * as Progress from "./progress.ts"
import { finish, handBack, park, showJob, showProgress } from "./report.ts"

/** What the daemon asks of an executor. The registry fetches the Agent. */
export interface Executor<R> {
  /** `result.kind` of what it brings back. */
  readonly kind: string
  readonly execute: (run: Omit<Run, "agent">) => Effect.Effect<Result, ExecutorError, R>
  /** Whether the task's work is done in a Job: it takes no slot of this node. No task's is when absent. */
  readonly isJob?: (task: AgenticTask) => Effect.Effect<boolean | undefined, never, R>
}

/** Why a run is ended from outside. */
export type Stop =
  /** The task was deleted, or belongs to somebody else now: nothing is written. */
  | "Lost"
  /** The daemon goes down: the task is handed back. */
  | "Draining"

export interface Signals {
  readonly stop: Deferred.Deferred<Stop>
  /** Runs when the executor is done: from here on the run judges for itself whose the task is. */
  readonly onEnded: Effect.Effect<void>
  /** Runs when the work turns out to be done in a Job. */
  readonly onJob: Effect.Effect<void>
  /** Hears which endpoints say "later". */
  readonly agentHold: AgentHold
}

/** A record that cannot be kept costs a second run after a crash, no more. */
const orWarn = <A>(effect: Effect.Effect<A, RunRecordError>) =>
  Effect.catchTag(effect, "RunRecordError", (error) =>
    Effect.as(Effect.logWarning("the run record cannot be used", error), undefined)
  )

const uidOf = (claimed: Claimed) => claimed.task.metadata.uid ?? refKey(refOf(claimed.task))

/** What an executor hands over is decoded like anything else from outside: a wrong verdict would wedge the node. */
const decodeResult = Schema.decodeUnknownEffect(Result)

const execute = Effect.fnUntraced(function* <R>(claimed: Claimed, executor: Executor<R>) {
  const { claim, task } = claimed
  const timeoutSeconds = task.spec.timeoutSeconds ?? 0
  const run = executor.execute({ task, claimId: claim.id, nodeName: claim.node, before: claimed.before })
  const result = yield* timeoutSeconds > 0
    ? run.pipe(
        Effect.timeoutOrElse({
          duration: Duration.seconds(timeoutSeconds),
          orElse: () => Effect.succeed(timedOut(executor.kind, timeoutSeconds))
        })
      )
    : run
  const outcome: Outcome = yield* decodeResult(result).pipe(
    Effect.match({
      onSuccess: (decoded): Outcome => ({ type: "Finished", result: decoded }),
      onFailure: (error): Outcome => ({
        type: "ContractViolation",
        message: `executor ${executor.kind} ended without a usable result: ${error.message}`
      })
    })
  )
  return outcome
})

/** A bug in an executor ends its run, never the daemon. */
const orExecutorError = <E extends { readonly message: string }>(cause: Cause.Cause<E>): Outcome => {
  const error = Cause.squash(cause)
  return { type: "ExecutorError", message: error instanceof Error ? error.message : String(error) }
}

const runToEnd = Effect.fnUntraced(function* <R>(before: Claimed, executor: Executor<R>, signals: Signals) {
  const records = yield* RunRecord
  const publish = yield* RunEvents
  const kube = yield* KubeClient
  // With the version that our own last write brought.
  let claimed = before
  const uid = uidOf(claimed)
  const earlier = yield* orWarn(records.read(uid))
  // A daemon that died between the run and its last write left the result here; running again would push twice.
  const adopted =
    earlier?.finished !== undefined && continues(claimed.before, earlier.finished.claim)
      ? earlier.finished.result
      : undefined

  const startedAt = yield* Clock.currentTimeMillis
  let asked: Spend | undefined
  /** What the run used, where its result does not say it. */
  const spent = Effect.map(
    Clock.currentTimeMillis,
    (now): Spend | undefined =>
      asked && addSpend(asked, { ...noSpend, wallSeconds: (now - startedAt) / 1000 })
  )
  const progress = Progress.make((shown) =>
    Effect.map(showProgress(claimed, shown), (after) => {
      claimed = after
    }).pipe(Effect.provideService(KubeClient, kube))
  )
  let ended: Outcome | Stop
  if (adopted === undefined) {
    yield* Effect.logInfo("run begins")
    ended = yield* Effect.raceFirst(
      execute(claimed, executor).pipe(
        Effect.provideService(RunEvents, (event) =>
          Effect.gen(function* () {
            yield* publish(event)
            if (event.type === "Spent") asked = addSpend(asked ?? noSpend, event.spend)
            if (event.type === "TurnEnded") return yield* progress.ended(event, asked)
            if (event.type === "EndpointHeld") return yield* signals.agentHold.held(event.agent, event)
            if (event.type === "EndpointAnswered") {
              return yield* signals.agentHold.answered(event.agent, event.isShown)
            }
            if (event.type !== "JobCreated" || event.container !== coderContainer) return
            yield* signals.onJob
            claimed = yield* showJob(claimed, event.jobName)
          }).pipe(Effect.provideService(KubeClient, kube))
        ),
        Effect.catchCause((cause) => Effect.succeed(orExecutorError(cause)))
      ),
      Effect.raceFirst(Deferred.await(signals.stop), progress.showing)
    )
  } else {
    yield* Effect.logInfo("the result of the run before the restart is reported")
    ended = { type: "Finished", result: adopted }
  }
  if (typeof ended !== "string") ended = withSpent(ended, yield* spent)
  yield* signals.onEnded

  if (ended === "Lost") {
    yield* Effect.logWarning("run ended: the task was deleted or is not ours any more")
    return yield* orWarn(records.remove(uid))
  }
  if (ended === "Draining") {
    yield* noteHold(claimed.task, "Draining")
    const { reported } = yield* handBack(claimed, yield* spent).pipe(
      Effect.catchTag("KubeError", (error) =>
        Effect.as(Effect.logError("the task could not be handed back", error), { reported: "StoodDown" })
      )
    )
    // The record stays: what was pushed already is found again by whoever runs the task here next.
    return yield* Effect.logInfo("run ended: the node is draining").pipe(Effect.annotateLogs({ reported }))
  }
  const parking = ended.type === "Finished" ? parkingOf(ended.result) : undefined
  if (ended.type === "Finished" && parking !== undefined) {
    const { name } = claimed.task.spec.agentRef ?? {}
    const { namespace } = claimed.task.metadata
    yield* noteHold(claimed.task, "EndpointHeld")
    // Before the task is seen to wait: a Job's run has told nobody yet.
    if (name !== undefined) yield* signals.agentHold.held({ name, namespace }, parking)
    const { reported } = yield* park(claimed, parking, spendIn(ended.result.extra)).pipe(
      Effect.catchTag("KubeError", (error) =>
        Effect.as(Effect.logError("the task could not be parked", error), { reported: "StoodDown" })
      )
    )
    // The record stays, as with a drain.
    yield* Effect.logInfo("run parked: the model's endpoint is held").pipe(
      Effect.annotateLogs({ reported, until: formatMillis(parking.untilMillis) })
    )
    return undefined
  }
  if (ended.type === "Finished") {
    const { id, node, claimedAt } = claimed.claim
    yield* orWarn(records.update(uid, { finished: { claim: { id, node, claimedAt }, result: ended.result } }))
  }
  const { reported, task } = yield* finish(claimed, ended)
  yield* orWarn(records.remove(uid))
  yield* noteEnd(claimed.task)
  yield* Effect.logInfo("run ended").pipe(
    Effect.annotateLogs({
      reported,
      outcome: ended.type,
      ...(ended.type === "Finished"
        ? { verdict: ended.result.verdict, summary: ended.result.summary }
        : { error: ended.message })
    })
  )
  return task
})

/** Runs a claimed task until its end is written, or until it is stopped. Never fails. */
export const runClaimed = <R>(claimed: Claimed, executor: Executor<R>, signals: Signals) =>
  runToEnd(claimed, executor, signals).pipe(
    Effect.annotateLogs({ task: refKey(refOf(claimed.task)), claim: claimed.claim.id }),
    Effect.withSpan("node.run")
  )
