/**
 * The scheduler's half of effects: wakes on what matters, gathers, decides in one pass, writes. A write that is under way counts as done
 * for the next pass, and one whose fate is unknown counts until a GET has told, so no slot is given twice.
 */
import { Clock, Duration, Effect, FiberMap, Latch, Semaphore } from "effect"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { isInFlight } from "../decide/capacity.ts"
import { demandOf } from "../decide/fit.ts"
import { Decision, schedule as decide, type World as Seen } from "../decide/schedule.ts"
import { reason, statusPatch } from "../decide/status.ts"
import { statusFor } from "../decide/taskStatus.ts"
import { type Waiting, whenToSay } from "../decide/waiting.ts"
import { nodeChangeMatters, taskChangeMatters } from "../decide/wake.ts"
import { KubeClient, type KubeError } from "../services/KubeClient.ts"
import { announce, listen } from "./Controller.ts"
import { World } from "./world.ts"

/** Assignments that are written at once; the API server takes more, but not faster. */
const assignWriters = 16
/** Words to waiting tasks that are written at once, and in one pass: they must not hold up assignments. */
const waitWriters = 4
const waitsPerPass = 32
/** When the rest of the words is written. */
const restMillis = 500
/** A pass may use a fifth of a core: after one that took d it rests 4 d, but not longer than this. */
const longestRestMillis = 200
const longestBackoffMillis = 30_000

/** Runs until the scope closes. `wake` asks for a pass: a silent node came back, or fell silent. */
export const run = Effect.gen(function* () {
  const world = yield* World
  const kube = yield* KubeClient
  const wake = Latch.makeUnsafe(true)
  yield* announce({ name: "agentictask", kind: "AgenticTask", workers: 1 })
  const writers = yield* FiberMap.make<string>()
  const assigning = yield* Semaphore.make(assignWriters)
  const speaking = yield* Semaphore.make(waitWriters)

  /** Decisions on their way to the server, by task. */
  const writing = new Map<string, { readonly task: AgenticTask; readonly decision: Decision }>()
  /** Tasks that a pass left alone because they were being written. */
  const passedOver = new Set<string>()
  const failures = new Map<string, number>()
  let waiting: ReadonlyMap<string, Waiting> = new Map()
  let ramDemands: ReadonlySet<number> = new Set()

  const awake = () => void wake.openUnsafe()
  yield* listen(world.tasks.subscribe, (event) => {
    if (taskChangeMatters(event.before, event.type === "delete" ? undefined : event.after)) awake()
  })
  yield* listen(world.nodes.subscribe, (event) => {
    if (nodeChangeMatters(event.before, event.type === "delete" ? undefined : event.after, ramDemands))
      awake()
  })
  yield* listen(world.agents.subscribe, (event) => {
    if (event.type === "delete" || event.before?.metadata.generation !== event.after.metadata.generation) {
      awake()
    }
  })
  /** After a failed write: what the server holds now, asked until it answers. */
  const look = (task: AgenticTask): Effect.Effect<void> =>
    kube.get(agenticTasks, refOf(task)).pipe(
      Effect.flatMap(world.tasks.observe),
      Effect.catchReason("KubeError", "NotFound", () => world.tasks.forget(refKey(refOf(task)))),
      Effect.catchTag("KubeError", (error) => Effect.andThen(backOff(task, error), look(task)))
    )

  const backOff = Effect.fnUntraced(function* (task: AgenticTask, error: KubeError) {
    const key = refKey(refOf(task))
    const count = failures.get(key) ?? 0
    failures.set(key, count + 1)
    yield* Effect.logWarning("Reconciler error").pipe(
      Effect.annotateLogs({ controller: "agentictask", key, error: error.message })
    )
    yield* Effect.sleep(Duration.millis(Math.min(200 * 2 ** Math.min(count, 20), longestBackoffMillis)))
  })

  const write = (task: AgenticTask, decision: Decision, body: unknown) => {
    const key = refKey(refOf(task))
    writing.set(key, { task, decision })
    return FiberMap.run(
      writers,
      key,
      kube.patch(agenticTasks, refOf(task), { type: "merge", body }, { subresource: "status" }).pipe(
        (decision._tag === "Wait" ? speaking : assigning).withPermits(1),
        Effect.flatMap(world.tasks.observe),
        Effect.tap(() => Effect.sync(() => failures.delete(key))),
        Effect.andThen(say(key, decision)),
        Effect.catchTag("KubeError", (error) =>
          Effect.andThen(
            error.reason._tag === "Conflict" ? Effect.void : backOff(task, error),
            Effect.andThen(
              look(task),
              // What the server holds may be what we had, and then no event will bring us back.
              Effect.sync(() => void passedOver.add(key))
            )
          )
        ),
        Effect.ensuring(
          Effect.sync(() => {
            writing.delete(key)
            if (passedOver.delete(key)) awake()
          })
        )
      )
    )
  }

  const gather = (nowMillis: number): Seen => {
    const pending: Array<AgenticTask> = []
    for (const task of world.tasks.byIndex("phase", "Pending")) {
      if (task.metadata.deletionTimestamp !== undefined) continue
      const key = refKey(refOf(task))
      if (writing.has(key)) passedOver.add(key)
      else pending.push(task)
    }
    const inFlight = ["Scheduled", "Running", "Verifying"].flatMap((phase) =>
      world.tasks.byIndex("phase", phase)
    )
    for (const [key, { task, decision }] of writing) {
      const isKnown = isInFlight(world.tasks.get(key)?.status?.phase)
      if (decision._tag !== "Assign" || isKnown) continue
      inFlight.push({ ...task, status: { phase: "Scheduled", assignedNode: decision.node } })
    }
    return {
      nowMillis,
      pending,
      inFlight,
      hosts: Array.from(world.nodes.values(), (node) => {
        const { silentAtMillis, hasLease } = world.liveness(node.metadata.name, nowMillis)
        return { node, hasLease, isLive: nowMillis < silentAtMillis }
      }),
      task: (namespace, name) => world.tasks.get(refKey({ namespace, name })),
      agent: (namespace, name) => world.agents.get(refKey({ namespace, name })),
      missingSinceMillis: (task, why) => {
        const before = waiting.get(refKey(refOf(task)))
        return before?.reason === why ? before.sinceMillis : nowMillis
      }
    }
  }

  /** One pass. Returns when the next is due without an event, in milliseconds from now. */
  const pass = Effect.gen(function* () {
    const nowMillis = yield* Clock.currentTimeMillis
    const seen = gather(nowMillis)
    const still = new Map<string, Waiting>()
    const demands = new Set<number>()
    let nextMillis = Number.POSITIVE_INFINITY
    let words = 0
    for (const [task, decision] of decide(seen)) {
      const fields = statusFor(task, decision, nowMillis)
      if (decision._tag === "Wait") {
        const key = refKey(refOf(task))
        const { entry, sayAtMillis, lookAtMillis } = whenToSay(task, decision, waiting.get(key), nowMillis)
        still.set(key, entry)
        nextMillis = Math.min(nextMillis, lookAtMillis)
        if (decision.reason === reason.unschedulable) demands.add(demandedRAM(seen, task))
        if (fields === undefined) continue
        if (sayAtMillis > nowMillis || words >= waitsPerPass) {
          nextMillis = Math.min(nextMillis, Math.max(sayAtMillis, nowMillis + restMillis))
          continue
        }
        words++
        still.set(key, { ...entry, saidMillis: nowMillis })
      }
      if (fields !== undefined) yield* write(task, decision, statusPatch(task, fields))
    }
    for (const key of writing.keys()) {
      const before = waiting.get(key)
      if (before !== undefined && !still.has(key)) still.set(key, before)
    }
    waiting = still
    ramDemands = demands
    return nextMillis - nowMillis
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
  }).pipe(Effect.forever, Effect.forkScoped)
  return { wake: awake }
})

const demandedRAM = (seen: Seen, task: AgenticTask): number => {
  const { agentRef } = task.spec
  const agent = agentRef === undefined ? undefined : seen.agent(task.metadata.namespace, agentRef.name)
  return demandOf(task.spec, agent).required.minRAMGB ?? 0
}

const say = (key: string, decision: Decision) =>
  Decision.$match(decision, {
    Assign: ({ node }) => Effect.logInfo("task scheduled").pipe(Effect.annotateLogs({ task: key, node })),
    Wait: ({ reason, message }) =>
      Effect.logDebug("task waits").pipe(Effect.annotateLogs({ task: key, reason, message })),
    Fail: ({ reason, message }) =>
      Effect.logWarning("task failed").pipe(Effect.annotateLogs({ task: key, reason, message })),
    Skip: ({ message }) => Effect.logInfo("task skipped").pipe(Effect.annotateLogs({ task: key, message }))
  })
