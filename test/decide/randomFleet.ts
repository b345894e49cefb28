/** A fleet to which random things happen, and the schedulers that hear of it. */
import { assert } from "@effect/vitest"
import { Schema } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import { type AgenticTask, label, type TaskKind, type TaskStatus } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatTime } from "../../schema/Time.ts"
import { isInFlight } from "../../src/decide/capacity.ts"
import type { Decision } from "../../src/decide/decision.ts"
import type { FleetHost } from "../../src/decide/fleet.ts"
import { parkedUntilOf } from "../../src/decide/parking.ts"
import { Scheduler } from "../../src/decide/scheduler.ts"
import { agent, epoch, node, task } from "../builders.ts"
import { line, reference, type World } from "./schedule.reference.ts"

const happenings =
  "task task task task task node node beat run end end end lose drop agent held held park time".split(" ")

/** One thing that happens. What the numbers mean depends on it. */
export interface Step {
  readonly what: string
  readonly who: number
  readonly a: number
  readonly b: number
  readonly c: number
  /** More happens before anybody decides. */
  readonly isFollowed: boolean
}

/** A seed, and how much happens. */
export const History = Schema.Struct({
  seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 })),
  length: Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 90 }))
})

export const stepsOf = ({ length, seed }: typeof History.Type): ReadonlyArray<Step> => {
  let state = seed
  /** Mulberry32. */
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
  return Array.from({ length }, () => ({
    what: happenings[below(happenings.length)] ?? "time",
    who: below(16),
    a: below(6),
    b: below(6),
    c: below(6),
    isFollowed: below(2) === 0
  }))
}

const kinds: ReadonlyArray<TaskKind> = ["freeform", "issue-fix", "verify", "review", "integrate", "freeform"]
const pathSets = [undefined, ["src"], ["src/a.ts", "docs"], ["docs/*.md"], ["**/x"], undefined]

export class RandomFleet {
  nowMillis = epoch
  #made = 0
  readonly #tasks = new Map<string, AgenticTask>()
  readonly #hosts = new Map<string, FleetHost>()
  readonly #agents = new Map<string, Agent>()
  #starts: Array<{ readonly task: AgenticTask; readonly millis: number }> = []
  #since = new Map<string, { readonly reason: string; readonly millis: number }>()
  readonly #scheduler = new Scheduler()
  /** Hears the same, the other way round, and only how it came out. */
  readonly #other = new Scheduler()
  readonly #unheard: Array<(scheduler: Scheduler) => void> = []

  happen(step: Step): void {
    this.#change(step)
    if (!step.isFollowed) this.decide()
  }

  /** Lets everybody decide, holds them against each other, and carries out what was decided. */
  decide(): void {
    for (const tell of this.#unheard.splice(0).toReversed()) tell(this.#other)
    // A turn is remembered as long as anybody could be told of it.
    const lines = new Set(Array.from(this.#tasks.values(), line))
    this.#starts = this.#starts.filter((start) => lines.has(line(start.task)))
    const world: World = {
      nowMillis: this.nowMillis,
      tasks: this.#tasks,
      hosts: this.#hosts,
      agents: this.#agents,
      starts: this.#starts,
      sinceMillis: (key, reason) => {
        const known = this.#since.get(key)
        return known?.reason === reason ? known.millis : this.nowMillis
      }
    }
    const expected = reference(world)
    const { decisions } = this.#scheduler.decide(this.nowMillis)
    assert.deepStrictEqual(this.#other.decide(this.nowMillis).decisions, decisions)
    const actual = new Map<string, Decision>(decisions.map(({ key, decision }) => [key, decision]))
    for (const key of this.#tasks.keys()) {
      const wait = this.#scheduler.waitOf(key)
      if (wait !== undefined) actual.set(key, wait)
    }
    assert.deepStrictEqual(brief(actual, expected), brief(expected, expected))
    this.#holdLaws(decisions)
    this.#since = new Map(
      [...expected].flatMap(([key, it]) =>
        it._tag === "Wait"
          ? [[key, { reason: it.reason, millis: world.sinceMillis(key, it.reason) }] as const]
          : []
      )
    )
    for (const { decision, key } of decisions) this.#carryOut(key, decision)
  }

  /** Lets all holds pass and ends all that runs, until nothing runs any more. Returns the keys of tasks that still wait. */
  finish(): ReadonlyArray<string> {
    this.nowMillis += 86_400_000
    for (;;) {
      this.decide()
      const running = [...this.#tasks].filter(([, { status }]) => isInFlight(status?.phase))
      if (running.length === 0) break
      for (const [key] of running) this.#setStatus(key, { phase: "Succeeded", verdict: "GO" })
    }
    return [...this.#tasks].flatMap(([key, { status }]) =>
      (status?.phase ?? "Pending") === "Pending" ? [key] : []
    )
  }

  /** Whether a task waits that keeps its paths all the same. */
  get hasParked(): boolean {
    return [...this.#tasks.values()].some((it) => parkedUntilOf(it) !== undefined)
  }

  waitOf(key: string): string | undefined {
    return this.#scheduler.waitOf(key)?.reason
  }

  /** What must hold, said without the reference. */
  #holdLaws(decisions: ReadonlyArray<{ readonly key: string; readonly decision: Decision }>): void {
    for (const { decision, key } of decisions) {
      const it = this.#tasks.get(key)
      const heldUntil = this.#agents.get(`default/${it?.spec.agentRef?.name}`)?.status?.endpoint?.heldUntil
      if (decision._tag !== "Assign") continue
      assert.isFalse(this.nowMillis < Date.parse(heldUntil ?? ""), `${key} is placed on a held endpoint`)
      assert.isFalse(this.nowMillis < Date.parse(it?.status?.parkedUntil ?? ""), `${key} is parked`)
    }
    for (const [name, { node }] of this.#hosts) {
      const isOn = ({ spec, status }: AgenticTask) =>
        status?.assignedNode === name && isInFlight(status.phase) && !this.#isJob(spec.agentRef?.name)
      const given = decisions.filter(
        ({ decision, key }) =>
          decision._tag === "Assign" &&
          decision.node === name &&
          !this.#isJob(this.#tasks.get(key)?.spec.agentRef?.name)
      ).length
      const before = [...this.#tasks.values()].filter(isOn).length
      if (given > 0) assert.isAtMost(before + given, node.status?.capability?.slots ?? 1, `slots of ${name}`)
    }
  }

  #isJob(name: string | undefined): boolean {
    return this.#agents.get(`default/${name}`)?.spec.execution?.mode === "Job"
  }

  #carryOut(key: string, decision: Decision): void {
    const it = this.#tasks.get(key)
    if (it === undefined) return
    if (decision._tag === "Assign") {
      this.#starts.push({ task: it, millis: this.nowMillis })
      this.#setStatus(key, { phase: "Scheduled", assignedNode: decision.node })
    } else if (decision._tag === "Fail") this.#setStatus(key, { phase: "Failed", verdict: "INCOMPLETE" })
    else this.#setStatus(key, { phase: "Succeeded", verdict: "Skipped" })
  }

  #change({ a, b, c, what, who }: Step): void {
    const running = [...this.#tasks].filter(([, { status }]) => isInFlight(status?.phase))
    const [runs, it] = running[who % Math.max(running.length, 1)] ?? []
    switch (what) {
      case "task":
        this.#since.delete(`default/t${who}`)
        return this.#setTask(newTask(`t${who}`, `uid-${++this.#made}`, a, b, c, this.nowMillis))
      case "node":
        return this.#setHost(
          `n${who % 4}`,
          a === 0 ? undefined : newHost(`n${who % 4}`, a, b, c, this.nowMillis)
        )
      case "beat": {
        const host = this.#hosts.get(`n${who % 4}`)
        const lastHeartbeatTime = formatTime(this.nowMillis)
        if (host === undefined) return
        return this.#setHost(`n${who % 4}`, {
          ...host,
          isLive: a > 0,
          node: { ...host.node, status: { ...host.node.status, lastHeartbeatTime } }
        })
      }
      case "run":
        if (runs === undefined) return
        return this.#setStatus(runs, {
          ...it?.status,
          phase: "Running",
          startedAt: formatTime(this.nowMillis - a * 20_000)
        })
      case "end":
        if (runs === undefined) return
        return this.#setStatus(
          runs,
          a === 0
            ? { phase: "Failed", verdict: "INCOMPLETE" }
            : a === 1
              ? { phase: "Succeeded", verdict: "NO-GO", result: { extra: { outcome: "ALREADY-RESOLVED" } } }
              : { phase: "Succeeded", verdict: "GO" }
        )
      case "lose":
        return runs === undefined ? undefined : this.#setStatus(runs, { phase: "Pending" })
      case "drop": {
        const key = `default/t${who}`
        this.#tasks.delete(key)
        this.#since.delete(key)
        return this.#tell((scheduler) => scheduler.taskChanged(key, this.#tasks.get(key)))
      }
      case "agent": {
        const key = `default/g${who % 3}`
        if (a === 0) this.#agents.delete(key)
        else this.#agents.set(key, newAgent(`g${who % 3}`, a, b, c))
        return this.#tell((scheduler) => scheduler.agentChanged(key, this.#agents.get(key)))
      }
      case "held": {
        const key = `default/g${who % 3}`
        const it = this.#agents.get(key)
        if (it === undefined) return
        const heldUntil = formatTime(this.nowMillis + a * 30_000)
        // Another object of the same spec, as a status write brings it.
        this.#agents.set(key, { ...it, status: b === 0 ? {} : { endpoint: { heldUntil, message: "later" } } })
        return this.#tell((scheduler) => scheduler.agentChanged(key, this.#agents.get(key)))
      }
      case "park": {
        if (runs === undefined) return
        const lastTransitionTime = formatTime(this.nowMillis)
        const why = { reason: "EndpointHeld", message: "later", lastTransitionTime }
        return this.#setStatus(runs, {
          phase: "Pending",
          parkedUntil: formatTime(this.nowMillis + a * 30_000),
          conditions: [{ type: "Parked", status: "True", ...why }]
        })
      }
      case "time":
        this.nowMillis += [1_000, 20_000, 60_000, 600_000, 3_600_000, 14_400_000][a] ?? 0
    }
  }

  #setTask(it: AgenticTask): void {
    const key = refKey(it.metadata)
    this.#tasks.set(key, it)
    this.#tell((scheduler) => scheduler.taskChanged(key, this.#tasks.get(key)))
  }

  #setStatus(key: string, status: TaskStatus): void {
    const it = this.#tasks.get(key)
    if (it !== undefined) this.#setTask({ ...it, status })
  }

  #setHost(name: string, host: FleetHost | undefined): void {
    if (host === undefined) this.#hosts.delete(name)
    else this.#hosts.set(name, host)
    this.#tell((scheduler) => scheduler.nodeChanged(name, this.#hosts.get(name)))
  }

  #tell(change: (scheduler: Scheduler) => void): void {
    change(this.#scheduler)
    this.#unheard.push(change)
  }
}

const newTask = (
  name: string,
  uid: string,
  a: number,
  b: number,
  c: number,
  nowMillis: number
): AgenticTask => {
  const paths = pathSets[b]
  return task(name, {
    metadata: {
      creationTimestamp: formatTime(nowMillis - c * 600_000),
      uid,
      labels: c % 2 === 0 ? {} : { [label.workload]: `w${a % 2}` }
    },
    spec: {
      kind: kinds[c] ?? "freeform",
      payload: { branchStrategy: "reset", repo: "o/r", ...(paths === undefined ? {} : { paths }) },
      priority: a === 5 ? 1 : 0,
      ...(a < 3
        ? {
            requiredCapability: { accelerator: "any", minRAMGB: b * 8, roles: a === 2 ? ["verifier"] : [] },
            modelRef: "m"
          }
        : { agentRef: { name: `g${b % 3}` } }),
      ...(c === 5 || c === 3 ? { dependsOn: [`t${a + b}`] } : {})
    }
  })
}

const newHost = (name: string, a: number, b: number, c: number, nowMillis: number): FleetHost => ({
  isLive: c > 0,
  hasLease: b !== 5,
  node: node(name, {
    spec: { roles: c % 2 === 0 ? ["verifier"] : [] },
    status: {
      phase: "Ready",
      lastHeartbeatTime: formatTime(nowMillis),
      currentTask: `default/t${a}`,
      capability: {
        totalRAMGB: 32,
        availableRAMGB: b * 8,
        slots: 1 + (a % 4),
        installedModels: c === 1 ? ["M"] : []
      }
    }
  })
})

const newAgent = (name: string, a: number, b: number, c: number): Agent =>
  agent(name, {
    spec: {
      inferenceServiceRef: { name: `i${b % 2}` },
      model: c % 2 === 0 ? "m" : "other",
      requiredCapability: { accelerator: "any", minRAMGB: c * 4 },
      ...(a > 3 ? { maxConcurrentTasks: a - 3 } : {}),
      ...(b > 3 ? { endpointSlots: b - 3 } : {}),
      ...(c === 0 ? { execution: { mode: "Job", activeDeadlineSeconds: 60 } } : {})
    }
  })

/** Decisions as text. Words that the reference does not say are left out, and a cycle is not named. */
const brief = (
  decisions: ReadonlyMap<string, Decision>,
  expected: ReadonlyMap<string, Decision>
): Record<string, string> =>
  Object.fromEntries(
    [...decisions]
      .map(([key, it]): [string, string] => {
        const other = expected.get(key)
        if (it._tag !== "Wait") return [key, JSON.stringify(it)]
        const isSilent = other?._tag === "Wait" && other.message === ""
        return [key, `${it.reason} ${it.isShort}${isSilent ? "" : ` ${it.message}`}`]
      })
      .sort(([a], [b]) => (a < b ? -1 : 1))
  )
