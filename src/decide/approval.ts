/** A gate that asked: what its dependents wait for, and when it runs again (design §3.15). */
import type { AgenticTask, TaskStatus } from "../../schema/AgenticTask.ts"
import type { Approval } from "../../schema/Approval.ts"
import { shortHash } from "./labels.ts"
import { reason, setCondition, type StatusFields } from "./status.ts"

/** Attempts that are made for the same approvals: a judge that never reads them must not run for ever. */
const maxSameAttempts = 3
/** Earlier attempts that a status keeps. */
const maxAttempts = 20

/** The approvals that are for a commit. */
export const approvalsFor = (
  approvals: ReadonlyArray<Approval> | undefined,
  commit: string | undefined
): ReadonlyArray<Approval> => (approvals ?? []).filter((approval) => approval.commit === commit)

/** Tells one set of approvals from another, whatever their order; `undefined` for none. A reason may be reworded. */
export const fingerprintOf = (approvals: ReadonlyArray<Approval>): string | undefined =>
  approvals.length === 0
    ? undefined
    : shortHash(
        approvals
          .map(({ by, commit, path, rule }) => JSON.stringify([rule, path, commit, by]))
          .toSorted()
          .join("\n")
      )

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null

const extraOf = ({ status }: AgenticTask): { readonly [key: string]: unknown } => {
  const extra = status?.result?.["extra"]
  return isRecord(extra) ? extra : {}
}

/** The judge's word for why its verdict was no GATE-PASS, and its sentence. */
const judgedAs = (task: AgenticTask): { readonly [key: string]: unknown } => {
  const { modelExtra } = extraOf(task)
  return isRecord(modelExtra) ? modelExtra : {}
}

/** Whether the task ended as a gate whose only objection is that somebody must allow something. */
export const awaitsApproval = (task: AgenticTask): boolean =>
  task.status?.phase === "Succeeded" &&
  task.status.verdict === "GATE-FAIL" &&
  judgedAs(task)["reason"] === reason.needsApproval

/** What a dependent of such a task is told. */
export const askedBy = (task: AgenticTask): string => {
  const { message } = judgedAs(task)
  return `upstream ${task.metadata.name} needs approval${typeof message === "string" ? `: ${message}` : ""}`
}

/**
 * The status that starts the next attempt, when `spec.approvals` holds approvals for the judged commit that the judge has not read;
 * `undefined` when there is nothing to do.
 */
export const nextAttempt = (task: AgenticTask, nowMillis: number): StatusFields<TaskStatus> | undefined => {
  const { metadata, spec, status } = task
  if (metadata.deletionTimestamp !== undefined || !awaitsApproval(task)) return undefined
  const approvals = approvalsFor(spec.approvals, status?.commitSHA)
  const fingerprint = fingerprintOf(approvals)
  if (fingerprint === undefined || fingerprint === extraOf(task)["approvalsRead"]) return undefined
  const attempts = status?.attempts ?? []
  if (attempts.filter((attempt) => attempt.approvals === fingerprint).length >= maxSameAttempts)
    return undefined
  const by = [...new Set(approvals.map((approval) => approval.by))].join(", ")
  return {
    phase: "Pending",
    verdict: null,
    result: null,
    failureReason: null,
    assignedNode: null,
    claim: null,
    claimedAt: null,
    startedAt: null,
    finishedAt: null,
    jobName: null,
    commitSHA: null,
    transcriptRef: null,
    attempts: [
      ...attempts,
      {
        verdict: "GATE-FAIL" as const,
        reason: reason.needsApproval,
        ...(status?.commitSHA !== undefined && { commitSHA: status.commitSHA }),
        ...(status?.jobName !== undefined && { jobName: status.jobName }),
        ...(status?.finishedAt !== undefined && { finishedAt: status.finishedAt }),
        approvals: fingerprint
      }
    ].slice(-maxAttempts),
    conditions: setCondition(
      status?.conditions,
      {
        type: "Completed",
        status: "Unknown",
        reason: reason.approved,
        message: `${by} allowed what the gate asked about ${status?.commitSHA}: it is judged again`
      },
      nowMillis,
      metadata.generation
    )
  }
}
