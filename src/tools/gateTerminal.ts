/** An envelope in the words of a result: the same for a gate Job and for `foreman gate`. */
import { Schema } from "effect"

import { reason } from "../decide/status.ts"
import type { Envelope } from "../gate/envelope.ts"
import { isTransient } from "../gate/gateReason.ts"
import type { Terminal } from "./AgentTool.ts"

/** What one gate came to. `fault` is set when nothing was judged. */
export interface Said {
  readonly terminal: Terminal
  readonly fault?: string | undefined
  readonly message: string
  /** Whether another Job may judge what this one could not. */
  readonly mayPass: boolean
}

/** `where` says which Job it was, and how its log ended. */
export const saidBy = (envelope: Envelope, where: Terminal["extra"]): Said => {
  const extra = { ...where, ...evidenceOf(envelope) }
  const { message } = envelope
  switch (envelope.verdict) {
    case "GATE-PASS":
      return {
        message,
        mayPass: false,
        terminal: {
          verdict: "GATE-PASS",
          summary: "all gate checks passed",
          extra: { ...extra, restsOn: message }
        }
      }
    case "GATE-FAIL":
      return {
        message,
        mayPass: false,
        terminal: {
          verdict: "GATE-FAIL",
          summary:
            envelope.reason === reason.needsApproval
              ? `needs approval: ${message}`
              : "one or more gate checks failed",
          failureReason: "GateFailed",
          extra: { ...extra, reason: envelope.reason ?? "CheckFailed", message }
        }
      }
    case "GATE-ERROR":
      return notRun(extra, envelope.reason ?? "JudgeFailed", message)
  }
}

const copied = [
  "tree",
  "base",
  "profile",
  "source",
  "policy",
  "moved",
  "confinement",
  "coverage",
  "findings",
  "approvals",
  "approvalsRead",
  "evidence",
  "dirty"
] as const

const evidenceOf = (envelope: Envelope): Terminal["extra"] => ({
  ...(envelope.commit !== undefined && { commitSHA: envelope.commit }),
  ...Object.fromEntries(
    copied.flatMap((key) => (envelope[key] === undefined ? [] : [[key, asJson(envelope[key])]]))
  ),
  checks: asJson(envelope.checks)
})

const decodeJson = Schema.decodeUnknownSync(Schema.Json)

/** What an envelope holds goes into JSON as it is, but for keys that are absent. */
const asJson = (value: unknown): Schema.Json => decodeJson(JSON.parse(JSON.stringify(value)))

export const notRun = (extra: Terminal["extra"], fault: string, message: string): Said => ({
  fault,
  message,
  mayPass: isTransient(fault),
  terminal: {
    verdict: "GATE-ERROR",
    summary: `gate did not run: ${message}`,
    failureReason: "GateError",
    extra: { ...extra, reason: fault, message }
  }
})
