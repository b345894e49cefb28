import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { FleetNode } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { Decision, schedule, type World } from "../../src/decide/schedule.ts"
import { demandOf, misfit } from "../../src/decide/fit.ts"
import { slotsOf } from "../../src/decide/placement.ts"
import { agent, epoch, node, task } from "../builders.ts"

const worldOf = (
  tasks: ReadonlyArray<AgenticTask>,
  nodes: ReadonlyArray<FleetNode>,
  agents: ReadonlyArray<Agent> = [],
  more: Partial<World> = {}
): World => ({
  nowMillis: epoch,
  pending: tasks.filter(({ status }) => (status?.phase ?? "Pending") === "Pending"),
  inFlight: tasks.filter(({ status }) => status?.phase === "Scheduled" || status?.phase === "Running"),
  hosts: nodes.map((node) => ({ node, isLive: true, hasLease: true })),
  task: (_, name) => tasks.find(({ metadata }) => metadata.name === name),
  agent: (_, name) => agents.find(({ metadata }) => metadata.name === name),
  missingSinceMillis: () => epoch,
  ...more
})

/** What was decided, by task: the node of an Assign, else the decision's reason. */
const said = (world: World): Record<string, string> =>
  Object.fromEntries(
    [...schedule(world)].map(([{ metadata }, decision]) => [
      metadata.name,
      Decision.$match(decision, {
        Assign: ({ node }) => node,
        Wait: ({ reason }) => reason,
        Fail: ({ reason }) => reason,
        Skip: () => "Skipped"
      })
    ])
  )
const messageOf = (world: World, name: string): string =>
  [...schedule(world)].flatMap(([{ metadata }, decision]) =>
    metadata.name === name && "message" in decision ? [decision.message] : []
  )[0] ?? ""

const needs = (required: object) => ({
  spec: { requiredCapability: { accelerator: "any" as const, ...required } }
})
const cap = (capability: object, changes: object = {}) => ({ ...changes, status: { capability } })
const started = formatTime(epoch - 3_600_000)

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
    const byName = new Map(chain.map((task) => [task.metadata.name, task]))
    const world = worldOf(chain, [], [], { task: (_, name) => byName.get(name) })
    assert.strictEqual(new Set(Object.values(said(world))).size, 2)
  })
})

const small = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Case = Schema.Struct({
  nodes: Schema.Array(Schema.Struct({ slots: small(3), ram: small(3), isVerifier: Schema.Boolean })).check(
    Schema.isMaxLength(5)
  ),
  tasks: Schema.Array(
    Schema.Struct({
      ram: small(3),
      isVerifier: Schema.Boolean,
      runsOn: small(9),
      priority: small(2),
      isLimited: Schema.Boolean
    })
  ).check(Schema.isMaxLength(9))
})

/** A random world: nodes with 0 to 3 slots, tasks that wait or run, an Agent that may run two tasks. */
const randomWorld = ({ nodes, tasks }: typeof Case.Type): World =>
  worldOf(
    tasks.map((it, index) => {
      const runs = it.runsOn < nodes.length && it.runsOn < 2
      return task(`t${index}`, {
        metadata: { creationTimestamp: started },
        spec: {
          priority: it.priority,
          ...(it.isLimited
            ? { agentRef: { name: "two" } }
            : {
                requiredCapability: {
                  accelerator: "any",
                  minRAMGB: it.ram,
                  roles: it.isVerifier ? ["verifier"] : []
                }
              })
        },
        ...(runs ? { status: { phase: "Running", assignedNode: `n${it.runsOn}` } } : {})
      })
    }),
    nodes.map((it, index) =>
      node(`n${index}`, {
        spec: { roles: it.isVerifier ? ["verifier"] : [] },
        status: { capability: { totalRAMGB: it.ram, availableRAMGB: it.ram, slots: it.slots } }
      })
    ),
    [agent("two", { spec: { maxConcurrentTasks: 2 } })]
  )

const isLimited = ({ spec }: AgenticTask) => spec.agentRef !== undefined

/** Slow and obvious: each task in order takes the best of all nodes that it may use, everything counted anew each time. */
const reference = (world: World): Record<string, string> => {
  const running = world.inFlight.map((task) => ({ task, on: task.status?.assignedNode ?? "" }))
  const order = [...world.pending].sort(
    (a, b) => (b.spec.priority ?? 0) - (a.spec.priority ?? 0) || (a.metadata.name < b.metadata.name ? -1 : 1)
  )
  const outcome: Record<string, string> = {}
  for (const task of order) {
    const demand = demandOf(task.spec, isLimited(task) ? world.agent("default", "two") : undefined)
    const used = (name: string) => running.filter(({ on }) => on === name).length
    const ram = ({ node }: World["hosts"][number]) => node.status?.capability?.totalRAMGB ?? 0
    const roles = ({ node }: World["hosts"][number]) => node.spec.roles?.length ?? 0
    const load = ({ node }: World["hosts"][number]) => used(node.metadata.name) / slotsOf(node)
    const best = world.hosts
      .filter(
        (host) => misfit(demand, host) === undefined && used(host.node.metadata.name) < slotsOf(host.node)
      )
      .sort(
        (a, b) =>
          ram(a) - ram(b) ||
          roles(a) - roles(b) ||
          load(a) - load(b) ||
          (a.node.metadata.name < b.node.metadata.name ? -1 : 1)
      )[0]
    const isRefused = isLimited(task) && running.filter((it) => isLimited(it.task)).length >= 2
    if (best !== undefined && !isRefused) running.push({ task, on: best.node.metadata.name })
    outcome[task.metadata.name] = isRefused ? "AgentBusy" : (best?.node.metadata.name ?? "Unschedulable")
  }
  return outcome
}

describe("laws, on random worlds", () => {
  it.effect.prop(
    "equals a slow, obvious scheduler",
    [Case],
    ([it]) =>
      Effect.sync(() => {
        const world = randomWorld(it)
        assert.deepStrictEqual(said(world), reference(world))
      }),
    { arbitrary: { runs: 300 } }
  )
  it.effect.prop(
    "no slot is given twice, and none is left idle while a task that fits waits",
    [Case],
    ([it]) =>
      Effect.sync(() => {
        const world = randomWorld(it)
        const decisions = schedule(world)
        for (const host of world.hosts) {
          const { name } = host.node.metadata
          const before = world.inFlight.filter(({ status }) => status?.assignedNode === name).length
          const given = [...decisions.values()].filter(
            (it) => it._tag === "Assign" && it.node === name
          ).length
          if (given > 0) assert.isAtMost(before + given, slotsOf(host.node))
          if (before + given >= slotsOf(host.node)) continue
          for (const [task, decision] of decisions) {
            if (decision._tag !== "Wait" || decision.reason !== "Unschedulable") continue
            assert.isDefined(misfit(demandOf(task.spec, undefined), host))
          }
        }
      }),
    { arbitrary: { runs: 300 } }
  )
  it.effect.prop(
    "the order in which the world is told does not matter",
    [Case],
    ([it]) =>
      Effect.sync(() => {
        const world = randomWorld(it)
        const turned = { ...world, pending: world.pending.toReversed(), hosts: world.hosts.toReversed() }
        assert.deepStrictEqual(said(turned), said(world))
      }),
    { arbitrary: { runs: 100 } }
  )
})
