/** A coder's GO becomes a commit on a branch, once: what is about to be pushed is on disk before it is pushed. */
import { Effect, Schedule } from "effect"

import type { Result } from "../../schema/Result.ts"
import { pushed, refused, type RunFacts, type Submission, unfinished } from "../decide/nativeVerdict.ts"
import { GitError, GitWorkspace, type Identity, type Tip, type Workspace } from "../services/GitWorkspace.ts"
import { RunRecord } from "../services/RunRecord.ts"
import { ExecutorError, type Run } from "./Executor.ts"

export interface Remote {
  readonly remoteURL: string
  readonly branch: string
  readonly token: Parameters<GitWorkspace["Service"]["remoteHead"]>[0]["token"]
}

const executorError = (error: { readonly message: string }) => new ExecutorError({ message: error.message })

/** The Result of a commit that an earlier run of this task pushed, as far as the commit tells. */
const adopted = (tip: Tip, branch: string): Result => {
  const [subject = ""] = tip.message.split("\n")
  const summary = `${subject} (pushed by an earlier run of this task)`
  const facts = { intendedBranch: branch, transcriptRef: undefined, turnCount: 0, elapsedSec: 0 }
  const { commitSHA, message: commitMessage } = tip
  return pushed(facts, { verdict: "GO", summary, extra: {} }, { branch, commitSHA, commitMessage })
}

/** A remote that did not answer is asked again after 1, 4 and 16 s, give or take a fifth. What it refused stays refused. */
const pushRetry = Schedule.exponential("1 second", 4).pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 3 }),
  Schedule.setInputType<GitError>(),
  Schedule.while(({ input }) => input.reason._tag === "PushLost")
)

/** A run without a uid (none comes from a real server) has no record. */
const uidOf = (run: Run): string => run.task.metadata.uid ?? ""

export const publish = Effect.fn("publish")(function* (
  run: Run,
  workspace: Workspace,
  remote: Remote,
  facts: RunFacts,
  submission: Submission & { readonly commitMessage: string; readonly tree?: string },
  identity: { readonly author: Identity; readonly committer: Identity }
): Effect.fn.Return<Result, ExecutorError, RunRecord> {
  const record = yield* RunRecord
  const { payload } = run.task.spec

  const commit = yield* Effect.result(
    workspace.commit({
      message: submission.commitMessage,
      tree: submission.tree,
      taskUid: run.task.metadata.uid,
      ...identity
    })
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
  // A connection that dies after the remote took the push looks like a failure: ask the remote before the next try.
  const tipNow = workspace.tip("Now").pipe(Effect.orElseSucceed(() => undefined))
  const push = yield* workspace.push({ allowOverwrite: payload.allowOverwrite === true }).pipe(
    Effect.as(undefined),
    Effect.catch((error) =>
      Effect.flatMap(tipNow, (tip) =>
        tip?.commitSHA === commitSHA || isOf(run, tip) ? Effect.succeed(tip) : Effect.fail(error)
      )
    ),
    Effect.retry(pushRetry),
    Effect.result
  )
  if (push._tag === "Success") {
    const tip = push.success
    // A run that was thought dead was faster: one commit of this task is enough.
    return tip === undefined || tip.commitSHA === commitSHA ? result : adopted(tip, branch)
  }
  if (push.failure.reason._tag === "PushLost") {
    return unfinished(facts, {
      outcome: "LOOP-INCOMPLETE",
      summary: `the push did not arrive: ${push.failure.message.slice(0, 200)}`,
      failureReason: "InfrastructureError",
      party: "network",
      extra: { reason: "PushLost", commitSHA }
    })
  }
  return refused(facts, submission, { outcome: "PUSH-FAILED", error: push.failure.message, commitSHA })
})

const isOf = (run: Run, tip: Tip | undefined): tip is Tip =>
  tip?.taskUid !== undefined && tip.taskUid === run.task.metadata.uid

/**
 * The Result of an earlier run of this task on another host, that died after its push: the branch ends with a commit which names this
 * task. Only who may push can make one, and a task's uid is known to nobody before it exists. Others who went on from there are left to
 * their work, and the task runs anew.
 */
export const adoptTip = Effect.fn("adoptTip")(function* (run: Run, workspace: Workspace, remote: Remote) {
  const tip = yield* workspace
    .tip("Cloned")
    .pipe(
      Effect.catch((error) =>
        Effect.as(Effect.logWarning("the branch's tip is unreadable", error), undefined)
      )
    )
  return isOf(run, tip) ? adopted(tip, remote.branch) : undefined
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
