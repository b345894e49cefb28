import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"

import { type AgenticTask, agenticTasks } from "../../schema/AgenticTask.ts"
import { RunEvents } from "../../src/executors/Executor.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import {
  phaseOf,
  result,
  scheduled,
  scriptedExecutor,
  settle,
  startDaemon,
  statusOf,
  terminate
} from "./running.ts"

/** Tasks whose name begins with `job` work in a Job, and say so as JobExecutor does. */
const jobsToo = () => {
  const script = scriptedExecutor()
  const asked: Array<string> = []
  const execute = (run: { readonly task: AgenticTask }) =>
    Effect.gen(function* () {
      const { name, namespace } = run.task.metadata
      const publish = yield* RunEvents
      if (name.startsWith("job")) {
        yield* publish({
          type: "JobCreated",
          task: { name, namespace },
          jobName: `foreman-coder-${name}`,
          namespace: "foreman-system",
          container: "coder"
        })
      }
      return yield* script.executor.execute(run)
    })
  const isJob = (task: { readonly metadata: { readonly name: string } }) =>
    Effect.sync(() => {
      asked.push(task.metadata.name)
      return task.metadata.name.startsWith("job")
    })
  return { ...script, asked, executor: { ...script.executor, execute, isJob } }
}

describe("tasks that work in Jobs", () => {
  it.effect("whose Agent could not be read once are asked for again, and wait for no other run", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = jobsToo()
      let asked = 0
      const isJob = () => Effect.sync(() => (asked++ === 0 ? undefined : true))
      const unsure = { ...script, executor: { ...script.executor, isJob } }
      yield* startDaemon(unsure)
      yield* cluster.seed(agenticTasks, scheduled("plain"))
      yield* settle
      yield* cluster.seed(agenticTasks, scheduled("job"))
      yield* settle
      assert.deepStrictEqual(script.began, ["plain"])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(script.began, ["plain", "job"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("take no slot, and leave theirs to others", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = jobsToo()
      yield* cluster.seed(
        agenticTasks,
        ...["job-a", "job-b", "job-c", "plain-a", "plain-b"].map((name) => scheduled(name))
      )
      yield* startDaemon(script)
      assert.deepStrictEqual(script.began.toSorted(), ["job-a", "job-b", "job-c", "plain-a"])
      assert.strictEqual(yield* phaseOf("plain-b"), "Scheduled")
      yield* script.end("job-a", result())
      assert.strictEqual(yield* phaseOf("plain-b"), "Scheduled")
      yield* script.end("plain-a", result())
      assert.strictEqual(yield* phaseOf("plain-b"), "Running")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("are taken while every slot is in use, and at most 32 at once", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = jobsToo()
      yield* cluster.seed(agenticTasks, scheduled("a-plain"))
      yield* startDaemon(script)
      const names = Array.from({ length: 34 }, (_, index) => `job-${index + 10}`)
      yield* cluster.seed(agenticTasks, ...names.map((name) => scheduled(name)))
      yield* settle
      assert.deepStrictEqual(script.began, ["a-plain", ...names.slice(0, 32)])
      yield* script.end("job-10", result())
      assert.strictEqual(script.began.length, 34)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("show their Job while it runs, in one further write, and nobody is asked without need", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = jobsToo()
      yield* cluster.seed(agenticTasks, scheduled("job-a"))
      yield* startDaemon(script)
      assert.strictEqual((yield* statusOf("job-a"))?.jobName, "foreman-coder-job-a")
      yield* script.end("job-a", result({ extra: { jobName: "foreman-coder-job-a" } }))
      const status = yield* statusOf("job-a")
      assert.deepStrictEqual([status?.phase, status?.jobName], ["Succeeded", "foreman-coder-job-a"])
      const writes = (yield* cluster.writes).filter(({ resource }) => resource.startsWith("agentictasks"))
      assert.deepStrictEqual([writes.length, script.asked], [3, []])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("are handed back at once when the node drains: their Jobs need nobody", () =>
    Effect.gen(function* () {
      const cluster = yield* FakeCluster
      const script = jobsToo()
      yield* cluster.seed(agenticTasks, scheduled("job-a"), scheduled("plain-a"))
      const daemon = yield* startDaemon(script)
      yield* terminate(daemon)
      assert.deepStrictEqual(
        [yield* phaseOf("job-a"), yield* phaseOf("plain-a"), script.interrupted],
        ["Pending", "Running", ["job-a"]]
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
