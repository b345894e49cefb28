/** A Workload as the tasks that it needs. What is rendered once stays: a later change of the spec makes no new tasks. */
import { Data } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import { agenticTasks, label, type TaskSpec } from "../../schema/AgenticTask.ts"
import type { ObjectMeta } from "../../schema/Meta.ts"
import { groupVersion } from "../../schema/Resource.ts"
import { type PipelineStep, type Workload, workloads } from "../../schema/Workload.ts"
import { issueBatch } from "./issueBatch.ts"
import { labelValue } from "./labels.ts"
import { type ConditionUpdate, reason } from "./status.ts"

/** A task to be created. */
export interface TaskManifest {
  readonly metadata: ObjectMeta
  readonly spec: TaskSpec
}

export type Plan = Data.TaggedEnum<{
  Tasks: {
    readonly tasks: ReadonlyArray<TaskManifest>
    readonly conditions: ReadonlyArray<ConditionUpdate>
  }
  /** Nothing can be made of this spec; it must be changed. */
  Refused: { readonly condition: ConditionUpdate; readonly more: ReadonlyArray<ConditionUpdate> }
  /** An Agent is not there, and may yet come. */
  AgentMissing: { readonly name: string }
}>
export const Plan = Data.taggedEnum<Plan>()

export interface PlanInput {
  readonly workload: Workload
  readonly agent: (name: string) => Agent | undefined
  /** The operator's own switch, `--allow-cloud-providers`. */
  readonly allowCloudProviders: boolean
}

/** `<workload>-<step>`; a step that begins so already is not prefixed again. */
const taskNameOf = (workload: string, step: string): string =>
  step.startsWith(`${workload}-`) ? step : `${workload}-${step}`

const refused = (why: string, message: string, more: ReadonlyArray<ConditionUpdate> = []): Plan =>
  Plan.Refused({ condition: { type: "Planned", status: "False", reason: why, message }, more })

export const planOf = (input: PlanInput): Plan => {
  const { metadata, spec } = input.workload
  const all = groupsOf(metadata.name, spec)
  if (all === undefined || all.every(({ length }) => length === 0)) {
    return refused(
      reason.noPlannerOrPipeline,
      "give spec.pipeline, or spec.issues with spec.coderAgentRef: an intent alone needs a planner, and there is none"
    )
  }
  const invalid = faultIn(metadata.name, all.flat())
  if (invalid !== undefined) return refused(reason.invalidPipeline, invalid)

  const cut = truncate(metadata.name, all, spec.maxTasks ?? 0)
  if (cut.steps.length === 0) {
    return refused(
      reason.maxTasksCap,
      `spec.maxTasks ${spec.maxTasks} allows not one whole issue of ${all[0]?.length} tasks`
    )
  }
  const suppressed = suppress(cut.steps, input)
  if ("missing" in suppressed) return Plan.AgentMissing({ name: suppressed.missing })
  return Plan.Tasks({
    tasks: suppressed.steps.map((step) => manifest(input.workload, step)),
    conditions: [...cut.conditions, ...suppressed.conditions]
  })
}

/** Steps that stand or fall together: an issue's steps, or one step of a pipeline. */
const groupsOf = (
  name: string,
  spec: Workload["spec"]
): ReadonlyArray<ReadonlyArray<PipelineStep>> | undefined =>
  spec.pipeline !== undefined && spec.pipeline.length > 0
    ? spec.pipeline.map((step) => [step])
    : issueBatch(name, spec)?.map(({ steps }) => steps)

const faultIn = (workload: string, steps: ReadonlyArray<PipelineStep>): string | undefined => {
  const names = new Set<string>()
  for (const { name } of steps) {
    const task = taskNameOf(workload, name)
    if (names.has(task)) return `two steps make the task ${task}`
    if (task.length > 253) return `the task name ${task} is longer than 253 characters`
    names.add(task)
  }
  for (const { name, dependsOn } of steps) {
    const unknown = dependsOn?.find((dependency) => !names.has(taskNameOf(workload, dependency)))
    if (unknown !== undefined) return `step ${name} depends on ${unknown}, which is no step`
  }
  return undefined
}

/** Whole groups, as many as fit; a step whose upstream was cut goes too. */
const truncate = (workload: string, groups: ReadonlyArray<ReadonlyArray<PipelineStep>>, maxTasks: number) => {
  const all = groups.flat()
  if (maxTasks === 0 || all.length <= maxTasks) return { steps: all, conditions: [] }
  const kept: Array<PipelineStep> = []
  for (const group of groups) {
    if (kept.length + group.length > maxTasks) break
    kept.push(...group)
  }
  const steps = closed(workload, kept)
  const message = `spec.maxTasks ${maxTasks} keeps ${steps.length} of ${all.length} tasks`
  const condition: ConditionUpdate = {
    type: "Truncated",
    status: "True",
    reason: reason.maxTasksCap,
    message
  }
  return { steps, conditions: [condition] }
}

/** The steps whose whole upstream is among them. */
const closed = (workload: string, steps: ReadonlyArray<PipelineStep>): ReadonlyArray<PipelineStep> => {
  const names = new Set(steps.map(({ name }) => taskNameOf(workload, name)))
  const kept = steps.filter(({ dependsOn }) =>
    (dependsOn ?? []).every((name) => names.has(taskNameOf(workload, name)))
  )
  return kept.length === steps.length ? steps : closed(workload, kept)
}

/** Reviews by Agents that are not local are left out when either switch says so, and with them whatever builds on them. */
const suppress = (
  steps: ReadonlyArray<PipelineStep>,
  { workload, agent, allowCloudProviders }: PlanInput
):
  | { readonly steps: ReadonlyArray<PipelineStep>; readonly conditions: ReadonlyArray<ConditionUpdate> }
  | { readonly missing: string } => {
  if (allowCloudProviders && workload.spec.allowCloudReviewers !== false) return { steps, conditions: [] }
  const reviews = steps.filter(({ kind }) => kind === "review")
  const missing = reviews.find(({ agentRef }) => agent(agentRef.name) === undefined)
  if (missing !== undefined) return { missing: missing.agentRef.name }
  const isCloud = ({ kind, agentRef }: PipelineStep) =>
    kind === "review" && agent(agentRef.name)?.spec.provider !== "local"
  const kept = closed(
    workload.metadata.name,
    steps.filter((step) => !isCloud(step))
  )
  if (kept.length === steps.length) return { steps, conditions: [] }
  const gone = steps.filter((step) => !kept.includes(step)).map(({ name }) => name)
  return {
    steps: kept,
    conditions: [
      {
        type: "CloudReviewersSuppressed",
        status: "True",
        reason: reason.sovereigntyGate,
        message: `left out, for their Agents are not local: ${gone.join(", ")}`
      }
    ]
  }
}

/** What is said of the whole Workload holds for a step that says nothing itself. */
const manifest = ({ metadata, spec }: Workload, step: PipelineStep): TaskManifest => {
  const { name, dependsOn, gateProfile = spec.gateProfile, ...rest } = step
  return {
    metadata: {
      name: taskNameOf(metadata.name, name),
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { [label.workload]: labelValue(metadata.name), [label.step]: labelValue(name) },
      ownerReferences: [
        {
          apiVersion: groupVersion(workloads),
          kind: workloads.kind,
          name: metadata.name,
          uid: metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true
        }
      ]
    },
    spec: {
      ...rest,
      payload: {
        ...(spec.repo === undefined ? {} : { repo: spec.repo }),
        ...(spec.allowOverwrite === undefined || step.kind !== "issue-fix"
          ? {}
          : { allowOverwrite: spec.allowOverwrite }),
        ...(spec.openPullRequest === undefined || step.kind !== "review"
          ? {}
          : { openPullRequest: spec.openPullRequest }),
        ...step.payload
      },
      ...(gateProfile === undefined ? {} : { gateProfile }),
      ...(spec.mcpEnabled === undefined ? {} : { mcpEnabled: spec.mcpEnabled }),
      ...(spec.verdictPolicy === undefined ? {} : { verdictPolicy: spec.verdictPolicy }),
      ...(dependsOn === undefined
        ? {}
        : { dependsOn: dependsOn.map((step) => taskNameOf(metadata.name, step)) })
    }
  }
}

/** The entry of `status.tasks` for a task that was made. */
export const referenceTo = (metadata: ObjectMeta) => ({
  kind: agenticTasks.kind,
  apiVersion: groupVersion(agenticTasks),
  name: metadata.name,
  ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  ...(metadata.uid === undefined ? {} : { uid: metadata.uid })
})
