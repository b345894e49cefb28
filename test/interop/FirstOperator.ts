/**
 * An operator that does what the first implementation's does (contract §2.2, §2.3), and no more: it reserves a node through
 * `status.currentTask` with an optimistic lock, assigns, frees, and takes tasks back from nodes whose heartbeat is 90 s old.
 */
import { Clock, Duration, Effect } from "effect"

import { type AgenticTask, agenticTasks, claimExpiriesAnnotation } from "../../schema/AgenticTask.ts"
import { type FleetNode, fleetNodes } from "../../schema/FleetNode.ts"
import { type Condition, refKey, refOf } from "../../schema/Meta.ts"
import { formatTime, parseTime } from "../../schema/Time.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"

const timeoutMillis = 90_000
const inFlight = ["Scheduled", "Running", "Verifying"]
const terminal = ["Succeeded", "Failed"]

const withCondition = (
  task: AgenticTask,
  type: string,
  why: { readonly reason: string; readonly message: string },
  now: string
): ReadonlyArray<Condition> => [
  ...(task.status?.conditions ?? []).filter((one) => one.type !== type),
  { type, status: "True", ...why, lastTransitionTime: now }
]

/** Runs until interrupted. `pause` stands for its watches and requeues. */
export const run = Effect.fnUntraced(function* (pause: Duration.Input = "1 second") {
  const kube = yield* KubeClient
  const patchTask = (task: AgenticTask, status: object) =>
    kube.patch(agenticTasks, refOf(task), { type: "merge", body: { status } }, { subresource: "status" })
  const patchNode = (node: FleetNode, status: object) =>
    kube.patch(
      fleetNodes,
      { name: node.metadata.name },
      { type: "merge", body: { metadata: { resourceVersion: node.metadata.resourceVersion }, status } },
      { subresource: "status" }
    )
  const isFresh = (node: FleetNode, now: number) =>
    now - (parseTime(node.status?.lastHeartbeatTime) ?? 0) <= timeoutMillis

  const judgeNode = Effect.fnUntraced(function* (node: FleetNode, now: number) {
    if (node.status?.phase === "Draining") return
    const phase = isFresh(node, now) ? "Ready" : "NotReady"
    if (node.status?.phase !== phase) yield* patchNode(node, { phase })
  })

  /** A reservation counts while its task is there, not over, and on that node. */
  const isReserved = (node: FleetNode, tasks: ReadonlyArray<AgenticTask>) => {
    const held = tasks.find((task) => refKey(refOf(task)) === node.status?.currentTask)
    return (
      held !== undefined &&
      !terminal.includes(held.status?.phase ?? "") &&
      held.status?.assignedNode === node.metadata.name
    )
  }

  const assign = Effect.fnUntraced(function* (
    task: AgenticTask,
    nodes: ReadonlyArray<FleetNode>,
    tasks: ReadonlyArray<AgenticTask>,
    now: number
  ) {
    const roles = task.spec.requiredCapability?.roles ?? []
    for (const node of nodes) {
      const fits = roles.every((role) => node.spec.roles?.includes(role))
      if (node.status?.phase !== "Ready" || !isFresh(node, now) || isReserved(node, tasks) || !fits) continue
      const reserved = yield* patchNode(node, { currentTask: refKey(refOf(task)) }).pipe(
        Effect.as(true),
        Effect.catchReasons("KubeError", {
          Conflict: () => Effect.succeed(false),
          NotFound: () => Effect.succeed(false)
        })
      )
      if (!reserved) continue
      const { name } = node.metadata
      const why = { reason: "FleetNodeAssigned", message: `assigned to FleetNode ${name}` }
      return yield* patchTask(task, {
        phase: "Scheduled",
        assignedNode: name,
        conditions: withCondition(task, "Scheduled", why, formatTime(now))
      })
    }
    return undefined
  })

  const expire = Effect.fnUntraced(function* (task: AgenticTask, now: number) {
    const count = Number.parseInt(task.metadata.annotations?.[claimExpiriesAnnotation] ?? "0", 10)
    const message = `FleetNode ${task.status?.assignedNode} is silent`
    if (count >= 2) {
      return yield* patchTask(task, {
        phase: "Failed",
        verdict: "INCOMPLETE",
        failureReason: "InfrastructureError",
        finishedAt: formatTime(now),
        conditions: withCondition(
          task,
          "Failed",
          { reason: "ClaimExpiryLimitReached", message },
          formatTime(now)
        )
      })
    }
    const annotations = { [claimExpiriesAnnotation]: String(count + 1) }
    yield* kube.patch(agenticTasks, refOf(task), { type: "merge", body: { metadata: { annotations } } })
    return yield* patchTask(task, {
      phase: "Pending",
      assignedNode: null,
      claimedAt: null,
      startedAt: null,
      conditions: withCondition(task, "ClaimExpired", { reason: "ClaimExpired", message }, formatTime(now))
    })
  })

  /** One thing at a time: after each write it looks again. */
  const step = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { items: nodes } = yield* kube.list(fleetNodes)
    for (const node of nodes) yield* judgeNode(node, now)
    const { items: tasks } = yield* kube.list(agenticTasks)
    for (const task of tasks) {
      const { assignedNode, phase = "" } = task.status ?? {}
      const node = nodes.find(({ metadata }) => metadata.name === assignedNode)
      if (phase === "") yield* patchTask(task, { phase: "Pending" })
      if (terminal.includes(phase) && node?.status?.currentTask === refKey(refOf(task))) {
        return yield* patchNode(node, { currentTask: null })
      }
      if (
        inFlight.includes(phase) &&
        assignedNode !== undefined &&
        (node === undefined || !isFresh(node, now))
      ) {
        return yield* expire(task, now)
      }
      if (phase !== "Pending") continue
      const upstream = (task.spec.dependsOn ?? []).map((name) =>
        tasks.find(({ metadata }) => metadata.name === name)
      )
      if (upstream.some((one) => one?.status?.phase !== "Succeeded")) continue
      if ((yield* assign(task, nodes, tasks, now)) !== undefined) return undefined
    }
    return undefined
  })

  return yield* step.pipe(
    Effect.catch((error) => Effect.logWarning("first operator", error)),
    Effect.andThen(Effect.sleep(pause)),
    Effect.forever
  )
})
