/**
 * The scheduler, slow and obvious: everything is counted anew for each place that is given. It shares with the real one what a demand and a
 * misfit are, what upstream means and which paths overlap in words, and nothing of how it gets there.
 */
import type { Agent } from "../../schema/Agent.ts"
import { type AgenticTask, label } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import { isInFlight } from "../../src/decide/capacity.ts"
import { Decision } from "../../src/decide/decision.ts"
import { cycleThrough } from "../../src/decide/dependencies.ts"
import { type Demand, demandOf, hasInstalled, misfit, noFit } from "../../src/decide/fit.ts"
import type { FleetHost } from "../../src/decide/fleet.ts"
import { parkedUntilOf, parkedWait } from "../../src/decide/parking.ts"
import { readinessOf } from "../../src/decide/readiness.ts"

export interface World {
  readonly nowMillis: number
  readonly tasks: ReadonlyMap<string, AgenticTask>
  readonly hosts: ReadonlyMap<string, FleetHost>
  readonly agents: ReadonlyMap<string, Agent>
  /** Places given so far, in their order. */
  readonly starts: ReadonlyArray<{ readonly task: AgenticTask; readonly millis: number }>
  /** Since when a task waits for a reason; now, if it does not yet. */
  readonly sinceMillis: (key: string, reason: string) => number
}

const level = 4 * 3_600_000
const heads: Record<string, number> = { review: 3 * 3_600_000, verify: 2 * 3_600_000, integrate: 3_600_000 }
const lead = ({ spec }: AgenticTask) => (spec.priority ?? 0) * level + (heads[spec.kind] ?? 0)
const millis = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Date.parse(text)
const made = ({ metadata }: AgenticTask) => millis(metadata.creationTimestamp) ?? 0
const keyOf = ({ metadata }: AgenticTask) => refKey(metadata)
const agentKey = ({ metadata, spec }: AgenticTask) =>
  refKey({ namespace: metadata.namespace, name: spec.agentRef?.name ?? "" })

/** Tasks of one workload that ask for the same take their turns as one. */
export const line = (task: AgenticTask): string =>
  JSON.stringify([
    task.metadata.namespace,
    task.metadata.labels?.[label.workload] ?? "",
    task.spec.agentRef === undefined ? demandOf(task, undefined) : agentKey(task)
  ])

/** The decision for each task that is pending. */
export const reference = (world: World): ReadonlyMap<string, Decision> => {
  const agentOf = (task: AgenticTask) =>
    task.spec.agentRef === undefined ? undefined : world.agents.get(agentKey(task))
  const demand = (task: AgenticTask): Demand => demandOf(task, agentOf(task))
  const lookup = (namespace: string | undefined, name: string) => world.tasks.get(refKey({ namespace, name }))
  const decisions = new Map<string, Decision>()
  const starts = [...world.starts]
  const inFlight = [...world.tasks.values()]
    .filter(({ status }) => isInFlight(status?.phase) && status?.assignedNode !== undefined)
    .map((task) => ({ task, node: task.status?.assignedNode ?? "" }))

  // 1. What upstream and Agent settle.
  let waiting: Array<AgenticTask> = []
  for (const [key, task] of world.tasks) {
    if ((task.status?.phase ?? "Pending") !== "Pending" || task.metadata.deletionTimestamp !== undefined)
      continue
    const settled = readinessOf(task, {
      task: lookup,
      agent: agentOf(task),
      cycle: cycleThrough(task, lookup),
      waitedMillis: (why) => world.nowMillis - world.sinceMillis(key, why)
    })
    if (settled !== undefined) decisions.set(key, settled)
    else if (world.nowMillis < (parkedUntilOf(task) ?? 0)) decisions.set(key, parkedWait(task))
    else waiting.push(task)
  }

  // 2. Who is in a task's way, and which nodes could take it.
  const folders = ({ spec: { kind, payload } }: AgenticTask) =>
    payload.repo === undefined || kind === "review" || kind === "verify"
      ? []
      : (payload.paths ?? []).map((path) =>
          `${payload.repo}/${path.replace(/[^/]*[*?].*$/u, "")}/`.replace(/\/+/gu, "/")
        )
  const isParked = (task: AgenticTask) =>
    parkedUntilOf(task) !== undefined && task.metadata.deletionTimestamp === undefined
  const parked = [...world.tasks.values()].filter(isParked)
  const blockers = (task: AgenticTask) =>
    (isParked(task) ? [] : [...inFlight.map(({ task }) => task), ...parked])
      .filter((other) =>
        folders(task).some((a) => folders(other).some((b) => a.startsWith(b) || b.startsWith(a)))
      )
      .map(keyOf)
      .sort()
  const endpoint = ({ metadata, spec }: Agent) => `${metadata.namespace}/${spec.inferenceServiceRef?.name}`
  const sharesModel = (a: Agent, b: Agent) => endpoint(a) === endpoint(b) && a.spec.model === b.spec.model
  /** How many may run while an endpoint says later, and for a minute after. */
  const allowed = (agent: Agent) => {
    const untils = [...world.agents.values()]
      .filter((other) => sharesModel(other, agent))
      .flatMap(({ status }) => millis(status?.endpoint?.heldUntil) ?? [])
    const until = Math.max(-Infinity, ...untils)
    return world.nowMillis < until ? 0 : world.nowMillis < until + 60_000 ? 1 : Infinity
  }
  const busy = (task: AgenticTask) => {
    const agent = agentOf(task)
    if (agent === undefined) return undefined
    const running = inFlight.flatMap(({ task }) => agentOf(task) ?? [])
    if (running.filter((it) => sharesModel(it, agent)).length >= allowed(agent)) return "EndpointHeld"
    const { endpointSlots = Infinity, maxConcurrentTasks = Infinity } = agent.spec
    if (running.filter((it) => it === agent).length >= maxConcurrentTasks) return "AgentBusy"
    if (running.filter((it) => endpoint(it) === endpoint(agent)).length >= endpointSlots)
      return "EndpointBusy"
    return undefined
  }
  const memory = ({ isJob, required }: Demand) =>
    isJob || required.requiresModelInstalled === true ? 0 : (required.minRAMGB ?? 0)
  const on = (name: string) => inFlight.filter(({ node }) => node === name).map(({ task }) => task)
  const jobs = (name: string) => on(name).filter((task) => demand(task).isJob).length
  const isForeign = ({ hasLease, node }: FleetHost) => {
    const status = hasLease ? undefined : world.tasks.get(node.status?.currentTask ?? "")?.status
    return isInFlight(status?.phase) && status?.assignedNode === undefined
  }
  const used = (host: FleetHost) =>
    on(host.node.metadata.name).length - jobs(host.node.metadata.name) + (isForeign(host) ? 1 : 0)
  const slots = ({ node }: FleetHost) => node.status?.capability?.slots ?? 1
  const promised = ({ node }: FleetHost) => {
    const heard = millis(node.status?.lastHeartbeatTime) ?? -Infinity
    return on(node.metadata.name)
      .filter(
        ({ status }) => !(heard >= (millis(status?.startedAt ?? status?.claimedAt) ?? Infinity) + 60_000)
      )
      .reduce((sum, task) => sum + memory(demand(task)), 0)
  }
  const hasRoom = (it: Demand, host: FleetHost) =>
    it.isJob ||
    (used(host) < slots(host) &&
      (memory(it) === 0 ||
        (host.node.status?.capability?.availableRAMGB ?? 0) - promised(host) >= memory(it)))
  /** Lists are compared item by item: resident model, accelerator, memory, context, roles; then load; then name. */
  const worth = (it: Demand, host: FleetHost): ReadonlyArray<number | string> => {
    const { metadata, spec, status } = host.node
    const offers = status?.capability
    if (it.isJob) return [jobs(metadata.name), metadata.name]
    return [
      hasInstalled(it.models, host.node) ? 0 : 1,
      offers?.accelerator === undefined || offers.accelerator === "none" ? 0 : 1,
      offers?.totalRAMGB ?? offers?.availableRAMGB ?? 0,
      offers?.maxContextTokens ?? 0,
      spec.roles?.length ?? 0,
      used(host) / slots(host),
      metadata.name
    ]
  }
  const hosts = [...world.hosts.values()]
  const best = (task: AgenticTask) =>
    hosts
      .filter((host) => misfit(demand(task), host) === undefined && hasRoom(demand(task), host))
      .sort((a, b) => compare(worth(demand(task), a), worth(demand(task), b)))[0]

  // 3. Whose turn it is: of those with a place, the first of each line, then the line that waits longest.
  const order = (task: AgenticTask) => [made(task) - lead(task), keyOf(task)]
  const turn = (task: AgenticTask) => {
    const last = starts.findLastIndex((start) => line(start.task) === line(task))
    return [Math.max(made(task), starts[last]?.millis ?? -Infinity) - lead(task), last, ...order(task)]
  }
  for (;;) {
    const placeable = waiting.filter(
      (task) => blockers(task).length === 0 && busy(task) === undefined && best(task) !== undefined
    )
    const firsts = placeable.filter((task) =>
      placeable.every((other) => line(other) !== line(task) || compare(order(task), order(other)) <= 0)
    )
    const next = firsts.sort((a, b) => compare(turn(a), turn(b)))[0]
    const host = next && best(next)
    if (next === undefined || host === undefined) break
    const node = host.node.metadata.name
    decisions.set(keyOf(next), Decision.Assign({ node }))
    starts.push({ task: next, millis: world.nowMillis })
    inFlight.push({ task: next, node })
    waiting = waiting.filter((task) => task !== next)
  }

  // 4. Why the others wait.
  for (const task of waiting) {
    const refusals = new Map<string, number>()
    for (const host of hosts) {
      const because = misfit(demand(task), host) ?? "are busy"
      refusals.set(because, (refusals.get(because) ?? 0) + 1)
    }
    const [blocker] = blockers(task)
    const why = blocker === undefined ? busy(task) : "PathsLocked"
    decisions.set(
      keyOf(task),
      Decision.Wait({
        reason: why ?? "Unschedulable",
        message: why === undefined ? noFit(hosts.length, refusals) : "",
        isShort: why !== undefined || refusals.has("are busy")
      })
    )
  }
  return decisions
}

const compare = (a: ReadonlyArray<number | string>, b: ReadonlyArray<number | string>): number => {
  for (const [index, it] of a.entries()) {
    const other = b[index] ?? ""
    if (it !== other) return it < other ? -1 : 1
  }
  return 0
}
