/** Operator and daemon as processes: how soon they work, and what they hold then. */
import { Effect } from "effect"

import { bareProcess, p50 } from "./bare.ts"
import * as Cluster from "./cluster.ts"
import type { Program } from "./program.ts"
import type { Measured, Options, Row } from "./report.ts"

interface Start {
  readonly millis: number
  readonly megabytes: number
}

/** From the start of the process to its own word that it works; its memory once it has come to rest. */
const timed = <E, R>(start: Effect.Effect<Program, E, R>) =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    const program = yield* start
    const millis = performance.now() - startedAt
    yield* Effect.sleep("1 second")
    const { rssMegabytes } = yield* program.counters
    const measured: Start = { millis, megabytes: rssMegabytes }
    return measured
  }).pipe(Effect.scoped)

export const run = ({ isQuick, kubeconfig }: Options): Promise<Measured> =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.open(kubeconfig)
    const operators: Array<Start> = []
    const daemons: Array<Start> = []
    const bare: Array<Start> = []
    // In turns, so that whatever else the machine does meanwhile meets all of them.
    for (let round = 0; round < (isQuick ? 2 : 7); round++) {
      bare.push(yield* Effect.sync(bareProcess))
      operators.push(yield* timed(Cluster.startOperator(cluster)))
      daemons.push(yield* timed(Cluster.startDaemon(cluster, "bench-daemon")))
    }
    const empty = {
      millis: p50(bare.map(({ millis }) => millis)),
      megabytes: p50(bare.map(({ megabytes }) => megabytes))
    }
    const row = (measure: string, starts: ReadonlyArray<Start>): Row => ({
      measure,
      figures: [
        { name: "p50", value: p50(starts.map(({ millis }) => millis)), unit: "ms" },
        { name: "max", value: Math.max(...starts.map(({ millis }) => millis)), unit: "ms" },
        { name: "memory", value: p50(starts.map(({ megabytes }) => megabytes)), unit: "MB" }
      ],
      ceiling: `${empty.millis.toFixed(0)} ms and ${empty.megabytes.toFixed(0)} MB for an empty node process`
    })
    return {
      rows: [
        row("operator: process start → its controllers work, and memory at rest", operators),
        row("agent: process start → the node is ready, and memory at rest", daemons)
      ]
    }
  }).pipe(Effect.scoped, Effect.runPromise)
