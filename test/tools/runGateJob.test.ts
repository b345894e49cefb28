import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

import { encodeEnvelope, type Envelope } from "../../src/gate/envelope.ts"
import { GateReason } from "../../src/gate/gateReason.ts"
import { reasons } from "../../src/gate/judge.ts"
import { JobError, JobFault, type JobOutcome, JobRunner } from "../../src/services/JobRunner.ts"
import type { Manifest } from "../../src/services/KubeClient.ts"
import { type GateSettings, runGateJob } from "../../src/tools/runGateJob.ts"

const settings: GateSettings = {
  namespace: "foreman-system",
  gateImage: "foreman:test",
  cachePVC: undefined,
  claimId: "6c1b3a52-1111-4000-8000-3a5200000001",
  taskUid: "uid-1",
  gitRemoteURL: undefined,
  onJobCreated: () => Effect.void
}
const context = {
  task: { namespace: "default", name: "gate-503" },
  bashTimeout: Duration.seconds(30)
}
const args = { repo: "acme/widget", branch: "foreman/issue-503" }
const firstJob = "foreman-gate-gate-503-3a5200000001-1"

type Answer = Partial<JobOutcome> | JobFault | JobError

/** Jobs that end as the script says, one after another. */
const scripted = (...answers: ReadonlyArray<Answer>) => {
  const manifests: Array<Manifest> = []
  const layer = Layer.succeed(
    JobRunner,
    JobRunner.of({
      run: ({ manifest }) =>
        Effect.suspend(() => {
          const answer = answers[manifests.length] ?? "ContainerFailed"
          manifests.push(manifest)
          const where = {
            jobName: String(manifest.metadata.name),
            namespace: "foreman-system",
            logTail: "tail"
          }
          if (answer instanceof JobError) return Effect.fail(answer)
          if (typeof answer === "string") {
            return Effect.fail(new JobError({ ...where, fault: answer, message: `was ${answer}` }))
          }
          return Effect.succeed({ ...where, exitCode: 0, terminationMessage: "", logHead: "", ...answer })
        })
    })
  )
  return { layer, manifests }
}

const envelope: Envelope = {
  verdict: "GATE-PASS",
  message: "1 check(s) passed",
  commit: "c0ffee",
  tree: "7ree",
  base: "ba5e",
  checks: [{ name: "fmt", command: "make fmt", exitCode: 0, seconds: 1.5 }],
  confinement: "container"
}
const said = (changes: Partial<Envelope>, exitCode: number) => ({
  exitCode,
  terminationMessage: encodeEnvelope({ ...envelope, ...changes })
})
const evidence = {
  jobName: firstJob,
  namespace: "foreman-system",
  logTail: "tail",
  commitSHA: "c0ffee",
  tree: "7ree",
  base: "ba5e",
  confinement: "container",
  checks: envelope.checks
}
const output = { jobName: firstJob, namespace: "foreman-system", ...args }

const call = (jobs: ReturnType<typeof scripted>, more: object = {}, changes: Partial<GateSettings> = {}) =>
  runGateJob({ ...settings, ...changes })
    .call({ ...args, ...more }, context)
    .pipe(Effect.provide(jobs.layer))

const hasToken = (more: object, gitRemoteURL?: string) =>
  Effect.gen(function* () {
    const jobs = scripted(said({}, 0))
    yield* call(jobs, more, { gitRemoteURL })
    return JSON.stringify(jobs.manifests).includes("GITHUB_TOKEN")
  })

describe("run_gate_job", () => {
  it.effect("hands the judge's PASS on, with what was judged", () =>
    Effect.gen(function* () {
      const outcome = yield* call(scripted(said({}, 0)))
      assert.deepStrictEqual<unknown>(outcome, {
        output,
        terminal: {
          verdict: "GATE-PASS",
          summary: "all gate checks passed",
          extra: { ...evidence, restsOn: envelope.message }
        }
      })
    })
  )

  it.effect("hands the judge's FAIL on, with its reason", () =>
    Effect.gen(function* () {
      const outcome = yield* call(
        scripted(said({ verdict: "GATE-FAIL", reason: "TreeDirty", message: "m", dirty: ["?? x"] }, 1))
      )
      assert.deepStrictEqual<unknown>(outcome.terminal, {
        verdict: "GATE-FAIL",
        summary: "one or more gate checks failed",
        failureReason: "GateFailed",
        extra: { ...evidence, dirty: ["?? x"], reason: "TreeDirty", message: "m" }
      })
    })
  )

  it.effect("says why the judge judged nothing", () =>
    Effect.gen(function* () {
      const stopped = { verdict: "GATE-ERROR", reason: "NoChecks", message: "no checks" } as const
      const { terminal } = yield* call(scripted(said(stopped, 69)))
      assert.deepStrictEqual(
        [terminal?.verdict, terminal?.summary, terminal?.failureReason, terminal?.extra["reason"]],
        ["GATE-ERROR", "gate did not run: no checks", "GateError", "NoChecks"]
      )
    })
  )

  it.effect.each([
    ["exit 0 without a message", { exitCode: 0 }],
    ["exit 1 without a message", { exitCode: 1 }],
    ["a message of PASS with exit 1", said({}, 1)],
    ["a message of FAIL with exit 0", said({ verdict: "GATE-FAIL" }, 0)],
    ["a message that is no envelope", { exitCode: 0, terminationMessage: '{"verdict":"GATE-PASS"}' }]
  ] as const)("takes no verdict from %s", ([, answer]) =>
    Effect.gen(function* () {
      const { terminal } = yield* call(scripted(answer))
      assert.deepStrictEqual(
        [terminal?.verdict, terminal?.extra["reason"], terminal?.extra["commitSHA"]],
        ["GATE-ERROR", "ContainerFailed", undefined]
      )
    })
  )

  it.effect("words a Job that could not be created, and a wait without end, as contracted", () =>
    Effect.gen(function* () {
      const forbidden = new JobError({
        jobName: firstJob,
        namespace: "foreman-system",
        fault: "CreateForbidden",
        message: "create job: jobs.batch is forbidden",
        logTail: ""
      })
      const refused = yield* call(scripted(forbidden))
      const endless = yield* call(scripted("PollTimeout"))
      assert.deepStrictEqual(
        [
          refused.terminal?.summary,
          refused.terminal?.extra["reason"],
          endless.terminal?.summary,
          endless.terminal?.extra["pollError"]
        ],
        [
          "gate did not run: create job: jobs.batch is forbidden",
          "create job: jobs.batch is forbidden",
          "gate did not run: was PollTimeout",
          "poll timeout"
        ]
      )
    })
  )

  /** Every way in which a gate can end, and the one budget that it costs: the author's, the infrastructure's (two more Jobs), or none. */
  const weather = ["DiskFull", "Evicted", "PodDeleted", "JobDeleted", "NodeLost", "ApiUnavailable"]
  const judgesWeather = [
    "CloneFailed",
    "RemoteUnreachable",
    "BranchMoved",
    "ToolchainDied",
    "Terminated",
    "DiskFull"
  ]
  it.effect.each([
    ...JobFault.literals.map((fault) => ({
      outcome: `the Job: ${fault}`,
      answer: fault,
      verdict: "GATE-ERROR",
      failureReason: "GateError",
      reason: fault,
      jobs: weather.includes(fault) ? 3 : 1
    })),
    ...GateReason.literals.map((reason) => ({
      outcome: `the judge: ${reason}`,
      answer: said({ verdict: "GATE-ERROR", reason }, 69),
      verdict: "GATE-ERROR",
      failureReason: "GateError",
      reason,
      jobs: judgesWeather.includes(reason) ? 3 : 1
    })),
    ...Object.values(reasons).map((reason) => ({
      outcome: `a finding: ${reason}`,
      answer: said({ verdict: "GATE-FAIL", reason }, 1),
      verdict: "GATE-FAIL",
      failureReason: "GateFailed",
      reason,
      jobs: 1
    })),
    {
      outcome: "a check that said no",
      answer: said({ verdict: "GATE-FAIL", reason: "CheckFailed" }, 1),
      verdict: "GATE-FAIL",
      failureReason: "GateFailed",
      reason: "CheckFailed",
      jobs: 1
    },
    {
      outcome: "all well",
      answer: said({}, 0),
      verdict: "GATE-PASS",
      failureReason: undefined,
      reason: undefined,
      jobs: 1
    }
  ])("$outcome: one verdict, one reason, one budget", ({ answer, failureReason, jobs, reason, verdict }) =>
    Effect.gen(function* () {
      const runs = scripted(answer, answer, answer, answer)
      const fiber = yield* call(runs).pipe(Effect.forkChild)
      yield* TestClock.adjust("1 minute")
      const { terminal } = yield* Fiber.join(fiber)
      const attempts = terminal?.extra["attempts"]
      assert.deepStrictEqual(
        [terminal?.verdict, terminal?.failureReason, terminal?.extra["reason"], runs.manifests.length],
        [verdict, failureReason, reason, jobs]
      )
      // What judged nothing is listed, each Job once; a verdict of the first Job has no such list.
      assert.strictEqual(Array.isArray(attempts) ? attempts.length : 0, verdict === "GATE-ERROR" ? jobs : 0)
    })
  )

  it.effect("says of a gate that asks what somebody must allow, and hands it the task's approvals", () =>
    Effect.gen(function* () {
      const approvals = [
        { rule: "weakened", path: "a", commit: "c".repeat(40), reason: "right", by: "grace" }
      ]
      const asked = said({ verdict: "GATE-FAIL", reason: "NeedsApproval", message: "weakened: a: b" }, 1)
      const jobs = scripted(asked)
      const { terminal } = yield* call(jobs, {}, { approvals })
      assert.deepStrictEqual(
        [terminal?.verdict, terminal?.extra["reason"], terminal?.summary],
        ["GATE-FAIL", "NeedsApproval", "needs approval: weakened: a: b"]
      )
      const env = JSON.stringify(jobs.manifests[0]?.["spec"])
      assert.include(env, JSON.stringify({ name: "APPROVALS", value: JSON.stringify(approvals) }))
    })
  )

  it.effect.each(["../../etc", "a/../b", "./a/b", "a/..", "-o/x", "a/-b", "a", "/a/b", "a//b"])(
    "takes %s for no repository",
    (repo) =>
      Effect.gen(function* () {
        const jobs = scripted(said({}, 0))
        yield* call(jobs, { repo }).pipe(Effect.flip)
        assert.deepStrictEqual(jobs.manifests, [])
      })
  )

  it.effect("tries weather twice more, each time with a Job of its own, and lists what judged nothing", () =>
    Effect.gen(function* () {
      const jobs = scripted("Evicted", "NodeLost", said({}, 0))
      const fiber = yield* call(jobs).pipe(Effect.forkChild)
      yield* TestClock.adjust("8 seconds")
      const { terminal } = yield* Fiber.join(fiber)
      const names = jobs.manifests.map(({ metadata }) => metadata.name)
      assert.deepStrictEqual(
        names,
        [1, 2, 3].map((attempt) => `foreman-gate-gate-503-3a5200000001-${attempt}`)
      )
      assert.deepStrictEqual<unknown>(
        [terminal?.verdict, terminal?.extra["attempts"]],
        [
          "GATE-PASS",
          [
            { jobName: names[0], fault: "Evicted", message: "was Evicted" },
            { jobName: names[1], fault: "NodeLost", message: "was NodeLost" }
          ]
        ]
      )
    })
  )

  it.effect("gives up after the third, and at once for what a person must mend", () =>
    Effect.gen(function* () {
      const weather = scripted("Evicted", "Evicted", "Evicted", said({}, 0))
      const fiber = yield* call(weather).pipe(Effect.forkChild)
      yield* TestClock.adjust("10 seconds")
      const image = scripted("ImagePullFailed", said({}, 0))
      assert.deepStrictEqual(
        [(yield* Fiber.join(fiber)).terminal?.verdict, (yield* call(image)).terminal?.verdict],
        ["GATE-ERROR", "GATE-ERROR"]
      )
      assert.deepStrictEqual([weather.manifests.length, image.manifests.length], [3, 1])
    })
  )

  it.effect.each([
    ["no repo", { repo: "" }],
    ["a repo that is none", { repo: "https://x" }],
    ["no branch", { branch: "" }],
    ["a check that is an option", { checks: ["-f/etc/passwd"] }],
    ["a check that is two words", { checks: ["fmt;x"] }],
    ["a URL that is an option", { cloneURL: "--upload-pack=x" }]
  ] as const)("refuses %s and creates nothing", ([, more]) =>
    Effect.gen(function* () {
      const jobs = scripted()
      const error = yield* Effect.flip(call(jobs, more))
      assert.deepStrictEqual([error._tag, jobs.manifests.length], ["ToolError", 0])
    })
  )

  it.effect("1b7c47ae takes a repository in a group of groups", () =>
    Effect.gen(function* () {
      const jobs = scripted(said({}, 0))
      const repo = "group/sub/widget"
      const { terminal } = yield* call(jobs, { repo, cloneURL: `https://git.example.com/${repo}.git` })
      assert.strictEqual(terminal?.verdict, "GATE-PASS")
    })
  )

  it.effect("shows the token only to hosts that the node's owner named", () =>
    Effect.gen(function* () {
      const elsewhere = { cloneURL: "https://git.example.com/acme/widget.git" }
      assert.deepStrictEqual(
        [
          yield* hasToken({}),
          yield* hasToken(elsewhere),
          yield* hasToken(elsewhere, "https://git.example.com/fork/widget.git"),
          yield* hasToken({ cloneURL: "https://github.com.example.com/x/y.git" }),
          yield* hasToken({ cloneURL: "http://github.com/x/y.git" })
        ],
        [true, false, true, false, false]
      )
    })
  )
})
