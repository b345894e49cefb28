import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

import { type AgenticTask, label, type TaskKind } from "../../schema/AgenticTask.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatTime } from "../../schema/Time.ts"
import { Scheduler } from "../../src/decide/scheduler.ts"
import { agent, epoch, node, task } from "../builders.ts"
import { History, RandomFleet, stepsOf } from "./randomFleet.ts"

/** How many random worlds: `FOREMAN_WORLDS=10000` for the long run. */
const worlds = Number(process.env["FOREMAN_WORLDS"] ?? 200)

describe("laws, on random fleets to which random things happen", () => {
  it.effect.prop(
    "no slot is given twice, and none is left idle while a task that fits waits: equals a slow, obvious scheduler",
    [History],
    ([history]) =>
      Effect.sync(() => {
        const fleet = new RandomFleet()
        for (const step of stepsOf(history)) fleet.happen(step)
        for (const key of fleet.finish()) {
          // Nothing runs any more, so nobody is in anybody's way.
          assert.notInclude(["AgentBusy", "EndpointBusy", "EndpointHeld"], fleet.waitOf(key))
          if (!fleet.hasParked) assert.notStrictEqual(fleet.waitOf(key), "PathsLocked")
        }
      }),
    { arbitrary: { runs: worlds }, timeout: 900_000 }
  )

  const Newcomer = Schema.Struct({
    priority: Schema.Literals([0, 1, 2]),
    kind: Schema.Literals(["freeform", "review", "verify"]),
    workload: Schema.Literals(["low", "x", "y"])
  })
  it.effect.prop(
    "nothing starves: the least of tasks has its turn within two days of a stream that never ends",
    [Schema.Array(Newcomer).check(Schema.isMinLength(1), Schema.isMaxLength(20))],
    ([stream]) =>
      Effect.sync(() => {
        const every = 600_000
        const scheduler = new Scheduler()
        scheduler.nodeChanged("n", { node: node("n"), isLive: true, hasLease: true })
        const known = new Map<string, AgenticTask>()
        const add = (name: string, priority: number, kind: TaskKind, workload: string, turn: number) => {
          const it = task(name, {
            metadata: {
              creationTimestamp: formatTime(epoch + turn * every),
              labels: { [label.workload]: workload }
            },
            spec: { priority, kind }
          })
          known.set(refKey(it.metadata), it)
          scheduler.taskChanged(refKey(it.metadata), it)
        }
        add("low", 0, "freeform", "low", 0)
        for (let turn = 0; turn < 288; turn++) {
          const { kind = "freeform", priority = 0, workload = "x" } = stream[turn % stream.length] ?? {}
          add(`s${turn}`, priority, kind, workload, turn)
          const [given] = scheduler.decide(epoch + turn * every).decisions
          if (given?.key === "default/low") return
          scheduler.taskChanged(given?.key ?? "", undefined)
        }
        assert.fail("low waits for ever")
      }),
    { arbitrary: { runs: Math.min(worlds, 1_000) }, timeout: 600_000 }
  )
})

describe("an Agent that changes while its task runs", () => {
  it("asks for memory from when that task began, not from now on", () => {
    const scheduler = new Scheduler()
    const asking = (minRAMGB: number) =>
      agent("g", { spec: { requiredCapability: { accelerator: "any", minRAMGB } } })
    const status = {
      phase: "Ready" as const,
      lastHeartbeatTime: formatTime(epoch + 120_000),
      capability: { slots: 2, availableRAMGB: 16 }
    }
    scheduler.agentChanged("default/g", asking(0))
    scheduler.nodeChanged("n", { node: node("n", { status }), isLive: true, hasLease: true })
    const running = { phase: "Running" as const, assignedNode: "n", startedAt: formatTime(epoch) }
    const t = task("t", { spec: { agentRef: { name: "g" } }, status: running })
    // Twice: its node writes to it while it runs.
    scheduler.taskChanged("default/t", t)
    scheduler.taskChanged("default/t", t)
    scheduler.agentChanged("default/g", asking(12))
    const requiredCapability = { accelerator: "any" as const, minRAMGB: 16 }
    scheduler.taskChanged("default/u", task("u", { spec: { requiredCapability } }))
    assert.deepStrictEqual(
      scheduler.decide(epoch + 120_000).decisions.map(({ key }) => key),
      ["default/u"]
    )
  })
})

describe("what an event costs, in tasks, nodes and queues that are looked at", () => {
  /** A fleet whose ten nodes are full, and `count` tasks that wait. */
  const busy = (count: number) => {
    const scheduler = new Scheduler()
    const hostOf = (name: string, beat = 0) => ({
      node: node(name, { status: { ...node(name).status, lastHeartbeatTime: formatTime(epoch + beat) } }),
      isLive: true,
      hasLease: true
    })
    for (let index = 0; index < 10; index++) scheduler.nodeChanged(`n${index}`, hostOf(`n${index}`))
    const add = (index: number) =>
      scheduler.taskChanged(
        `default/t${index}`,
        task(`t${index}`, { metadata: { labels: { [label.workload]: `w${index % 7}` } } })
      )
    for (let index = 0; index < count; index++) add(index)
    const first = scheduler.decide(epoch).decisions[0]?.key ?? ""
    scheduler.waits(epoch)
    const cost = (event: () => void): number => {
      const before = scheduler.looked
      event()
      scheduler.decide(epoch)
      scheduler.waits(epoch)
      return scheduler.looked - before
    }
    const ended = task("x", { status: { phase: "Succeeded", verdict: "GO" } })
    return {
      "a heartbeat that changes nothing": cost(() => scheduler.nodeChanged("n3", hostOf("n3", 30_000))),
      "a finish": cost(() =>
        scheduler.taskChanged(first, { ...ended, metadata: { ...ended.metadata, name: first } })
      ),
      "a new task": cost(() => add(count)),
      "a node that falls silent": cost(() => scheduler.nodeChanged("n3", { ...hostOf("n3"), isLive: false }))
    }
  }
  it("does not grow from 100 waiting tasks to 10,000", () => {
    const few = busy(100)
    assert.deepStrictEqual(busy(10_000), few)
    assert.strictEqual(few["a heartbeat that changes nothing"], 0)
    for (const [event, cost] of Object.entries(few)) assert.isAtMost(cost, 10, event)
  })
})
