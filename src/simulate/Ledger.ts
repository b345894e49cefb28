/** What a simulation counts: exact for waits and slots, by samples for what is shown over time. Its memory does not grow with time. */
import type { Scheduler, Wait } from "../decide/scheduler.ts"
import { reason } from "../decide/status.ts"
import type { Plan, PlannedNode, PlannedTask } from "./plan.ts"

export interface Waits {
  readonly group: string
  readonly count: number
  /** Milliseconds from when nothing but a place was missing, or from arrival for a task without dependencies. */
  readonly p50Millis: number
  readonly p95Millis: number
  readonly p99Millis: number
  readonly maxMillis: number
}

export interface ClassUse {
  readonly className: string
  readonly nodes: number
  /** Slots times the time that they were there. */
  readonly slotMillis: number
  readonly busyMillis: number
  /** The rest of it, by why: nothing was ready, or what kept that which was from running here. */
  readonly idleMillis: Readonly<Record<string, number>>
}

export interface Sample {
  readonly atMillis: number
  readonly busySlots: number
  readonly slots: number
  /** Tasks that wait, by reason. */
  readonly waiting: Readonly<Record<string, number>>
}

export interface Outcome {
  readonly tasks: number
  readonly ended: number
  /** Runs that a node took with it. */
  readonly lost: number
  /** From the begin to the end of the last task. */
  readonly makespanMillis: number
  readonly waits: ReadonlyArray<Waits>
  readonly classes: ReadonlyArray<ClassUse>
  /** Waiting time of all tasks together, by reason. */
  readonly waitedMillis: Readonly<Record<string, number>>
  readonly samples: ReadonlyArray<Sample>
  /** Tasks that never ran, by why. */
  readonly never: ReadonlyArray<{ readonly why: string; readonly count: number }>
}

/** More than this, and every second sample goes. */
const mostSamples = 600
const nothingIsReady = "nothing is ready to run"
const isBusy = "every node that fits is busy"

/** Why a task waits, in words that do not change with every number in them. */
const kindOf = ({ isShort, message, reason: why }: Wait): string => {
  if (why === reason.unschedulable) return isShort ? isBusy : message
  if (why === reason.agentBusy) return "its Agent is busy"
  if (why === reason.endpointBusy) return "the model's endpoint is busy"
  return why
}

/** Why a free slot stays free. Of tasks that wait for others none could begin. */
const whyIdle = (waiting: Readonly<Record<string, number>>): string => {
  const [first] = Object.keys(waiting).sort((a, b) => (waiting[b] ?? 0) - (waiting[a] ?? 0))
  return first === undefined ? nothingIsReady : first === isBusy ? "what waits fits other nodes only" : first
}

interface Class {
  readonly className: string
  nodes: number
  slots: number
  busy: number
  slotMillis: number
  busyMillis: number
  readonly idleMillis: Record<string, number>
}

const add = (record: Record<string, number>, key: string, value: number): void => {
  record[key] = (record[key] ?? 0) + value
}

export class Ledger {
  readonly #total: number
  readonly #classes = new Map<string, Class>()
  readonly #classOf = new Map<string, Class>()
  readonly #since = new Map<PlannedTask, number>()
  /** Tasks that have dependencies still to end, by the key of what they wait for. */
  readonly #dependents = new Map<string, Array<PlannedTask>>()
  readonly #open = new Map<PlannedTask, number>()
  readonly #waits = new Map<string, Array<number>>()
  readonly #waited: Record<string, number> = {}
  readonly #refused = new Map<string, number>()
  #samples: Array<Sample> = []
  #stepMillis = 1_000
  #nextSampleMillis = 0
  #waiting: Readonly<Record<string, number>> = {}
  #idleWhy = nothingIsReady
  #atMillis = 0
  #ended = 0
  #lost = 0
  #lastEndMillis = 0

  constructor(plan: Plan) {
    this.#total = plan.tasks.length
    const known = new Set(plan.tasks.map(({ task }) => keyOf(task.metadata.namespace, task.metadata.name)))
    for (const planned of plan.tasks) {
      const { metadata, spec } = planned.task
      const waitsFor = new Set(
        (spec.dependsOn ?? []).map((name) => keyOf(metadata.namespace, name)).filter((key) => known.has(key))
      )
      if (waitsFor.size > 0) this.#open.set(planned, waitsFor.size)
      for (const key of waitsFor) {
        const list = this.#dependents.get(key)
        if (list === undefined) this.#dependents.set(key, [planned])
        else list.push(planned)
      }
    }
  }

  joined({ className, node }: PlannedNode, slots: number, nowMillis: number): void {
    this.pass(nowMillis)
    const known = this.#classes.get(className)
    const ours = known ?? {
      className,
      nodes: 0,
      slots: 0,
      busy: 0,
      slotMillis: 0,
      busyMillis: 0,
      idleMillis: {}
    }
    ours.nodes++
    ours.slots += slots
    this.#classes.set(className, ours)
    this.#classOf.set(node.metadata.name, ours)
  }

  left({ node }: PlannedNode, nowMillis: number): void {
    this.pass(nowMillis)
    const ours = this.#classOf.get(node.metadata.name)
    if (ours !== undefined) ours.slots -= node.status?.capability?.slots ?? 1
  }

  arrived(planned: PlannedTask, nowMillis: number): void {
    if (!this.#open.has(planned)) this.#since.set(planned, nowMillis)
  }

  started(planned: PlannedTask, node: string, nowMillis: number): void {
    const waits = this.#waits.get(planned.group)
    const waited = nowMillis - (this.#since.get(planned) ?? nowMillis)
    if (waits === undefined) this.#waits.set(planned.group, [waited])
    else waits.push(waited)
    if (planned.takesSlot) this.#occupy(node, 1)
  }

  lost(planned: PlannedTask, node: string, nowMillis: number): void {
    this.pass(nowMillis)
    this.#lost++
    this.#since.set(planned, nowMillis)
    if (planned.takesSlot) this.#occupy(node, -1)
  }

  finished(planned: PlannedTask, node: string, nowMillis: number): void {
    this.#ended++
    this.#lastEndMillis = nowMillis
    if (planned.takesSlot) this.#occupy(node, -1)
    this.#since.delete(planned)
    const { name, namespace } = planned.task.metadata
    for (const dependent of this.#dependents.get(keyOf(namespace, name)) ?? []) {
      const left = (this.#open.get(dependent) ?? 1) - 1
      if (left > 0) this.#open.set(dependent, left)
      else {
        this.#open.delete(dependent)
        this.#since.set(dependent, nowMillis)
      }
    }
  }

  refused(_planned: PlannedTask, why: string, nowMillis: number): void {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1)
    this.#lastEndMillis = nowMillis
  }

  #occupy(node: string, slots: number): void {
    const ours = this.#classOf.get(node)
    if (ours !== undefined) ours.busy += slots
  }

  /** Time goes on to this moment, with everything as it is. */
  pass(toMillis: number): void {
    const span = toMillis - this.#atMillis
    if (span <= 0) return
    for (const ours of this.#classes.values()) {
      ours.slotMillis += ours.slots * span
      ours.busyMillis += ours.busy * span
      const idle = (ours.slots - ours.busy) * span
      if (idle > 0) add(ours.idleMillis, this.#idleWhy, idle)
    }
    for (const [why, count] of Object.entries(this.#waiting)) add(this.#waited, why, count * span)
    this.#atMillis = toMillis
  }

  /** Looks at what waits, where the last look is long enough ago. */
  sample(nowMillis: number, scheduler: Scheduler): void {
    if (nowMillis < this.#nextSampleMillis) return
    const waiting: Record<string, number> = {}
    for (const { count, wait } of scheduler.queues()) add(waiting, kindOf(wait), count)
    this.#waiting = waiting
    this.#idleWhy = whyIdle(waiting)
    let slots = 0
    let busySlots = 0
    for (const ours of this.#classes.values()) {
      slots += ours.slots
      busySlots += ours.busy
    }
    this.#samples.push({ atMillis: nowMillis, busySlots, slots, waiting })
    if (this.#samples.length > mostSamples) {
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0)
      this.#stepMillis *= 2
    }
    this.#nextSampleMillis = nowMillis + this.#stepMillis
  }

  outcome(nowMillis: number, scheduler: Scheduler): Outcome {
    this.pass(nowMillis)
    const never = new Map(this.#refused)
    for (const { count, wait } of scheduler.queues())
      never.set(wait.message, (never.get(wait.message) ?? 0) + count)
    return {
      tasks: this.#total,
      ended: this.#ended,
      lost: this.#lost,
      makespanMillis: this.#lastEndMillis,
      waits: [...this.#waits].map(([group, waits]) => summary(group, waits)),
      classes: [...this.#classes.values()].map(
        ({ busyMillis, className, idleMillis, nodes, slotMillis }) => ({
          className,
          nodes,
          slotMillis,
          busyMillis,
          idleMillis
        })
      ),
      waitedMillis: this.#waited,
      samples: this.#samples,
      never: [...never].map(([why, count]) => ({ why, count })).sort((a, b) => b.count - a.count)
    }
  }
}

const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ""}/${name}`

/** The smallest value that at least this share of the values does not pass. */
const quantile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0

const summary = (group: string, waits: ReadonlyArray<number>): Waits => {
  const sorted = waits.toSorted((a, b) => a - b)
  return {
    group,
    count: sorted.length,
    p50Millis: quantile(sorted, 0.5),
    p95Millis: quantile(sorted, 0.95),
    p99Millis: quantile(sorted, 0.99),
    maxMillis: sorted.at(-1) ?? 0
  }
}
