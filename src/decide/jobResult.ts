/**
 * From what a coder Job left behind to the `foreman.v1` envelope. Pure; contract §3.8. Without a result that the run's own nonce marks,
 * nothing was decided: that is INCOMPLETE, never the model's NO-GO (contract §9.1.19).
 */
import type { Schema } from "effect"

import type { Result } from "../../schema/Result.ts"
import type { FailureReason } from "../../schema/Verdict.ts"
import { readEnvelope, type TaskEnvelope } from "./taskLog.ts"

type JsonObject = { readonly [key: string]: Schema.Json }

/** How the pod's main container ended. */
export interface JobEnd {
  readonly jobName: string
  readonly namespace: string
  readonly exitCode: number
  readonly terminationMessage: string
  readonly logHead: string
  readonly logTail: string
}

/** The result that the run marked as its own. One without a nonce (an older runner) counts only when the runner ended well. */
export const envelopeOf = (end: JobEnd): TaskEnvelope | undefined =>
  end.exitCode === 0 || end.logHead.startsWith("FOREMAN-NONCE: ") ? readEnvelope(end) : undefined

const whereOf = ({ jobName, logTail, namespace }: Pick<JobEnd, "jobName" | "logTail" | "namespace">) => ({
  executionMode: "Job",
  jobName,
  namespace,
  logTail
})

/** Nothing was decided. `fault` is one word for why, `message` a sentence for a person. */
export const jobError = (
  where: Pick<JobEnd, "jobName" | "logTail" | "namespace">,
  why: { readonly fault: string; readonly message: string },
  elapsedSec: number
): Result => ({
  schemaVersion: "foreman.v1",
  kind: "native-agent-loop",
  verdict: "INCOMPLETE",
  summary: `the Job brought no result: ${why.message}`,
  failureReason: "InfrastructureError",
  extra: { outcome: "JOB-ERROR", reason: why.message, fault: why.fault, ...whereOf(where) },
  elapsedSec
})

/** The runner's own word for why there is no Result. It explains, and decides nothing. */
const lastWord = (logTail: string): string | undefined =>
  /^FOREMAN ERROR: (.*)$/u.exec(logTail.trimEnd().split("\n").at(-1) ?? "")?.[1]

const killed = new Set([128 + 9, 128 + 15])

/** Whether the runner was ended from outside before it came to a result: a drain, an eviction, a kill. Another pod may go on. */
export const wasKilled = (end: JobEnd): boolean =>
  envelopeOf(end) === undefined && (killed.has(end.exitCode) || lastWord(end.logTail) === "interrupted")

/** The same where there is no end to look at. What fills a disk or a limit would do so again. */
export const isPodLost = ({ fault }: { readonly fault: string }): boolean =>
  ["Evicted", "NodeLost", "PodDeleted"].includes(fault)

const text = (value: Schema.Json | undefined): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

export const jobResult = (end: JobEnd, elapsedSec: number): Result => {
  const envelope = envelopeOf(end)
  if (envelope === undefined) {
    const why = lastWord(end.logTail)
    const message = `run-task ended with exit ${end.exitCode}${why === undefined ? " and left none" : `: ${why}`}`
    return jobError(end, { fault: "NoResult", message }, elapsedSec)
  }
  const { branch, commitMessage, commitSHA, result, summary, verdict } = envelope
  const inner: JsonObject = result?.extra ?? {}
  const settled = (
    word: Result["verdict"],
    more: { readonly [key: string]: Schema.Json | undefined },
    failureReason: FailureReason | undefined = result?.failureReason
  ): Result => ({
    schemaVersion: "foreman.v1",
    kind: result?.kind ?? "native-agent-loop",
    verdict: word,
    summary,
    ...(failureReason === undefined ? {} : { failureReason }),
    extra: { ...inner, ...present(more), ...whereOf(end) },
    elapsedSec
  })
  switch (verdict) {
    case "GO":
      return settled("GO", { outcome: text(inner["outcome"]) ?? "", branch, commitSHA, commitMessage })
    case "NO-GO":
      return settled("NO-GO", { outcome: text(inner["outcome"]) ?? "MODEL-NO-GO", intendedBranch: branch })
    case "INCOMPLETE":
      return settled(
        "INCOMPLETE",
        { outcome: text(inner["outcome"]) ?? "INCOMPLETE", intendedBranch: branch },
        result?.failureReason ?? "MaxTurnsExhausted"
      )
    default:
      // A gate's word is not a coder's to say.
      return jobError(end, { fault: "NoResult", message: `run-task said ${verdict}: ${summary}` }, elapsedSec)
  }
}

const present = (fields: { readonly [key: string]: Schema.Json | undefined }): JsonObject => {
  const entries = Object.entries(fields)
  return Object.fromEntries(entries.filter((entry): entry is [string, Schema.Json] => entry[1] !== undefined))
}
