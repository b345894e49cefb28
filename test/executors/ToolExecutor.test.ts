import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"

import type { TaskSpec } from "../../schema/AgenticTask.ts"
import { branchOf, remoteOf } from "../../src/decide/source.ts"
import { type RunEvent, RunEvents, RunnerConfig } from "../../src/executors/Executor.ts"
import * as ToolExecutor from "../../src/executors/ToolExecutor.ts"
import { encodeEnvelope } from "../../src/gate/envelope.ts"
import { JobRunner } from "../../src/services/JobRunner.ts"
import type { Manifest } from "../../src/services/KubeClient.ts"
import { agent, task } from "../builders.ts"

const terminationMessage = encodeEnvelope({
  verdict: "GATE-PASS",
  message: "1 check(s) passed",
  commit: "c0ffee",
  tree: "7ree",
  base: "ba5e",
  checks: [{ name: "fmt", command: "make fmt", exitCode: 0, seconds: 1 }]
})

const execute = Effect.fnUntraced(function* (
  spec: Partial<TaskSpec>,
  options: {
    readonly tools?: ReadonlyArray<string>
    readonly gitRemoteURL?: string
    readonly labels?: Readonly<Record<string, string>>
  } = {}
) {
  const manifests: Array<Manifest> = []
  const published: Array<RunEvent> = []
  const runner = Layer.succeed(
    JobRunner,
    JobRunner.of({
      run: ({ manifest, onCreated }) =>
        Effect.gen(function* () {
          manifests.push(manifest)
          const jobName = String(manifest.metadata.name)
          if (onCreated !== undefined) yield* onCreated(jobName)
          return {
            jobName,
            namespace: "foreman-system",
            exitCode: 0,
            terminationMessage,
            logHead: "",
            logTail: "GATE PASS\n"
          }
        })
    })
  )
  const config = Layer.succeed(
    RunnerConfig,
    RunnerConfig.of({
      workspaceRoot: "/nowhere",
      keepWorkspace: false,
      gitRemoteURL: options.gitRemoteURL,
      gitToken: undefined,
      author: undefined,
      committer: undefined,
      inferenceBaseURLOverride: undefined,
      inferenceBaseURLHostOverride: undefined,
      foremanNamespace: "foreman-system",
      gateCachePVC: undefined,
      gateImage: "foreman:test",
      stubSleepMillis: 0
    })
  )
  const result = yield* ToolExecutor.execute({
    task: task("gate-503", {
      metadata: { uid: "uid-1", ...(options.labels !== undefined && { labels: options.labels }) },
      spec: { kind: "verify", ...spec }
    }),
    agent: agent("gate", {
      spec: { role: "verifier", tools: options.tools ?? ["submit_result", "run_gate_job"] }
    }),
    claimId: "claim-1",
    nodeName: "node-1"
  }).pipe(
    Effect.provideService(RunEvents, (event) => Effect.sync(() => void published.push(event))),
    Effect.provide(Layer.merge(runner, config))
  )
  const pod = manifests[0]?.["spec"] as
    | {
        template: {
          spec: { containers: ReadonlyArray<{ env: ReadonlyArray<{ name: string; value?: string }> }> }
        }
      }
    | undefined
  const env = Object.fromEntries(
    (pod?.template.spec.containers[0]?.env ?? []).map(({ name, value }) => [name, value])
  )
  return { result, published, env, manifests }
})

const payload = (fields: object) => ({ payload: { branchStrategy: "reset" as const, ...fields } })

describe("ToolExecutor", () => {
  it.effect("runs the first tool that is not submit_result, and wraps it as contracted", () =>
    Effect.gen(function* () {
      const { published, result } = yield* execute(
        payload({ repo: "acme/widget", branch: "foreman/issue-503" })
      )
      const jobName = "foreman-gate-gate-503-claim1-1"
      assert.deepStrictEqual<unknown>(result, {
        schemaVersion: "foreman.v1",
        kind: "native-agent-loop",
        verdict: "GATE-PASS",
        summary: "all gate checks passed",
        extra: {
          outcome: "",
          deterministic: true,
          dispatchedTool: "run_gate_job",
          toolOutput: {
            jobName,
            namespace: "foreman-system",
            repo: "acme/widget",
            branch: "foreman/issue-503"
          },
          modelExtra: { jobName, namespace: "foreman-system", logTail: "GATE PASS\n" },
          intendedBranch: "foreman/issue-503",
          restsOn: "1 check(s) passed",
          commitSHA: "c0ffee",
          tree: "7ree",
          base: "ba5e",
          checks: [{ name: "fmt", command: "make fmt", exitCode: 0, seconds: 1 }]
        },
        elapsedSec: 0
      })
      assert.deepStrictEqual(published, [
        {
          type: "JobCreated",
          task: { namespace: "default", name: "gate-503" },
          jobName,
          namespace: "foreman-system",
          container: "gate"
        }
      ])
    })
  )

  it.effect.each([
    ["the payload's branch", { branch: "b", issue: 7 }, "b"],
    ["the issue's branch", { issue: 7 }, "foreman/issue-7"],
    ["the task's branch", {}, "foreman/gate-503"]
  ] as const)("judges %s", ([, fields, branch]) =>
    Effect.gen(function* () {
      const { env, result } = yield* execute(payload({ repo: "acme/widget", ...fields }))
      assert.deepStrictEqual([env["BRANCH"], result.extra?.["intendedBranch"]], [branch, branch])
    })
  )

  it.effect("905a2698 judges the branch and the remote that the coder of the same issue pushes to", () =>
    Effect.gen(function* () {
      const labels = { "foreman.llmkube.dev/workload": "w" }
      const gitRemoteURL = "/srv/git/other-name.git"
      const { env } = yield* execute(payload({ repo: "acme/widget", issue: 7 }), { labels, gitRemoteURL })
      const coder = task("code-7", {
        metadata: { labels },
        spec: { kind: "issue-fix", ...payload({ repo: "acme/widget", issue: 7 }) }
      })
      assert.deepStrictEqual(
        [env["BRANCH"], env["CLONE_URL"]],
        [branchOf(coder), remoteOf(coder.spec.payload, gitRemoteURL)]
      )
    })
  )

  it.effect.each([
    ["no remote", undefined, "acme/widget", "https://github.com/acme/widget.git", ""],
    [
      "another repository's remote",
      "https://github.com/acme/other.git",
      "acme/widget",
      "https://github.com/acme/widget.git",
      ""
    ],
    [
      "the repository itself",
      "https://github.com/acme/widget.git",
      "acme/widget",
      "https://github.com/acme/widget.git",
      ""
    ],
    [
      "a fork",
      "https://github.com/bot/widget",
      "acme/widget",
      "https://github.com/bot/widget",
      "https://github.com/acme/widget.git"
    ],
    [
      "a fork by ssh",
      "git@github.com:bot/widget.git",
      "acme/widget",
      "git@github.com:bot/widget.git",
      "git@github.com:acme/widget.git"
    ],
    [
      "a mirror on another host",
      "file:///srv/git/widget.git",
      "acme/widget",
      "file:///srv/git/widget.git",
      ""
    ],
    [
      "a remote, and a task that names no repository",
      "https://git.example.com/acme/widget.git",
      undefined,
      "https://git.example.com/acme/widget.git",
      ""
    ]
  ] as const)("clones from the right place: %s", ([, gitRemoteURL, repo, cloneURL, upstreamURL]) =>
    Effect.gen(function* () {
      const { env } = yield* execute(
        payload(repo === undefined ? {} : { repo }),
        gitRemoteURL === undefined ? {} : { gitRemoteURL }
      )
      assert.deepStrictEqual([env["CLONE_URL"], env["UPSTREAM_URL"]], [cloneURL, upstreamURL])
    })
  )

  it.effect("hands the profile on, and the base branch", () =>
    Effect.gen(function* () {
      const { env } = yield* execute({
        ...payload({ repo: "acme/widget", baseBranch: "next" }),
        gateProfile: { language: "generic", commands: { test: "./check" } }
      })
      assert.deepStrictEqual(
        [env["BASE_BRANCH"], env["CHECKS"]],
        ["next", '[{"name":"test","command":"./check","role":"test"}]']
      )
    })
  )

  it.effect.each([
    ["an agent with nothing to run", ["submit_result"], { repo: "a/b" }, "NoDeterministicTool"],
    ["a tool whose arguments no task holds", ["bash"], { repo: "a/b" }, "ToolFailed"],
    ["a task without a repository", ["run_gate_job"], {}, "ToolFailed"]
  ] as const)("ends %s as INCOMPLETE, and creates nothing", ([, tools, fields, reason]) =>
    Effect.gen(function* () {
      const { manifests, result } = yield* execute(payload(fields), { tools })
      assert.deepStrictEqual(
        [result.verdict, result.failureReason, result.extra, manifests.length],
        [
          "INCOMPLETE",
          "ToolFailed",
          { outcome: "EXECUTOR-PRECONDITION-FAILED", reason, party: "configuration" },
          0
        ]
      )
    })
  )
})
