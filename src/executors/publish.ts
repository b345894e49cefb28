/** A coder's GO becomes a commit on a branch, once: what is about to be pushed is on disk before it is pushed. */
import { Effect } from "effect"

import type { Result } from "../../schema/Result.ts"
import { pushed, refused, type RunFacts, type Submission } from "../decide/nativeVerdict.ts"
import { type GitError, GitWorkspace, type Identity, type Workspace } from "../services/GitWorkspace.ts"
import { RunRecord } from "../services/RunRecord.ts"
import { ExecutorError, type Run } from "./Executor.ts"

export interface Remote {
  readonly remoteURL: string
  readonly branch: string
  readonly token: Parameters<GitWorkspace["Service"]["remoteHead"]>[0]["token"]
}

const executorError = (error: { readonly message: string }) => new ExecutorError({ message: error.message })

/** A run without a uid (none comes from a real server) has no record. */
const uidOf = (run: Run): string => run.task.metadata.uid ?? ""

export const publish = Effect.fn("publish")(function* (
  run: Run,
  workspace: Workspace,
  remote: Remote,
  facts: RunFacts,
  submission: Submission & { readonly commitMessage: string; readonly tree?: string },
  identity: { readonly author: Identity; readonly committer: Identity }
): Effect.fn.Return<Result, ExecutorError, GitWorkspace | RunRecord> {
  const git = yield* GitWorkspace
  const record = yield* RunRecord
  const { payload } = run.task.spec

  const commit = yield* Effect.result(
    workspace.commit({ message: submission.commitMessage, tree: submission.tree, ...identity })
  )
  if (commit._tag === "Failure") {
    return yield* commit.failure.reason._tag === "CommitRejected"
      ? Effect.succeed(
          refused(facts, submission, { outcome: "COMMIT-REJECTED", error: commit.failure.message })
        )
      : executorError(commit.failure)
  }
  if (commit.success === undefined) return refused(facts, submission, { outcome: "NO-CHANGES" })

  const { commitSHA } = commit.success
  const { branch } = remote
  const { commitMessage } = submission
  const result = pushed(facts, submission, { branch, commitSHA, commitMessage })
  yield* record
    .update(uidOf(run), { branch, commitSHA, pending: result })
    .pipe(Effect.mapError(() => new ExecutorError({ message: "the run record could not be written" })))
  const push = yield* Effect.result(workspace.push({ allowOverwrite: payload.allowOverwrite === true }))
  if (push._tag === "Success") return result
  // A connection that dies after the remote took the push looks like a refusal: ask the remote.
  const head = yield* git.remoteHead(remote).pipe(Effect.orElseSucceed(() => undefined))
  return head === commitSHA
    ? result
    : refused(facts, submission, { outcome: "PUSH-FAILED", error: push.failure.message, commitSHA })
})

/**
 * The Result of an earlier run of this task that died after its push: the branch points to the commit that the record names. Anything
 * else means that nothing was pushed, or that others went on from there, and the task runs anew.
 */
export const adopt = Effect.fn("adopt")(function* (
  run: Run,
  remote: Remote
): Effect.fn.Return<Result | undefined, GitError, GitWorkspace | RunRecord> {
  const records = yield* RunRecord
  const record = yield* records
    .read(uidOf(run))
    .pipe(Effect.catch((error) => Effect.as(Effect.logWarning("run record unreadable", error), undefined)))
  if (record?.pending === undefined || record.branch !== remote.branch) return undefined
  const git = yield* GitWorkspace
  const head = yield* git.remoteHead(remote)
  return head === undefined || head !== record.commitSHA ? undefined : record.pending
})
