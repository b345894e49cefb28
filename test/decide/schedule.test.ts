import { assert, describe, it } from "@effect/vitest"

import type { Agent } from "../../schema/Agent.ts"
import { type AgenticTask, label } from "../../schema/AgenticTask.ts"
import type { FleetNode } from "../../schema/FleetNode.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatTime } from "../../schema/Time.ts"
import { Decision } from "../../src/decide/decision.ts"
import type { FleetHost } from "../../src/decide/fleet.ts"
import { Scheduler } from "../../src/decide/scheduler.ts"
import { agent, epoch, node, task } from "../builders.ts"

interface World {
  readonly tasks: ReadonlyArray<AgenticTask>
  readonly hosts: ReadonlyArray<FleetHost>
  readonly agents: ReadonlyArray<Agent>
}

const worldOf = (
  tasks: ReadonlyArray<AgenticTask>,
  nodes: ReadonlyArray<FleetNode>,
  agents: ReadonlyArray<Agent> = [],
  more: Partial<World> = {}
): World => ({
  tasks,
  agents,
  hosts: nodes.map((node) => ({ node, isLive: true, hasLease: true })),
  ...more
})

/** A scheduler that was told all of a world. */
const told = ({ agents, hosts, tasks }: World): Scheduler => {
  const scheduler = new Scheduler()
  for (const it of tasks) scheduler.taskChanged(refKey(it.metadata), it)
  for (const host of hosts) scheduler.nodeChanged(host.node.metadata.name, host)
  for (const it of agents) scheduler.agentChanged(refKey(it.metadata), it)
  return scheduler
}

const decisionsOf = (world: World): ReadonlyMap<string, Decision> => {
  const scheduler = told(world)
  const { decisions } = scheduler.decide(epoch)
  const { waits } = scheduler.waits(epoch)
  return new Map(
    [...decisions, ...waits.map(({ key, wait }) => ({ key, decision: wait }))].map(({ key, decision }) => [
      key.replace("default/", ""),
      decision
    ])
  )
}

/** What was decided, by task: the node of an Assign, else the decision's reason. */
const said = (world: World): Record<string, string> =>
  Object.fromEntries(
    [...decisionsOf(world)].map(([name, decision]) => [
      name,
      Decision.$match(decision, {
        Assign: ({ node }) => node,
        Wait: ({ reason }) => reason,
        Fail: ({ reason }) => reason,
        Skip: () => "Skipped"
      })
    ])
  )
const messageOf = (world: World, name: string): string => {
  const decision = decisionsOf(world).get(name)
  return decision !== undefined && "message" in decision ? decision.message : ""
}

const needs = (required: object) => ({
  spec: { requiredCapability: { accelerator: "any" as const, ...required } }
})
const cap = (capability: object, changes: object = {}) => ({ ...changes, status: { capability } })

describe("placement", () => {
  it.each<[string, World, Record<string, string>]>([
    [
      "the least capable node that fits",
      worldOf([task("t")], [node("big", cap({ totalRAMGB: 128, availableRAMGB: 99 })), node("small")]),
      { t: "small" }
    ],
    [
      "a node that has the model before a smaller one",
      worldOf(
        [task("t", { spec: { modelRef: "Qwen" } })],
        [node("a"), node("b", cap({ totalRAMGB: 128, availableRAMGB: 9, installedModels: ["qwen"] }))]
      ),
      { t: "b" }
    ],
    [
      "the least loaded of equals, then the name",
      worldOf(
        [task("r", { status: { phase: "Running", assignedNode: "a" } }), task("t"), task("u")],
        ["a", "b", "c"].map((name) => node(name, cap({ availableRAMGB: 1, slots: 2 })))
      ),
      { t: "b", u: "c" }
    ],
    [
      "a94d1efe a node whose model is installed needs no free memory",
      worldOf(
        [
          task("t", {
            spec: {
              modelRef: "m",
              requiredCapability: { accelerator: "any", minRAMGB: 40, requiresModelInstalled: true }
            }
          })
        ],
        [node("a", cap({ availableRAMGB: 2, installedModels: ["m"] }))]
      ),
      { t: "a" }
    ],
    [
      "nothing without a model name when one must be installed",
      worldOf(
        [task("t", needs({ requiresModelInstalled: true }))],
        [node("a", cap({ installedModels: ["m"] }))]
      ),
      { t: "Unschedulable" }
    ],
    [
      "vulkan goes to vulkan",
      worldOf(
        [task("t", needs({ accelerator: "vulkan" }))],
        [node("a", cap({ accelerator: "cuda" })), node("b", cap({ accelerator: "vulkan" }))]
      ),
      { t: "b" }
    ],
    [
      "the Agent's demand, not the task's",
      worldOf(
        [task("t", { spec: { agentRef: { name: "c" }, requiredCapability: { accelerator: "cuda" } } })],
        [node("a")],
        [agent("c")]
      ),
      { t: "a" }
    ],
    [
      "55a14344 Jobs take no slot and are spread",
      worldOf(
        ["t", "u", "v"].map((name) => task(name, { spec: { agentRef: { name: "j" } } })).concat(task("w")),
        [node("a"), node("b")],
        [agent("j", { spec: { execution: { mode: "Job", activeDeadlineSeconds: 60 } } })]
      ),
      { t: "a", u: "b", v: "a", w: "a" }
    ],
    [
      "a Job keeps labels and roles, and nothing else",
      worldOf(
        [task("t", { spec: { agentRef: { name: "j" } } })],
        [node("a"), node("b", { spec: { roles: ["verifier"] }, metadata: { labels: { zone: "x" } } })],
        [
          agent("j", {
            spec: {
              execution: { mode: "Job", activeDeadlineSeconds: 60 },
              requiredCapability: {
                accelerator: "cuda",
                minRAMGB: 999,
                roles: ["verifier"],
                nodeSelector: { zone: "x" }
              }
            }
          })
        ]
      ),
      { t: "b" }
    ],
    [
      "an Agent at its limit waits; another goes on",
      worldOf(
        [
          task("r", { spec: { agentRef: { name: "c" } }, status: { phase: "Running", assignedNode: "a" } }),
          task("t", { spec: { agentRef: { name: "c" } } }),
          task("u")
        ],
        [node("a"), node("b")],
        [agent("c", { spec: { maxConcurrentTasks: 1 } })]
      ),
      { t: "AgentBusy", u: "b" }
    ],
    [
      "two Agents share their endpoint's slots",
      worldOf(
        [task("t", { spec: { agentRef: { name: "c" } } }), task("u", { spec: { agentRef: { name: "d" } } })],
        [node("a"), node("b")],
        [agent("c", { spec: { endpointSlots: 1 } }), agent("d", { spec: { endpointSlots: 1 } })]
      ),
      { t: "a", u: "EndpointBusy" }
    ],
    [
      "one that drains gets nothing",
      worldOf([task("t")], [node("a", { status: { phase: "Draining" } })]),
      { t: "Unschedulable" }
    ],
    [
      "one that looks for tasks in one namespace gets those of no other",
      worldOf(
        [task("t"), task("u", { metadata: { namespace: "team-a" } })],
        [node("a", { metadata: { labels: { [label.taskNamespace]: "team-a" } } })]
      ),
      { t: "Unschedulable", "team-a/u": "a" }
    ],
    [
      "a silent one gets nothing, though nobody has marked it yet",
      worldOf([task("t")], [], [], { hosts: [{ node: node("a"), isLive: false, hasLease: true }] }),
      { t: "Unschedulable" }
    ]
  ])("%s", (_, world, expected) => {
    assert.deepStrictEqual(said(world), expected)
  })

  it("a foreign daemon's currentTask takes its slot; a reservation for a task that nobody runs does not", () => {
    const running = task("x", { status: { phase: "Running" } })
    const host = {
      node: node("a", { status: { phase: "Ready", currentTask: "default/x" } }),
      isLive: true,
      hasLease: false
    }
    assert.deepStrictEqual(said(worldOf([running, task("t")], [], [], { hosts: [host] })), {
      t: "Unschedulable"
    })
    const ended = task("x", { status: { phase: "Succeeded" } })
    assert.deepStrictEqual(said(worldOf([ended, task("t")], [], [], { hosts: [host] })), { t: "a" })
  })

  it("says why in kube-scheduler's words, the commonest refusal first", () => {
    const nodes = [
      ...["a", "b", "c"].map((name) => node(name, cap({ availableRAMGB: 64 }))),
      ...["d", "e"].map((name) =>
        node(name, { spec: { roles: ["verifier"] }, status: { capability: { availableRAMGB: 8 } } })
      )
    ]
    const world = worldOf([task("t", needs({ roles: ["verifier"], minRAMGB: 16 }))], nodes)
    assert.strictEqual(
      messageOf(world, "t"),
      "0/5 nodes fit: 3 lack role verifier, 2 have less than 16 GB free"
    )
    assert.strictEqual(messageOf(worldOf([task("t")], []), "t"), "0/0 nodes fit: no FleetNode is registered")
  })
})

describe("order", () => {
  const first = (...tasks: ReadonlyArray<AgenticTask>) =>
    Object.entries(said(worldOf(tasks, [node("n")]))).find(([, outcome]) => outcome === "n")?.[0]
  const made = (millis: number) => ({ creationTimestamp: formatTime(millis) })

  it("the higher priority goes first", () => {
    assert.strictEqual(first(task("a"), task("b", { spec: { priority: 1 } })), "b")
  })
  it("323423d5 a review goes before an older issue-fix, a verify between them", () => {
    const fix = task("fix", { spec: { kind: "issue-fix" }, metadata: made(epoch - 600_000) })
    const verify = task("verify", { spec: { kind: "verify" } })
    assert.strictEqual(first(fix, verify), "verify")
    assert.strictEqual(first(fix, verify, task("review", { spec: { kind: "review" } })), "review")
  })
  it("the older of equals goes first", () => {
    assert.strictEqual(first(task("a"), task("b", { metadata: made(epoch - 1000) })), "b")
  })
  it("a low priority that waited long goes before a high one that is new", () => {
    const old = task("old", { metadata: made(epoch - 5 * 3_600_000) })
    assert.strictEqual(first(old, task("new", { spec: { priority: 1 } })), "old")
  })
})

describe("upstream", () => {
  const on = (...dependsOn: ReadonlyArray<string>) => ({ spec: { dependsOn } })
  const ended = (
    name: string,
    phase: "Succeeded" | "Failed",
    verdict: "GO" | "NO-GO" | "INCOMPLETE" | "GATE-PASS" | "Skipped",
    outcome = ""
  ) => task(name, { status: { phase, verdict, result: { extra: { outcome } } } })

  it.each<[string, ReadonlyArray<AgenticTask>, Record<string, string>]>([
    ["on target: runs", [ended("a", "Succeeded", "GATE-PASS"), task("t", on("a"))], { t: "n" }],
    ["failed: fails", [ended("a", "Failed", "INCOMPLETE"), task("t", on("a"))], { t: "UpstreamFailed" }],
    ["off target: fails", [ended("a", "Succeeded", "NO-GO"), task("t", on("a"))], { t: "UpstreamFailed" }],
    [
      "resolved already: skipped, before any failure",
      [
        ended("a", "Failed", "INCOMPLETE"),
        ended("b", "Succeeded", "NO-GO", "ALREADY-RESOLVED"),
        task("t", on("a", "b"))
      ],
      { t: "Skipped" }
    ],
    ["a skip passes on", [ended("a", "Succeeded", "Skipped"), task("t", on("a"))], { t: "Skipped" }],
    ["missing: waits", [task("t", on("a"))], { t: "DependencyNotFound" }],
    [
      "unfinished: waits",
      [task("a", { status: { phase: "Running", assignedNode: "x" } }), task("t", on("a"))],
      { t: "WaitingForDependency" }
    ],
    ["9.1.12 on itself: fails at once", [task("t", on("t"))], { t: "DependencyCycle" }],
    [
      "9.1.12 in a circle: each fails at once, and who leads into it waits",
      [task("a", on("b")), task("b", on("c")), task("c", on("a")), task("t", on("a"))],
      { a: "DependencyCycle", b: "DependencyCycle", c: "DependencyCycle", t: "WaitingForDependency" }
    ]
  ])("%s", (_, tasks, expected) => {
    assert.deepStrictEqual(said(worldOf(tasks, [node("n")])), expected)
  })
  it("names the cycle", () => {
    const world = worldOf([task("a", on("b")), task("b", on("a"))], [])
    assert.strictEqual(messageOf(world, "a"), "dependsOn is a cycle: a → b → a")
  })
  it("a chain of ten thousand is only long", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => task(`t${index}`, on(`t${index + 1}`)))
    const world = worldOf(chain, [])
    assert.strictEqual(new Set(Object.values(said(world))).size, 2)
  })
})

describe("two tasks that write the same paths of a repository", () => {
  const writer = (name: string, paths: ReadonlyArray<string>, changes: object = {}) =>
    task(name, {
      spec: { kind: "issue-fix", payload: { branchStrategy: "reset", repo: "o/r", paths, ...changes } }
    })
  const both = (a: AgenticTask, b: AgenticTask) => said(worldOf([a, b], [node("m"), node("n")]))

  it.each<[string, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["a path and itself", ["src/a.ts"], ["src/a.ts"]],
    ["a folder and what lies in it", ["src"], ["docs", "src/deep/a.ts"]],
    ["a folder and a glob below it", ["./src/"], ["src/deep/**"]],
    ["a glob counts as the folder before its first wildcard", ["src/*.ts"], ["src/deep/a.ts"]],
    ["a glob at the top is everything", ["**/*.md"], ["src/a.ts"]]
  ])("take turns: %s", (_, a, b) => {
    const expected = { a: "m", b: "PathsLocked" }
    assert.deepStrictEqual(both(writer("a", a), writer("b", b)), expected)
    assert.deepStrictEqual(both(writer("a", b), writer("b", a)), expected)
  })
  it.each<[string, AgenticTask]>([
    ["paths beside each other", writer("b", ["src/ab.ts", "docs"])],
    ["another repository", writer("b", ["src/a"], { repo: "o/other" })],
    ["no repository", task("b", { spec: { payload: { branchStrategy: "reset", paths: ["src/a"] } } })],
    ["no paths declared", writer("b", [])],
    [
      "a task that only reads",
      { ...writer("b", ["src/a"]), spec: { ...writer("b", ["src/a"]).spec, kind: "review" } }
    ]
  ])("run at once: %s", (_, b) => {
    const nodes = Object.values(both(writer("a", ["src/a"]), b))
    assert.deepStrictEqual(nodes.toSorted(), ["m", "n"])
  })
  it("the wait names the task and the path", () => {
    const world = worldOf([writer("a", ["src/**"]), writer("b", ["src/x.ts"])], [node("m"), node("n")])
    assert.strictEqual(messageOf(world, "b"), "task default/a changes src of o/r")
  })
})

describe("fairness between workloads", () => {
  const of = (workload: string, count: number, madeMillis: number) =>
    Array.from({ length: count }, (_, index) =>
      task(`${workload}${String(index).padStart(4, "0")}`, {
        metadata: { creationTimestamp: formatTime(madeMillis), labels: { [label.workload]: workload } }
      })
    )
  /** The order in which one slot serves them, a task every ten minutes. */
  const served = (scheduler: Scheduler, tasks: ReadonlyArray<AgenticTask>, count: number) => {
    const byKey = new Map(tasks.map((it) => [refKey(it.metadata), it]))
    return Array.from({ length: count }, (_, turn) => {
      const [first] = scheduler.decide(epoch + turn * 600_000).decisions
      const it = byKey.get(first?.key ?? "")
      if (it === undefined) return ""
      scheduler.taskChanged(refKey(it.metadata), { ...it, status: { phase: "Succeeded", verdict: "GO" } })
      return it.metadata.name
    })
  }

  it("a workload of a thousand tasks takes turns with one of three that came a day later", () => {
    const tasks = [...of("big", 1000, epoch - 86_400_000), ...of("small", 3, epoch)]
    const order = served(told(worldOf(tasks, [node("n")])), tasks, 8)
    assert.deepStrictEqual(order.slice(0, 6).toSorted(), [
      "big0000",
      "big0001",
      "big0002",
      "small0000",
      "small0001",
      "small0002"
    ])
  })
  it("places that are given at once are given in turn", () => {
    const world = worldOf(
      [...of("a", 9, epoch), ...of("b", 2, epoch)],
      Array.from({ length: 4 }, (_, index) => node(`n${index}`))
    )
    const placed = Object.entries(said(world)).flatMap(([name, on]) => (on.startsWith("n") ? [name] : []))
    assert.deepStrictEqual(placed.toSorted(), ["a0000", "a0001", "b0000", "b0001"])
  })
  it("a turn that was had before this process began counts", () => {
    const [before, next] = of("a", 2, epoch - 3_600_000)
    const [other] = of("b", 1, epoch - 1_800_000)
    if (before === undefined || next === undefined || other === undefined) throw new Error("no tasks")
    const condition = { type: "Scheduled", status: "True", reason: "", message: "" } as const
    const ended: AgenticTask = {
      ...before,
      status: {
        phase: "Succeeded",
        verdict: "GO",
        conditions: [{ ...condition, lastTransitionTime: formatTime(epoch - 600_000) }]
      }
    }
    assert.strictEqual(said(worldOf([ended, next, other], [node("n")]))["b0000"], "n")
  })
})

describe("memory of a node with several slots", () => {
  const heavy = (name: string, status?: AgenticTask["status"]) =>
    task(name, { ...needs({ minRAMGB: 24 }), ...(status === undefined ? {} : { status }) })
  const host = (freeGB: number, heardMillis: number) =>
    node("n", {
      status: {
        phase: "Ready",
        lastHeartbeatTime: formatTime(heardMillis),
        capability: { totalRAMGB: 64, availableRAMGB: freeGB, slots: 4 }
      }
    })
  const began = { phase: "Running", assignedNode: "n", startedAt: formatTime(epoch - 100_000) } as const

  it("tasks that are placed at once do not together ask for more than is free", () => {
    const world = worldOf(
      ["a", "b", "c"].map((name) => heavy(name)),
      [host(64, epoch)]
    )
    assert.deepStrictEqual(said(world), { a: "n", b: "n", c: "Unschedulable" })
    assert.strictEqual(messageOf(world, "c"), "0/1 nodes fit: 1 is busy")
  })
  it("what a report cannot show yet stays promised, and what it shows is counted once", () => {
    const running = heavy("r", began)
    const at = (heardMillis: number) => said(worldOf([running, heavy("t")], [host(40, heardMillis)]))
    assert.deepStrictEqual(at(epoch - 41_000), { t: "Unschedulable" })
    assert.deepStrictEqual(at(epoch - 40_000), { t: "n" })
  })
})
