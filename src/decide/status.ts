/** Conditions and status patches: the only file that spells either. */
import type { Condition, ObjectMeta } from "../../schema/Meta.ts"
import { formatTime } from "../../schema/Time.ts"

/** Reasons of conditions and events. Programs rely on the words, so each is written here once. Contract §1. */
export const reason = {
  fleetNodeAssigned: "FleetNodeAssigned",
  claimed: "Claimed",
  agentRestartRecovery: "AgentRestartRecovery",
  nodeDraining: "NodeDraining",
  executorSucceeded: "ExecutorSucceeded",
  executorError: "ExecutorError",
  executorContractViolation: "ExecutorContractViolation",
  terminalPatchRejected: "TerminalPatchRejected",
  upstreamFailed: "UpstreamFailed",
  upstreamAlreadyResolved: "UpstreamAlreadyResolved",
  agentNotFound: "AgentNotFound",
  claimExpired: "ClaimExpired",
  claimExpiryLimitReached: "ClaimExpiryLimitReached",
  dependencyCycle: "DependencyCycle",
  dependencyNotFound: "DependencyNotFound",
  waitingForDependency: "WaitingForDependency",
  waitingForAgent: "WaitingForAgent",
  needsApproval: "NeedsApproval",
  approved: "Approved",
  unschedulable: "Unschedulable",
  agentBusy: "AgentBusy",
  endpointBusy: "EndpointBusy",
  endpointHeld: "EndpointHeld",
  pathsLocked: "PathsLocked",
  limitReached: "LimitReached",
  dayLimitReached: "DayLimitReached",
  withinLimits: "WithinLimits",
  heartbeatFresh: "HeartbeatFresh",
  heartbeatStale: "HeartbeatStale",
  configComplete: "ConfigComplete",
  noSystemPrompt: "NoSystemPrompt",
  missingRoleTools: "MissingRoleTools",
  unknownTool: "UnknownTool",
  executorUnusable: "ExecutorUnusable",
  notImplemented: "NotImplemented",
  priceUnknown: "PriceUnknown",
  plannerSucceeded: "PlannerSucceeded",
  noPlannerOrPipeline: "NoPlannerOrPipeline",
  agentResolveFailed: "AgentResolveFailed",
  invalidPipeline: "InvalidPipeline",
  renderError: "RenderError",
  maxTasksCap: "MaxTasksCap",
  sovereigntyGate: "SovereigntyGate",
  childrenInFlight: "ChildrenInFlight",
  allChildrenSucceeded: "AllChildrenSucceeded",
  allAlreadyResolved: "AllAlreadyResolved",
  childrenFailed: "ChildrenFailed",
  childrenIncomplete: "ChildrenIncomplete",
  needsPerson: "NeedsPerson"
} as const

/** A condition before it is written. */
export interface ConditionUpdate {
  readonly type: string
  readonly status: Condition["status"]
  readonly reason: string
  readonly message: string
}

/** Characters of a condition's message that are kept; what is longer belongs into a log. */
const maxMessageLength = 4_096

/**
 * The conditions with this one put in. `lastTransitionTime` moves only when the status does. Returns the same array when nothing
 * changed, so that a caller can compare by identity and write nothing.
 */
export const setCondition = (
  conditions: ReadonlyArray<Condition> | undefined,
  update: ConditionUpdate,
  nowMillis: number,
  generation?: number
): ReadonlyArray<Condition> => {
  const all = conditions ?? []
  const before = all.find((condition) => condition.type === update.type)
  const after: Condition = {
    type: update.type,
    status: update.status,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: before?.status === update.status ? before.lastTransitionTime : formatTime(nowMillis),
    reason: update.reason,
    message: update.message.slice(0, maxMessageLength)
  }
  if (before === undefined) return [...all, after]
  if (
    before.status === after.status &&
    before.reason === after.reason &&
    before.message === after.message &&
    before.observedGeneration === after.observedGeneration
  ) {
    return all
  }
  return all.map((condition) => (condition.type === update.type ? after : condition))
}

export const findCondition = (
  conditions: ReadonlyArray<Condition> | undefined,
  type: string
): Condition | undefined => conditions?.find((condition) => condition.type === type)

/** Fields of a status to write: `null` clears one, an absent or undefined one stays as it is. */
export type StatusFields<Status> = { readonly [K in keyof Status]?: Status[K] | null | undefined }

/** Merge-patch body for the status subresource, fenced by the version that `object` was read at: 409 means look again. */
export const statusPatch = <Status>(
  object: { readonly metadata: ObjectMeta; readonly status?: Status },
  fields: StatusFields<Status>
) => ({
  metadata:
    object.metadata.resourceVersion === undefined ? {} : { resourceVersion: object.metadata.resourceVersion },
  status: fields
})

/**
 * A value of a status as it must be sent to replace what was there: a merge patch merges objects, so that fields which are gone are to be
 * cleared by name. `null` where there is to be nothing.
 */
export const replacing = <A extends object>(before: A | undefined, after: A | undefined): A | null => {
  if (after === undefined) return null
  const cleared = Object.keys(before ?? {}).filter((name) => !Object.hasOwn(after, name))
  const kept = Object.entries(after).map(([name, value]: [string, unknown]) => {
    const old: unknown = before === undefined ? undefined : Reflect.get(before, name)
    return [name, isPlain(value) && isPlain(old) ? replacing(old, value) : value]
  })
  return Object.fromEntries([...cleared.map((name) => [name, null]), ...kept])
}
const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)
