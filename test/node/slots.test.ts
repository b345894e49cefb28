/** Several tasks at once on one node. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { KubeClient, Unavailable } from "../../src/services/KubeClient.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import {
  atEpoch,
  memoryRecords,
  phaseOf,
  result,
  scheduled,
  scriptedExecutor,
  settle,
  startDaemon,
  statusOf,
  terminate
} from "./running.ts"

const names = ["a", "b", "c", "d"]
const down = new Unavailable({ message: "connection refused" })

describe("a node with four slots", () => {
  it.effect(
    "that is killed over four runs takes up each: what had ended is reported, the rest runs again",
    () =>
      Effect.gen(function* () {
        yield* atEpoch
        const cluster = yield* FakeCluster
        const records = memoryRecords()
        const first = scriptedExecutor()
        yield* cluster.seed(agenticTasks, ...names.map((name) => scheduled(name)))
        const daemon = yield* startDaemon(first, { slots: 4 }, records)
        assert.deepStrictEqual(first.began, names)
        const claims = yield* Effect.forEach(names, (name) =>
          Effect.map(statusOf(name), (status) => status?.claim)
        )
        assert.strictEqual(new Set(claims.map((claim) => claim?.id)).size, 4)
        let isDown = true
        yield* cluster.failNext(down, {
          when: ({ resource, verb }) => isDown && verb === "patch" && resource.startsWith("agentictasks"),
          times: 1_000
        })
        yield* first.end("a", result({ summary: "of a" }))
        yield* first.end("c", result({ summary: "of c" }))
        assert.strictEqual(records.entries.size, 2)
        yield* terminate(daemon)
        yield* TestClock.adjust("30 seconds")

        isDown = false
        const second = scriptedExecutor()
        yield* startDaemon(second, { slots: 4, processToken: "p2" }, records)
        assert.deepStrictEqual(second.began, ["b", "d"])
        for (const name of ["b", "d"]) yield* second.end(name, result({ summary: `of ${name}` }))
        for (const name of names) {
          const status = yield* statusOf(name)
          assert.deepStrictEqual([status?.phase, status?.result?.["summary"]], ["Succeeded", `of ${name}`])
        }
        assert.strictEqual(records.entries.size, 0)
      }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect(
    "begins a task that was made anew when the run of the one before it has left their workspace",
    () =>
      Effect.gen(function* () {
        const cluster = yield* FakeCluster
        const kube = yield* KubeClient
        const script = scriptedExecutor()
        const execute: typeof script.executor.execute = (run) =>
          script.executor.execute(run).pipe(Effect.onInterrupt(() => Effect.sleep("5 seconds")))
        yield* cluster.seed(agenticTasks, scheduled("a"))
        yield* startDaemon({ ...script, executor: { ...script.executor, execute } }, { slots: 4 })
        yield* kube.delete(agenticTasks, { name: "a", namespace: "default" })
        yield* settle
        assert.deepStrictEqual(script.interrupted, ["a"])
        yield* cluster.seed(agenticTasks, scheduled("a"), scheduled("b"))
        yield* settle
        assert.deepStrictEqual([script.began, yield* phaseOf("a")], [["a", "b"], "Scheduled"])
        yield* TestClock.adjust("5 seconds")
        yield* settle
        assert.deepStrictEqual([script.began, yield* phaseOf("a")], [["a", "b", "a"], "Running"])
      }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
