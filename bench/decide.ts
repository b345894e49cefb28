/** The scheduler alone, without API server and without effects: a full fleet from nothing, then one event at a time in it. */
import { Scheduler } from "../src/decide/scheduler.ts"
import type { AgenticTask } from "../schema/AgenticTask.ts"
import type { FleetNode } from "../schema/FleetNode.ts"
import { percentile } from "./load.ts"
import type { Measured, Options, Row } from "./report.ts"

const epoch = 1_800_000_000_000

const keyOf = (index: number): string => `bench/task-${index}`

const task = (index: number, status?: AgenticTask["status"]): AgenticTask => ({
  metadata: {
    name: `task-${index}`,
    namespace: "bench",
    uid: `uid-${index}`,
    creationTimestamp: new Date(epoch + index).toISOString()
  },
  spec: {
    kind: "freeform",
    payload: { branchStrategy: "reset" },
    // Ten kinds of demand, as a fleet of a few agents has.
    requiredCapability: { minRAMGB: 4 + (index % 10), accelerator: "any" }
  },
  ...(status === undefined ? {} : { status })
})

const host = (index: number, beat = 0) => {
  const node: FleetNode = {
    metadata: { name: `node-${index}` },
    spec: { nodeName: `node-${index}`, roles: ["worker"] },
    status: {
      phase: "Ready",
      lastHeartbeatTime: new Date(epoch + beat * 1000).toISOString(),
      capability: { totalRAMGB: 64, availableRAMGB: 48 }
    }
  }
  return { node, isLive: true, hasLease: true }
}

const micros = (work: () => void): number => {
  const startedAt = performance.now()
  work()
  return (performance.now() - startedAt) * 1000
}

interface World {
  readonly fromEmptyMillis: number
  readonly finishMicros: number
  readonly beatMicros: number
  readonly newTaskMicros: number
}

/** Times of single events, best told by their median: the first ones are compiled late. */
const events = (count: number, event: (turn: number) => void): number =>
  percentile(
    Array.from({ length: count }, (_, turn) => micros(() => event(turn))),
    0.5
  )

const measure = (tasks: number, nodes: number, turns: number): World => {
  const scheduler = new Scheduler()
  let now = epoch
  let assigned: Array<{ readonly index: number; readonly node: string }> = []
  const decide = (): void => {
    now += 1
    for (const { decision, key } of scheduler.decide(now).decisions) {
      if (decision._tag === "Assign") assigned.push({ index: Number(key.split("-")[1]), node: decision.node })
    }
  }
  const run = (): void => {
    for (const { index, node } of assigned) {
      scheduler.taskChanged(keyOf(index), task(index, { phase: "Running", assignedNode: node }))
    }
  }
  const fromEmptyMillis =
    micros(() => {
      for (let index = 0; index < nodes; index++) scheduler.nodeChanged(`node-${index}`, host(index))
      for (let index = 0; index < tasks; index++) scheduler.taskChanged(keyOf(index), task(index))
      decide()
    }) / 1000
  if (assigned.length !== nodes)
    throw new Error(`${assigned.length} tasks were placed on ${nodes} nodes of one slot`)
  run()
  decide()
  const running = assigned
  assigned = []
  const beatMicros = events(turns, (turn) => {
    scheduler.nodeChanged(`node-${turn % nodes}`, host(turn % nodes, turn))
    decide()
  })
  const finishMicros = events(Math.min(turns, nodes), (turn) => {
    const one = running[turn]
    if (one === undefined) return
    scheduler.taskChanged(keyOf(one.index), task(one.index, { phase: "Succeeded", verdict: "GO" }))
    decide()
  })
  if (assigned.length !== Math.min(turns, nodes)) throw new Error("a finish placed no next task")
  const newTaskMicros = events(turns, (turn) => {
    scheduler.taskChanged(keyOf(tasks + turn), task(tasks + turn))
    decide()
  })
  return { fromEmptyMillis, finishMicros, beatMicros, newTaskMicros }
}

/** Of three worlds the one that the machine disturbed least: the first pass is long enough to lose its core. */
const best = (tasks: number, nodes: number, turns: number): World => {
  const [first, ...others] = Array.from({ length: 3 }, () => measure(tasks, nodes, turns))
  if (first === undefined) throw new Error("three worlds are measured")
  return others.reduce((least, one) => (one.fromEmptyMillis < least.fromEmptyMillis ? one : least), first)
}

export const run = ({ isQuick }: Options): Promise<Measured> => {
  const turns = isQuick ? 10 : 100
  const sizes = isQuick ? ([10, 100] as const) : ([100, 1_000] as const)
  measure(1_000, 100, turns)
  const [small, large] = [best(10 * sizes[0], sizes[0], turns), best(10 * sizes[1], sizes[1], turns)]
  const name = (nodes: number) =>
    `${(nodes * 10).toLocaleString("en-US")} tasks × ${nodes.toLocaleString("en-US")} nodes`
  const event = (what: string, of: (world: World) => number): Row => ({
    measure: `decide() alone: ${what}`,
    figures: [
      { name: name(sizes[0]), value: of(small), unit: "µs" },
      { name: name(sizes[1]), value: of(large), unit: "µs" },
      { name: "growth", value: of(large) / of(small), unit: "×" }
    ],
    ceiling: "1 × for ten times the world, if an event costs only what it changes"
  })
  return Promise.resolve({
    rows: [
      {
        measure: "decide() alone: everything from nothing",
        figures: [
          { name: name(sizes[0]), value: small.fromEmptyMillis, unit: "ms" },
          { name: name(sizes[1]), value: large.fromEmptyMillis, unit: "ms" },
          { name: "growth", value: large.fromEmptyMillis / small.fromEmptyMillis, unit: "×" }
        ],
        ceiling: "10 × for ten times the world"
      },
      event("a task ends and the next takes its slot", ({ finishMicros }) => finishMicros),
      event("a heartbeat that changes nothing", ({ beatMicros }) => beatMicros),
      event("a new task, while every slot is taken", ({ newTaskMicros }) => newTaskMicros)
    ]
  })
}
