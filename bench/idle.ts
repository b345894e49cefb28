/** What an operator costs when nothing happens: nodes that beat, and tasks that fit nowhere and have been told so. */
import { Effect } from "effect"

import * as Cluster from "./cluster.ts"
import { createAll } from "./load.ts"
import { between } from "./program.ts"
import type { Measured, Options, Row } from "./report.ts"
import * as Watch from "./watch.ts"

interface Size {
  readonly nodes: number
  readonly tasks: number
  readonly mostCores: number
}

/** A label that no node carries. */
const nowhere = { requiredCapability: { nodeSelector: { bench: "nowhere" } } }

const measure = Effect.fnUntraced(function* (size: Size, { isQuick, kubeconfig }: Options) {
  const [nodes, tasks] = isQuick ? [size.nodes / 10, size.tasks / 10] : [size.nodes, size.tasks]
  const cluster = yield* Cluster.open(kubeconfig)
  const watch = yield* Watch.make(cluster.kube)
  const operator = yield* Cluster.startOperator(cluster)
  const fleet = yield* Cluster.startFleet(cluster, nodes)
  yield* createAll(
    cluster.kube,
    Array.from({ length: tasks }, (_, index) => `nowhere-${index}`),
    nowhere
  )
  const told = () =>
    Array.from(watch.tasks.values()).filter(({ status }) =>
      status?.conditions?.some(({ reason }) => reason === "Unschedulable")
    ).length
  yield* watch.until(() => told() === tasks)
  yield* Effect.sleep(isQuick ? "2 seconds" : "15 seconds")
  const before = yield* Effect.all([operator.counters, fleet.counters])
  const startedAt = performance.now()
  // Four rounds of Leases, more than one of heartbeats.
  yield* Effect.sleep(isQuick ? "10 seconds" : "40 seconds")
  const after = yield* Effect.all([operator.counters, fleet.counters])
  const seconds = (performance.now() - startedAt) / 1000
  const used = between(before[0], after[0])
  const beats = Object.values(between(before[1], after[1]).requests).reduce((sum, count) => sum + count, 0)
  const written = Object.values(used.requests).reduce((sum, count) => sum + count, 0)
  const row: Row = {
    measure: `idle: ${size.nodes.toLocaleString("en-US")} heartbeating nodes, ${size.tasks.toLocaleString("en-US")} tasks that fit nowhere`,
    figures: [
      { name: "operator", value: used.cpuSeconds / seconds, unit: "core", atMost: size.mostCores },
      { name: "its memory", value: used.rssMegabytes, unit: "MB" },
      { name: "its requests", value: written / seconds, unit: "/s" }
    ],
    ceiling: `${(beats / seconds).toFixed(0)} requests/s of the nodes, so ${((1e6 * used.cpuSeconds) / Math.max(1, beats)).toFixed(0)} µs for each`,
    note: `over ${seconds.toFixed(0)} s`
  }
  return row
}, Effect.scoped)

export const run = (options: Options): Promise<Measured> =>
  Effect.gen(function* () {
    const large = yield* measure({ nodes: 1_000, tasks: 1_000, mostCores: 0.03 }, options)
    const small = yield* measure({ nodes: 100, tasks: 200, mostCores: 0.005 }, options)
    return { rows: [large, small] }
  }).pipe(Effect.runPromise)
