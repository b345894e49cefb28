/**
 * Fields of Agent, task and Workload that are accepted and that nothing reads yet (design §3.15). A new field does not compile before it is
 * entered here, and `test/decide/unread.test.ts` holds what is called read to the file that reads it.
 */
import type { Agent, AgentSpec } from "../../schema/Agent.ts"
import type { AgenticTask, TaskPayload, TaskSpec } from "../../schema/AgenticTask.ts"
import type { GateProfile } from "../../schema/GateProfile.ts"
import type { PipelineStep, Workload, WorkloadSpec } from "../../schema/Workload.ts"
import { unreadByExecutor } from "./acp.ts"
import { type ConditionUpdate, findCondition, reason } from "./status.ts"

/** Whether the value of an unread field asks for something that will not happen. */
type Asks<V> = (value: V) => boolean
/** Of one field: read whole, unread, an object some of whose fields are unread, or a list of such objects. */
type Use<V> = "read" | Asks<V> | (V extends ReadonlyArray<infer Item> ? readonly [Fields<Item>] : Fields<V>)
type Fields<A> = { readonly [K in keyof A]-?: Use<NonNullable<A[K]>> }

const always = () => true
const isTrue = (value: boolean) => value
const isSaid = ({ length }: string | ReadonlyArray<unknown>) => length > 0

const gateProfile: Fields<GateProfile> = {
  language: "read",
  image: "read",
  sourceExtensions: isSaid,
  testLayout: ({ sourceRoot = "", testRoot = "" }) => sourceRoot !== "" || testRoot !== "",
  commands: "read"
}

const payload: Fields<TaskPayload> = {
  repo: "read",
  issue: "read",
  branch: "read",
  branchPrefix: isSaid,
  prompt: "read",
  agent: "read",
  baseBranch: "read",
  gateAdvisories: "read",
  allowOverwrite: "read",
  openPullRequest: isTrue,
  reviseFromBranch: "read",
  promptPrefix: "read",
  branchStrategy: "read",
  paths: "read",
  slices: isSaid,
  contract: isSaid,
  sharedIdentifiers: isSaid,
  images: isSaid
}

const taskSpec: Fields<TaskSpec> = {
  kind: "read",
  modelRef: "read",
  agentRef: "read",
  requiredCapability: "read",
  payload,
  timeoutSeconds: "read",
  dependsOn: "read",
  priority: "read",
  gateProfile,
  approvals: "read",
  // There are no external tools, so that they can be taken away, but not given.
  mcpEnabled: isTrue,
  limits: "read",
  verdictPolicy: "read"
}

const pipelineStep: Fields<PipelineStep> = {
  name: "read",
  kind: "read",
  agentRef: "read",
  payload,
  dependsOn: "read",
  timeoutSeconds: "read",
  priority: "read",
  gateProfile,
  limits: "read"
}

const workloadSpec: Fields<WorkloadSpec> = {
  intent: "read",
  repo: "read",
  maxTasks: "read",
  plannerModel: isSaid,
  pipeline: [pipelineStep],
  issues: "read",
  coderAgentRef: "read",
  verifierAgentRef: "read",
  reviewerAgentRefs: "read",
  allowCloudReviewers: "read",
  escalationReviewerAgentRefs: isSaid,
  gateProfile,
  allowOverwrite: "read",
  openPullRequest: isTrue,
  escalationCoderAgentRef: always,
  escalateOnFailure: isTrue,
  maxReviewIterations: (times) => times > 0,
  revisionCoderAgentRef: always,
  mcpEnabled: isTrue,
  limits: "read",
  verdictPolicy: "read"
}

const agentSpec: Fields<AgentSpec> = {
  role: "read",
  model: "read",
  inferenceServiceRef: "read",
  systemPrompt: "read",
  temperature: "read",
  maxTurns: "read",
  maxRetries: "read",
  requestTimeoutSeconds: "read",
  requestTurnTimeoutSeconds: "read",
  bashTimeoutSeconds: "read",
  tools: "read",
  requiredCapability: "read",
  provider: "read",
  apiKeySecretRef: "read",
  providerConfig: "read",
  execution: "read",
  executor: "read",
  acp: "read",
  contextWindowTokens: "read",
  observationWindowTurns: (turns) => turns > 0,
  stuckLoopDetection: "read",
  contextStrategy: (strategy) => strategy !== "window",
  modelProfileRef: isSaid,
  mcp: ({ enabled }) => enabled === true,
  maxEnvtestIterations: (times) => times > 0,
  maxOutputTokens: "read",
  chatTemplateKwargs: "read",
  vision: ({ enabled }) => enabled === true,
  maxConcurrentTasks: "read",
  endpointSlots: "read",
  fallbackEndpoints: "read",
  prices: "read",
  limits: "read",
  limitsPerDay: "read"
}

type Table = { readonly [name: string]: "read" | Asks<never> | Table | readonly [Table] }
type Values = { readonly [name: string]: unknown }

const setInVain = (table: Table, values: Values, path: string): ReadonlyArray<string> =>
  Object.entries(table).flatMap(([name, use]): ReadonlyArray<string> => {
    const value = values[name]
    const at = `${path}.${name}`
    if (use === "read" || value === undefined) return []
    if (typeof use === "function") return use(value as never) ? [at] : []
    if (!isList(use)) return setInVain(use, value as Values, at)
    return (value as ReadonlyArray<Values>).flatMap((item, index) =>
      setInVain(use[0], item, `${at}[${index}]`)
    )
  })
const isList = (use: Table | readonly [Table]): use is readonly [Table] => Array.isArray(use)

/** The paths of a table's fields that nothing reads. */
const unreadOf = (table: Table, path = "spec"): ReadonlyArray<string> =>
  Object.entries(table).flatMap(([name, use]): ReadonlyArray<string> => {
    if (use === "read") return []
    if (typeof use === "function") return [`${path}.${name}`]
    return isList(use) ? unreadOf(use[0], `${path}.${name}[]`) : unreadOf(use, `${path}.${name}`)
  })

/** All fields that nothing reads, by kind. */
export const unread = {
  Agent: unreadOf(agentSpec as Table),
  AgenticTask: unreadOf(taskSpec as Table),
  Workload: unreadOf(workloadSpec as Table)
} as const

/** Names of the fields that an Agent sets in vain, in the order of the schema. */
export const unreadFields = (agent: Agent): ReadonlyArray<string> => [
  ...setInVain(agentSpec as Table, agent.spec as Values, "spec"),
  ...unreadByExecutor(agent)
]

/** Names that are said; a count stands for the rest. */
const maxNames = 20

/**
 * The `Accepted` condition of a task or a Workload that sets a field in vain; none where there is nothing to say. True only after a False,
 * so that what is right costs nothing. What a Workload gave to its tasks is said once, of the Workload.
 */
const accepted = (
  object: Pick<AgenticTask | Workload, "status">,
  noun: string,
  names: ReadonlyArray<string>
): ReadonlyArray<ConditionUpdate> => {
  const type = "Accepted"
  if (names.length > 0) {
    const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : ""
    const message = `has no effect yet: ${names.slice(0, maxNames).join(", ")}${more}; the ${noun} runs without it`
    return [{ type, status: "False", reason: reason.notImplemented, message }]
  }
  if (findCondition(object.status?.conditions, type)?.status !== "False") return []
  return [{ type, status: "True", reason: reason.configComplete, message: `every field has its effect` }]
}

export const acceptedTask = (task: AgenticTask): ReadonlyArray<ConditionUpdate> =>
  (task.metadata.ownerReferences ?? []).some(({ kind }) => kind === "Workload")
    ? []
    : accepted(task, "task", setInVain(taskSpec as Table, task.spec as Values, "spec"))

export const acceptedWorkload = (workload: Workload): ReadonlyArray<ConditionUpdate> =>
  accepted(workload, "Workload", setInVain(workloadSpec as Table, workload.spec as Values, "spec"))
