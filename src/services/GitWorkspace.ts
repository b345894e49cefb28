/** A checkout that a run works in. Credentials stay on this side: tools see files, never a token. */
import { Context, type Effect, type Redacted, Schema, type Scope } from "effect"

import type { Change } from "../gate/change.ts"

const detail = { message: Schema.String }

/** The remote could not be cloned or fetched. */
export class CloneFailed extends Schema.TaggedError<CloneFailed>()("CloneFailed", detail) {}
/** A branch could not be made or checked out. */
export class BranchCheckoutFailed extends Schema.TaggedError<BranchCheckoutFailed>()(
  "BranchCheckoutFailed",
  detail
) {}
/** Git refused the commit: a hook, an identity, a lock. */
export class CommitRejected extends Schema.TaggedError<CommitRejected>()("CommitRejected", detail) {}
/** The remote said no to the push: a rule, another's commit, a right that is missing. */
export class PushFailed extends Schema.TaggedError<PushFailed>()("PushFailed", detail) {}
/** The remote could not be reached, or went away before it answered: it may have taken the push. */
export class PushLost extends Schema.TaggedError<PushLost>()("PushLost", detail) {}
/** The disk, or git itself, failed. */
export class WorkspaceUnusable extends Schema.TaggedError<WorkspaceUnusable>()("WorkspaceUnusable", detail) {}

export class GitError extends Schema.TaggedError<GitError>()("GitError", {
  reason: Schema.Union([
    CloneFailed,
    BranchCheckoutFailed,
    CommitRejected,
    PushFailed,
    PushLost,
    WorkspaceUnusable
  ])
}) {
  override get message(): string {
    return this.reason.message
  }
}

export interface Identity {
  readonly name: string
  readonly email: string
}

export interface OpenOptions {
  /** Folder of the checkout, wiped first. Absent keeps an empty folder without a repository (freeform without a repo). */
  readonly directory: string
  readonly remoteURL?: string | undefined
  readonly token?: Redacted.Redacted<string> | undefined
  /**
   * Branch to work on. An existing remote branch is started over (`reset`), kept on top of the base as it is now (`rebase`), or shown
   * exactly as it is (`keep`): for a judge.
   */
  readonly branch?: string | undefined
  /** Where the branch starts, and what the diff is taken against; the remote's default branch when absent. */
  readonly baseBranch?: string | undefined
  /** Where the base branch is, when the remote is a fork of it. */
  readonly upstreamURL?: string | undefined
  readonly branchStrategy?: "reset" | "rebase" | "keep" | undefined
  /** Branch whose commits are taken over at the start of a revision. */
  readonly reviseFromBranch?: string | undefined
  /** Show the branch as one commit without its author's words: a reviewer judges the change, not what is said of it. */
  readonly withholdMessages?: boolean
  /** Leave the folder when the scope closes. */
  readonly keep?: boolean
  /** Fails with WorkspaceUnusable where the remote has no longer what it began from. */
  readonly resume?: Resume | undefined
}

/** Where a branch starts. */
export interface Start {
  /** Commit that the branch was cut from: the merge base with the base branch. */
  readonly baseCommit: string
  /** Parent of our commit. */
  readonly parent: string
  /** Commit of the remote's branch when it was cloned; `undefined` when it was not there. */
  readonly seen: string | undefined
}

/** A checkout that goes on where an earlier one was. */
export interface Resume {
  readonly start: Start
  /** As `checkpoint` returned it; absent where nothing had changed yet. */
  readonly tree: string | undefined
  /** Folder of the checkpoints. */
  readonly folder: string
}

/** The last commit of a remote's branch. */
export interface Tip {
  readonly commitSHA: string
  readonly message: string
  /** The task that made it, where it is one of ours and says so. */
  readonly taskUid: string | undefined
}

/** What the base has under a path. */
export interface BaseEntry {
  readonly path: string
  readonly kind: "file" | "link" | "submodule"
  /** Size of a file, or of a link's target; 0 for a submodule. */
  readonly bytes: number
  /** Id of what it holds. */
  readonly object: string
}

export interface Workspace extends Start {
  /** Absolute path, symbolic links resolved. */
  readonly directory: string
  /** What the remote's branch held when it was cloned, or holds now, which asks the remote; `undefined` when it was not there. */
  readonly tip: (at: "Cloned" | "Now") => Effect.Effect<Tip | undefined, GitError>
  /** A file of the base; `undefined` when there is none. */
  readonly readBase: (path: string) => Effect.Effect<string | undefined, GitError>
  /** Paths of the base. */
  readonly baseFiles: Effect.Effect<ReadonlyArray<string>, GitError>
  /** The same with what each of them is, from the root on. */
  readonly baseEntries: Effect.Effect<ReadonlyArray<BaseEntry>, GitError>
  /** What files and links of the base hold, one for each, whole: a caller looks at their sizes first. */
  readonly readEntries: (
    entries: ReadonlyArray<BaseEntry>
  ) => Effect.Effect<ReadonlyArray<Uint8Array>, GitError>
  /** What differs between the base and the tree as it is, and the tree's id: a commit of that tree holds this change and no other. */
  readonly change: Effect.Effect<{ readonly change: Change; readonly tree: string }, GitError>
  /** Three-dot diff of the base and the tree as it is, committed or not, untracked files included. */
  readonly diff: Effect.Effect<string, GitError>
  /** The same as a patch that `git apply` takes, binary files included. */
  readonly patch: Effect.Effect<string, GitError>
  /** The same as one commit on the base under `ref`, in a bundle that `git fetch` reads. `undefined` when there is no difference. */
  readonly bundle: (options: {
    readonly file: string
    readonly ref: string
    readonly message: string
  }) => Effect.Effect<{ readonly commitSHA: string } | undefined, GitError>
  /** Keeps the files as they are, without what `.gitignore` names, in a folder that outlives the workspace. Returns the tree. */
  readonly checkpoint: (folder: string) => Effect.Effect<string, GitError>
  /** Pushes a commit with a journal, and with the files of a checkpoint where there are any, to `ref`, and takes earlier ones of this run away. */
  readonly pushCheckpoint: (options: {
    readonly ref: string
    readonly journal: string
    /** As `checkpoint` returned it, in this folder. */
    readonly tree: string | undefined
    readonly folder: string
  }) => Effect.Effect<void, GitError>
  /**
   * Puts the whole difference from the base into one commit of ours, signed off; commits that the model made itself are folded in.
   * `undefined` when there is no difference.
   */
  readonly commit: (options: {
    /** Id of the tree that was looked at; any other is refused. */
    readonly tree?: string | undefined
    readonly message: string
    /** Named in the commit's last trailer, so that a later run of the task knows it again. */
    readonly taskUid?: string | undefined
    readonly author: Identity
    readonly committer: Identity
  }) => Effect.Effect<{ readonly commitSHA: string } | undefined, GitError>
  /** Pushes HEAD to the branch. With `allowOverwrite` it replaces what the clone saw there, and only that (force-with-lease). */
  readonly push: (options: { readonly allowOverwrite: boolean }) => Effect.Effect<void, GitError>
}

/** Checkpoints of a task on its remote. */
export interface RemoteOptions {
  readonly remoteURL: string
  readonly token?: Redacted.Redacted<string> | undefined
  /** Of the task. */
  readonly uid: string
}

/** What another host left on the remote. Whoever may push there can have made it. */
export interface RemoteCheckpoint {
  /** Number of its journal. */
  readonly attempt: number
  readonly journal: string
}

export class GitWorkspace extends Context.Service<
  GitWorkspace,
  {
    readonly open: (options: OpenOptions) => Effect.Effect<Workspace, GitError, Scope.Scope>
    /** The commit that a branch of the remote points to; `undefined` when there is no such branch. */
    readonly remoteHead: (options: {
      readonly remoteURL: string
      readonly branch: string
      readonly token?: Redacted.Redacted<string> | undefined
    }) => Effect.Effect<string | undefined, GitError>
    /** The newest checkpoint of a task on its remote. Its files come into the folder. */
    readonly findCheckpoint: (
      options: RemoteOptions & { readonly folder: string }
    ) => Effect.Effect<RemoteCheckpoint | undefined, GitError>
    /** Takes the checkpoints of a task away from its remote. */
    readonly dropCheckpoints: (options: RemoteOptions) => Effect.Effect<void, GitError>
    /** Takes some of the other tasks' checkpoints away that are older than 14 days. */
    readonly expireCheckpoints: (options: RemoteOptions) => Effect.Effect<void, GitError>
  }
>()("foreman/services/GitWorkspace") {}

/** A text with URLs, without what these may hide before the host. */
export const withoutCredentials = (text: string): string => text.replace(/:\/\/[^/@\s]+@/gu, "://")
