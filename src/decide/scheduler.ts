/**
 * The scheduler as a state machine (design §3.4): it is told what changed, and says what is new. An event costs what it changes, not what
 * is there. No clock and no IO: the operator feeds it from its caches, `foreman simulate` from a virtual fleet. What it decides depends on
 * the world and on the order in which places were given, not on the order in which it was told.
 */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import { parseTime } from "../../schema/Time.ts"
import type { Workload } from "../../schema/Workload.ts"
import { isInFlight } from "./capacity.ts"
import type { Settled, Wait } from "./decision.ts"
import { Decision } from "./decision.ts"
import { cycleThrough, cyclicAmong, type Lookup, standingOf } from "./dependencies.ts"
import type { FleetHost } from "./fleet.ts"
import { Heap } from "./heap.ts"
import { locksOf } from "./locks.ts"
import { orderOf, workloadOf } from "./order.ts"
import { parkedUntilOf, parkedWait } from "./parking.ts"
import { Places } from "./places.ts"
import type { Line, Ticket } from "./queue.ts"
import { graceMillis, readinessOf } from "./readiness.ts"
import { putInto, takeFrom } from "./sets.ts"
import { SpentLimits, workloadUidOf } from "./spentLimits.ts"
import { findCondition } from "./status.ts"
import { type Told, Telling } from "./telling.ts"

export type { Settled, Wait } from "./decision.ts"
export type { FleetHost } from "./fleet.ts"
export type { Told } from "./telling.ts"

export interface Decided {
  /** In the order in which they were made. */
  readonly decisions: ReadonlyArray<{ readonly key: string; readonly decision: Settled }>
  /** When time alone may decide something: call `decide` again then. Milliseconds since the epoch; infinity for never. */
  readonly lookAtMillis: number
}

/** A task that is known. */
interface Entry extends Ticket {
  /** Ended by a decision that stands. */
  isSettled: boolean
  /** Why it waits, when it is not for a place. */
  wait: Wait | undefined
  /** Since when it waits for that reason. */
  sinceMillis: number
  /** When time decides the wait. */
  lookAtMillis: number
  /** It may lie on a cycle of dependencies. */
  isSuspect: boolean
  /** Until when it is parked, by the clock of holds. */
  parkedUntilMillis: number | undefined
  /** By how much that clock was ahead when the time was heard. */
  parkedAheadMillis: number
}

/** The wall clock was set back, when it moves so much; less is how clocks are held in step. */
const clockStepMillis = 1_000

export class Scheduler {
  readonly #entries = new Map<string, Entry>()
  readonly #agents = new Map<string, Agent>()
  /** Who depends on a task, by its key. */
  readonly #dependents = new Map<string, Set<Entry>>()
  /** Nodes whose `currentTask` names a task, by its key: daemons of the first implementation (design §3.11). */
  readonly #foreign = new Map<string, Set<string>>()
  readonly #telling = new Telling({
    ofTicket: ({ key }) => this.waitOf(key),
    ofLane: (lane) => this.#places.waitOf(lane)
  })
  readonly #limits = new SpentLimits()
  readonly #places = new Places(this.#telling, this.#limits)
  /** Tasks that a Workload made, by its uid. */
  readonly #made = new Map<string, Set<Entry>>()
  /** Tasks whose upstream or Agent must be looked at. */
  readonly #unsettled = new Set<Entry>()
  /** Tasks that may have closed a cycle. */
  readonly #suspects = new Set<Entry>()
  /** Lines that lost their last task, and are forgotten unless another comes before somebody decides. */
  readonly #emptied = new Set<Line>()
  readonly #timers = new Heap<Entry>((a, b) => a.lookAtMillis < b.lookAtMillis)
  readonly #lookup: Lookup = (namespace, name) => this.#entries.get(refKey({ namespace, name }))?.task
  #looked = 0
  #nowMillis = Number.NEGATIVE_INFINITY
  /** By how much the clock of holds is ahead of the wall clock: it is not set back, so that no hold lasts longer for it. */
  #aheadMillis = 0

  /** Tasks, nodes and queues that were looked at so far: a measure of work that no machine's speed changes. */
  get looked(): number {
    return this.#looked + this.#places.looked + this.#places.fleet.fitChecks
  }

  /** Whether `decide` may have something to say before its time. */
  get hasNews(): boolean {
    return this.#unsettled.size > 0 || this.#suspects.size > 0 || this.#places.isTouched
  }

  /** Whether what was decided for a task was decided for this version of it, but for its status. */
  knows(key: string, task: AgenticTask): boolean {
    const known = this.#entries.get(key)?.task
    return known !== undefined && asksTheSame(known, task)
  }

  /** The task as it is now, by `namespace/name`; `undefined` when it is gone. What was decided for it stands no longer. */
  taskChanged(key: string, task: AgenticTask | undefined): void {
    this.#looked++
    const before = this.#entries.get(key)
    const standing = standingOf(before?.task)
    if (before !== undefined && (task === undefined || !asksTheSame(before.task, task))) this.#forget(before)
    if (task !== undefined) this.#update(this.#entries.get(key) ?? this.#learn(key, task), task)
    if (standingOf(task) !== standing) {
      for (const entry of this.#dependents.get(key) ?? []) this.#reconsider(entry)
    }
    for (const name of this.#foreign.get(key) ?? []) this.#countForeign(name, key)
    const limited = this.#limits.taskChanged(key, task)
    for (const agentKey of limited.agents) this.#places.dayChanged(agentKey)
    this.#workloadsChanged(limited.workloads)
  }

  /** The Workload as it is now, by `namespace/name`; `undefined` when it is gone. */
  workloadChanged(key: string, workload: Workload | undefined): void {
    this.#workloadsChanged(this.#limits.workloadChanged(key, workload))
  }

  /** The node as it is now, and whether it lives; `undefined` when it is gone. */
  nodeChanged(name: string, host: FleetHost | undefined): void {
    const { fleet } = this.#places
    const before = namedRunOf(fleet.hostOf(name))
    const now = namedRunOf(host)
    if (before !== undefined && before !== now) {
      takeFrom(this.#foreign, before, name)
      fleet.foreignChanged(name, false)
    }
    fleet.hostChanged(name, host)
    if (now === undefined || before === now) return
    putInto(this.#foreign, now, name)
    this.#countForeign(name, now)
  }

  /** The Agent as it is now, by `namespace/name`; `undefined` when it is gone. */
  agentChanged(key: string, agent: Agent | undefined): void {
    const before = this.#agents.get(key)
    if (agent === undefined) this.#agents.delete(key)
    else this.#agents.set(key, agent)
    this.#places.holdChanged(before, agent, this.#aheadMillis)
    if (this.#limits.agentChanged(key, agent)) this.#places.dayChanged(key)
    if (before !== undefined && agent !== undefined && saysTheSame(before, agent)) return
    for (const line of this.#places.agentChanged(key, agent)) {
      for (const member of line.members) {
        const entry = this.#entries.get(member)
        if (entry?.taken === undefined) {
          if (entry !== undefined) this.#reconsider(entry)
          continue
        }
        const { node } = entry.taken
        this.#places.release(entry)
        // Not as it was taken: when it began did not matter if the Agent asked for no memory then.
        this.#places.take(entry, node, startOf(entry.task))
      }
    }
  }

  /** Places what can be placed and ends what can come to nothing. A decision counts as done until `taskChanged` says otherwise. */
  decide(nowMillis: number): Decided {
    const stepMillis = this.#nowMillis - nowMillis
    if (stepMillis >= clockStepMillis && Number.isFinite(stepMillis)) this.#clockSetBack(stepMillis)
    this.#nowMillis = nowMillis
    this.#places.pass(nowMillis + this.#aheadMillis)
    for (const key of this.#limits.pass(nowMillis)) this.#places.dayChanged(key)
    for (
      let due = this.#timers.top;
      due !== undefined && due.lookAtMillis <= nowMillis;
      due = this.#timers.top
    ) {
      this.#timers.delete(due)
      this.#unsettled.add(due)
    }
    for (const line of this.#emptied) if (line.members.size === 0) this.#places.forget(line)
    this.#emptied.clear()
    this.#findCycles()
    const decisions: Array<{ readonly key: string; readonly decision: Settled }> = []
    for (const entry of this.#unsettled) {
      const decision = this.#settle(entry, nowMillis)
      if (decision !== undefined) decisions.push({ key: entry.key, decision })
    }
    this.#unsettled.clear()
    decisions.sort((a, b) => (a.key < b.key ? -1 : 1))
    for (
      let given = this.#places.give(nowMillis);
      given !== undefined;
      given = this.#places.give(nowMillis)
    ) {
      const { node, ticket } = given
      this.#telling.forget(ticket)
      const left = this.#limits.leftFor(ticket.task)
      const limits = left === undefined ? {} : { workloadLimits: left }
      decisions.push({ key: ticket.key, decision: Decision.Assign({ node, ...limits }) })
    }
    const timer = this.#timers.top?.lookAtMillis ?? Number.POSITIVE_INFINITY
    const held = this.#places.lookAtMillis - this.#aheadMillis
    return { decisions, lookAtMillis: Math.min(timer, held, this.#limits.lookAtMillis) }
  }

  /** The words that are new since the last call: a reason at once, other numbers in its message every 30 s. Once a second is often enough. */
  waits(nowMillis: number): Told {
    return this.#telling.waits(nowMillis)
  }

  /** Why this task waits, as of the last `decide`; `undefined` when it does not. */
  waitOf(key: string): Wait | undefined {
    const entry = this.#entries.get(key)
    return entry?.wait ?? (entry?.lane === undefined ? undefined : this.#places.waitOf(entry.lane))
  }

  /** Tasks that are ready and wait for a place, by why: counts queues, not tasks, so it may be asked often. */
  queues(): ReadonlyArray<{ readonly wait: Wait; readonly count: number }> {
    return Array.from(this.#places.lanes(), (lane) => ({
      wait: this.#places.waitOf(lane),
      count: lane.tickets.size
    }))
  }

  #learn(key: string, task: AgenticTask): Entry {
    const workload = workloadOf(task)
    const agent = this.#agents.get(agentKeyOf(task) ?? "")
    const line = this.#places.lineFor(task, workload, agent)
    const entry: Entry = {
      ...orderOf(key, task),
      task,
      line,
      locks: locksOf(task.spec),
      lane: undefined,
      isParked: false,
      taken: undefined,
      isSettled: true,
      wait: undefined,
      sinceMillis: 0,
      lookAtMillis: Number.POSITIVE_INFINITY,
      isSuspect: false,
      parkedUntilMillis: undefined,
      parkedAheadMillis: 0
    }
    line.members.add(key)
    this.#entries.set(key, entry)
    for (const upstream of upstreamKeysOf(task)) putInto(this.#dependents, upstream, entry)
    const workloadUid = workloadUidOf(task)
    if (workloadUid !== undefined) putInto(this.#made, workloadUid, entry)
    return entry
  }

  #forget(entry: Entry): void {
    this.#rest(entry)
    this.#places.release(entry)
    this.#places.park(entry, false)
    this.#entries.delete(entry.key)
    this.#suspects.delete(entry)
    for (const upstream of upstreamKeysOf(entry.task)) takeFrom(this.#dependents, upstream, entry)
    const workloadUid = workloadUidOf(entry.task)
    if (workloadUid !== undefined) takeFrom(this.#made, workloadUid, entry)
    entry.line.members.delete(entry.key)
    if (entry.line.members.size === 0) this.#emptied.add(entry.line)
  }

  /** Puts the task where its status says. */
  #update(entry: Entry, task: AgenticTask): void {
    entry.task = task
    const { phase = "Pending", assignedNode } = task.status ?? {}
    if (phase === "Pending") {
      if (task.metadata.deletionTimestamp !== undefined) this.#rest(entry)
      else if (entry.isSettled || entry.taken !== undefined) {
        this.#places.release(entry)
        entry.isSettled = false
        this.#unsettled.add(entry)
        if (task.spec.dependsOn !== undefined && this.#dependents.has(entry.key)) this.#suspects.add(entry)
      }
      return this.#notePark(entry)
    }
    entry.parkedUntilMillis = undefined
    if (entry.taken === undefined) this.#noteStart(entry)
    this.#rest(entry)
    if (!isInFlight(phase) || assignedNode === undefined) {
      this.#places.release(entry)
      return this.#places.park(entry, false)
    }
    const { taken } = entry
    // When it started matters to its memory only.
    const startedMillis = taken?.memoryGB === 0 ? undefined : startOf(task)
    if (taken?.node === assignedNode && taken.startedMillis === startedMillis) return
    this.#places.release(entry)
    this.#places.take(entry, assignedNode, startedMillis)
  }

  /** A parked task keeps its paths, until it is deleted or goes on. */
  #notePark(entry: Entry): void {
    const until = parkedUntilOf(entry.task)
    const isDeleted = entry.task.metadata.deletionTimestamp !== undefined
    this.#places.park(entry, until !== undefined && !isDeleted)
    const before = entry.parkedUntilMillis
    // A time that was heard before stays where the clock of holds put it.
    if (before !== undefined && until === before - entry.parkedAheadMillis) return
    entry.parkedAheadMillis = this.#aheadMillis
    entry.parkedUntilMillis = until === undefined ? undefined : until + this.#aheadMillis
    if (before !== entry.parkedUntilMillis) this.#reconsider(entry)
  }

  #clockSetBack(stepMillis: number): void {
    this.#aheadMillis += stepMillis
    for (const entry of this.#timers.values())
      if (entry.parkedUntilMillis !== undefined) this.#unsettled.add(entry)
  }

  /** A place that was given before this process began counts for whose turn it is. */
  #noteStart({ line, task, isSettled }: Entry): void {
    const scheduled = isSettled ? findCondition(task.status?.conditions, "Scheduled") : undefined
    if (scheduled?.status !== "True") return
    const millis = parseTime(scheduled.lastTransitionTime) ?? line.last.millis
    if (millis > line.last.millis) line.started({ millis, count: line.last.count })
  }

  /** The task waits no longer, for whatever it was. */
  #rest(entry: Entry): void {
    this.#places.leave(entry)
    this.#telling.forget(entry)
    this.#unsettled.delete(entry)
    this.#timers.delete(entry)
    entry.wait = undefined
    entry.isSettled = true
  }

  /** What Workloads have left may be another thing. */
  #workloadsChanged(uids: ReadonlyArray<string>): void {
    for (const uid of uids) for (const entry of this.#made.get(uid) ?? []) this.#reconsider(entry)
  }

  /** Something changed that a waiting task waits for, or relies on. */
  #reconsider(entry: Entry): void {
    if (!entry.isSettled && entry.taken === undefined) this.#unsettled.add(entry)
  }

  #settle(entry: Entry, nowMillis: number): Settled | undefined {
    this.#looked++
    const { task, wait: before } = entry
    const settled = readinessOf(task, {
      task: this.#lookup,
      agent: this.#agents.get(agentKeyOf(task) ?? ""),
      cycle: entry.isSuspect ? cycleThrough(task, this.#lookup) : undefined,
      waitedMillis: (why) => (before?.reason === why ? nowMillis - entry.sinceMillis : 0)
    })
    entry.isSuspect = false
    const parkedUntil = entry.parkedUntilMillis ?? 0
    const isParked = settled === undefined && nowMillis + this.#aheadMillis < parkedUntil
    const decision = isParked ? parkedWait(task) : (settled ?? this.#limits.workloadWait(task))
    if (decision === undefined) {
      entry.wait = undefined
      this.#timers.delete(entry)
      if (entry.lane === undefined) this.#places.enter(entry)
      this.#telling.ticketChanged(entry)
      return undefined
    }
    this.#places.leave(entry)
    if (decision._tag !== "Wait") {
      this.#rest(entry)
      return decision
    }
    if (before?.reason !== decision.reason) entry.sinceMillis = nowMillis
    entry.wait = decision
    this.#timers.delete(entry)
    entry.lookAtMillis = isParked
      ? parkedUntil - this.#aheadMillis
      : entry.sinceMillis + graceMillis(decision.reason)
    if (Number.isFinite(entry.lookAtMillis)) this.#timers.put(entry)
    this.#telling.ticketChanged(entry)
    return undefined
  }

  /** A cycle is closed by the task that came last, and then others lie on it too. */
  #findCycles(): void {
    if (this.#suspects.size === 0) return
    const tasks = Array.from(this.#suspects, ({ task }) => task)
    for (const { metadata } of cyclicAmong(tasks, this.#lookup)) {
      const entry = this.#entries.get(refKey(metadata))
      if (entry === undefined || entry.isSettled) continue
      entry.isSuspect = true
      this.#reconsider(entry)
    }
    this.#suspects.clear()
  }

  /** Whether the node runs what its `currentTask` names, though the task does not name the node. */
  #countForeign(name: string, key: string): void {
    const status = this.#entries.get(key)?.task.status
    this.#places.fleet.foreignChanged(name, isInFlight(status?.phase) && status?.assignedNode === undefined)
  }
}

/** When its node began a task, by that node's clock. */
const startOf = ({ status }: AgenticTask): number | undefined =>
  parseTime(status?.startedAt ?? status?.claimedAt)

const agentKeyOf = ({ metadata, spec }: AgenticTask): string | undefined =>
  spec.agentRef === undefined
    ? undefined
    : refKey({ namespace: metadata.namespace, name: spec.agentRef.name })

const upstreamKeysOf = ({ metadata: { namespace }, spec }: AgenticTask): ReadonlyArray<string> =>
  (spec.dependsOn ?? []).map((name) => refKey({ namespace, name }))

const namedRunOf = (host: FleetHost | undefined): string | undefined =>
  host?.hasLease === false ? host.node.status?.currentTask : undefined

const asksTheSame = (a: AgenticTask, b: AgenticTask): boolean =>
  a.metadata.uid === b.metadata.uid &&
  a.metadata.creationTimestamp === b.metadata.creationTimestamp &&
  workloadOf(a) === workloadOf(b) &&
  saysTheSame(a, b)

/** Whether two versions have the same spec. A generation that both show spares the comparison. */
const saysTheSame = <A extends Agent | AgenticTask>(a: A, b: A): boolean =>
  a.spec === b.spec ||
  (a.metadata.generation !== undefined && a.metadata.uid !== undefined && a.metadata.uid === b.metadata.uid
    ? a.metadata.generation === b.metadata.generation
    : JSON.stringify(a.spec) === JSON.stringify(b.spec))
