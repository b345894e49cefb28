/** What a daemon must remember of a run when it dies in the middle: kept outside the workspace, on disk before it is acted on. */
import { Context, type Effect, Schema } from "effect"

import { Result } from "../../schema/Result.ts"

/** The record could not be read or written. */
export class RunRecordError extends Schema.TaggedError<RunRecordError>()("RunRecordError", {
  uid: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the record of runs, in the folder of workspaces (--workspace-dir), cannot be kept: ${String(this.cause)}`
  }
}

export const RunRecordEntry = Schema.Struct({
  /** Written before each push: the commit that the branch will point to if the push lands. */
  branch: Schema.optionalKey(Schema.String),
  commitSHA: Schema.optionalKey(Schema.String),
  /** Written with them: what the run came to, should the push land. */
  pending: Schema.optionalKey(Result),
  /** Written before the terminal patch: what the run came to, and the claim that it ran under. */
  finished: Schema.optionalKey(
    Schema.Struct({
      claim: Schema.Struct({ id: Schema.String, node: Schema.String, claimedAt: Schema.String }),
      result: Result
    })
  )
})
export type RunRecordEntry = typeof RunRecordEntry.Type

export class RunRecord extends Context.Service<
  RunRecord,
  {
    /** `undefined` when nothing is known about the task of this uid. */
    readonly read: (uid: string) => Effect.Effect<RunRecordEntry | undefined, RunRecordError>
    /** Puts these fields over what is there; atomic, and on disk when it returns. */
    readonly update: (uid: string, fields: RunRecordEntry) => Effect.Effect<void, RunRecordError>
    /** Removing what is gone already is no error. */
    readonly remove: (uid: string) => Effect.Effect<void, RunRecordError>
  }
>()("foreman/services/RunRecord") {}
