/** Has one branch judged by a gate Job. A red gate is a result; that nothing was judged becomes GATE-ERROR here and nowhere else. */
import { Duration, Effect, Schema } from "effect"

import type { ResourceRequirements } from "../../schema/Agent.ts"
import type { Approval } from "../../schema/Approval.ts"
import { GateProfile } from "../../schema/GateProfile.ts"
import { MakeTarget, plan } from "../gate/checks.ts"
import { exitCodes, forPeople, readEnvelope } from "../gate/envelope.ts"
import { defaultDeadlineSeconds, gateContainer, gateJob } from "../gate/manifest.ts"
import { type JobError, type JobOutcome, JobRunner } from "../services/JobRunner.ts"
import { type AgentTool, make, type Terminal, ToolError } from "./AgentTool.ts"
import { notRun, type Said, saidBy } from "./gateTerminal.ts"

const optional = Schema.optionalKey

/** `owner/name`, or deeper: no part is `.` or `..` or looks like an option. It becomes a path of GitHub's. */
const repositoryForm = /^(?!.*(?:^|\/)(?:\.{1,2}|-[^/]*)(?:\/|$))[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)+$/u

const Arguments = Schema.Struct({
  repo: Schema.String.check(Schema.isPattern(repositoryForm)).annotate({
    description: "Repository, as owner/name."
  }),
  branch: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(255)).annotate({
    description: "Branch to judge."
  }),
  checks: optional(
    Schema.Array(MakeTarget).check(Schema.isMaxLength(50)).annotate({
      description: "Make targets to run; the repository's own suite when absent."
    })
  ),
  baseBranch: optional(Schema.String.annotate({ description: "Branch that the change is compared with." })),
  cloneURL: optional(Schema.String.annotate({ description: "Where to clone from; GitHub when absent." })),
  upstreamURL: optional(Schema.String.annotate({ description: "Where the base branch is, for a fork." })),
  image: optional(Schema.String.annotate({ description: "Image with the tools of the checks." })),
  gateProfile: optional(GateProfile)
})
type Arguments = typeof Arguments.Type

/** What the tool knows of the node and the run, and no caller says. */
export interface GateSettings {
  readonly namespace: string
  readonly gateImage: string
  readonly toolchainImage?: string | undefined
  /** The Secret with the token for git, if there is one. */
  readonly gitSecret?: { readonly name: string; readonly key: string } | undefined
  readonly cachePVC: string | undefined
  readonly deadlineSeconds?: number | undefined
  readonly resources?: ResourceRequirements | undefined
  /** Those of the task: no caller and no model may add one. */
  readonly approvals?: ReadonlyArray<Approval> | undefined
  /** Attempts of the task that ended before this one. */
  readonly earlierAttempts?: number | undefined
  /** Identity of the run: the Job's name is made from it. */
  readonly claimId: string
  /** By it a live Job of an earlier run of the same task is adopted. */
  readonly taskUid: string | undefined
  /** Remote of the node's flags; its host may be given the token, besides github.com. */
  readonly gitRemoteURL: string | undefined
  readonly onJobCreated: (jobName: string) => Effect.Effect<void>
}

/** Weather passes: a first Job and two more, ever further apart. This budget is the infrastructure's; the author has his own. */
const pauses = [Duration.seconds(2), Duration.seconds(6)]

/** Where the chart and the coder keep the token for git, if the node's flags say nothing. */
const usualSecret = { name: "foreman-git-credentials", key: "token" }

export const runGateJob = (settings: GateSettings): AgentTool<JobRunner> =>
  make({
    name: "run_gate_job",
    description:
      "Judge a branch: clone it in a Job, run the checks there, and end the run with their verdict.",
    parameters: Arguments,
    run: Effect.fn("run_gate_job")(function* (args, { task }) {
      const cloneURL = args.cloneURL ?? `https://github.com/${args.repo}.git`
      if (/^-|\s/u.test(cloneURL)) {
        return yield* new ToolError({ message: `not a URL to clone from: ${JSON.stringify(cloneURL)}` })
      }
      const { checks, image } = plan({ ...args, toolchainImage: settings.toolchainImage })
      const manifest = (attempt: number) =>
        gateJob({
          task,
          taskUid: settings.taskUid,
          earlierAttempts: settings.earlierAttempts,
          suffix: jobSuffix(settings.claimId, attempt),
          namespace: settings.namespace,
          gateImage: settings.gateImage,
          toolchainImage: image,
          cachePVC: settings.cachePVC,
          deadlineSeconds: settings.deadlineSeconds,
          resources: settings.resources,
          repo: args.repo,
          branch: args.branch,
          cloneURL,
          baseBranch: args.baseBranch,
          upstreamURL: args.upstreamURL,
          checks,
          approvals: settings.approvals,
          gitSecret: mayHaveToken(cloneURL, settings.gitRemoteURL)
            ? (settings.gitSecret ?? usualSecret)
            : undefined
        })
      const { terminal, jobName } = yield* judged(settings, manifest)
      return {
        output: { jobName, namespace: settings.namespace, repo: args.repo, branch: args.branch },
        terminal
      }
    })
  })

/** One Job after another, until one was judged or its fault is not weather. */
const judged = Effect.fnUntraced(function* (
  settings: GateSettings,
  manifest: (attempt: number) => ReturnType<typeof gateJob>
) {
  const runner = yield* JobRunner
  // Twice the Job's deadline. Contract §5.3.
  const pollTimeout = Duration.seconds(2 * (settings.deadlineSeconds ?? defaultDeadlineSeconds))
  const attempts: Array<Attempt> = []
  for (let attempt = 1; ; attempt++) {
    const end = yield* Effect.result(
      runner.run({
        manifest: manifest(attempt),
        container: gateContainer,
        pollTimeout,
        onCreated: settings.onJobCreated
      })
    )
    const { jobName } = end._tag === "Success" ? end.success : end.failure
    const said = end._tag === "Success" ? verdictOf(end.success) : notJudged(end.failure)
    if (said.fault === undefined) return { jobName, terminal: withAttempts(said.terminal, attempts) }
    attempts.push({ jobName, fault: said.fault, message: said.message })
    const pause = pauses[attempt - 1]
    if (pause === undefined || !said.mayPass) {
      return { jobName, terminal: withAttempts(said.terminal, attempts) }
    }
    yield* Effect.sleep(pause)
  }
})

type Attempt = { readonly jobName: string; readonly fault: string; readonly message: string }

/** `attempts` are the Jobs that judged nothing; a gate that was judged at once has none. */
const withAttempts = (
  terminal: Terminal,
  attempts: ReadonlyArray<{ readonly [key: string]: string }>
): Terminal =>
  attempts.length === 0 ? terminal : { ...terminal, extra: { ...terminal.extra, attempts: [...attempts] } }

/** A verdict counts when the judge's message and its exit say the same. What a check printed decides nothing. */
const verdictOf = (outcome: JobOutcome): Said => {
  const read = readEnvelope(outcome)
  const where = {
    jobName: outcome.jobName,
    namespace: outcome.namespace,
    logTail: forPeople(outcome.logTail, read?.nonce)
  }
  if (read === undefined || exitCodes[read.envelope.verdict] !== outcome.exitCode) {
    const why = `the judge ended with exit ${outcome.exitCode} and left no result`
    return notRun(where, "ContainerFailed", why)
  }
  return saidBy(read.envelope, where)
}

/** Words of contract §5.3: `reason` holds the sentence of a Job that could not be created, `pollError` that of a wait without end. */
const notJudged = (error: JobError): Said => {
  const { fault, jobName, logTail, message, namespace } = error
  const said = notRun({ jobName, namespace, logTail }, fault, message)
  const more =
    fault === "PollTimeout"
      ? { pollError: "poll timeout" }
      : message.startsWith("create job:")
        ? { fault, reason: message }
        : {}
  const terminal = { ...said.terminal, extra: { ...said.terminal.extra, ...more } }
  return { ...said, mayPass: error.isRetryable, terminal }
}

/** A claim's identity as a part of a name, and the number of the try. */
const jobSuffix = (claimId: string, attempt: number): string =>
  `${
    claimId
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/gu, "")
      .slice(-12) || "run"
  }-${attempt}`

/** The host part of an https URL. */
const hostOf = (url: string | undefined): string | undefined =>
  /^https:\/\/(?:[^/@]*@)?([^/:]+)/u.exec(url ?? "")?.[1]?.toLowerCase()

/** A token goes to the hosts that the node's owner named, never to one that a task or a model did. */
const mayHaveToken = (cloneURL: string, gitRemoteURL: string | undefined): boolean => {
  const host = hostOf(cloneURL)
  return host !== undefined && (host === "github.com" || host === hostOf(gitRemoteURL))
}
