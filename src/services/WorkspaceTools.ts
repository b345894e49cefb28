/** What a tool may do to the host: files and commands inside one folder, and nothing else. */
import { Context, type Duration, type Effect, Schema, type Scope } from "effect"

import type { Identity } from "./GitWorkspace.ts"

/** A path leaves the folder, by `..`, by being absolute elsewhere, or through a symbolic link. */
export class OutsideWorkspace extends Schema.TaggedError<OutsideWorkspace>()("OutsideWorkspace", {
  message: Schema.String
}) {}
/** Nothing is there under this name. */
export class FileMissing extends Schema.TaggedError<FileMissing>()("FileMissing", {
  message: Schema.String
}) {}
/** A folder where a file is needed, another repository's file, no right, a full disk. */
export class FileUnavailable extends Schema.TaggedError<FileUnavailable>()("FileUnavailable", {
  message: Schema.String
}) {}

export class WorkspaceToolError extends Schema.TaggedError<WorkspaceToolError>()("WorkspaceToolError", {
  reason: Schema.Union([OutsideWorkspace, FileMissing, FileUnavailable])
}) {
  override get message(): string {
    return this.reason.message
  }
}

export interface CommandResult {
  /** -1 when it was killed for time. */
  readonly exitCode: number
  /** Where it was too long: its beginning, a line that says how many bytes were left out, and its end. */
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
  readonly truncated: boolean
}

/** Paths are relative to the workspace, sorted, with slashes. */
export interface Listing {
  readonly files: ReadonlyArray<string>
  /** Symbolic links, as `path -> target`. They are not followed. */
  readonly links: ReadonlyArray<string>
  /** Folders that are other repositories. */
  readonly submodules: ReadonlyArray<string>
  /** What ignore files name: how many files and folders, and some of them. A folder counts once, whatever it holds. */
  readonly ignored: { readonly count: number; readonly some: ReadonlyArray<string> }
  /** There are more files. */
  readonly truncated: boolean
}

export class WorkspaceTools extends Context.Service<
  WorkspaceTools,
  {
    readonly readFile: (path: string) => Effect.Effect<Uint8Array, WorkspaceToolError>
    /**
     * Creates parent folders; keeps the mode of a file that is there, and writes through a link. When it fails the file is as it was.
     * Refused in `.git` and in other repositories. Returns the number of bytes written.
     */
    readonly writeFile: (
      path: string,
      content: string | Uint8Array
    ) => Effect.Effect<number, WorkspaceToolError>
    /** Moves a file, a folder or a link itself to a name that is free. Creates parent folders. */
    readonly moveFile: (from: string, to: string) => Effect.Effect<void, WorkspaceToolError>
    /** Deletes a file, a link itself, or an empty folder. */
    readonly deleteFile: (path: string) => Effect.Effect<void, WorkspaceToolError>
    /** Files below `path`, without `.git` and, unless asked for, without what `.gitignore` and `.ignore` files name. */
    readonly listFiles: (
      path: string,
      options?: { readonly withIgnored?: boolean }
    ) => Effect.Effect<Listing, WorkspaceToolError>
    /**
     * `sh -c` in the folder with an environment of its own: no token, no home of the host. At the timeout the whole process group is
     * killed; a grandchild that holds the pipes does not hold us. Each stream is cut to `maxBytes`.
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
