/**
 * The scheduler as a state machine (design §3.4): it is told what changed, and says what is new. No clock and no IO: the operator feeds it
 * from its caches, `foreman simulate` from a virtual fleet.
 */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import { isInFlight } from "./capacity.ts"
import type { Host } from "./fit.ts"
import { Decision, schedule } from "./schedule.ts"

/** A node as the scheduler sees it. */
export interface FleetHost extends Host {
  /** The node shows a Lease: a daemon of ours, which runs nothing that its tasks do not name. */
  readonly hasLease: boolean
}

export type Wait = Extract<Decision, { readonly _tag: "Wait" }>
/** What ends a task's wait. */
export type Settled = Exclude<Decision, Wait>

export interface Decided {
  /** In the order in which they were made. */
  readonly decisions: ReadonlyArray<{ readonly key: string; readonly decision: Settled }>
  /** When time alone may decide something: call `decide` again then. Milliseconds since the epoch; infinity for never. */
  readonly lookAtMillis: number
}

export interface Told {
  readonly waits: ReadonlyArray<{ readonly key: string; readonly wait: Wait }>
  /** When further words may be due without a change. */
  readonly lookAtMillis: number
}

export class Scheduler {
  readonly #tasks = new Map<string, AgenticTask>()
  readonly #hosts = new Map<string, FleetHost>()
  readonly #agents = new Map<string, Agent>()
  readonly #decided = new Map<string, Settled>()
  #waits = new Map<string, { readonly wait: Wait; readonly sinceMillis: number }>()
  readonly #told = new Map<string, string>()

  /** The task as it is now, by `namespace/name`; `undefined` when it is gone or going. What was decided for it stands no longer. */
  taskChanged(key: string, task: AgenticTask | undefined): void {
    this.#decided.delete(key)
    if (task === undefined || task.metadata.deletionTimestamp !== undefined) this.#tasks.delete(key)
    else this.#tasks.set(key, task)
  }

  /** The node as it is now, and whether it lives; `undefined` when it is gone. */
  nodeChanged(name: string, host: FleetHost | undefined): void {
    if (host === undefined) this.#hosts.delete(name)
    else this.#hosts.set(name, host)
  }

  /** The Agent as it is now, by `namespace/name`. */
  agentChanged(key: string, agent: Agent | undefined): void {
    if (agent === undefined) this.#agents.delete(key)
    else this.#agents.set(key, agent)
  }

  /** Places what can be placed and ends what cannot come to anything. A decision counts as done until `taskChanged` says otherwise. */
  decide(nowMillis: number): Decided {
    const pending: Array<AgenticTask> = []
    const inFlight: Array<AgenticTask> = []
    for (const [key, task] of this.#tasks) {
      const decision = this.#decided.get(key)
      if (decision?._tag === "Assign") {
        inFlight.push({ ...task, status: { phase: "Scheduled", assignedNode: decision.node } })
      } else if (isInFlight(task.status?.phase)) inFlight.push(task)
      else if (decision === undefined && (task.status?.phase ?? "Pending") === "Pending") pending.push(task)
    }
    const before = this.#waits
    this.#waits = new Map()
    const decisions: Array<{ readonly key: string; readonly decision: Settled }> = []
    for (const [task, decision] of schedule({
      nowMillis,
      pending,
      inFlight,
      hosts: [...this.#hosts.values()],
      task: (namespace, name) => this.#tasks.get(refKey({ namespace, name })),
      agent: (namespace, name) => this.#agents.get(refKey({ namespace, name })),
      missingSinceMillis: ({ metadata }, why) => {
        const known = before.get(refKey(metadata))
        return known?.wait.reason === why ? known.sinceMillis : nowMillis
      }
    })) {
      const key = refKey(task.metadata)
      if (decision._tag === "Wait") {
        const known = before.get(key)
        const sinceMillis = known?.wait.reason === decision.reason ? known.sinceMillis : nowMillis
        this.#waits.set(key, { wait: decision, sinceMillis })
      } else {
        this.#decided.set(key, decision)
        decisions.push({ key, decision })
      }
    }
    return { decisions, lookAtMillis: this.#waits.size === 0 ? Number.POSITIVE_INFINITY : nowMillis + 1000 }
  }

  /** The words that are new since the last call: a reason at once, new numbers in its message every 30 s. Ask seldom: once a second is often. */
  waits(_nowMillis: number): Told {
    const waits: Array<{ readonly key: string; readonly wait: Wait }> = []
    for (const [key, { wait }] of this.#waits) {
      if (this.#told.get(key) === wait.reason) continue
      this.#told.set(key, wait.reason)
      waits.push({ key, wait })
    }
    return { waits, lookAtMillis: Number.POSITIVE_INFINITY }
  }

  /** Why this task waits, as of the last `decide`; `undefined` when it does not. */
  waitOf(key: string): Wait | undefined {
    return this.#waits.get(key)?.wait
  }

  /** Tasks that wait, by reason and message: cheap, for it counts queues and not tasks. */
  queues(): ReadonlyArray<{ readonly wait: Wait; readonly count: number }> {
    const counts = new Map<string, { readonly wait: Wait; count: number }>()
    for (const { wait } of this.#waits.values()) {
      const id = `${wait.reason} ${wait.message}`
      const known = counts.get(id)
      if (known === undefined) counts.set(id, { wait, count: 1 })
      else known.count++
    }
    return [...counts.values()]
  }
}
