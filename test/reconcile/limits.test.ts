/** Limits of Workloads and of Agents' days: who waits, for how long, and what is said. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

import { agents } from "../../schema/Agent.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import type { Limits, Spend } from "../../schema/Budget.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { workloads } from "../../schema/Workload.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { agent, epoch, node, task, workload } from "../builders.ts"
import { FakeCluster, layer } from "../fakes/FakeCluster.ts"
import { read, setTask, settle, startOperator, taskNamed, workloadNamed } from "./running.ts"

const hour = 3_600_000
/** A minute before midnight: builders count from eight in the morning. */
const evening = epoch + 16 * hour - 60_000

const spend = (inputTokens: number, more: Partial<Spend> = {}): Spend => ({
  inputTokens,
  outputTokens: 0,
  cachedTokens: 0,
  reasoningTokens: 0,
  ...more
})
const step = (name: string) => ({
  name,
  kind: "freeform" as const,
  agentRef: { name: "a" },
  payload: { branchStrategy: "reset" as const }
})

const begin = Effect.fnUntraced(function* (limitsPerDay?: Limits) {
  yield* TestClock.setTime(evening)
  const { seed } = yield* FakeCluster
  const lastHeartbeatTime = formatTime(evening)
  yield* seed(
    fleetNodes,
    node("n", { status: { lastHeartbeatTime, capability: { totalRAMGB: 64, slots: 1 } } })
  )
  yield* seed(agents, agent("a", limitsPerDay === undefined ? {} : { spec: { limitsPerDay } }))
  return yield* startOperator()
})
const end = (name: string, usage: Spend, atMillis = evening) =>
  Effect.andThen(
    setTask(name, { phase: "Succeeded", verdict: "GO", finishedAt: formatTime(atMillis), usage }),
    settle
  )
const runs = (name: string) => setTask(name, { phase: "Running" })
/** Phase and, of a waiting one, why. */
const standing = (name: string) =>
  Effect.map(taskNamed(name), ({ status }) => {
    const scheduled = status?.conditions?.find(({ type }) => type === "Scheduled")
    return [status?.phase, scheduled?.reason]
  })
const raise = (name: string, limits: Limits) =>
  Effect.flatMap(KubeClient, (kube) =>
    kube.patch(workloads, { name, namespace: "default" }, { type: "merge", body: { spec: { limits } } })
  ).pipe(Effect.andThen(settle))
const usageOfDay = Effect.map(
  read(agents, "a", "default"),
  ({ status }) => status?.usageOfDay && [status.usageOfDay.day, status.usageOfDay.usage.inputTokens]
)

describe("a Workload's limits", () => {
  it.effect("reached, no further task starts, both say why, and a higher limit lets them go on", () =>
    Effect.gen(function* () {
      yield* begin()
      const { seed } = yield* FakeCluster
      const pipeline = [step("x"), step("y"), step("z")]
      yield* seed(workloads, workload("w", { spec: { pipeline, limits: { tokens: 1000 } } }))
      yield* settle
      assert.deepStrictEqual((yield* taskNamed("w-x")).status?.workloadLimits, { tokens: 1000 })
      yield* runs("w-x")
      yield* end("w-x", spend(400, { cost: { EUR: "0.1" } }))
      assert.deepStrictEqual((yield* taskNamed("w-y")).status?.workloadLimits, { tokens: 600 })
      yield* runs("w-y")
      yield* end("w-y", spend(600, { cost: { EUR: "0.2" } }))
      assert.deepStrictEqual(yield* standing("w-z"), ["Pending", "LimitReached"])
      const { status } = yield* workloadNamed("w")
      assert.deepStrictEqual(status?.usage, spend(1000, { cost: { EUR: "0.3" } }))
      assert.strictEqual(status?.phase, "Dispatched")
      const limit = status?.conditions?.find(({ type }) => type === "LimitReached")
      assert.strictEqual(limit?.status, "True")
      assert.include(limit?.message ?? "", "limits.tokens of Workload w is reached: 1000 of 1000 tokens used")
      yield* raise("w", { tokens: 1500 })
      assert.deepStrictEqual(yield* standing("w-z"), ["Scheduled", "FleetNodeAssigned"])
      assert.deepStrictEqual((yield* taskNamed("w-z")).status?.workloadLimits, { tokens: 500 })
      const raised = (yield* workloadNamed("w")).status?.conditions
      assert.strictEqual(raised?.find(({ type }) => type === "LimitReached")?.status, "False")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("hold for the task that is placed in the moment in which another ends", () =>
    Effect.gen(function* () {
      yield* begin()
      const { seed } = yield* FakeCluster
      yield* seed(
        workloads,
        workload("w", { spec: { pipeline: [step("x"), step("y")], limits: { tokens: 5 } } })
      )
      yield* settle
      yield* runs("w-x")
      // The slot is free and the sum is over with one and the same event.
      yield* end("w-x", spend(9))
      assert.deepStrictEqual(yield* standing("w-y"), ["Pending", "LimitReached"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("what a deleted task used stays used, also for an operator that begins anew", () =>
    Effect.gen(function* () {
      const operator = yield* begin()
      const kube = yield* KubeClient
      const { seed } = yield* FakeCluster
      const pipeline = [step("x"), step("y"), step("z")]
      yield* seed(workloads, workload("w", { spec: { pipeline, limits: { tokens: 1000 } } }))
      yield* settle
      yield* runs("w-x")
      yield* end("w-x", spend(400))
      yield* runs("w-y")
      yield* kube.delete(agenticTasks, { name: "w-x", namespace: "default" })
      yield* settle
      yield* Fiber.interrupt(operator)
      yield* end("w-y", spend(600))
      yield* startOperator()
      yield* settle
      assert.strictEqual((yield* workloadNamed("w")).status?.usage?.inputTokens, 1000)
      assert.deepStrictEqual(yield* standing("w-z"), ["Pending", "LimitReached"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("the limits of an Agent's day", () => {
  it.effect("reached, its tasks wait until midnight in UTC, and no attempt is lost", () =>
    Effect.gen(function* () {
      yield* begin({ tokens: 1000 })
      const { seed } = yield* FakeCluster
      yield* seed(
        agenticTasks,
        ...["t1", "t2", "t3"].map((name) => task(name, { spec: { agentRef: { name: "a" } } }))
      )
      yield* settle
      yield* runs("t1")
      yield* end("t1", spend(400))
      yield* runs("t2")
      yield* end("t2", spend(700))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* standing("t3"), ["Pending", "DayLimitReached"])
      assert.include(
        (yield* taskNamed("t3")).status?.conditions?.[0]?.message ?? "",
        "limits.tokens of the day of Agent a is reached: 1100 of 1000 tokens used; the next day begins at 2027-01-16T00:00:00Z"
      )
      assert.deepStrictEqual(yield* usageOfDay, ["2027-01-15", 1100])
      yield* TestClock.adjust("48 seconds")
      assert.deepStrictEqual(yield* standing("t3"), ["Pending", "DayLimitReached"])
      yield* TestClock.adjust("3 seconds")
      yield* settle
      assert.deepStrictEqual(yield* standing("t3"), ["Scheduled", "FleetNodeAssigned"])
      assert.isUndefined((yield* taskNamed("t3")).status?.attempts)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("outlive the operator and the tasks that were deleted", () =>
    Effect.gen(function* () {
      const operator = yield* begin({ tokens: 1000 })
      const kube = yield* KubeClient
      const { seed } = yield* FakeCluster
      const ended = (name: string, usage: Spend) =>
        task(name, {
          spec: { agentRef: { name: "a" } },
          status: { phase: "Succeeded", verdict: "GO", finishedAt: formatTime(evening), usage }
        })
      yield* seed(agenticTasks, ended("t1", spend(400)), ended("old", spend(300)))
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(yield* usageOfDay, ["2027-01-15", 700])
      yield* kube.delete(agenticTasks, { name: "t1", namespace: "default" })
      yield* TestClock.adjust("11 seconds")
      yield* Fiber.interrupt(operator)
      // Ended while no operator was there.
      yield* seed(agenticTasks, ended("t2", spend(400)))
      yield* startOperator()
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(yield* usageOfDay, ["2027-01-15", 1100])
      yield* seed(agenticTasks, task("t3", { spec: { agentRef: { name: "a" } } }))
      yield* settle
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* standing("t3"), ["Pending", "DayLimitReached"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("an Agent is written at most once in ten seconds, and not at all for tasks without a model", () =>
    Effect.gen(function* () {
      yield* begin()
      const cluster = yield* FakeCluster
      yield* TestClock.adjust("1 second")
      yield* cluster.forgetRequests
      const finishedAt = formatTime(evening)
      const writesTo = Effect.map(
        cluster.writes,
        (all) => all.filter(({ resource }) => resource.startsWith("agents.")).length
      )
      const status = { phase: "Succeeded", verdict: "GO", finishedAt } as const
      yield* cluster.seed(agenticTasks, task("gate", { spec: { agentRef: { name: "a" } }, status }))
      yield* settle
      assert.strictEqual(yield* writesTo, 0)
      for (let count = 0; count < 20; count++) {
        yield* cluster.seed(
          agenticTasks,
          task(`t${count}`, { spec: { agentRef: { name: "a" } }, status: { ...status, usage: spend(1) } })
        )
        yield* settle
      }
      assert.strictEqual(yield* writesTo, 1)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* writesTo, 2)
      assert.deepStrictEqual(yield* usageOfDay, ["2027-01-15", 20])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
