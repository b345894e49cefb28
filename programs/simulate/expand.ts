/** From the file to a plan: every node and every task of its own, with times drawn from the seed. */
import type { Agent } from "../../schema/Agent.ts"
import { type AgenticTask, label } from "../../schema/AgenticTask.ts"
import type { FleetNode } from "../../schema/FleetNode.ts"
import { formatTime } from "../../schema/Time.ts"
import { beginMillis, type Plan, type PlannedTask } from "../../src/simulate/plan.ts"
import { type Contents, millisOf, type NodeClass, type SimpleAgent, type Takes, type Work } from "./file.ts"

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Of a normal distribution, 95 of 100 values lie below this many standard deviations. */
const z95 = 1.6449

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

const draw = (takes: Takes, random: () => number): number => {
  if (typeof takes === "string") return millisOf(takes)
  if ("uniform" in takes) {
    const [from, to] = takes.uniform.map(millisOf)
    return (from ?? 0) + random() * ((to ?? 0) - (from ?? 0))
  }
  if ("exponential" in takes) return -millisOf(takes.exponential) * Math.log(1 - random())
  if ("measured" in takes)
    return millisOf(takes.measured[Math.floor(random() * takes.measured.length)] ?? "0s")
  const median = millisOf(takes.lognormal.median)
  const spread = Math.log(Math.max(1, millisOf(takes.lognormal.p95) / Math.max(1, median))) / z95
  return median * Math.exp(spread * normal(random))
}

const namespace = "default"

const nodeOf = (of: NodeClass, name: string): FleetNode => ({
  metadata: { name, ...(of.labels !== undefined && { labels: of.labels }) },
  spec: { nodeName: name, roles: of.roles ?? ["worker"] },
  status: {
    phase: "Ready",
    capability: {
      ...(of.accelerator !== undefined && { accelerator: of.accelerator }),
      ...(of.memoryGB !== undefined && { totalRAMGB: of.memoryGB, availableRAMGB: of.memoryGB }),
      ...(of.contextTokens !== undefined && { maxContextTokens: of.contextTokens }),
      ...(of.models !== undefined && { installedModels: of.models }),
      slots: of.slots ?? 1
    }
  }
})

const agentOf = (of: SimpleAgent): Agent => ({
  metadata: { name: of.name, namespace },
  spec: {
    role: "coder",
    maxTurns: 1,
    maxRetries: 0,
    requestTimeoutSeconds: 1,
    requestTurnTimeoutSeconds: 1,
    bashTimeoutSeconds: 1,
    tools: ["submit_result"],
    provider: "local",
    contextStrategy: "window",
    executor: "Native",
    ...(of.model !== undefined && { model: of.model, inferenceServiceRef: { name: of.model } }),
    ...(of.requires !== undefined && { requiredCapability: of.requires }),
    ...(of.maxConcurrentTasks !== undefined && { maxConcurrentTasks: of.maxConcurrentTasks }),
    ...(of.endpointSlots !== undefined && { endpointSlots: of.endpointSlots }),
    ...(of.job === true && { execution: { mode: "Job" as const, activeDeadlineSeconds: 3600 } })
  }
})

const digits = (count: number): number => String(count).length
const numbered = (name: string, index: number, count: number): string =>
  `${name}-${String(index + 1).padStart(digits(count), "0")}`

const tasksOf = (work: Work, random: () => number, isJob: (agent: string | undefined) => boolean) => {
  const tasks: Array<PlannedTask> = []
  let arrivesMillis = millisOf(work.begins ?? "0s")
  for (let index = 0; index < work.count; index++) {
    const item = numbered(work.name, index, work.count)
    for (const [at, step] of work.steps.entries()) {
      const before = work.steps[at - 1]
      const after = step.after ?? (before === undefined ? [] : [before.name])
      const { agent, kind, requires } = step
      tasks.push({
        task: {
          metadata: {
            name: `${item}-${step.name}`,
            namespace,
            creationTimestamp: formatTime(beginMillis + arrivesMillis),
            labels: { [label.workload]: work.name }
          },
          spec: {
            kind,
            payload: {
              branchStrategy: "reset",
              ...(work.repo !== undefined && { repo: work.repo }),
              ...(work.paths !== undefined && { paths: work.paths })
            },
            ...(agent !== undefined && { agentRef: { name: agent } }),
            ...(requires !== undefined && { requiredCapability: requires }),
            ...(work.priority !== undefined && { priority: work.priority }),
            ...(after.length > 0 && { dependsOn: after.map((name) => `${item}-${name}`) })
          }
        },
        arrivesMillis,
        takesMillis: draw(step.takes, random),
        takesSlot: !isJob(agent),
        group: `${work.name} ${step.name}${work.priority === undefined ? "" : ` (priority ${work.priority})`}`
      })
    }
    arrivesMillis +=
      work.poisson !== undefined
        ? -millisOf(work.poisson) * Math.log(1 - random())
        : millisOf(work.every ?? "0s")
  }
  return tasks
}

/** A task of a cluster, as if it were new; it takes `takes`. */
const planTask = (task: AgenticTask, takes: Takes, random: () => number, takesSlot: boolean): PlannedTask => {
  const { status: _, ...fresh } = task
  return { task: fresh, arrivesMillis: 0, takesMillis: draw(takes, random), takesSlot, group: task.spec.kind }
}

export const expand = (
  { agents, described, nodes, tasks }: Contents,
  options: { readonly seed: number | undefined; readonly takes: Takes }
): Plan => {
  const random = randomOf(options.seed ?? described.seed ?? 1)
  const allAgents = [...agents, ...(described.agents ?? []).map(agentOf)]
  const jobs = new Set(
    allAgents.filter(({ spec }) => spec.execution?.mode === "Job").map(({ metadata }) => metadata.name)
  )
  const isJob = (agent: string | undefined) => agent !== undefined && jobs.has(agent)
  return {
    agents: allAgents,
    nodes: [
      ...nodes.map((node) => ({
        className: node.metadata.name,
        node: { ...node, status: { ...node.status, phase: "Ready" as const } },
        joinsMillis: 0,
        leavesMillis: Number.POSITIVE_INFINITY
      })),
      ...(described.nodes ?? []).flatMap((of) =>
        Array.from({ length: of.count ?? 1 }, (_, index) => ({
          className: of.name,
          node: nodeOf(of, numbered(of.name, index, of.count ?? 1)),
          joinsMillis: millisOf(of.joins ?? "0s"),
          leavesMillis: of.leaves === undefined ? Number.POSITIVE_INFINITY : millisOf(of.leaves)
        }))
      )
    ],
    tasks: [
      ...tasks
        .filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed")
        .map((task) => planTask(task, options.takes, random, !isJob(task.spec.agentRef?.name))),
      ...(described.work ?? []).flatMap((work) => tasksOf(work, random, isJob))
    ]
  }
}
