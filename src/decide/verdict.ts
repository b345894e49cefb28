/** From what a tool came to, to the `foreman.v1` envelope of an Agent without a model. Contract §3.6 and §4.4. */
import type { Schema } from "effect"

import type { Result } from "../../schema/Result.ts"
import type { Party } from "../../schema/Party.ts"
import type { FailureReason, Verdict } from "../../schema/Verdict.ts"

type JsonObject = { readonly [key: string]: Schema.Json }

/** The machine's word for a verdict that misses the target, where the verdict alone says enough. */
export const failureReasonOf = (verdict: Verdict): FailureReason | undefined =>
  verdict === "GATE-FAIL" ? "GateFailed" : verdict === "GATE-ERROR" ? "GateError" : undefined

/** What was judged, and how: it stands beside the tool's own words, where every gate's reader looks. */
const evidence = [
  "restsOn",
  "commitSHA",
  "tree",
  "base",
  "profile",
  "policy",
  "source",
  "moved",
  "checks",
  "coverage",
  "findings",
  "approvals",
  "approvalsRead",
  "evidence",
  "attempts",
  "confinement"
] as const

/** The tool ran. Without a word of its own that the run is over, that it ran at all is GO. */
export const dispatched = (run: {
  readonly tool: string
  readonly output: JsonObject
  readonly terminal?:
    | {
        readonly verdict: Verdict | "ERROR"
        readonly summary: string
        readonly failureReason?: FailureReason
        readonly extra: JsonObject
      }
    | undefined
  readonly intendedBranch: string
  readonly elapsedSec: number
}): Result => {
  const { terminal } = run
  const said = terminal?.verdict ?? "GO"
  const verdict = said === "ERROR" ? "INCOMPLETE" : said
  const failureReason =
    terminal?.failureReason ?? (said === "ERROR" ? "ModelReportedError" : failureReasonOf(verdict))
  const modelExtra = { ...terminal?.extra }
  const lifted: Record<string, Schema.Json> = {}
  for (const key of evidence) {
    const value = modelExtra[key]
    if (value === undefined) continue
    lifted[key] = value
    delete modelExtra[key]
  }
  return {
    schemaVersion: "foreman.v1",
    kind: "native-agent-loop",
    verdict,
    summary: terminal?.summary ?? `${run.tool} ran`,
    ...(failureReason === undefined ? {} : { failureReason }),
    extra: {
      outcome: "",
      deterministic: true,
      dispatchedTool: run.tool,
      toolOutput: run.output,
      modelExtra,
      intendedBranch: run.intendedBranch,
      ...lifted
    },
    elapsedSec: run.elapsedSec
  }
}

/** Whose doing a precondition is that was not met, by the contract's word for it. */
const parties: { readonly [R in FailureReason]?: Party } = {
  AuthUnavailable: "credentials",
  CloneFailed: "workspace",
  InfrastructureError: "configuration"
}

/** Nothing ran: INCOMPLETE, with the reason in the enum's words and, in `extra.reason`, in the contract's. */
export const preconditionFailed = (failure: {
  readonly reason: string
  readonly failureReason: FailureReason
  readonly message: string
  readonly elapsedSec: number
}): Result => ({
  schemaVersion: "foreman.v1",
  kind: "native-agent-loop",
  verdict: "INCOMPLETE",
  summary: failure.message,
  failureReason: failure.failureReason,
  extra: {
    outcome: "EXECUTOR-PRECONDITION-FAILED",
    reason: failure.reason,
    party: parties[failure.failureReason] ?? "configuration"
  },
  elapsedSec: failure.elapsedSec
})
