/**
 * A node daemon that does what the first implementation's does (contract §3.1 to §3.5), and no more: it polls, claims by a plain merge
 * patch, knows no Lease and no claim id, and beats in `status.lastHeartbeatTime` only. A patch is the difference from the object that
 * was read, as client-go makes it: a list that changed is sent whole, and nothing is said of a version.
 */
import { Clock, Duration, Effect, Exit, FiberSet, Scope } from "effect"

import { type AgenticTask, agenticTasks, type TaskStatus } from "../../schema/AgenticTask.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import type { Condition } from "../../schema/Meta.ts"
import { refOf } from "../../schema/Meta.ts"
import type { Result } from "../../schema/Result.ts"
import { formatTime } from "../../schema/Time.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"

export interface Options {
  readonly nodeName: string
  readonly run: (task: AgenticTask) => Effect.Effect<Result>
  readonly roles?: ReadonlyArray<string>
  readonly poll?: Duration.Input
  readonly heartbeat?: Duration.Input
}

const kindRank = (task: AgenticTask): number => {
  const rank = ["review", "verify", "issue-fix"].indexOf(task.spec.kind)
  return rank === -1 ? 3 : rank
}

const withCondition = (
  task: AgenticTask,
  condition: Pick<Condition, "type" | "status" | "reason" | "message">,
  now: string
): ReadonlyArray<Condition> => [
  ...(task.status?.conditions ?? []).filter(({ type }) => type !== condition.type),
  { ...condition, lastTransitionTime: now }
]

/** Starts it in the scope. `kill` ends it as SIGKILL does; `terminate` as SIGTERM: the task in flight stays Running. */
export const start = Effect.fnUntraced(function* (options: Options) {
  const kube = yield* KubeClient
  const { nodeName } = options
  const scope = yield* Effect.acquireRelease(Scope.make(), (made) => Scope.close(made, Exit.void))
  const now = Effect.map(Clock.currentTimeMillis, formatTime)
  const orLog = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.catchCause(effect, (cause) => Effect.logWarning(`first daemon ${nodeName}`, cause))

  const patchTask = (
    task: AgenticTask,
    status: { readonly [K in keyof TaskStatus]?: TaskStatus[K] | null | undefined }
  ) => kube.patch(agenticTasks, refOf(task), { type: "merge", body: { status } }, { subresource: "status" })
  const patchNode = (status: object) =>
    kube.patch(fleetNodes, { name: nodeName }, { type: "merge", body: { status } }, { subresource: "status" })
  const list = Effect.map(kube.list(agenticTasks, { namespace: "default" }), ({ items }) =>
    items.filter(({ status }) => status?.assignedNode === nodeName)
  )

  const register = kube.get(fleetNodes, { name: nodeName }).pipe(
    Effect.catchReason("KubeError", "NotFound", () =>
      kube.create(fleetNodes, {
        metadata: { name: nodeName },
        spec: { nodeName, roles: options.roles ?? ["worker"] }
      })
    )
  )
  const beat = Effect.gen(function* () {
    yield* kube.get(fleetNodes, { name: nodeName })
    yield* patchNode({
      phase: "Ready",
      lastHeartbeatTime: yield* now,
      capability: { totalRAMGB: 64, availableRAMGB: 64 },
      agentVersion: "0.4.7",
      agentKind: "foreman-agent",
      os: "linux",
      arch: "amd64"
    })
  })

  /** Those that the process before left Running. */
  const recover = Effect.gen(function* () {
    for (const task of yield* list) {
      if (task.status?.phase !== "Running") continue
      yield* patchTask(task, {
        phase: "Pending",
        assignedNode: null,
        claimedAt: null,
        startedAt: null,
        conditions: withCondition(
          task,
          { type: "Running", status: "False", reason: "AgentRestartRecovery", message: "agent restarted" },
          yield* now
        )
      })
    }
  })

  let inFlight: AgenticTask | undefined
  const finish = Effect.fnUntraced(function* (claimed: AgenticTask, result: Result) {
    const task = yield* kube.get(agenticTasks, refOf(claimed))
    const isOurs =
      task.status?.assignedNode === nodeName && task.status?.claimedAt === claimed.status?.claimedAt
    if (!isOurs) return
    yield* patchTask(task, {
      phase: "Succeeded",
      verdict: result.verdict,
      result,
      finishedAt: yield* now,
      conditions: withCondition(
        task,
        { type: "Completed", status: "True", reason: "ExecutorSucceeded", message: result.summary },
        yield* now
      )
    })
  })

  const fibers = yield* FiberSet.make<unknown>().pipe(Scope.provide(scope))
  const poll = Effect.gen(function* () {
    if (inFlight !== undefined) return
    const tasks = (yield* list).filter(({ status }) => status?.phase === "Scheduled")
    const [task] = tasks.toSorted((a, b) => kindRank(a) - kindRank(b))
    if (task === undefined) return
    const at = yield* now
    const claimed = yield* patchTask(task, {
      phase: "Running",
      claimedAt: at,
      startedAt: at,
      conditions: withCondition(
        task,
        { type: "Running", status: "True", reason: "Claimed", message: `claimed by ${nodeName}` },
        at
      )
    })
    inFlight = claimed
    yield* FiberSet.run(
      fibers,
      options.run(claimed).pipe(
        Effect.flatMap((result) => finish(claimed, result)),
        orLog,
        Effect.ensuring(
          Effect.sync(() => {
            inFlight = undefined
          })
        )
      )
    )
  })

  const every = (pause: Duration.Input, work: Effect.Effect<unknown>) =>
    Effect.sleep(pause).pipe(Effect.andThen(work), Effect.forever, Effect.forkIn(scope))

  yield* register
  yield* recover
  yield* beat
  yield* every(options.heartbeat ?? "30 seconds", orLog(beat))
  // A ticker: nothing at once.
  yield* every(options.poll ?? "5 seconds", orLog(poll))

  const kill = Scope.close(scope, Exit.void)
  return { kill, terminate: Effect.andThen(kill, orLog(patchNode({ phase: "Draining" }))) }
})
