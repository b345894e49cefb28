/** Reads an issue. */
import { Context, type Effect, Schema } from "effect"

export class TrackerError extends Schema.TaggedError<TrackerError>()("TrackerError", {
  /** Absent when there was no answer. */
  status: Schema.optionalKey(Schema.Int),
  message: Schema.String
}) {}

export interface Issue {
  readonly number: number
  readonly title: string
  readonly body: string
  readonly state: string
  readonly labels: ReadonlyArray<string>
}

export class IssueTracker extends Context.Service<
  IssueTracker,
  {
    /** `repo` is owner/name. The body is cut to 16 KiB. */
    readonly issue: (repo: string, number: number) => Effect.Effect<Issue, TrackerError>
  }
>()("foreman/services/IssueTracker") {}
