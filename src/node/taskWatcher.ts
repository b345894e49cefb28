/** Sees this node's tasks, claims what there are slots for, and stops what is taken away. Contract §3.5, design §3.5 and §3.13. */
import {
  Deferred,
  Duration,
  Effect,
  FiberMap,
  FiberSet,
  Queue,
  Schedule,
  Schema,
  SubscriptionRef
} from "effect"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { isTerminal } from "../../schema/Verdict.ts"
import * as Reflector from "../cache/Reflector.ts"
import { unknown } from "../decide/bell.ts"
import { claimOrder, holds, standing } from "../decide/claim.ts"
import { KubeClient } from "../services/KubeClient.ts"
import * as AgentHold from "./agentHold.ts"
import type { Hearing } from "./bell.ts"
import { type Claimed, take } from "./claim.ts"
import * as Looks from "./looks.ts"
import { type Executor, runClaimed, type Stop } from "./run.ts"

/** Nothing could be listed or watched, three times in a row, and nothing runs: let whoever started us start us again. */
export class WatcherStalled extends Schema.TaggedError<WatcherStalled>()("WatcherStalled", {
  message: Schema.String
}) {}

export interface Options<R> {
  /** `undefined` means all namespaces. */
  readonly namespace: string | undefined
  /** How many tasks may run here at once, besides those whose work is done in Jobs. */
  readonly slots: number
  /** The pause after a failed list, watch or claim. */
  readonly pollInterval: Duration.Duration
  /** What all runs together have to end, once the daemon goes down. */
  readonly drainTimeout: Duration.Duration
  readonly executor: Executor<R>
  readonly newClaimId: Effect.Effect<string>
  /** Where an operator tells what to look at, there is no watch. */
  readonly hearing: Hearing
}

const failuresUntilStall = 3
/** A claim is two requests at most times five; past this the connection is dead. */
const claimTimeout = "30 seconds"

/** Runs that only wait for their Jobs, at once: each holds two watches. */
const maxJobs = 32

interface InFlight {
  readonly claimed: Claimed
  readonly stop: Deferred.Deferred<Stop>
  isJob: boolean
  isEnding: boolean
}

/** The part of the drain that is kept for handing back what did not end by itself. */
const handBackShare = (total: Duration.Duration): Duration.Duration =>
  Duration.min(Duration.seconds(5), Duration.divideUnsafe(total, 4))

const uidOf = (task: AgenticTask) => task.metadata.uid ?? refKey(refOf(task))

export const make = Effect.fnUntraced(function* <R>(nodeName: string, options: Options<R>) {
  const kube = yield* KubeClient
  const agentHold = yield* AgentHold.make
  const stalled = yield* Deferred.make<never, WatcherStalled>()
  const wake = yield* Queue.sliding<void>(1)
  const inFlight = new Map<string, InFlight>()
  const fibers = yield* FiberMap.make<string, unknown, never>()
  /** Not of the scope: that takes no more fibers once it closes, and a drain goes on for a while. */
  const questions = yield* FiberSet.make()
  let isDraining = false
  const { hearing } = options

  // What ended is of no use here, and there may be years of it.
  const isMine = (task: AgenticTask) =>
    task.status?.assignedNode === nodeName && !isTerminal(task.status.phase)
  const cache = yield* Reflector.make(agenticTasks, {
    indexes: {},
    namespace: options.namespace,
    fieldSelector: `status.assignedNode=${nodeName}`,
    matches: isMine,
    isTold: hearing.isTold,
    retry: Schedule.spaced(options.pollInterval),
    onAttempt: (attempt) =>
      attempt._tag === "Failed" && attempt.consecutive >= failuresUntilStall && inFlight.size === 0
        ? Deferred.fail(
            stalled,
            new WatcherStalled({
              message: `${attempt.consecutive} lists or watches failed in a row: ${attempt.error.message}`
            })
          )
        : Effect.void
  })
  const changes = yield* cache.subscribe

  const isLost = (run: InFlight, task: AgenticTask | undefined) =>
    task === undefined ||
    task.metadata.uid !== run.claimed.task.metadata.uid ||
    task.metadata.deletionTimestamp !== undefined ||
    !holds(task, run.claimed.claim)

  /** Out of sight is not deleted: a field selector hides what changed hands. The server knows; no answer is no proof. */
  const ask = (run: InFlight) =>
    kube.get(agenticTasks, refOf(run.claimed.task)).pipe(
      Effect.catchReason("KubeError", "NotFound", () => Effect.succeed(undefined)),
      Effect.retry(
        Schedule.spaced(options.pollInterval).pipe(
          Schedule.while(() => inFlight.has(uidOf(run.claimed.task)))
        )
      ),
      Effect.flatMap((task) => (isLost(run, task) ? Deferred.succeed(run.stop, "Lost") : Effect.void)),
      Effect.catch((error) => Effect.logWarning("a task in flight went out of sight", error))
    )

  const check = Effect.fnUntraced(function* (run: InFlight) {
    if (run.isEnding) return
    const task = cache.get(refKey(refOf(run.claimed.task)))
    if (task === undefined || isLost(run, task)) yield* FiberSet.run(questions, ask(run))
  })

  const look = yield* Looks.make({ cache, ...options })
  const askForAll = Effect.suspend(() => {
    const runs = Array.from(inFlight.values()).filter(({ isEnding }) => !isEnding)
    return Effect.forEach(runs, (run) => FiberSet.run(questions, ask(run)), { discard: true })
  })
  const hear = Effect.flatMap(Queue.take(hearing.rung), (rung) => (rung === "all" ? askForAll : look(rung)))
  yield* Effect.forkScoped(Effect.forever(hear))

  const react = Effect.gen(function* () {
    const change = yield* Queue.take(changes)
    if (change.type === "put" && standing(change.after, nodeName) === "Claimable") {
      yield* hearing.notice(change.after)
    }
    for (const run of inFlight.values()) {
      if (refKey(refOf(run.claimed.task)) === change.key) yield* check(run)
    }
    yield* Queue.offer(wake, undefined)
  })

  // A run hears that it lost its task also while the daemon drains.
  yield* Effect.forkScoped(Effect.forever(react))

  const begin = Effect.fnUntraced(function* (claimed: Claimed, isJob: boolean) {
    const uid = uidOf(claimed.task)
    const run: InFlight = { claimed, stop: yield* Deferred.make<Stop>(), isJob, isEnding: false }
    const onEnded = Effect.sync(() => {
      run.isEnding = true
    })
    const onJob = Effect.suspend(() => {
      run.isJob = true
      return Queue.offer(wake, undefined)
    })
    inFlight.set(uid, run)
    yield* cache.observe(claimed.task)
    yield* FiberMap.run(
      fibers,
      uid,
      runClaimed(claimed, options.executor, { stop: run.stop, onEnded, onJob, agentHold }).pipe(
        Effect.tap((task) => (task === undefined ? Effect.void : cache.observe(task))),
        Effect.ensuring(
          Effect.suspend(() => {
            inFlight.delete(uid)
            return Queue.offer(wake, undefined)
          })
        )
      )
    )
    // What happened to the task between the claim's answer and this line was seen by nobody.
    yield* check(run)
  })

  /** A task that was made anew waits for the run of the one before it, which has the same workspace. */
  const candidates = () => {
    const names = new Set(Array.from(inFlight.values(), ({ claimed }) => refKey(refOf(claimed.task))))
    return Array.from(cache.values())
      .filter((task) => standing(task, nodeName) !== "NotOurs" && !names.has(refKey(refOf(task))))
      .sort(claimOrder)
  }

  const wakeLater = Effect.suspend(() =>
    Effect.forkScoped(Effect.delay(Queue.offer(wake, undefined), options.pollInterval))
  )

  const claimOne = Effect.fnUntraced(
    function* (task: AgenticTask, isJob: boolean) {
      const claimed = yield* take(task, { nodeName, newClaimId: options.newClaimId })
      if (claimed !== undefined) return yield* begin(claimed, isJob)
      // Somebody else was faster. The watch brings what the task is now; where there is none, it must be asked for.
      if (yield* SubscriptionRef.get(hearing.isTold)) yield* look({ ref: refOf(task), version: unknown })
    },
    // A shutdown between the claim's write and its answer would leave a task Running that nobody runs.
    Effect.uninterruptible,
    Effect.timeout(claimTimeout),
    Effect.catch((error) =>
      Effect.gen(function* () {
        yield* Effect.logWarning("claim failed; trying again", error)
        yield* wakeLater
      })
    )
  )

  const askForJob = (task: AgenticTask) => options.executor.isJob?.(task) ?? Effect.succeed(false)

  const claimAll = Effect.gen(function* () {
    for (const task of candidates()) {
      const jobs = Array.from(inFlight.values()).filter(({ isJob }) => isJob).length
      const hasSlot = inFlight.size - jobs < options.slots
      const hasJobRoom = jobs < maxJobs
      if (isDraining || (!hasSlot && !hasJobRoom)) return
      // With room for either nobody needs to ask: a run says so itself when its work is a Job's.
      const isJob = hasSlot && hasJobRoom ? false : yield* askForJob(task)
      // An Agent that cannot be read takes a slot like any other.
      if (isJob === true ? hasJobRoom : hasSlot) yield* claimOne(task, isJob === true)
      else if (isJob === undefined) yield* wakeLater
    }
  })

  const watch = Effect.gen(function* () {
    yield* cache.synced
    yield* Queue.offer(wake, undefined)
    return yield* Queue.take(wake).pipe(Effect.andThen(claimAll), Effect.forever)
  })

  /** Claims nothing more, lets runs end, then hands back the rest; over within `drainTimeout`. */
  const drain = Effect.gen(function* () {
    isDraining = true
    const share = handBackShare(options.drainTimeout)
    if (inFlight.size > 0) {
      yield* Effect.logInfo("draining").pipe(Effect.annotateLogs({ running: inFlight.size }))
    }
    // Jobs go on without us: whoever has the task next finds them.
    for (const run of inFlight.values()) if (run.isJob) yield* Deferred.succeed(run.stop, "Draining")
    yield* FiberMap.awaitEmpty(fibers).pipe(
      Effect.timeoutOption(Duration.subtract(options.drainTimeout, share))
    )
    yield* Effect.forEach(inFlight.values(), (run) => Deferred.succeed(run.stop, "Draining"))
    yield* FiberMap.awaitEmpty(fibers).pipe(Effect.timeoutOption(share))
    if (inFlight.size > 0) {
      yield* Effect.logError("tasks stay Running; the next daemon of this node takes them up").pipe(
        Effect.annotateLogs({ running: inFlight.size })
      )
    }
  }).pipe(Effect.withSpan("taskWatcher.drain"))

  return { watch: Effect.raceFirst(watch, Deferred.await(stalled)), drain }
})
