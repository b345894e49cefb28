/** Workload: an intent, and the pipeline of tasks that it becomes. Contract §1.4. */
import { Schema } from "effect"

import { TaskKind, TaskPayload } from "./AgenticTask.ts"
import { Limits, Spend } from "./Budget.ts"
import { int32, nonEmpty, optional, required, strings } from "./Field.ts"
import { GateProfile } from "./GateProfile.ts"
import { conditions, LocalObjectReference, ObjectMeta, statusOf } from "./Meta.ts"
import type { CustomResource } from "./Resource.ts"

export const PipelineStep = Schema.Struct({
  name: required(
    Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9-]*$/u)),
    "Name of the step; the task is named after the Workload and it."
  ),
  kind: required(TaskKind, "Kind of the task."),
  agentRef: required(LocalObjectReference, "Agent of the task."),
  payload: required(TaskPayload, "Payload of the task."),
  dependsOn: optional(strings, "Steps of this pipeline that must be on target first, by name."),
  timeoutSeconds: optional(int32(0), "Wall time of one run, in seconds."),
  priority: optional(int32(), "Higher goes first."),
  gateProfile: optional(GateProfile, "What a gate runs."),
  limits: optional(Limits, "What all runs of the task together may use.")
})
export type PipelineStep = typeof PipelineStep.Type

export const WorkloadSpec = Schema.Struct({
  intent: required(nonEmpty, "What is wanted, in words."),
  repo: optional(Schema.String, "Repository, as owner/name."),
  maxTasks: optional(int32(0), "Tasks that may be made; 0 means no limit."),
  plannerModel: optional(Schema.String, "Model of the planner; kept, not used yet."),
  pipeline: optional(Schema.Array(PipelineStep), "The steps, said by hand."),
  issues: optional(Schema.Array(int32(1)), "Issues, each of which becomes code, verify and review."),
  coderAgentRef: optional(LocalObjectReference, "Agent that writes code for an issue."),
  verifierAgentRef: optional(LocalObjectReference, "Agent that gates it."),
  reviewerAgentRefs: optional(Schema.Array(LocalObjectReference), "Agents that review it, each on its own."),
  allowCloudReviewers: optional(Schema.Boolean, "False keeps the work from reviewers that are not local."),
  escalationReviewerAgentRefs: optional(
    Schema.Array(LocalObjectReference),
    "Agents that look again after a review said NO-GO."
  ),
  gateProfile: optional(GateProfile, "What every gate runs."),
  allowOverwrite: optional(Schema.Boolean, "Let a push replace an existing branch of ours."),
  openPullRequest: optional(
    Schema.Boolean,
    "Open a pull request when a review says GO; true for issues when absent."
  ),
  escalationCoderAgentRef: optional(LocalObjectReference, "Agent that tries again when the coder could not."),
  escalateOnFailure: optional(Schema.Boolean, "Try the escalation coder after failures too."),
  maxReviewIterations: optional(int32(0), "Times that a NO-GO goes back to a coder; 1 when absent."),
  revisionCoderAgentRef: optional(LocalObjectReference, "Agent that revises; the coder when absent."),
  mcpEnabled: optional(Schema.Boolean, "False takes external tools away."),
  limits: optional(
    Limits,
    "What all tasks together may use. Once it is used up no further task starts; a limit that is raised lets them go on."
  ),
  verdictPolicy: optional(
    Schema.Struct({ selfGO: optional(strings, "Classes of change that may say GO for themselves.") }),
    "Who may say GO for what."
  )
})
export type WorkloadSpec = typeof WorkloadSpec.Type

export const WorkloadPhase = Schema.Literals(["Planning", "Planned", "Dispatched", "Completed", "Failed"])
export type WorkloadPhase = typeof WorkloadPhase.Type

export const WorkloadStatus = Schema.Struct({
  phase: optional(WorkloadPhase, "How far the Workload got."),
  tasks: optional(
    Schema.Array(
      Schema.Struct({
        kind: optional(Schema.String, "Kind of the object."),
        apiVersion: optional(Schema.String, "Its group and version."),
        namespace: optional(Schema.String, "Its namespace."),
        name: optional(Schema.String, "Its name."),
        uid: optional(Schema.String, "Its identity.")
      })
    ),
    "The tasks that were made."
  ),
  succeededTasks: optional(int32(0), "Tasks on target."),
  failedTasks: optional(int32(0), "Tasks that failed."),
  incompleteTasks: optional(int32(0), "Tasks that ended off target."),
  usage: optional(Spend, "What the tasks used."),
  usageOfDeletedTasks: optional(Spend, "The part of usage of tasks that are deleted since."),
  reviewIterations: optional(int32(0), "Revisions that were made."),
  plannerModel: optional(Schema.String, "What planned the tasks."),
  conditions
})
export type WorkloadStatus = typeof WorkloadStatus.Type

export const Workload = Schema.Struct({
  metadata: ObjectMeta,
  spec: required(WorkloadSpec, "What is wanted."),
  status: statusOf(WorkloadStatus, "How it stands.")
})
export interface Workload extends Schema.Schema.Type<typeof Workload> {}

export const workloads: CustomResource<Workload> = {
  group: "foreman.llmkube.dev",
  version: "v1alpha1",
  kind: "Workload",
  plural: "workloads",
  singular: "workload",
  shortNames: ["wl"],
  namespaced: true,
  schema: Workload,
  description: "Workload is an intent and the pipeline of tasks that it becomes.",
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Repo", type: "string", jsonPath: ".spec.repo" },
    { name: "Tasks", type: "integer", jsonPath: ".status.succeededTasks" },
    { name: "Failed", type: "integer", jsonPath: ".status.failedTasks" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
  ],
  selectableFields: [".status.phase"]
}
