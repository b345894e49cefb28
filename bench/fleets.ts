/**
 * Tasks of no length over fleets of 10, 100 and 1,000 nodes: throughput beside what the API server can write, what a task costs everybody,
 * and how the time grows with the work.
 */
import { Effect } from "effect"

import { bareProcess } from "./bare.ts"
import * as Ceiling from "./ceiling.ts"
import * as Cluster from "./cluster.ts"
import type { Counters } from "./counters.ts"
import { burst, percentile, type Ran, toRunning, toScheduled } from "./load.ts"
import { between, total } from "./program.ts"
import type { Measured, Options, Row } from "./report.ts"
import * as Watch from "./watch.ts"

interface Size {
  readonly tasks: number
  readonly nodes: number
}

interface Run extends Size {
  readonly ran: Ran
  /** Status patches a second that the API server answered just before and just after, on average. */
  readonly ceiling: number
  readonly operator: Counters
  /** Of operator and nodes together, while the tasks ran. */
  readonly parties: Counters
}

const sizes = (isQuick: boolean): ReadonlyArray<Size> =>
  [
    { tasks: 100, nodes: 10 },
    { tasks: 1_000, nodes: 100 },
    { tasks: 10_000, nodes: 1_000 }
  ].map(({ nodes, tasks }) =>
    isQuick ? { tasks: tasks / 10, nodes: Math.max(1, nodes / 10) } : { tasks, nodes }
  )

/** An operator hears of new nodes' Leases within 5 s, and may tell each of its tasks from then on: that is no part of any task. */
const settling = "10 seconds"

/** What an operator writes on a node's Lease is no sign of life: it tells of a task. */
const withBells = (operator: Counters): Counters => {
  const { "PATCH leases": bells = 0, ...requests } = operator.requests
  return { ...operator, requests: { ...requests, "PATCH bells": bells } }
}

/** One fleet, from nothing: its figures must not depend on who was here before. */
const measure = Effect.fnUntraced(function* ({ nodes, tasks }: Size, { isQuick, kubeconfig }: Options) {
  const cluster = yield* Cluster.open(kubeconfig)
  const { kube } = cluster
  const ceiling = Ceiling.measure(kube, isQuick ? 1 : 4)
  const ceilingBefore = yield* ceiling
  const run = yield* Effect.gen(function* () {
    const operator = yield* Cluster.startOperator(cluster)
    const fleet = yield* Cluster.startFleet(cluster, nodes)
    const counters = Effect.all([operator.counters, fleet.counters])
    const watch = yield* Watch.make(kube)
    yield* Effect.sleep(settling)
    // The first ones pay for connections and code that is compiled late.
    yield* burst(kube, watch, "warm", 20)
    const [operatorBefore, fleetBefore] = yield* counters
    const ran = yield* burst(kube, watch, "task", tasks)
    const [operatorAfter, fleetAfter] = yield* counters
    const used = between(operatorBefore, operatorAfter)
    return { ran, operator: used, parties: total([withBells(used), between(fleetBefore, fleetAfter)]) }
  }).pipe(Effect.scoped)
  const ceilingAfter = yield* ceiling
  const result: Run = { ...run, tasks, nodes, ceiling: (ceilingBefore + ceilingAfter) / 2 }
  console.error(
    `  ${tasks} tasks, ${nodes} nodes: ${run.ran.seconds.toFixed(1)} s, ${Math.round(result.ceiling)} patches/s`
  )
  return result
}, Effect.scoped)

/** `PATCH fleetnodes/status` and `PATCH leases` are signs of life: they come with time, not with tasks. */
const isSignOfLife = (request: string): boolean => /\b(?:leases|fleetnodes)\b/u.test(request)
const isWrite = (request: string): boolean => /^(?:POST|PUT|PATCH|DELETE) /u.test(request)

const perTask = ({ parties, tasks }: Run, isCounted: (request: string) => boolean): number =>
  Object.entries(parties.requests).reduce((sum, [name, count]) => (isCounted(name) ? sum + count : sum), 0) /
  tasks

/** Of a task's own, its creation included. */
const writesPerTask = (run: Run): number => 1 + perTask(run, (name) => isWrite(name) && !isSignOfLife(name))
const rate = ({ ran, tasks }: Run): number => tasks / ran.seconds

const throughput = (run: Run): Row => {
  const writes = writesPerTask(run)
  const isGoal = run.nodes === 100
  const scheduled = toScheduled(run.ran)
  const running = toRunning(run.ran)
  const signs = perTask(run, (name) => isWrite(name) && isSignOfLife(name)) * rate(run)
  return {
    measure: `${run.tasks.toLocaleString("en-US")} tasks, ${run.nodes.toLocaleString("en-US")} nodes whose daemons answer at once`,
    figures: [
      { name: "", value: rate(run), unit: "tasks/s" },
      {
        name: "of the write ceiling ÷ writes per task",
        value: (100 * rate(run) * writes) / run.ceiling,
        unit: "%",
        ...(isGoal ? { atLeast: 60 } : {})
      },
      { name: "Scheduled p50", value: percentile(scheduled, 0.5), unit: "ms" },
      { name: "p99", value: percentile(scheduled, 0.99), unit: "ms", ...(isGoal ? { atMost: 1_400 } : {}) },
      { name: "Running p50", value: percentile(running, 0.5), unit: "ms" },
      { name: "Running p99", value: percentile(running, 0.99), unit: "ms" },
      { name: "operator", value: run.operator.cpuSeconds, unit: "CPU-s", ...(isGoal ? { atMost: 5 } : {}) }
    ],
    ceiling: `${Math.round(run.ceiling)} patches/s from 16 writers, so ${Math.round(run.ceiling / writes)} tasks/s at ${writes.toFixed(1)} writes each; signs of life took ${Math.round(signs)} writes/s of it`
  }
}

const growth = (large: Run, small: Run, atMost?: number): Row => {
  const times = large.tasks / small.tasks
  const name = ({ nodes, tasks }: Size) =>
    `${tasks.toLocaleString("en-US")} tasks, ${nodes.toLocaleString("en-US")} nodes`
  return {
    measure: `${name(large)}, beside ${name(small)}`,
    figures: [
      {
        name: "of linear",
        value: large.ran.seconds / small.ran.seconds / times,
        unit: "×",
        ...(atMost === undefined ? {} : { atMost })
      },
      {
        name: "operator CPU of linear",
        value: large.operator.cpuSeconds / small.operator.cpuSeconds / times,
        unit: "×"
      },
      { name: "took", value: large.ran.seconds, unit: "s" }
    ],
    ceiling: `1 × is ${(small.ran.seconds * times).toFixed(1)} s`
  }
}

const costs = (middle: Run, large: Run): ReadonlyArray<Row> => [
  {
    measure: "API requests per task, all parties",
    figures: [
      { name: "", value: 1 + perTask(middle, (name) => !isSignOfLife(name)), unit: "", atMost: 6 },
      {
        name: "with the signs of life of 100 nodes meanwhile",
        value: 1 + perTask(middle, () => true),
        unit: ""
      },
      { name: "operator and nodes", value: middle.parties.bytes / middle.tasks / 1024, unit: "KiB" }
    ],
    ceiling: "4: made, Scheduled, Running, ended; a large fleet is told of each task, and reads it"
  },
  {
    measure: "operator memory, 1,000 tasks and 100 nodes",
    figures: [
      { name: "", value: middle.operator.rssMegabytes, unit: "MB", atMost: 100 },
      { name: "peak", value: middle.operator.peakMegabytes, unit: "MB" },
      { name: "10,000 tasks and 1,000 nodes", value: large.operator.rssMegabytes, unit: "MB" }
    ],
    ceiling: `${Math.round(bareProcess().megabytes)} MB for an empty node process`
  },
  {
    measure: "operator CPU per 1,000 tasks",
    figures: [
      { name: "100 nodes", value: (middle.operator.cpuSeconds * 1_000) / middle.tasks, unit: "CPU-s" },
      { name: "1,000 nodes", value: (large.operator.cpuSeconds * 1_000) / large.tasks, unit: "CPU-s" }
    ],
    ceiling: "none known"
  }
]

export const run = (options: Options): Promise<Measured> =>
  Effect.gen(function* () {
    const runs: Array<Run> = []
    for (const size of sizes(options.isQuick)) runs.push(yield* measure(size, options))
    const [small, middle, large] = runs
    if (small === undefined || middle === undefined || large === undefined)
      throw new Error("three sizes are measured")
    return {
      rows: [
        ...runs.map(throughput),
        growth(middle, small),
        growth(large, middle, 1.2),
        ...costs(middle, large)
      ],
      series: [
        { name: "seconds by tasks", points: runs.map(({ ran, tasks }) => [tasks, ran.seconds] as const) },
        {
          name: "operator CPU-seconds by tasks",
          points: runs.map(({ operator, tasks }) => [tasks, operator.cpuSeconds] as const)
        }
      ]
    }
  }).pipe(Effect.runPromise)
