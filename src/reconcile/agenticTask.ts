/**
 * The scheduler's half of effects: feeds it what changes, and writes what it decides. A decision that is being written counts as done; one
 * whose fate is unknown counts until a GET has told, so no slot is given twice.
 */
import { Clock, Deferred, Duration, Effect, FiberMap, Latch, Semaphore } from "effect"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { Decision } from "../decide/decision.ts"
import { nodeOfLease } from "../decide/liveness.ts"
import { Scheduler } from "../decide/scheduler.ts"
import { statusPatch } from "../decide/status.ts"
import { showsReason, statusFor } from "../decide/taskStatus.ts"
import { Unsaid } from "../decide/waiting.ts"
import { KubeClient, type KubeError } from "../services/KubeClient.ts"
import { announce, listen } from "./Controller.ts"
import { World } from "./world.ts"

/** Assignments that are written at once; the API server takes more, but not faster. */
const assignWriters = 16
/** Words to waiting tasks that are written at once: they must not hold up assignments. */
const waitWriters = 4
/** Scheduling may use a fifth of a core: after a pass that took d it rests 4 d, but not longer than this. */
const longestRestMillis = 200
const longestBackoffMillis = 30_000

/** A decision on its way to the server, and one that was made for the same task meanwhile. */
interface Writing {
  readonly decision: Decision
  next?: Decision
}

/** Runs until the scope closes. `broken` ends with a bug of the scheduler: what it knows is then worth nothing, and it must begin anew. */
export const run = Effect.gen(function* () {
  const world = yield* World
  const kube = yield* KubeClient
  const wake = Latch.makeUnsafe(true)
  yield* announce({ name: "agentictask", kind: "AgenticTask", workers: 1 })
  const writers = yield* FiberMap.make<string>()
  const assigning = yield* Semaphore.make(assignWriters)
  const speaking = yield* Semaphore.make(waitWriters)

  const scheduler = new Scheduler()
  const unsaid = new Unsaid()
  const writing = new Map<string, Writing>()
  const failures = new Map<string, number>()

  const broken = yield* Deferred.make<never>()
  const giveUp = Effect.catchDefect((defect) => Deferred.die(broken, defect))
  const fed = (): void => {
    if (scheduler.hasNews) wake.openUnsafe()
  }
  /** Level-based: what the cache holds now. A task that is being written is fed when that is over, unless it is past our decision. */
  const feedTask = (key: string): void => {
    const task = world.tasks.get(key)
    if (writing.has(key) && (task === undefined || isOpen(task))) return
    scheduler.taskChanged(key, task)
    fed()
  }
  const feedNode = (name: string, nowMillis: number): void => {
    const node = world.nodes.get(name)
    const { hasLease, silentAtMillis } = world.liveness(name, nowMillis)
    scheduler.nodeChanged(name, node && { node, hasLease, isLive: nowMillis < silentAtMillis })
    fed()
  }
  const feedAgent = (key: string): void => {
    scheduler.agentChanged(key, world.agents.get(key))
    fed()
  }
  const feedWorkload = (key: string): void => {
    scheduler.workloadChanged(key, world.workloads.get(key))
    fed()
  }
  const feed = (action: () => void) => giveUp(Effect.sync(action))
  yield* listen(world.tasks.subscribe, ({ key }) => feed(() => feedTask(key)))
  yield* listen(world.nodes.subscribe, ({ key }, nowMillis) => feed(() => feedNode(key, nowMillis)))
  yield* listen(world.agents.subscribe, ({ key }) => feed(() => feedAgent(key)))
  yield* listen(world.workloads.subscribe, ({ key }) => feed(() => feedWorkload(key)))
  yield* listen(world.leases.subscribe, (event, nowMillis) => {
    const name = nodeOfLease((event.type === "put" ? event.after : event.before).metadata.name)
    return name !== undefined && (event.type === "delete" || event.before === undefined)
      ? feed(() => feedNode(name, nowMillis))
      : undefined
  })
  const startMillis = yield* Clock.currentTimeMillis
  for (const workload of world.workloads.values()) feedWorkload(refKey(refOf(workload)))
  for (const agent of world.agents.values()) feedAgent(refKey(refOf(agent)))
  for (const { metadata } of world.nodes.values()) feedNode(metadata.name, startMillis)
  for (const task of world.tasks.values()) feedTask(refKey(refOf(task)))

  /** After a failed write: what the server holds now, asked until it answers. */
  const look = (task: AgenticTask): Effect.Effect<void> =>
    kube.get(agenticTasks, refOf(task)).pipe(
      Effect.flatMap(world.tasks.observe),
      Effect.catchReason("KubeError", "NotFound", () => world.tasks.forget(refKey(refOf(task)))),
      Effect.catchTag("KubeError", (error) => Effect.andThen(backOff(task, error), look(task)))
    )

  /** A server that asks for patience gets it, and only the task that it said so of waits. */
  const backOff = Effect.fnUntraced(function* (task: AgenticTask, error: KubeError) {
    const key = refKey(refOf(task))
    const count = failures.get(key) ?? 0
    failures.set(key, count + 1)
    yield* Effect.logWarning("Reconciler error").pipe(
      Effect.annotateLogs({ controller: "agentictask", key, error: error.message })
    )
    const askedMillis = "retryAfterSeconds" in error.reason ? (error.reason.retryAfterSeconds ?? 0) * 1000 : 0
    const ownMillis = Math.min(200 * 2 ** Math.min(count, 20), longestBackoffMillis)
    yield* Effect.sleep(Duration.millis(Math.max(askedMillis, ownMillis)))
  })

  const patch = (task: AgenticTask, decision: Decision, nowMillis: number) => {
    const key = refKey(refOf(task))
    const body = statusPatch(task, statusFor(task, decision, nowMillis) ?? {})
    return kube.patch(agenticTasks, refOf(task), { type: "merge", body }, { subresource: "status" }).pipe(
      (decision._tag === "Wait" ? speaking : assigning).withPermits(1),
      Effect.flatMap(world.tasks.observe),
      Effect.tap(() => Effect.sync(() => failures.delete(key))),
      Effect.andThen(say(key, decision)),
      Effect.catchTag("KubeError", (error) =>
        Effect.andThen(error.reason._tag === "Conflict" ? Effect.void : backOff(task, error), look(task))
      )
    )
  }

  /** Writes what is decided for a task, one decision after the other, as long as the task is the one that it was decided for. */
  const write = Effect.fnUntraced(function* (key: string) {
    for (let now = writing.get(key); now !== undefined; now = writing.get(key)) {
      const task = world.tasks.get(key)
      if (task === undefined || !isOpen(task) || !scheduler.knows(key, task)) return
      yield* patch(task, now.decision, yield* Clock.currentTimeMillis)
      if (now.next === undefined) return
      writing.set(key, { decision: now.next })
    }
  })

  /** The fate of the write is known: the scheduler hears what the server holds. */
  const ended = (key: string, nowMillis: number): void => {
    writing.delete(key)
    feedTask(key)
    const task = world.tasks.get(key)
    const wait = scheduler.waitOf(key)
    if (task === undefined || wait === undefined || showsReason(task, wait)) return
    unsaid.add(key, wait.isShort, nowMillis)
    wake.openUnsafe()
  }

  const send = (key: string, decision: Decision) => {
    const underWay = writing.get(key)
    if (underWay !== undefined) {
      underWay.next = decision
      return Effect.void
    }
    writing.set(key, { decision })
    const end = Effect.map(Clock.currentTimeMillis, (nowMillis) => ended(key, nowMillis))
    return FiberMap.run(writers, key, Effect.ensuring(write(key), end))
  }

  /** One pass. Returns when the next is due without an event, in milliseconds from now. */
  const pass = Effect.gen(function* () {
    const nowMillis = yield* Clock.currentTimeMillis
    const decided = scheduler.decide(nowMillis)
    for (const { key, decision } of decided.decisions) yield* send(key, decision)
    const told = scheduler.waits(nowMillis)
    for (const { key, wait } of told.waits) unsaid.add(key, wait.isShort, nowMillis)
    for (const key of unsaid.take(nowMillis)) {
      const task = world.tasks.get(key)
      const wait = scheduler.waitOf(key)
      if (task === undefined || wait === undefined || writing.has(key)) continue
      if (statusFor(task, wait, nowMillis) !== undefined) yield* send(key, wait)
    }
    return Math.min(decided.lookAtMillis, told.lookAtMillis, unsaid.lookAtMillis) - nowMillis
  })

  let nextMillis = 0
  yield* Effect.gen(function* () {
    yield* Number.isFinite(nextMillis)
      ? Effect.asVoid(Effect.timeoutOption(wake.await, Duration.millis(nextMillis)))
      : wake.await
    wake.closeUnsafe()
    const startedAt = yield* Clock.currentTimeMillis
    nextMillis = yield* pass
    const took = (yield* Clock.currentTimeMillis) - startedAt
    if (took > 0) yield* Effect.sleep(Duration.millis(Math.min(4 * took, longestRestMillis)))
  }).pipe(Effect.forever, giveUp, Effect.forkScoped)
  return { nodeChanged: feedNode, broken: Deferred.await(broken) }
})

/** Nobody has decided it yet, as far as the server knows. */
const isOpen = ({ metadata, status }: AgenticTask): boolean =>
  (status?.phase ?? "Pending") === "Pending" && metadata.deletionTimestamp === undefined

const say = (key: string, decision: Decision) =>
  Decision.$match(decision, {
    Assign: ({ node }) => Effect.logInfo("task scheduled").pipe(Effect.annotateLogs({ task: key, node })),
    Wait: ({ reason, message }) =>
      Effect.logDebug("task waits").pipe(Effect.annotateLogs({ task: key, reason, message })),
    Fail: ({ reason, message }) =>
      Effect.logWarning("task failed").pipe(Effect.annotateLogs({ task: key, reason, message })),
    Skip: ({ message }) => Effect.logInfo("task skipped").pipe(Effect.annotateLogs({ task: key, message }))
  })
