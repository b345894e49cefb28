/** AgenticTask: one dispatchable unit of work. Contract §1.1; `claim` is ours (design §3.5). */
import { Schema } from "effect"

import { Approval, maxApprovals } from "./Approval.ts"
import { count, Limits, Spend } from "./Budget.ts"
import { RequiredCapability } from "./Capability.ts"
import { anyObject, int32, nonEmpty, optional, required, strings, time, withDefault } from "./Field.ts"
import { GateProfile } from "./GateProfile.ts"
import { conditions, LocalObjectReference, ObjectMeta, statusOf } from "./Meta.ts"
import type { CustomResource } from "./Resource.ts"
import { FailureReason, TaskPhase, Verdict } from "./Verdict.ts"

export const TaskKind = Schema.Literals([
  "issue-fix",
  "verify",
  "review",
  "freeform",
  "integrate",
  "reconcile"
])
export type TaskKind = typeof TaskKind.Type

/** What the task is about. Every value here is data to the programs that read it, never shell or YAML. */
export const TaskPayload = Schema.Struct({
  repo: optional(Schema.String, "Repository, as owner/name."),
  issue: optional(int32(1), "Number of the issue."),
  branch: optional(Schema.String, "Branch that the work is done on, or that is judged."),
  branchPrefix: optional(Schema.String, "Kept for older manifests; not read."),
  prompt: optional(
    Schema.String,
    "What to do, in words. For an issue-fix, the text of the issue when it is known."
  ),
  agent: optional(Schema.String, "Free text that the stub executor echoes."),
  baseBranch: optional(
    Schema.String,
    "Branch that the work starts from and is compared with; the default branch when absent."
  ),
  gateAdvisories: optional(
    Schema.Array(
      Schema.Struct({
        check: required(Schema.String, "Check that raised it."),
        detail: required(Schema.String, "What it saw.")
      })
    ),
    "What earlier checks noticed without failing."
  ),
  allowOverwrite: optional(
    Schema.Boolean,
    "Let a push replace an existing branch of ours, with a lease on what was seen."
  ),
  openPullRequest: optional(Schema.Boolean, "Open a pull request when a review says GO."),
  reviseFromBranch: optional(Schema.String, "Branch whose commits are the starting point of a revision."),
  promptPrefix: optional(Schema.String, "The operator's own words, put before the prompt."),
  branchStrategy: withDefault(
    Schema.Literals(["reset", "rebase"]),
    "reset",
    "Whether an existing branch is started over or kept and rebased."
  ),
  paths: optional(
    strings,
    "Paths (globs) that the task may touch; absent means any. Two tasks that change files of one repository and name overlapping paths do not run at once."
  ),
  slices: optional(
    Schema.Array(
      Schema.Struct({
        name: required(nonEmpty, "Name of the slice."),
        branch: optional(Schema.String, "Branch that holds it."),
        files: optional(strings, "Files that it owns.")
      })
    ),
    "Parts that an integrate task joins."
  ),
  contract: optional(Schema.String, "What the slices agreed on."),
  sharedIdentifiers: optional(
    Schema.Array(
      Schema.Struct({
        id: required(Schema.String, "The identifier."),
        definedBy: required(Schema.String, "Slice that defines it."),
        referencedBy: optional(strings, "Slices that use it.")
      })
    ),
    "Identifiers that several slices rely on."
  ),
  images: optional(strings, "Images that belong to the prompt.")
})
export type TaskPayload = typeof TaskPayload.Type

export const TaskSpec = Schema.Struct({
  kind: required(TaskKind, "What kind of work this is."),
  modelRef: optional(
    Schema.String,
    "Name of a model; the stub executor echoes it, and requiresModelInstalled looks for it."
  ),
  agentRef: optional(LocalObjectReference, "The Agent that does the work, in the task's namespace."),
  requiredCapability: optional(
    RequiredCapability,
    "What the node must offer. Not read when agentRef is set: the Agent says it then."
  ),
  payload: required(TaskPayload, "What the task is about."),
  timeoutSeconds: optional(
    int32(0),
    "Wall time for one run, in seconds; above 0 it ends the run as INCOMPLETE with reason Timeout."
  ),
  dependsOn: optional(
    strings,
    "Names of tasks in the same namespace that must be on target first. Names only: an object with name and namespace is refused."
  ),
  priority: optional(int32(), "Higher goes first."),
  gateProfile: optional(GateProfile, "What a gate runs; the make targets when absent."),
  approvals: optional(
    Schema.Array(Approval).check(Schema.isMaxLength(maxApprovals)),
    "What somebody other than the author of the change allows after the gate ended as NeedsApproval. The gate then runs again on the same commit."
  ),
  mcpEnabled: optional(Schema.Boolean, "False takes external tools away."),
  limits: optional(
    Limits,
    "What all runs of the task together may use, beside the Agent's limits. A run that reaches one ends as INCOMPLETE with reason LimitReached."
  ),
  verdictPolicy: optional(
    Schema.Struct({ selfGO: optional(strings, "Classes of change that may say GO for themselves.") }),
    "Who may say GO for what."
  )
})
export type TaskSpec = typeof TaskSpec.Type

/** A node's exclusive, fenced right to run the task. It counts while node and time equal assignedNode and claimedAt. */
export const Claim = Schema.Struct({
  id: required(Schema.String, "Identity of the claim; every later write must show it."),
  node: required(Schema.String, "Node that holds it."),
  claimedAt: required(time, "When it was taken.")
})
export type Claim = typeof Claim.Type

/** How an earlier attempt of the task ended. */
export const Attempt = Schema.Struct({
  verdict: optional(Verdict, "What it came to."),
  reason: optional(Schema.String, "One word for why."),
  commitSHA: optional(Schema.String, "Commit that was judged."),
  jobName: optional(Schema.String, "Job that did the work."),
  finishedAt: optional(time, "When it ended."),
  approvals: optional(Schema.String, "Fingerprint of the approvals that the next attempt was made for.")
})

/** Of a run with a model, as it is shown while it goes on. */
export const RunProgress = Schema.Struct({
  turn: required(int32(0), "Turns that have ended."),
  maxTurns: required(int32(0), "Turns that the run may take."),
  inputTokens: required(count, "Tokens that this process of the run sent to the model."),
  outputTokens: required(count, "Tokens that the model answered to it."),
  lastAction: required(Schema.String, "The last call of the last turn, shortened."),
  at: required(time, "When that turn ended.")
})
export type RunProgress = typeof RunProgress.Type

export const TaskStatus = Schema.Struct({
  phase: optional(TaskPhase, "How far the machinery got."),
  assignedNode: optional(Schema.String, "Node that the task was given to."),
  claimedAt: optional(time, "When that node took it."),
  startedAt: optional(time, "When the run began."),
  finishedAt: optional(time, "When the task ended."),
  claim: optional(Claim, "The fenced claim of a run."),
  verdict: optional(Verdict, "What the work came to; dependents and people pivot on this."),
  result: optional(
    anyObject.annotate({ "x-kubernetes-preserve-unknown-fields": true } as never),
    "The foreman.v1 envelope of the run."
  ),
  branch: optional(Schema.String, "Branch that was pushed, or judged."),
  commitSHA: optional(Schema.String, "Commit that was pushed, or judged."),
  transcriptRef: optional(
    Schema.Struct({
      kind: optional(Schema.String, "Kind of the object."),
      apiVersion: optional(Schema.String, "Its group and version."),
      namespace: optional(Schema.String, "Its namespace."),
      name: optional(Schema.String, "Its name.")
    }),
    "Where the transcript of the run is kept."
  ),
  failureReason: optional(FailureReason, "The machine's word for why the target was missed."),
  jobName: optional(Schema.String, "Job that does the work, where one does."),
  parkedUntil: optional(
    time,
    "Until when a task waits without a slot, for a model's endpoint that says later; condition Parked says why."
  ),
  usage: optional(Spend, "What all runs of the task used so far; a run is added when it ends."),
  workloadLimits: optional(
    Limits,
    "What was left of its Workload's limits when the task was placed; its run ends there."
  ),
  progress: optional(
    RunProgress,
    "How far the model's work is, some seconds late; what it was at last, once the run has ended."
  ),
  attempts: optional(Schema.Array(Attempt), "Earlier attempts, the oldest first; the last 20 are kept."),
  conditions
})
export type TaskStatus = typeof TaskStatus.Type

export const AgenticTask = Schema.Struct({
  metadata: ObjectMeta,
  spec: required(TaskSpec, "What is to be done, by whom, after what."),
  status: statusOf(TaskStatus, "How it stands; written by the operator and by the node that claimed it.")
})
export interface AgenticTask extends Schema.Schema.Type<typeof AgenticTask> {}

export const agenticTasks: CustomResource<AgenticTask> = {
  group: "foreman.llmkube.dev",
  version: "v1alpha1",
  kind: "AgenticTask",
  plural: "agentictasks",
  singular: "agentictask",
  shortNames: ["at"],
  namespaced: true,
  schema: AgenticTask,
  description: "AgenticTask is one dispatchable unit of work.",
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Kind", type: "string", jsonPath: ".spec.kind" },
    { name: "Node", type: "string", jsonPath: ".status.assignedNode" },
    { name: "Verdict", type: "string", jsonPath: ".status.verdict" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
  ],
  selectableFields: [".status.assignedNode", ".status.phase", ".spec.kind"]
}

/** Labels that Foreman puts on tasks and on what it makes for them. */
export const label = {
  workload: "foreman.llmkube.dev/workload",
  step: "foreman.llmkube.dev/step",
  taskName: "foreman.llmkube.dev/task-name",
  /** Earlier attempts of the task, on a Job of a later one: that of another attempt is not taken over. */
  attempt: "foreman.llmkube.dev/attempt",
  taskNamespace: "foreman.llmkube.dev/task-namespace",
  /** By this a restarted daemon finds the live Job of the run before. */
  taskUid: "foreman.llmkube.dev/task-uid",
  transcriptOf: "foreman.llmkube.dev/transcript-of"
} as const

/** Annotation that counts how often a task lost its node. */
export const claimExpiriesAnnotation = "foreman.llmkube.dev/claim-expiries"
