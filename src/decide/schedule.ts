/** The scheduler: one pure pass from the world to a decision for each task that waits (design §3.4). */
import { Data } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { FailureReason } from "../../schema/Verdict.ts"
import { Capacity, isInFlight } from "./capacity.ts"
import { cyclesOf, type Lookup, Upstream, upstreamOf } from "./dependencies.ts"
import { type Demand, demandOf, type Host } from "./fit.ts"
import { inOrder } from "./order.ts"
import { Placement } from "./placement.ts"
import { reason } from "./status.ts"

/** An Agent that is applied a moment after its task is no mistake. */
export const agentGraceMillis = 30_000
/** A dependency that does not appear for this long never will. Contract §9.1.12. */
export const missingDependencyMillis = 3_600_000

export type Decision = Data.TaggedEnum<{
  Assign: { readonly node: string }
  /** `isShort`: a place is there, only taken. */
  Wait: { readonly reason: string; readonly message: string; readonly isShort: boolean }
  Fail: {
    readonly reason: string
    readonly message: string
    readonly failureReason?: FailureReason | undefined
  }
  /** Nothing is left to do: Succeeded, with verdict Skipped. */
  Skip: { readonly message: string }
}>
export const Decision = Data.taggedEnum<Decision>()

export interface World {
  readonly nowMillis: number
  /** Tasks with no phase or Pending that are not being deleted. */
  readonly pending: ReadonlyArray<AgenticTask>
  /** Tasks that some node has, ours to be written included. */
  readonly inFlight: ReadonlyArray<AgenticTask>
  readonly hosts: ReadonlyArray<Host & { readonly hasLease: boolean }>
  readonly task: Lookup
  readonly agent: (namespace: string | undefined, name: string) => Agent | undefined
  /** Since when this task waits for this reason; now, if it does not yet. */
  readonly missingSinceMillis: (task: AgenticTask, reason: string) => number
}

export const schedule = (world: World): ReadonlyMap<AgenticTask, Decision> => {
  const decisions = new Map<AgenticTask, Decision>()
  const capacity = inUse(world)
  const placements = new Map<string, Placement>()
  const cycles = cyclesOf(
    world.pending.filter(({ spec }) => spec.dependsOn !== undefined && spec.dependsOn.length > 0),
    world.task
  )
  const placementFor = (task: AgenticTask, agent: Agent | undefined): Placement => {
    const { shape, demand } = shapeOf(task, agent)
    const known = placements.get(shape)
    if (known !== undefined) return known
    const placement = new Placement(demand, world.hosts)
    placements.set(shape, placement)
    return placement
  }

  const place = (task: AgenticTask, agent: Agent | undefined): Decision => {
    const refused = agent === undefined ? undefined : capacity.refusal(agent)
    if (refused !== undefined) return Decision.Wait({ ...refused, isShort: true })
    const placement = placementFor(task, agent)
    const node = placement.pick(capacity)
    if (node === undefined) {
      const { message, isShort } = placement
      return Decision.Wait({ reason: reason.unschedulable, message, isShort })
    }
    capacity.take(agent, node)
    return Decision.Assign({ node })
  }

  for (const task of inOrder(world.pending)) {
    const settled = settle(world, task, cycles.get(task))
    decisions.set(task, settled ?? place(task, agentOf(world, task)))
  }
  return decisions
}

interface Shape {
  readonly demand: Demand
  /** Equal for equal demands: what one task cannot have, the next of its shape need not ask for. */
  readonly shape: string
}

/** By the Agent that says it, or the task where none does: objects of a cache never change. */
const shapes = new WeakMap<Agent | AgenticTask, Shape>()

const shapeOf = (task: AgenticTask, agent: Agent | undefined): Shape => {
  const source = agent ?? task
  const known = shapes.get(source)
  if (known !== undefined) return known
  const demand = demandOf(task.spec, agent)
  const shape = { demand, shape: JSON.stringify(demand) }
  shapes.set(source, shape)
  return shape
}

/** What upstream and Agent decide already; `undefined` when only a place is left to be found. */
const settle = (world: World, task: AgenticTask, cycle: string | undefined): Decision | undefined => {
  if (cycle !== undefined) {
    return Decision.Fail({ reason: reason.dependencyCycle, message: `dependsOn is a cycle: ${cycle}` })
  }
  const waited = (why: string) => world.nowMillis - world.missingSinceMillis(task, why)
  const wait = (why: string, message: string) => Decision.Wait({ reason: why, message, isShort: false })
  const upstream = upstreamOf(task, world.task)
  const decided = Upstream.$match(upstream, {
    OnTarget: () => undefined,
    Wait: ({ reason, message }) => wait(reason, message),
    Failed: ({ message }) => Decision.Fail({ reason: reason.upstreamFailed, message }),
    Resolved: ({ message }) => Decision.Skip({ message }),
    Missing: ({ name }) =>
      waited(reason.dependencyNotFound) < missingDependencyMillis
        ? wait(reason.dependencyNotFound, `waiting for ${name}, which does not exist`)
        : Decision.Fail({
            reason: reason.dependencyNotFound,
            message: `dependency ${name} did not appear within an hour`
          })
  })
  if (decided !== undefined) return decided
  const agentName = task.spec.agentRef?.name
  if (agentName === undefined || agentOf(world, task) !== undefined) return undefined
  return waited(reason.waitingForAgent) < agentGraceMillis
    ? wait(reason.waitingForAgent, `waiting for Agent ${agentName}, which does not exist`)
    : Decision.Fail({
        reason: reason.agentNotFound,
        message: `Agent ${agentName} does not exist in namespace ${task.metadata.namespace}`,
        failureReason: "AgentNotFound"
      })
}

const agentOf = (world: World, task: AgenticTask): Agent | undefined =>
  task.spec.agentRef === undefined ? undefined : world.agent(task.metadata.namespace, task.spec.agentRef.name)

const inUse = (world: World): Capacity => {
  const capacity = new Capacity()
  for (const task of world.inFlight) {
    const node = task.status?.assignedNode
    if (node !== undefined) capacity.take(agentOf(world, task), node)
  }
  for (const { node, hasLease } of world.hosts) {
    if (!hasLease && hasForeignRun(world, node)) capacity.occupy(node.metadata.name)
  }
  return capacity
}

/** A daemon of the first implementation runs what its `currentTask` says, even where the task does not name the node (design §3.11). */
const hasForeignRun = (world: World, { status }: Host["node"]): boolean => {
  const [namespace, name] = status?.currentTask?.split("/") ?? []
  if (namespace === undefined || name === undefined) return false
  const task = world.task(namespace, name)
  return task !== undefined && isInFlight(task.status?.phase) && task.status?.assignedNode === undefined
}
