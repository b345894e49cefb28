/** Ten daemons as people run them, each a process: how soon a task is placed and begins, and how fast forty of none's length are over. */
import { Effect } from "effect"

import * as Ceiling from "./ceiling.ts"
import * as Cluster from "./cluster.ts"
import { burst, oneByOne, percentile, toRunning, toScheduled } from "./load.ts"
import type { Measured, Options } from "./report.ts"
import * as Watch from "./watch.ts"

const daemons = 10
const burstTasks = 40

export const run = ({ isQuick, kubeconfig }: Options): Promise<Measured> =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.open(kubeconfig)
    const { kube } = cluster
    const ceiling = yield* Ceiling.measure(kube, isQuick ? 1 : 4)
    yield* Cluster.startOperator(cluster)
    yield* Cluster.startDaemons(cluster, daemons)
    const watch = yield* Watch.make(kube)
    // The first ones pay for connections and code that is compiled late.
    yield* oneByOne(kube, watch, "warm", 10)
    const single = yield* oneByOne(kube, watch, "single", isQuick ? 20 : 200)
    const rates: Array<number> = []
    for (let round = 0; round < (isQuick ? 2 : 7); round++) {
      const { seconds } = yield* burst(kube, watch, `burst-${round}`, burstTasks)
      rates.push(burstTasks / seconds)
    }
    const scheduled = toScheduled(single)
    const running = toRunning(single)
    const patch = `${(1000 / ceiling).toFixed(1)} ms a status patch when 16 writers keep it busy (${Math.round(ceiling)}/s)`
    const distribution = (name: string, values: ReadonlyArray<number>) => ({
      name,
      points: Array.from(
        { length: 101 },
        (_, share) => [percentile(values, share / 100), share / 100] as const
      )
    })
    return {
      rows: [
        {
          measure: "task created → Running, one task at a time, 10 idle daemons",
          figures: [
            { name: "p50", value: percentile(running, 0.5), unit: "ms", atMost: 25 },
            { name: "p99", value: percentile(running, 0.99), unit: "ms", atMost: 60 },
            { name: "max", value: Math.max(...running), unit: "ms" }
          ],
          ceiling: patch
        },
        {
          measure: "the operator's part of it, created → Scheduled",
          figures: [
            { name: "p50", value: percentile(scheduled, 0.5), unit: "ms", atMost: 12 },
            { name: "p99", value: percentile(scheduled, 0.99), unit: "ms", atMost: 30 },
            { name: "max", value: Math.max(...scheduled), unit: "ms" }
          ],
          ceiling: patch
        },
        {
          measure: "40 zero-length tasks over 10 daemons",
          figures: [
            { name: "p50", value: percentile(rates, 0.5), unit: "tasks/s", atLeast: 60 },
            { name: "least", value: Math.min(...rates), unit: "tasks/s" }
          ],
          ceiling: `${Math.round(ceiling / 4)} tasks/s if every write of theirs (4 a task) went at the ceiling of ${Math.round(ceiling)}/s`,
          note: `${rates.length} rounds`
        }
      ],
      series: [distribution("created → Scheduled", scheduled), distribution("created → Running", running)]
    }
  }).pipe(Effect.scoped, Effect.runPromise)
