/** Permission to build on what a rule of the gate asked about: one rule, one path, one commit (design §3.15). */
import { Schema } from "effect"

import { required } from "./Field.ts"

const text = (maxLength: number) =>
  Schema.String.check(Schema.isMinLength(1)).check(Schema.isMaxLength(maxLength))

/** What every approval says; `foreman gate --allow` says no more. */
export const allowance = {
  rule: required(text(63), "Rule of the gate that asked, as its message names it, such as weakened."),
  path: required(text(500), "Path that the rule named, or a glob that matches it."),
  reason: required(text(500), "Why this is right, for whoever reads the result.")
}

/** An approval of a task. Together at most `maxApprovals` of a task, so that they fit into the environment of the judge. */
export const Approval = Schema.Struct({
  ...allowance,
  commit: required(
    Schema.String.check(Schema.isPattern(/^[0-9a-f]{40,64}$/u)),
    "Full hash of the commit that was judged. An approval counts for no other commit."
  ),
  by: required(
    text(253),
    "Who approves: the user name of whoever writes it, as the API server knows it. Never the author of the change."
  )
})
export type Approval = typeof Approval.Type

/** Approvals that one task may hold. */
export const maxApprovals = 20
