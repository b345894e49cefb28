/** The checks of one demand against one node, most telling first. A refusal is a clause that finishes "3 nodes …". */
import type { Agent } from "../../schema/Agent.ts"
import { type AgenticTask, label } from "../../schema/AgenticTask.ts"
import type { RequiredCapability } from "../../schema/Capability.ts"
import type { FleetNode } from "../../schema/FleetNode.ts"

/** What is asked of a node. The Agent's words win over the task's (contract §2.2). */
export interface Demand {
  /** Of the task, and of its Agent. */
  readonly namespace: string | undefined
  /** The run is a pod of its own: only labels and roles matter, and no slot of the node is taken. */
  readonly isJob: boolean
  readonly required: RequiredCapability
  /** Names by which the node may know the model; empty when the task names none. */
  readonly models: ReadonlyArray<string>
}

const nothing: RequiredCapability = { accelerator: "any" }

const present = (names: ReadonlyArray<string | undefined>): ReadonlyArray<string> =>
  names.filter((name) => name !== undefined && name !== "").map(String)

export const demandOf = (task: AgenticTask, agent: Agent | undefined): Demand =>
  agent === undefined ? demandOfTask(task) : demandOfAgent(agent)

const demandOfTask = ({ metadata, spec }: AgenticTask): Demand => ({
  namespace: metadata.namespace,
  isJob: false,
  required: spec.requiredCapability ?? nothing,
  models: present([spec.modelRef])
})

export const demandOfAgent = ({ metadata, spec }: Agent): Demand => ({
  namespace: metadata.namespace,
  isJob: spec.execution?.mode === "Job",
  required: spec.requiredCapability ?? nothing,
  models: present([spec.model, spec.inferenceServiceRef?.name])
})

/** A node, and whether it was heard of lately. */
export interface Host {
  readonly node: FleetNode
  readonly isLive: boolean
}

type Check = (demand: Demand, host: Host) => string | undefined

const isReady: Check = (_, { node }) =>
  node.status?.phase === "Ready"
    ? undefined
    : node.status?.phase === "Draining"
      ? "are draining"
      : "are not Ready"

const isLive: Check = (_, host) => (host.isLive ? undefined : "are silent")

/** A daemon that looks for tasks in one namespace says so; one of the first implementation does not. */
const servesNamespace: Check = ({ namespace }, { node }) => {
  const served = node.metadata.labels?.[label.taskNamespace]
  return served === undefined || served === namespace ? undefined : `serve namespace ${served} only`
}

const hasLabels: Check = ({ required }, { node }) => {
  for (const [key, value] of Object.entries(required.nodeSelector ?? {})) {
    if (node.metadata.labels?.[key] !== value) return `lack label ${key}=${value}`
  }
  return undefined
}

const hasRoles: Check = ({ required }, { node }) => {
  const missing = required.roles?.find((role) => !(node.spec.roles ?? []).includes(role))
  return missing === undefined ? undefined : `lack role ${missing}`
}

const hasAccelerator: Check = ({ required }, { node }) =>
  required.accelerator === "any" || node.status?.capability?.accelerator === required.accelerator
    ? undefined
    : `lack accelerator ${required.accelerator}`

const hasModel: Check = ({ required, models }, { node }) =>
  required.requiresModelInstalled !== true || hasInstalled(models, node)
    ? undefined
    : models.length === 0
      ? "lack a model that is not named"
      : `lack model ${models.join(" or ")}`

/** A model that is loaded has its memory already, so free memory is not asked for then. */
const hasMemory: Check = ({ required }, { node }) =>
  required.requiresModelInstalled === true ||
  (required.minRAMGB ?? 0) <= (node.status?.capability?.availableRAMGB ?? 0)
    ? undefined
    : `have less than ${required.minRAMGB} GB free`

const hasContext: Check = ({ required }, { node }) =>
  (required.minContextTokens ?? 0) <= (node.status?.capability?.maxContextTokens ?? 0)
    ? undefined
    : `offer less than ${required.minContextTokens} tokens of context`

const checksOfJob: ReadonlyArray<Check> = [isReady, isLive, servesNamespace, hasLabels, hasRoles]
const checks: ReadonlyArray<Check> = [...checksOfJob, hasAccelerator, hasModel, hasMemory, hasContext]

/** Why the node cannot take the demand, leaving aside whether it is busy; `undefined` when it can. */
export const misfit = (demand: Demand, host: Host): string | undefined => {
  for (const check of demand.isJob ? checksOfJob : checks) {
    const because = check(demand, host)
    if (because !== undefined) return because
  }
  return undefined
}

/** Whether the node lists one of the models, in whatever case it is spelt. */
export const hasInstalled = (models: ReadonlyArray<string>, node: FleetNode): boolean => {
  const installed = node.status?.capability?.installedModels ?? []
  return models.some((model) => installed.some((name) => name.toLowerCase() === model.toLowerCase()))
}

const singular: Readonly<Record<string, string>> = {
  are: "is",
  have: "has",
  lack: "lacks",
  offer: "offers",
  serve: "serves"
}

/** `0/5 nodes fit: 3 lack role verifier, 2 have less than 16 GB free`: the commonest refusal first. */
export const noFit = (total: number, refusals: ReadonlyMap<string, number>): string => {
  if (total === 0) return "0/0 nodes fit: no FleetNode is registered"
  const clauses = [...refusals]
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .map(([clause, count]) =>
      count === 1 ? `1 ${clause.replace(/^\w+/u, (verb) => singular[verb] ?? verb)}` : `${count} ${clause}`
    )
  return `0/${total} nodes fit: ${clauses.join(", ")}`
}
