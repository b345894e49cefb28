/** The checkout of a run: where from, which branch, and the tools that see it. */
import { Effect, Scope } from "effect"

import type { Agent } from "../../schema/Agent.ts"
import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { branchOf, needsRepository, needsToken, remoteOf, upstreamOf } from "../decide/source.ts"
import type { Continuation } from "../journal/continuation.ts"
import { GitWorkspace, type Resume, type Workspace, withoutCredentials } from "../services/GitWorkspace.ts"
import { Journal } from "../services/Journal.ts"
import {
  FileUnavailable,
  WorkspaceToolError,
  WorkspaceTools,
  WorkspaceToolsHost
} from "../services/WorkspaceTools.ts"
import { type Run, RunnerConfig } from "./Executor.ts"
import { Precondition } from "./modelEndpoint.ts"
import type { Remote } from "./publish.ts"

/** Only a coder's work is committed; who judges changes nothing, whatever the model did to the folder. */
export const isEditing = (task: AgenticTask, agent: Agent): boolean =>
  agent.spec.role === "coder" && task.spec.kind !== "review" && task.spec.kind !== "verify"

/** Any failure as a precondition of this name. */
export const failAs = (reason: string, failureReason: Precondition["failureReason"]) =>
  Effect.mapError(
    (error: { readonly message: string }) =>
      new Precondition({ reason, failureReason, message: error.message })
  )

/** Where to clone from and what to push to; `undefined` for a task without a repository. */
export const remoteFor = Effect.fnUntraced(function* (task: AgenticTask) {
  const config = yield* RunnerConfig
  if (!needsRepository(task)) return undefined
  const remoteURL = remoteOf(task.spec.payload, config.gitRemoteURL)
  if (remoteURL === undefined) {
    return yield* new Precondition({
      reason: "GitRemoteURLNotConfigured",
      failureReason: "GitRemoteNotConfigured",
      message: "no git remote: start the node with --git-remote-url"
    })
  }
  if (needsToken(remoteURL) && config.gitToken === undefined) {
    return yield* new Precondition({
      reason: "AuthUnavailable",
      failureReason: "AuthUnavailable",
      message: `no token for ${withoutCredentials(remoteURL)}: set GITHUB_TOKEN or write ~/.config/foreman/github-token`
    })
  }
  return { remoteURL, branch: branchOf(task), token: config.gitToken } satisfies Remote
})

/** Clones, and checks out the branch; for a task without a repository an empty folder. */
export const openWorkspace = Effect.fnUntraced(function* (
  run: Run,
  remote: Remote | undefined,
  agent: Agent,
  continuation?: Continuation
) {
  const git = yield* GitWorkspace
  const config = yield* RunnerConfig
  const { name, namespace = "default" } = run.task.metadata
  const { baseBranch, branchStrategy, reviseFromBranch } = run.task.spec.payload
  // A judge sees the branch as it is; only its author may start it over.
  const isEditor = isEditing(run.task, agent)
  const strategy = isEditor ? branchStrategy : "keep"
  const start = continuation?.journal.start
  const resume = isEditor ? yield* resumeOf(run, continuation) : undefined
  const workspace = yield* git
    .open({
      directory: `${config.workspaceRoot}/${namespace}/${name}`,
      keep: config.keepWorkspace,
      ...(remote === undefined
        ? {}
        : {
            ...remote,
            baseBranch,
            upstreamURL: upstreamOf(run.task.spec.payload, remote.remoteURL),
            branchStrategy: strategy,
            reviseFromBranch,
            withholdMessages: run.task.spec.kind === "review"
          }),
      resume
    })
    .pipe(
      Effect.catchTag("GitError", (error) => {
        const { _tag } = error.reason
        if (resume !== undefined && _tag === "WorkspaceUnusable") return cannotGoOn(error.message)
        const reason = _tag === "BranchCheckoutFailed" ? "BranchCheckoutFailed" : "CloneFailed"
        return new Precondition({ reason, failureReason: "CloneFailed", message: error.message })
      })
    )
  const isMoved = workspace.baseCommit !== start?.baseCommit || workspace.seen !== (start.seen ?? undefined)
  if (!isEditor && start !== undefined && isMoved) {
    return yield* cannotGoOn("the branch moved since it was read")
  }
  return workspace
})

/** Of a `Precondition`: the run was interrupted, and can only begin anew. */
export const resumeImpossible = "ResumeImpossible"
const cannotGoOn = (message: string) =>
  new Precondition({ reason: resumeImpossible, failureReason: "CloneFailed", message })

/** The files that a run goes on with; nothing before they were first kept. */
const resumeOf = Effect.fnUntraced(function* (run: Run, continuation: Continuation | undefined) {
  const { journal, tree, turn = 0 } = continuation ?? {}
  const folder = (yield* Journal).folder(run.task.metadata.uid ?? "")
  if (journal?.start === undefined || turn === 0 || folder === undefined) return undefined
  const { baseCommit, parent, seen } = journal.start
  return { start: { baseCommit, parent, seen: seen ?? undefined }, tree, folder } satisfies Resume
})

/** Whether the task is about what a branch holds; any other that edits nothing reads the base where its branch is not there. */
export const isAboutBranch = ({ spec }: AgenticTask): boolean =>
  spec.kind === "review" || spec.kind === "verify" || (spec.payload.branch ?? "") !== ""

/** There is nothing to judge on a branch that nobody pushed: an empty difference would look like a judgement. */
export const requireBranch = Effect.fnUntraced(function* (remote: Remote) {
  const git = yield* GitWorkspace
  const head = yield* git.remoteHead(remote).pipe(failAs("CloneFailed", "CloneFailed"))
  if (head === undefined) {
    return yield* new Precondition({
      reason: "BranchCheckoutFailed",
      failureReason: "CloneFailed",
      message: `the remote has no branch ${remote.branch}`
    })
  }
})

const unusable = (message: string) => new WorkspaceToolError({ reason: new FileUnavailable({ message }) })

/** Files and commands of a checkout that may still be under way. */
export const toolsOf = Effect.fnUntraced(function* (workspace: Effect.Effect<Workspace, Precondition>) {
  const host = yield* WorkspaceToolsHost
  const { author } = yield* RunnerConfig
  const scope = yield* Effect.scope
  const opened = yield* Effect.cached(
    workspace.pipe(
      Effect.mapError(({ message }) => unusable(message)),
      Effect.flatMap(({ directory }) => host.open({ directory, identity: author })),
      Scope.provide(scope)
    )
  )
  return WorkspaceTools.of({
    readFile: (path) => Effect.flatMap(opened, (tools) => tools.readFile(path)),
    writeFile: (path, content) => Effect.flatMap(opened, (tools) => tools.writeFile(path, content)),
    moveFile: (from, to) => Effect.flatMap(opened, (tools) => tools.moveFile(from, to)),
    deleteFile: (path) => Effect.flatMap(opened, (tools) => tools.deleteFile(path)),
    listFiles: (path, options) => Effect.flatMap(opened, (tools) => tools.listFiles(path, options)),
    runCommand: (command, options) => Effect.flatMap(opened, (tools) => tools.runCommand(command, options))
  })
})
