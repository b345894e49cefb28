/** What the scheduler may decide for a task. */
import { Data } from "effect"

import type { Limits } from "../../schema/Budget.ts"
import type { FailureReason } from "../../schema/Verdict.ts"

export type Decision = Data.TaggedEnum<{
  Assign: {
    readonly node: string
    /** What the run may use of what its Workload has left; absent where nothing bounds it. */
    readonly workloadLimits?: Limits
  }
  /** `isShort`: a place is there, only taken. */
  Wait: { readonly reason: string; readonly message: string; readonly isShort: boolean }
  Fail: {
    readonly reason: string
    readonly message: string
    readonly failureReason?: FailureReason | undefined
  }
  /** Nothing is left to do: Succeeded, with verdict Skipped. */
  Skip: { readonly message: string }
}>
export const Decision = Data.taggedEnum<Decision>()

export type Wait = Extract<Decision, { readonly _tag: "Wait" }>
/** What ends a task's wait. */
export type Settled = Exclude<Decision, Wait>
