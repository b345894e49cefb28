/**
 * What Workloads and Agents' days have left, as the scheduler needs it: it learns of a task's end before it gives the freed slot away, and
 * so before anybody could have written the sum into a status.
 */
import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Limits } from "../../schema/Budget.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatTime } from "../../schema/Time.ts"
import { type Workload, workloads } from "../../schema/Workload.ts"
import { dayEndMillis, dayEntryOf, dayGroup, dayOf, dayOfGroup, usedOn } from "./daySpend.ts"
import { Decision, type Wait } from "./decision.ts"
import type { Refusal } from "./endpointHold.ts"
import { boundsOf, leftAfter, reached } from "./limits.ts"
import { mostOf } from "./spend.ts"
import { SpendSums } from "./spendSums.ts"
import { reason } from "./status.ts"

/** The uid of the Workload that made a task. */
export const workloadUidOf = ({ metadata }: AgenticTask): string | undefined =>
  metadata.ownerReferences?.find(({ controller, kind }) => controller === true && kind === workloads.kind)
    ?.uid

/** Whose words may be other ones now. */
export interface Changed {
  /** Keys of Agents. */
  readonly agents: ReadonlyArray<string>
  /** Uids of Workloads. */
  readonly workloads: ReadonlyArray<string>
}

const isLimited = (limits: Limits | undefined): boolean => boundsOf([{ of: "", limits }]).length > 0

export class SpentLimits {
  readonly #days = new SpendSums()
  readonly #tasks = new SpendSums()
  /** Agents that have a limit for the day, by key. */
  readonly #agents = new Map<string, Agent>()
  /** Workloads that have a limit, by key. */
  readonly #workloads = new Map<string, Workload>()
  readonly #byUid = new Map<string, Workload>()
  /** Keys of Agents and Workloads that were seen before. */
  readonly #seen = new Set<string>()
  #nowMillis = 0

  /** The task as it is; `undefined` when it is gone. */
  taskChanged(key: string, task: AgenticTask | undefined): Changed {
    if (task === undefined) {
      // What was used is used: the sums are what they were.
      this.#days.gone(key)
      this.#tasks.gone(key)
      return { agents: [], workloads: [] }
    }
    const { usage } = task.status ?? {}
    const uid = workloadUidOf(task)
    const entry = uid === undefined || usage === undefined ? undefined : { group: uid, spend: usage }
    const agentKey = refKey({ namespace: task.metadata.namespace, name: task.spec.agentRef?.name ?? "" })
    return {
      agents:
        this.#days.set(key, dayEntryOf(task)).length > 0 && this.#agents.has(agentKey) ? [agentKey] : [],
      workloads: this.#tasks.set(key, entry).filter((group) => this.#byUid.has(group))
    }
  }

  /** The Agent as it is now. True when what its day allows may be another thing. */
  agentChanged(key: string, agent: Agent | undefined): boolean {
    const said = agent?.status?.usageOfDay
    if (this.#isNew(`Agent ${key}`, agent) && said !== undefined) {
      this.#days.begin(dayGroup(key, said.day), said.deletedTasks)
    }
    const had = this.#agents.delete(key)
    if (agent === undefined || !isLimited(agent.spec.limitsPerDay)) return had
    this.#agents.set(key, agent)
    return true
  }

  /** The Workload as it is now. Returns those whose tasks may wait for something else. */
  workloadChanged(key: string, workload: Workload | undefined): ReadonlyArray<string> {
    const before = this.#workloads.get(key)?.metadata.uid
    this.#workloads.delete(key)
    if (before !== undefined) this.#byUid.delete(before)
    const uid = workload?.metadata.uid
    if (this.#isNew(`Workload ${uid ?? before}`, workload) && uid !== undefined) {
      this.#tasks.begin(uid, workload?.status?.usageOfDeletedTasks)
    }
    if (workload === undefined && before !== undefined) this.#tasks.forget(before)
    if (workload === undefined || uid === undefined || !isLimited(workload.spec.limits)) {
      return before === undefined ? [] : [before]
    }
    this.#workloads.set(key, workload)
    this.#byUid.set(uid, workload)
    return before === undefined || before === uid ? [uid] : [before, uid]
  }

  /** Time goes on. Returns the Agents that begin a new day. */
  pass(nowMillis: number): ReadonlyArray<string> {
    const [before, now] = [dayOf(this.#nowMillis), dayOf(nowMillis)]
    this.#nowMillis = nowMillis
    if (before === now) return []
    // Yesterday is kept, in case that the clock is set back.
    for (const group of this.#days.groups()) {
      if (dayOfGroup(group) < now && dayOfGroup(group) !== before) this.#days.forget(group)
    }
    return [...this.#agents.keys()]
  }

  /** When time alone changes something; infinity for never. */
  get lookAtMillis(): number {
    return this.#agents.size === 0 ? Number.POSITIVE_INFINITY : dayEndMillis(this.#nowMillis)
  }

  /** Why no further task of this Agent may start today; `undefined` when one may. */
  dayRefusal({ metadata }: Agent): (Refusal & { readonly isShort: false }) | undefined {
    if (this.#agents.size === 0) return undefined
    const key = refKey(metadata)
    const agent = this.#agents.get(key)
    const limits = agent?.spec.limitsPerDay
    if (agent === undefined || limits === undefined) return undefined
    const day = dayOf(this.#nowMillis)
    const spent = mostOf(this.#days.of(dayGroup(key, day)), usedOn(agent.status?.usageOfDay, day))
    const hit = reached({ of: `the day of Agent ${metadata.name}`, limits }, spent, agent.spec.prices)
    return (
      hit && {
        reason: reason.dayLimitReached,
        isShort: false,
        message: `${hit.message}; the next day begins at ${formatTime(dayEndMillis(this.#nowMillis))}`
      }
    )
  }

  /** Why a task of a Workload may not start; `undefined` when it may. */
  workloadWait(task: AgenticTask): Wait | undefined {
    const found = this.#limitsOf(task)
    const hit = found && reached(found, found.spent)
    return (
      hit &&
      Decision.Wait({
        reason: reason.limitReached,
        message: `${hit.message}; raise it to go on, or delete the Workload`,
        isShort: false
      })
    )
  }

  /** What a run of this task may use of what its Workload has left; `undefined` where nothing bounds it. */
  leftFor(task: AgenticTask): Limits | undefined {
    const found = this.#limitsOf(task)
    return found && leftAfter(found.limits, found.spent)
  }

  /** Whether an object is seen for the first time since this process began. */
  #isNew(name: string, object: object | undefined): boolean {
    if (object === undefined) {
      this.#seen.delete(name)
      return false
    }
    const isNew = !this.#seen.has(name)
    this.#seen.add(name)
    return isNew
  }

  #limitsOf(task: AgenticTask) {
    if (this.#byUid.size === 0) return undefined
    const uid = workloadUidOf(task) ?? ""
    const workload = this.#byUid.get(uid)
    const limits = workload?.spec.limits
    if (workload === undefined || limits === undefined) return undefined
    const spent = mostOf(this.#tasks.of(uid), workload.status?.usage)
    return { of: `Workload ${workload.metadata.name}`, limits, spent }
  }
}
