/** What a tool may do to the host: files and commands inside one folder, and nothing else. */
import { Context, type Duration, type Effect, Schema, type Scope } from "effect"

import type { Identity } from "./GitWorkspace.ts"

/** A path leaves the folder, by `..`, by being absolute elsewhere, or through a symbolic link. */
export class OutsideWorkspace extends Schema.TaggedError<OutsideWorkspace>()("OutsideWorkspace", {
  message: Schema.String
}) {}
/** No such file, a folder where a file is needed, no right, a full disk. */
export class FileUnavailable extends Schema.TaggedError<FileUnavailable>()("FileUnavailable", {
  message: Schema.String
}) {}

export class WorkspaceToolError extends Schema.TaggedError<WorkspaceToolError>()("WorkspaceToolError", {
  reason: Schema.Union([OutsideWorkspace, FileUnavailable])
}) {
  override get message(): string {
    return this.reason.message
  }
}

export interface CommandResult {
  /** -1 when it was killed for time. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
  readonly truncated: boolean
}

export class WorkspaceTools extends Context.Service<
  WorkspaceTools,
  {
    readonly readFile: (path: string) => Effect.Effect<Uint8Array, WorkspaceToolError>
    /** Creates parent folders; a file that is there keeps its mode. Returns the number of bytes written. */
    readonly writeFile: (path: string, content: Uint8Array) => Effect.Effect<number, WorkspaceToolError>
    /**
     * Regular files below `path`, relative to the workspace, sorted, without `.git` and without what git ignores; all of them where the
     * path itself is ignored.
     */
    readonly listFiles: (path: string) => Effect.Effect<ReadonlyArray<string>, WorkspaceToolError>
    /**
     * `sh -c` in the folder with an environment of its own: no token, no home of the host. At the timeout the whole process group is
     * killed; a grandchild that holds the pipes does not hold us. Of each stream the start and the end are kept, `maxBytes` in all, with
     * a line between them that says how much is left out.
     */
    readonly runCommand: (
      command: string,
      options: { readonly timeout: Duration.Duration; readonly maxBytes: number }
    ) => Effect.Effect<CommandResult, WorkspaceToolError>
  }
>()("foreman/services/WorkspaceTools") {}

/** Opens the tools of one folder. An executor knows the folder only once the checkout is there, so it asks for them then. */
export class WorkspaceToolsHost extends Context.Service<
  WorkspaceToolsHost,
  {
    readonly open: (options: {
      readonly directory: string
      /** Whom commits of the model itself name; they are folded into ours later. */
      readonly identity: Identity | undefined
    }) => Effect.Effect<WorkspaceTools["Service"], WorkspaceToolError, Scope.Scope>
  }
>()("foreman/services/WorkspaceToolsHost") {}
