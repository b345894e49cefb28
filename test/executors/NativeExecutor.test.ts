import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

import { configMaps } from "../../schema/Core.ts"
import { spendIn } from "../../src/decide/spend.ts"
import { call, edit, submit, world } from "./modelRun.ts"

const branch = "foreman/issue-7"
const fault = (kind: "cut-arguments" | "status" | "stalled-stream") =>
  ({ reply: { type: "fault", fault: kind } }) as const
const prose = { reply: { type: "prose", content: "I will now fix it." } } as const

/** The outcome in the words that people pivot on. */
const words = (result: {
  readonly verdict: string
  readonly failureReason?: string
  readonly extra?: Readonly<Record<string, unknown>>
}) => ({
  verdict: result.verdict,
  outcome: result.extra?.["outcome"],
  ...(result.failureReason === undefined ? {} : { failureReason: result.failureReason }),
  ...(result.extra?.["reason"] === undefined ? {} : { reason: result.extra["reason"] })
})

describe("NativeExecutor", () => {
  it.live("a coder's GO becomes one signed-off commit on the issue's branch", () =>
    Effect.gen(function* () {
      const { cluster, disk, model, run, tip, uid } = yield* world({
        turns: [
          {
            expect: { contains: ["issue #7 of acme/demo", "Greeting is rude"], lacks: ["bot@example.com"] },
            reply: { type: "tool_calls", calls: [{ name: "read_file", arguments: { path: "README.md" } }] }
          },
          { ...edit, expect: { newContains: ["hello"] } },
          submit("GO", { commit_message: "Greet politely\n\nFixes #7" })
        ]
      })
      const result = yield* run
      const commit = tip(branch) ?? { files: [], log: "", sha: "" }
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.deepStrictEqual(commit.files, ["README.md"])
      assert.strictEqual(
        commit.log,
        "Foreman Bot <bot@example.com>\nGreet politely\n\nFixes #7\n\nSigned-off-by: Foreman Bot <bot@example.com>\n" +
          `Foreman-Task: ${uid}`
      )
      const { modelSeconds, wallSeconds, ...usage } = { ...spendIn(result.extra) }
      assert.isAbove(modelSeconds ?? 0, 0)
      assert.strictEqual(wallSeconds, result.elapsedSec)
      const { elapsedSec: _, ...rest } = result
      const told: unknown = { ...rest, extra: { ...rest.extra, usage } }
      const transcriptRef = {
        kind: "ConfigMap",
        apiVersion: "v1",
        namespace: "default",
        name: "foreman-transcript-fix"
      }
      assert.deepStrictEqual(told, {
        schemaVersion: "foreman.v1",
        kind: "native-agent-loop",
        verdict: "GO",
        summary: "the greeting is polite",
        extra: {
          outcome: "",
          branch,
          commitSHA: commit.sha,
          commitMessage: "Greet politely\n\nFixes #7",
          modelExtra: {},
          ownGate: { checks: [], handBacks: 0 },
          transcriptRef,
          turnCount: 3,
          usage: {
            inputTokens: 30,
            outputTokens: 15,
            cachedTokens: 0,
            reasoningTokens: 0,
            isCostPartial: true
          }
        }
      })
      const stored = yield* cluster.raw(configMaps, { name: transcriptRef.name, namespace: "default" })
      assert.include(JSON.stringify(stored), "foreman.transcript.v1")
      assert.isFalse(existsSync(join(disk.root, "work", "default", "fix")))
    })
  )

  it.live("a GO without a difference is NO-CHANGES and pushes nothing", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* world({ turns: [1, 2, 3, 4].map(() => submit("GO")) })
      assert.deepStrictEqual(words(yield* run), { verdict: "NO-GO", outcome: "NO-CHANGES" })
      assert.strictEqual(tip(branch), undefined)
    })
  )

  it.live("a change outside the task's paths is refused, and named", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* world({
        turns: [edit, ...[1, 2, 3, 4].map(() => submit("GO"))],
        task: {
          payload: { repo: "acme/demo", issue: 7, branchStrategy: "reset", paths: ["src/**"] }
        }
      })
      const result = yield* run
      assert.deepStrictEqual(words(result), {
        verdict: "NO-GO",
        outcome: "PATHS-OUTSIDE-TASK",
        failureReason: "ConstraintViolated"
      })
      assert.deepStrictEqual(result.extra?.["paths"], ["README.md"])
      assert.strictEqual(tip(branch), undefined)
    })
  )

  it.live("a commit that git refuses is COMMIT-REJECTED", () =>
    Effect.gen(function* () {
      const { run, tip } = yield* world({
        turns: [edit, submit("GO")],
        config: { author: { name: "<>", email: "bot@example.com" } }
      })
      assert.deepStrictEqual(words(yield* run), { verdict: "NO-GO", outcome: "COMMIT-REJECTED" })
      assert.strictEqual(tip(branch), undefined)
    })
  )

  it.live("a push that the remote refuses is PUSH-FAILED, and another's branch stays as it is", () =>
    Effect.gen(function* () {
      const { commitTo, run, tip } = yield* world({ turns: [edit, submit("GO")] })
      commitTo(branch, "OTHER.md")
      const before = tip(branch)
      const result = yield* run
      assert.deepStrictEqual(words(result), { verdict: "NO-GO", outcome: "PUSH-FAILED" })
      assert.deepStrictEqual(tip(branch), before)
    })
  )

  it.live("c55c6cea a stale branch is replaced when the task allows it", () =>
    Effect.gen(function* () {
      const { commitTo, run, tip } = yield* world({
        turns: [edit, submit("GO")],
        task: { payload: { repo: "acme/demo", issue: 7, branchStrategy: "reset", allowOverwrite: true } }
      })
      commitTo(branch, "OTHER.md")
      const result = yield* run
      assert.deepStrictEqual(words(result), { verdict: "GO", outcome: "" })
      const { files, sha } = tip(branch) ?? {}
      assert.deepStrictEqual([files, sha], [["README.md"], result.extra?.["commitSHA"]])
    })
  )

  it.live("a run that died between push and report is adopted, not run and pushed again", () =>
    Effect.gen(function* () {
      const { model, run, tip } = yield* world({ turns: [edit, submit("GO")] })
      const first = yield* run
      const pushed = tip(branch)
      const asked = (yield* model.requests).length
      const second = yield* run
      assert.deepStrictEqual(
        [second.extra?.["commitSHA"], second.summary, second.verdict],
        [pushed?.sha, first.summary, "GO"]
      )
      assert.deepStrictEqual(tip(branch), pushed)
      assert.strictEqual((yield* model.requests).length, asked)
    })
  )

  it.live.each([{ allowOverwrite: false }, { allowOverwrite: true }])(
    "a run that died there on another host is adopted by the commit that names the task: %o",
    ({ allowOverwrite }) =>
      Effect.gen(function* () {
        const { disk, run, tip } = yield* world({
          turns: [edit, submit("GO", { commit_message: "Greet\n\nForeman-Task: forged" })],
          task: { payload: { repo: "acme/demo", issue: 7, branchStrategy: "reset", allowOverwrite } }
        })
        assert.strictEqual((yield* run).verdict, "GO")
        const pushed = tip(branch)
        for (const folder of [".runs", ".journals"])
          rmSync(join(disk.root, "work", folder), { recursive: true })
        mkdirSync(join(disk.root, "work", ".runs"))
        const second = yield* run
        assert.deepStrictEqual(
          [second.verdict, second.extra?.["commitSHA"], second.summary],
          ["GO", pushed?.sha, "Greet (pushed by an earlier run of this task)"]
        )
        assert.deepStrictEqual(tip(branch), pushed)
        assert.deepStrictEqual(readdirSync(join(disk.root, "work", "default")), [])
      })
  )

  it.live("a record whose push never landed is no reason to skip the work", () =>
    Effect.gen(function* () {
      const { hook, run, tip } = yield* world({ turns: [edit, submit("GO")] })
      hook("exit 1")
      assert.deepStrictEqual(words(yield* run), { verdict: "NO-GO", outcome: "PUSH-FAILED" })
      hook("exit 0")
      const again = yield* run
      assert.deepStrictEqual(words(again), { verdict: "GO", outcome: "" })
      assert.strictEqual(tip(branch)?.sha, again.extra?.["commitSHA"])
    })
  )

  it.live("a record of a branch that others went on with is no result of ours", () =>
    Effect.gen(function* () {
      const { commitTo, model, run, tip } = yield* world({ turns: [edit, submit("GO")] })
      assert.strictEqual((yield* run).verdict, "GO")
      const asked = (yield* model.requests).length
      commitTo(branch, "OTHER.md")
      const theirs = tip(branch)
      assert.deepStrictEqual(words(yield* run), { verdict: "NO-GO", outcome: "PUSH-FAILED" })
      assert.deepStrictEqual(tip(branch), theirs)
      // What the model had answered is in the journal.
      assert.strictEqual((yield* model.requests).length, asked)
    })
  )

  it.live("16943a58 who is no coder commits nothing, whatever the kind of the task", () =>
    Effect.gen(function* () {
      const { commitTo, run, tip } = yield* world({
        turns: [edit, submit("GO", { commit_message: "not mine to make" })],
        agent: { role: "planner" }
      })
      commitTo(branch, "OTHER.md")
      const before = tip(branch)
      assert.deepStrictEqual(words(yield* run), { verdict: "GO", outcome: "MODEL-DECIDED" })
      assert.deepStrictEqual(tip(branch), before)
    })
  )

  it.live("a reviewer sees the three-dot difference, and its GO never commits", () =>
    Effect.gen(function* () {
      const { commitTo, model, run, tip } = yield* world({
        turns: [
          { ...edit, expect: { contains: ["+by another", "Review the branch work"] } },
          submit("GO", { commit_message: "not mine to make" })
        ],
        agent: { role: "reviewer" },
        task: {
          kind: "review",
          payload: { repo: "acme/demo", branch: "work", branchStrategy: "reset" }
        },
        config: { author: undefined }
      })
      commitTo("work", "OTHER.md")
      const before = tip("work")
      const result = yield* run
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.deepStrictEqual(words(result), { verdict: "GO", outcome: "MODEL-DECIDED" })
      assert.deepStrictEqual(tip("work"), before)
    })
  )

  it.live(
    "0f3fa83f a reviewer's checkout is the branch as it was pushed, though the base moved on since",
    () =>
      Effect.gen(function* () {
        const { commitTo, model, run } = yield* world({
          turns: [
            {
              expect: { contains: ["+by another"], lacks: ["LATER.md"] },
              reply: {
                type: "tool_calls",
                calls: [{ name: "bash", arguments: { command: "ls; git log -1 --format=%s" } }]
              }
            },
            { ...submit("GO"), expect: { newContains: ["OTHER.md", "under review"], lacks: ["LATER.md"] } }
          ],
          agent: { role: "reviewer" },
          task: { kind: "review", payload: { repo: "acme/demo", branch: "work", branchStrategy: "reset" } }
        })
        commitTo("work", "OTHER.md")
        commitTo("main", "LATER.md")
        assert.deepStrictEqual(words(yield* run), { verdict: "GO", outcome: "MODEL-DECIDED" })
        assert.deepStrictEqual(yield* model.mismatches, [])
      })
  )

  it.live("a review of a branch that nobody pushed cannot begin", () =>
    Effect.gen(function* () {
      const { run } = yield* world({
        turns: [],
        agent: { role: "reviewer" },
        task: { kind: "review", payload: { repo: "acme/demo", branch: "none", branchStrategy: "reset" } }
      })
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "EXECUTOR-PRECONDITION-FAILED",
        failureReason: "CloneFailed",
        reason: "BranchCheckoutFailed"
      })
    })
  )

  it.live("a planner reads the base: there is no branch that it could be about", () =>
    Effect.gen(function* () {
      const { model, run, tip } = yield* world({
        turns: [
          call("read_file", { path: "README.md" }),
          { ...submit("GO"), expect: { newContains: ["hello"] } }
        ],
        agent: { role: "planner" },
        task: {
          kind: "freeform",
          payload: { repo: "acme/demo", prompt: "what is it?", branchStrategy: "reset" }
        },
        config: { author: undefined }
      })
      assert.deepStrictEqual(words(yield* run), { verdict: "GO", outcome: "MODEL-DECIDED" })
      assert.deepStrictEqual(yield* model.mismatches, [])
      assert.isUndefined(tip("foreman/fix"))
    })
  )

  it.live("a freeform task without a repository needs no git, no token and no author", () =>
    Effect.gen(function* () {
      const { run } = yield* world({
        turns: [{ ...submit("GO"), expect: { contains: ["what is 6 x 7?"] } }],
        task: { kind: "freeform", payload: { prompt: "what is 6 x 7?", branchStrategy: "reset" } },
        config: { gitRemoteURL: undefined, author: undefined }
      })
      assert.deepStrictEqual(words(yield* run), { verdict: "GO", outcome: "MODEL-DECIDED" })
    })
  )

  it.live.each([
    ["GitRemoteURLNotConfigured", "GitRemoteNotConfigured", { config: { gitRemoteURL: undefined } }],
    [
      "AuthUnavailable",
      "AuthUnavailable",
      { config: { gitRemoteURL: "https://bot:s3cr3t@git.invalid/a/b.git" } }
    ],
    ["CommitAuthorNotConfigured", "InfrastructureError", { config: { author: undefined } }],
    ["CloneFailed", "CloneFailed", { config: { gitRemoteURL: "/nowhere/demo.git" } }],
    ["ToolRegistryBuildFailed", "ToolFailed", { agent: { tools: ["rm_rf"] } }],
    [
      "InferenceServiceUnavailable",
      "InferenceServiceUnavailable",
      { config: { inferenceBaseURLOverride: undefined } }
    ]
  ] as const)("a precondition that fails says so: %s", ([reason, failureReason, setup]) =>
    Effect.gen(function* () {
      const { model, run } = yield* world({ turns: [], ...setup })
      const result = yield* run
      assert.notInclude(JSON.stringify(result), "s3cr3t")
      assert.deepStrictEqual(words(result), {
        verdict: "INCOMPLETE",
        outcome: "EXECUTOR-PRECONDITION-FAILED",
        failureReason,
        reason
      })
      // The clone goes on beside the first question; everything else is known before it.
      assert.isAtMost((yield* model.requests).length, reason === "CloneFailed" ? 1 : 0)
    })
  )

  it.live("a tool call that was cut off is asked for again", () =>
    Effect.gen(function* () {
      const { model, run } = yield* world({ turns: [fault("cut-arguments"), submit("NO-GO")] })
      assert.deepStrictEqual(words(yield* run), { verdict: "NO-GO", outcome: "MODEL-DECIDED" })
      assert.strictEqual((yield* model.requests).length, 2)
    })
  )

  it.live(
    "an endpoint that refuses ends the run with the party and its words, and the transcript is kept",
    () =>
      Effect.gen(function* () {
        const { cluster, run } = yield* world({
          turns: [edit, ...Array.from({ length: 4 }, () => fault("status")), submit("GO")]
        })
        const result = yield* run
        assert.deepStrictEqual(
          [result.verdict, result.failureReason, result.extra?.["reason"], result.extra?.["party"]],
          ["INCOMPLETE", "InferenceServiceUnavailable", "ServerFailed", "server"]
        )
        assert.include(result.summary, "answered 500")
        const name = "foreman-transcript-fix"
        assert.isDefined(yield* cluster.raw(configMaps, { name, namespace: "default" }))
      })
  )

  it.live("prose is nudged twice, then the run is given up", () =>
    Effect.gen(function* () {
      const { run } = yield* world({ turns: [prose, prose, prose, submit("GO")] })
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "LOOP-INCOMPLETE",
        failureReason: "ModelMisunderstood",
        reason: "AssistantHallucinatedFinish"
      })
    })
  )

  it.live("a tool call between sets the nudges back", () =>
    Effect.gen(function* () {
      const { run } = yield* world({ turns: [prose, prose, edit, prose, prose, submit("NO-GO")] })
      assert.deepStrictEqual(words(yield* run), { verdict: "NO-GO", outcome: "MODEL-DECIDED" })
    })
  )

  it.live("the last three turns take only the submission, and the end of the turns is INCOMPLETE", () =>
    Effect.gen(function* () {
      const read = call("read_file", { path: "README.md" })
      // The list of tools stays: a server keeps what it has read of a request that begins alike.
      const expect = { toolsOffered: ["read_file", "submit_result"] }
      const refused = {
        ...expect,
        contains: ["read_file is not offered in this turn; offered: submit_result"]
      }
      const turns = [read, { ...read, expect }, { ...read, expect: refused }, { ...read, expect: refused }]
      const { model, run } = yield* world({ turns, agent: { maxTurns: 4 } })
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "LOOP-INCOMPLETE",
        failureReason: "MaxTurnsExhausted",
        reason: "MaxTurnsExhausted"
      })
      assert.deepStrictEqual(yield* model.mismatches, [])
    })
  )

  it.live("the loop's time ends a run inside a command, and the word for it is the budget's", () =>
    Effect.gen(function* () {
      const { run } = yield* world({
        turns: [call("bash", { command: "sleep 30" }), submit("GO")],
        agent: { requestTimeoutSeconds: 1 }
      })
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "LOOP-BUDGET-EXHAUSTED",
        failureReason: "Timeout",
        reason: "Timeout"
      })
    })
  )

  it.live.each([15, 60, 250])(
    "a run that is cut short after %d ms leaves no folder and pushes nothing",
    (millis) =>
      Effect.gen(function* () {
        const { disk, run, tip } = yield* world({
          turns: [call("bash", { command: "sleep 30" }), submit("GO")]
        })
        const ended = yield* Effect.timeoutOption(run, millis)
        const left = existsSync(join(disk.root, "work", "default"))
          ? readdirSync(join(disk.root, "work", "default"))
          : []
        assert.deepStrictEqual([ended._tag, left, tip(branch)], ["None", [], undefined])
      })
  )

  it.live("ERROR is the model's word for its own failure, never a verdict out of the enum", () =>
    Effect.gen(function* () {
      const { run } = yield* world({ turns: [submit("ERROR")] })
      assert.deepStrictEqual(words(yield* run), {
        verdict: "INCOMPLETE",
        outcome: "MODEL-DECIDED",
        failureReason: "ModelReportedError"
      })
    })
  )

  it.live("the same call again and again is stuck: told once, then ended", () =>
    Effect.gen(function* () {
      const read = call("read_file", { path: "README.md" })
      const { run } = yield* world({
        turns: Array.from({ length: 12 }, () => read),
        agent: { maxTurns: 50 }
      })
      const result = yield* run
      assert.deepStrictEqual(words(result), {
        verdict: "INCOMPLETE",
        outcome: "STUCK-LOOP-DETECTED",
        failureReason: "ModelMisunderstood"
      })
      assert.deepStrictEqual(
        [result.extra?.["signal"], result.extra?.["terminateTurn"]],
        ["RepeatedToolCall", 9]
      )
    })
  )
})
