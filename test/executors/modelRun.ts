/** A small world for runs of a model: a real remote on disk, a scripted endpoint over HTTP, a cluster in memory. */
import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

import { Context, Effect, Layer, type Schema } from "effect"

import * as LiveCodingAgent from "../../layers/acp/LiveCodingAgent.ts"
import * as ChatCompletionsClient from "../../layers/ChatCompletionsClient.ts"
import * as FileJournal from "../../layers/FileJournal.ts"
import * as FileRunRecord from "../../layers/FileRunRecord.ts"
import * as GateAnalysis from "../../layers/GateAnalysis.ts"
import * as GitCliWorkspace from "../../layers/GitCliWorkspace.ts"
import * as HostWorkspaceTools from "../../layers/HostWorkspaceTools.ts"
import type { ModelScript, Turn } from "../../layers/scripted/ModelScript.ts"
import * as ScriptedModelServer from "../../layers/scripted/ScriptedModelServer.ts"
import type { AgentSpec } from "../../schema/Agent.ts"
import { agenticTasks, type TaskSpec } from "../../schema/AgenticTask.ts"
import * as AcpExecutor from "../../src/executors/AcpExecutor.ts"
import { type Run, RunnerConfig } from "../../src/executors/Executor.ts"
import * as NativeExecutor from "../../src/executors/NativeExecutor.ts"
import { IssueTracker, TrackerError } from "../../src/services/IssueTracker.ts"
import { KubeClient } from "../../src/services/KubeClient.ts"
import { agent, task } from "../builders.ts"
import * as FakeCluster from "../fakes/FakeCluster.ts"
import { restore, type Snapshot, takeSnapshot } from "../snapshot.ts"

const gitEnv = {
  PATH: process.env["PATH"] ?? "",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "Seed",
  GIT_AUTHOR_EMAIL: "seed@example.com",
  GIT_COMMITTER_NAME: "Seed",
  GIT_COMMITTER_EMAIL: "seed@example.com"
}
export const git = (cwd: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, { cwd, env: gitEnv, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim()

/** Makes the folder that `body` fills, and removes it. */
const withFolder = <A>(body: (root: string) => A): A => {
  const root = mkdtempSync(join(tmpdir(), "foreman-run-"))
  try {
    return body(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

let made: Snapshot | undefined
const firstCommit = (): Snapshot =>
  (made ??= withFolder((root) => {
    const seed = join(root, "seed")
    git(root, "init", "-q", "--bare", "--template=", "-b", "main", "demo.git")
    git(root, "init", "-q", "--template=", "-b", "main", "seed")
    writeFileSync(join(seed, "README.md"), "# Demo\n\nhello\n")
    git(seed, "add", "-A")
    git(seed, "commit", "-q", "-m", "first")
    git(seed, "push", "-q", join(root, "demo.git"), "main")
    return takeSnapshot(root)
  }))

/** A bare remote with one commit on main, and a folder for workspaces. Removed with the scope. */
export const makeDisk = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "foreman-run-"))
    restore(firstCommit(), root)
    return { root, remote: join(root, "demo.git"), seed: join(root, "seed") }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

/** Commits one file on a branch of the remote, as somebody else would. */
const commitTo = (
  disk: { readonly seed: string; readonly remote: string },
  branch: string,
  file: string,
  content: string
) => {
  git(disk.seed, "checkout", "-q", "-B", branch, "main")
  mkdirSync(dirname(join(disk.seed, file)), { recursive: true })
  writeFileSync(join(disk.seed, file), content)
  git(disk.seed, "add", "-A")
  git(disk.seed, "commit", "-q", "-m", "another's work")
  git(disk.seed, "push", "-q", "-f", disk.remote, branch)
}

/** The remote refuses every push from now on, or runs a script first. */
export const hook = (remote: string, script: string) => {
  const file = join(remote, "hooks", "pre-receive")
  mkdirSync(join(remote, "hooks"), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
}

export interface World {
  readonly turns: ReadonlyArray<Turn>
  /** Scripts that come before these turns. */
  readonly scripts?: ReadonlyArray<ModelScript>
  readonly agent?: Partial<AgentSpec>
  readonly task?: Partial<TaskSpec>
  readonly config?: Partial<RunnerConfig["Service"]>
  /** Bytes of a run's journal. */
  readonly maxJournalBytes?: number
}

/** Everything a test may look at or turn, and `run`, which may be called again as a restarted daemon would. */
export const world = Effect.fnUntraced(function* (setup: World) {
  const disk = yield* makeDisk
  const model = yield* ScriptedModelServer.start({
    scripts: [...(setup.scripts ?? []), { name: "script", turns: setup.turns }]
  })
  const config: RunnerConfig["Service"] = {
    workspaceRoot: join(disk.root, "work"),
    keepWorkspace: false,
    gitRemoteURL: disk.remote,
    gitToken: undefined,
    author: { name: "Foreman Bot", email: "bot@example.com" },
    committer: undefined,
    inferenceBaseURLOverride: model.baseURL,
    inferenceBaseURLHostOverride: undefined,
    foremanNamespace: "foreman-system",
    gateCachePVC: undefined,
    gateImage: "",
    stubSleepMillis: 0,
    ...setup.config
  }
  const tracker = Layer.succeed(IssueTracker, {
    issue: (_repo, number) =>
      number === 7
        ? Effect.succeed({ number, title: "Greeting is rude", body: "say hi", state: "open", labels: [] })
        : Effect.fail(new TrackerError({ message: "no such issue" }))
  })
  const services = yield* Layer.build(
    Layer.mergeAll(
      FakeCluster.layer,
      ChatCompletionsClient.layer,
      GitCliWorkspace.layer,
      GateAnalysis.layer,
      HostWorkspaceTools.layerHost,
      LiveCodingAgent.layer,
      FileRunRecord.layer(config.workspaceRoot),
      FileJournal.layer(config.workspaceRoot, setup.maxJournalBytes),
      tracker,
      Layer.succeed(RunnerConfig, config)
    )
  )
  // The task must be there: a transcript whose owner is not would be collected.
  const { seed } = Context.get(services, FakeCluster.FakeCluster)
  yield* seed(
    agenticTasks,
    task("fix", {
      spec: {
        kind: "issue-fix",
        agentRef: { name: "coder" },
        payload: { repo: "acme/demo", issue: 7, branchStrategy: "reset" },
        ...setup.task
      }
    })
  )
  const run: Run = {
    task: yield* Context.get(services, KubeClient).get(agenticTasks, { name: "fix", namespace: "default" }),
    agent: agent("coder", {
      spec: {
        tools: ["bash", "grep", "read_file", "str_replace", "submit_result", "write_file"],
        maxTurns: 12,
        ...setup.agent
      }
    }),
    claimId: "claim",
    nodeName: "node"
  }
  return {
    disk,
    model,
    uid: run.task.metadata.uid ?? "",
    run: (run.agent?.spec.executor === "ACP" ? AcpExecutor : NativeExecutor)
      .execute(run)
      .pipe(Effect.provideContext(services)),
    /** For a look into the cluster. */
    cluster: Context.get(services, FakeCluster.FakeCluster),
    /** `subject|author|body` of the tip of a branch, or undefined. */
    tip: (branch: string) => {
      const refs = git(disk.remote, "for-each-ref", "--format=%(refname:short)")
      return refs.split("\n").includes(branch)
        ? {
            log: git(disk.remote, "log", "-1", "--format=%an <%ae>%n%B", branch),
            sha: git(disk.remote, "rev-parse", branch),
            files: git(disk.remote, "diff", "--name-only", `main...${branch}`).split("\n")
          }
        : undefined
    },
    commitTo: (branch: string, file: string, content = "by another\n") =>
      commitTo(disk, branch, file, content),
    hook: (script: string) => hook(disk.remote, script)
  }
})

export const call = (name: string, args: Readonly<Record<string, Schema.Json>>): Turn => ({
  reply: { type: "tool_calls", calls: [{ name, arguments: args }] }
})
export const submit = (verdict: "GO" | "NO-GO" | "ERROR", more: Readonly<Record<string, Schema.Json>> = {}) =>
  call("submit_result", { verdict, summary: "the greeting is polite", ...more })
export const edit = call("write_file", { path: "README.md", content: "# Demo\n\nhi\n" })
