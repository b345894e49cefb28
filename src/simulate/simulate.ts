/** The scheduler of the operator on a virtual clock: what a fleet makes of a workload, without running any of it. Pure. */
import { Scheduler } from "../decide/scheduler.ts"
import { refKey, refOf } from "../../schema/Meta.ts"
import { slotsOf } from "../decide/placement.ts"
import { EventQueue } from "./EventQueue.ts"
import { Ledger, type Outcome } from "./Ledger.ts"
import { beginMillis, type Plan, type PlannedNode, type PlannedTask } from "./plan.ts"

type Event =
  | { readonly type: "join" | "leave"; readonly planned: PlannedNode }
  | { readonly type: "arrive"; readonly planned: PlannedTask }
  | { readonly type: "finish"; readonly running: Running }
  /** Time alone may decide something. */
  | { readonly type: "look" }

interface Running {
  readonly key: string
  readonly planned: PlannedTask
  readonly node: string
  /** The node left before the end. */
  isLost: boolean
}

export interface Step {
  readonly atMillis: number
  readonly type: "start" | "finish" | "lost"
  readonly task: string
  readonly node: string
}

export interface Options {
  /** Hears every step, in order. */
  readonly onStep?: (step: Step) => void
  /** Hears now and then how many tasks have ended. */
  readonly onProgress?: (ended: number) => void
}

const progressEvery = 1_000
const forEver = Number.POSITIVE_INFINITY

export const simulate = (plan: Plan, options: Options = {}): Outcome => {
  const scheduler = new Scheduler()
  const events = new EventQueue<Event>()
  const ledger = new Ledger(plan)
  const tasks = new Map<string, PlannedTask>()
  const runs = new Map<string, Set<Running>>()
  let nowMillis = 0
  let ended = 0
  let looksAtMillis = forEver

  for (const planned of plan.nodes) {
    events.add(planned.joinsMillis, { type: "join", planned })
    if (planned.leavesMillis < forEver) events.add(planned.leavesMillis, { type: "leave", planned })
  }
  for (const planned of plan.tasks) events.add(planned.arrivesMillis, { type: "arrive", planned })
  for (const agent of plan.agents) scheduler.agentChanged(refKey(refOf(agent)), agent)

  const tell = (type: Step["type"], { key, node }: Running) =>
    options.onStep?.({ atMillis: nowMillis, type, task: key, node })

  const start = (key: string, node: string) => {
    const planned = tasks.get(key)
    if (planned === undefined) return
    const { task } = planned
    const running: Running = { key, planned, node, isLost: false }
    const ofNode = runs.get(node) ?? new Set()
    runs.set(node, ofNode.add(running))
    scheduler.taskChanged(key, { ...task, status: { phase: "Running", assignedNode: node } })
    ledger.started(planned, node, nowMillis)
    tell("start", running)
    events.add(nowMillis + planned.takesMillis, { type: "finish", running })
  }

  /** Until nothing more follows: a task that fails may end others. Returns when time alone may decide something. */
  const act = (): number => {
    for (;;) {
      const { decisions, lookAtMillis } = scheduler.decide(beginMillis + nowMillis)
      let mayFollow = false
      for (const { decision, key } of decisions) {
        if (decision._tag === "Assign") {
          start(key, decision.node)
          continue
        }
        const planned = tasks.get(key)
        if (planned === undefined) continue
        mayFollow = true
        ledger.refused(planned, decision.message, nowMillis)
        const phase = decision._tag === "Skip" ? "Succeeded" : "Failed"
        scheduler.taskChanged(key, { ...planned.task, status: { phase } })
      }
      if (!mayFollow) return lookAtMillis
    }
  }

  const happen = (event: Event): void => {
    switch (event.type) {
      case "join": {
        const { node } = event.planned
        ledger.joined(event.planned, slotsOf(node), nowMillis)
        scheduler.nodeChanged(node.metadata.name, { node, isLive: true, hasLease: true })
        return
      }
      case "leave": {
        const { name } = event.planned.node.metadata
        scheduler.nodeChanged(name, undefined)
        for (const running of runs.get(name) ?? []) {
          running.isLost = true
          ledger.lost(running.planned, name, nowMillis)
          tell("lost", running)
          scheduler.taskChanged(running.key, running.planned.task)
        }
        runs.delete(name)
        ledger.left(event.planned, nowMillis)
        return
      }
      case "arrive": {
        const { planned } = event
        const key = refKey(refOf(planned.task))
        tasks.set(key, planned)
        ledger.arrived(planned, nowMillis)
        scheduler.taskChanged(key, planned.task)
        return
      }
      case "finish": {
        const { running } = event
        if (running.isLost) return
        const { key, node, planned } = running
        runs.get(node)?.delete(running)
        ledger.finished(planned, node, nowMillis)
        tell("finish", running)
        scheduler.taskChanged(key, { ...planned.task, status: { phase: "Succeeded", verdict: "GO" } })
        ended++
        if (ended % progressEvery === 0) options.onProgress?.(ended)
        return
      }
      case "look":
        looksAtMillis = forEver
    }
  }

  for (;;) {
    const next = events.nextMillis
    if (next === forEver) break
    ledger.pass(next)
    nowMillis = next
    while (events.nextMillis === nowMillis) {
      const event = events.next()
      if (event !== undefined) happen(event)
    }
    const looks = act() - beginMillis
    if (looks < looksAtMillis && looks > nowMillis) {
      looksAtMillis = looks
      events.add(looks, { type: "look" })
    }
    ledger.sample(nowMillis, scheduler)
  }
  return ledger.outcome(nowMillis, scheduler)
}
