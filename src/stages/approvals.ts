/** Holds what was found against the policy and the approvals. */
import { Effect } from "effect"

import { type Allowance, approve } from "../gate/approval.ts"
import type { Envelope } from "../gate/envelope.ts"
import type { Finding, Policy, Standard } from "../gate/finding.ts"
import type { Checkout } from "../services/GateCheckout.ts"
import type { GateError } from "../services/GateError.ts"
import type { Log } from "./log.ts"

interface Asked {
  readonly approvals?: ReadonlyArray<Allowance> | undefined
  readonly attended?: boolean | undefined
}

/** The standard for a change, and which approvals counted. What an approval covers, or why it covers nothing, is a line of the log. */
export const standardOf = Effect.fnUntraced(function* (
  { approvals = [], attended }: Asked,
  checkout: Pick<Checkout, "commit" | "authors">,
  policy: Policy,
  findings: ReadonlyArray<Finding>,
  log: Log
): Effect.fn.Return<
  { readonly standard: Standard; readonly evidence: Pick<Envelope, "approvals" | "approvalsRead"> },
  GateError
> {
  if (approvals.length === 0) return { standard: { policy, attended }, evidence: {} }
  const authors = yield* checkout.authors
  const { commit } = checkout
  const { allowed, counted, lines, read } = approve({
    approvals,
    attended,
    authors,
    commit,
    findings,
    policy
  })
  for (const line of lines) log.line(line)
  return {
    standard: { policy, attended, allowed },
    evidence: {
      ...(counted.length > 0 && { approvals: counted }),
      ...(read !== undefined && { approvalsRead: read })
    }
  }
})
