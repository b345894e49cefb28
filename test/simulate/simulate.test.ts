import { readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

import { chart } from "../../programs/simulate/chart.ts"
import { expand } from "../../programs/simulate/expand.ts"
import { readContents } from "../../programs/simulate/file.ts"
import { report, span } from "../../programs/simulate/report.ts"
import { EventQueue } from "../../src/simulate/EventQueue.ts"
import { simulate, type Step } from "../../src/simulate/simulate.ts"

const root = join(import.meta.dirname, "..", "..")
const planOf = (text: string, settings: ReadonlyArray<string> = []) =>
  expand(Result.getOrThrow(readContents(text, settings)), { seed: undefined, takes: "10m" })
const run = (text: string, settings?: ReadonlyArray<string>) => {
  const plan = planOf(text, settings)
  const steps: Array<Step> = []
  return { plan, steps, outcome: simulate(plan, { onStep: (step) => steps.push(step) }) }
}
const minute = 60_000

const oneNode = (work: string, node = "{ name: box }") => `nodes: [${node}]\nwork:\n${work}`
const step = (name: string, takes: string, more = "") =>
  `{ name: ${name}, kind: freeform, takes: ${takes}${more} }`

const within = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Node = Schema.Struct({ count: within(1, 4), slots: within(1, 3), leaves: within(1, 60) })
const Work = Schema.Struct({ count: within(0, 15), takes: within(0, 20), every: within(0, 3) })

describe("a simulation", () => {
  it("of three tasks on one slot takes three times as long, and the last waits for two", () => {
    const { outcome } = run(oneNode(`  - { name: a, count: 3, steps: [${step("do", "10m")}] }`))
    assert.strictEqual(outcome.makespanMillis, 30 * minute)
    assert.deepStrictEqual(outcome.waits, [
      {
        group: "a do",
        count: 3,
        p50Millis: 10 * minute,
        p95Millis: 20 * minute,
        p99Millis: 20 * minute,
        maxMillis: 20 * minute
      }
    ])
    assert.deepStrictEqual(outcome.classes, [
      { className: "box", nodes: 1, slotMillis: 30 * minute, busyMillis: 30 * minute, idleMillis: {} }
    ])
    assert.deepStrictEqual(outcome.waitedMillis, { "every node that fits is busy": 30 * minute })
  })

  it("runs the steps of an item one after another, and counts no wait before a step could begin", () => {
    const { outcome, steps } = run(
      oneNode(`  - { name: a, count: 1, steps: [${step("code", "5m")}, ${step("gate", "2m")}] }`)
    )
    assert.deepStrictEqual(
      steps.map(({ atMillis, task, type }) => [atMillis / minute, type, task]),
      [
        [0, "start", "default/a-1-code"],
        [5, "finish", "default/a-1-code"],
        [5, "start", "default/a-1-gate"],
        [7, "finish", "default/a-1-gate"]
      ]
    )
    assert.deepStrictEqual(
      outcome.waits.map(({ maxMillis }) => maxMillis),
      [0, 0]
    )
  })

  it("starts anew elsewhere what a node takes with it", () => {
    const { outcome } = run(
      `nodes: [{ name: early, leaves: 4m }, { name: late, joins: 6m }]
work:
  - { name: a, count: 1, steps: [${step("do", "10m")}] }`
    )
    assert.deepInclude(outcome, { ended: 1, lost: 1, makespanMillis: 16 * minute })
  })

  it("says of what never ran why", () => {
    const { outcome } = run(
      oneNode(`  - { name: a, count: 2, steps: [${step("do", "1m", ", requires: { accelerator: cuda }")}] }`)
    )
    assert.strictEqual(outcome.ended, 0)
    assert.deepStrictEqual(outcome.never, [{ why: "0/1 nodes fit: 1 lacks accelerator cuda", count: 2 }])
  })

  it("a Job takes no slot", () => {
    const { outcome } = run(
      `agents: [{ name: jobs, job: true }]\n${oneNode(`  - { name: a, count: 5, steps: [${step("do", "10m", ", agent: jobs")}] }`)}`
    )
    assert.strictEqual(outcome.makespanMillis, 10 * minute)
  })

  it("is the same for the same file, and another for another seed", () => {
    const text = readFileSync(join(root, "examples/simulate/team.yaml"), "utf8")
    assert.deepStrictEqual(run(text).outcome, run(text).outcome)
    assert.notDeepEqual(run(text, ["seed=8"]).outcome, run(text).outcome)
    assert.isTrue(run(text, ["nodes.mac.count=9"]).outcome.makespanMillis <= run(text).outcome.makespanMillis)
  })

  it.prop(
    "ends each task once, and never has more on a node than its slots, whatever the fleet",
    {
      nodes: Schema.Array(Node).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
      work: Schema.Array(Work).check(Schema.isMaxLength(3))
    },
    ({ nodes, work }) => {
      const text = JSON.stringify({
        // One node stays, so that all can end.
        nodes: [
          { name: "stays" },
          ...nodes.map(({ count, leaves, slots }, index) => ({
            name: `n${index}`,
            count,
            slots,
            leaves: `${leaves}m`
          }))
        ],
        work: work.map(({ count, every, takes }, index) => ({
          name: `w${index}`,
          count,
          every: `${every}m`,
          steps: [
            { name: "a", kind: "freeform", takes: `${takes}m` },
            { name: "b", kind: "review", takes: "1m" }
          ]
        }))
      })
      const { outcome, plan, steps } = run(text)
      const slots = new Map(
        plan.nodes.map(({ node }) => [node.metadata.name, node.status?.capability?.slots ?? 1])
      )
      const running = new Map<string, Set<string>>()
      const ended = new Map<string, number>()
      for (const { node, task, type } of steps) {
        const here = running.get(node) ?? new Set()
        running.set(node, here)
        if (type === "start") here.add(task)
        else assert.isTrue(here.delete(task))
        assert.isAtMost(here.size, slots.get(node) ?? 0)
        if (type === "finish") ended.set(task, (ended.get(task) ?? 0) + 1)
      }
      assert.strictEqual(ended.size, plan.tasks.length)
      assert.isTrue([...ended.values()].every((count) => count === 1))
      assert.strictEqual(outcome.ended, plan.tasks.length)
      for (const { busyMillis, idleMillis, slotMillis } of outcome.classes) {
        const idle = Object.values(idleMillis).reduce((sum, millis) => sum + millis, 0)
        assert.closeTo(busyMillis + idle, slotMillis, 1)
      }
    },
    { arbitrary: { runs: 60 } }
  )
})

describe("the file", () => {
  it.each<[string, string]>([
    ["nodes: [{ name: a, cout: 3 }]", "nodes[0].cout"],
    ["nodes: [{ name: A }]", "nodes[0].name: must be a name"],
    [
      "work: [{ name: a, count: 1, steps: [{ name: b, kind: freeform, takes: soon }] }]",
      "work[0].steps[0].takes"
    ],
    ["nodes: [", "is no YAML"],
    ["kind: Secret", "there is a Secret"]
  ])("%s is refused by name", (text, words) => {
    const read = readContents(text, [])
    assert.isTrue(Result.isFailure(read))
    if (Result.isFailure(read)) assert.include(read.failure, words)
  })

  it("may be what kubectl prints", () => {
    const list = {
      kind: "List",
      items: [
        {
          kind: "FleetNode",
          metadata: { name: "m" },
          spec: { nodeName: "m", roles: ["worker"] },
          status: { capability: { slots: 2 } }
        },
        {
          kind: "AgenticTask",
          metadata: { name: "t", namespace: "x" },
          spec: { kind: "freeform", payload: {} }
        },
        {
          kind: "AgenticTask",
          metadata: { name: "d", namespace: "x" },
          spec: { kind: "freeform", payload: {} },
          status: { phase: "Succeeded" }
        }
      ]
    }
    const { outcome } = run(JSON.stringify(list))
    assert.deepInclude(outcome, { tasks: 1, ended: 1, makespanMillis: 10 * minute })
  })

  it("is changed by settings, and a setting that has no place is refused", () => {
    assert.strictEqual(planOf("nodes: [{ name: a }]", ["nodes.a.count=4"]).nodes.length, 4)
    const read = readContents("nodes: [{ name: a }]", ["nodes.b.count=4"])
    assert.isTrue(Result.isFailure(read))
  })
})

describe("what it shows", () => {
  it("spans have their two largest units", () => {
    assert.deepStrictEqual([0, 59_400, 60_000, 3_661_000, 90_000_000].map(span), [
      "0s",
      "59s",
      "1m",
      "1h 1m",
      "1d 1h"
    ])
  })

  it("two plans stand side by side; the chart names every reason and escapes it", () => {
    const { outcome } = run(oneNode(`  - { name: a, count: 3, steps: [${step("do", "10m")}] }`))
    const text = report([
      { title: "one", outcome },
      { title: "two", outcome }
    ])
    assert.match(text, /all done after\s+30m\s+30m/u)
    const svg = chart(outcome, "a & b")
    assert.include(svg, "every node that fits is busy")
    assert.include(svg, "a &amp; b")
    assert.notMatch(svg, /NaN|Infinity|undefined/u)
  })
})

describe("the queue of events", () => {
  it.prop(
    "hands them out in order of time, then in that of their coming",
    { times: Schema.Array(within(0, 20)) },
    ({ times }) => {
      const queue = new EventQueue<readonly [number, number]>()
      times.forEach((time, index) => queue.add(time, [time, index]))
      const out = times.map(() => queue.next())
      assert.deepStrictEqual(
        out,
        times.map((time, index) => [time, index] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1])
      )
      assert.isUndefined(queue.next())
    }
  )
})
