/** What an executor is: it takes a claimed task and brings back a Result. It never touches the task's status. */
import { Context, type Duration, Effect, type Redacted, Schema } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import type { Agent, ResourceRequirements } from "../../schema/Agent.ts"
import type { ObjectRef } from "../../schema/Meta.ts"
import type { CoderSettings } from "../decide/coderJob.ts"
import type { Identity } from "../services/GitWorkspace.ts"

/** A claimed task on its way through an executor. */
export interface Run {
  readonly task: AgenticTask
  /** The Agent that `agentRef` names; absent when the task names none. */
  readonly agent: Agent | undefined
  /** Identity of the claim: one run, one id. */
  readonly claimId: string
  readonly nodeName: string
  /** The task as it was when it was claimed: an orphan shows the claim of the process before. `task` when absent. */
  readonly before?: AgenticTask
}

/** The machinery failed and there is no Result: phase Failed, verdict INCOMPLETE, `Completed=False/ExecutorError`. */
export class ExecutorError extends Schema.TaggedError<ExecutorError>()("ExecutorError", {
  message: Schema.String
}) {}

/** What a node's flags say about how runs are done here. Contract §3.2. */
export class RunnerConfig extends Context.Service<
  RunnerConfig,
  {
    /** Checkouts go to `<workspaceRoot>/<namespace>/<task>`; run records beside it, under `<workspaceRoot>/.runs`. */
    readonly workspaceRoot: string
    readonly keepWorkspace: boolean
    readonly gitRemoteURL: string | undefined
    readonly gitToken: Redacted.Redacted<string> | undefined
    readonly author: Identity | undefined
    readonly committer: Identity | undefined
    readonly inferenceBaseURLOverride: string | undefined
    readonly inferenceBaseURLHostOverride: string | undefined
    readonly foremanNamespace: string
    /** PersistentVolumeClaim for the gate's caches; no cache volume when absent. */
    readonly gateCachePVC: string | undefined
    /** Image of the judge; Foreman's own. */
    readonly gateImage: string
    /** Image of the gate's tools where neither the task nor its profile names one (chart value `gate.image`). */
    readonly gateToolchainImage?: string | undefined
    /** Secret with the token for git in `foremanNamespace`, as Jobs are given it; it need not exist. */
    readonly gitSecret?: { readonly name: string; readonly key: string } | undefined
    /** Resources of the gate's toolchain, each in place of its default (chart value `gate.resources`). */
    readonly gateResources?: ResourceRequirements | undefined
    /** Wall time of a gate Job; 1800 when absent (chart value `gate.deadlineSeconds`). */
    readonly gateDeadlineSeconds?: number | undefined
    /** Jobs of Agents that run in one; a program without it runs none. */
    readonly coder?: CoderSettings | undefined
    /** Opens the model's endpoint where the Agent names no key of its own: what a coder Job's pod was given. */
    readonly modelToken?: Redacted.Redacted<string> | undefined
    /** Opens the endpoint that `inferenceBaseURLOverride` names, and no other: an Agent's author does not say where it goes. */
    readonly overrideToken?: Redacted.Redacted<string> | undefined
    /** For a model's endpoint that is away or says "later", in one piece; 15 minutes when absent. */
    readonly maxWait?: Duration.Duration | undefined
    /** The same before a run's first reply, where it can be parked: it loses nothing then; `maxWait` when absent. */
    readonly firstWait?: Duration.Duration | undefined
    /** Runs are kept on their remotes, too, so that another host can go on with them; they are not when absent. */
    readonly checkpointRemote?: boolean | undefined
    readonly stubSleepMillis: number
  }
>()("foreman/executors/RunnerConfig") {}

/** Something a person may want to see while a run goes on. Never decides anything. */
export type RunEvent =
  | {
      readonly type: "TurnEnded"
      readonly task: ObjectRef
      readonly turn: number
      readonly maxTurns: number
      readonly tools: ReadonlyArray<string>
      /** The last call, in one short line. */
      readonly action: string
      readonly seconds: number
    }
  /** One request to a model, also one that was cut short; or what an earlier process of the run used and nobody was told. */
  | { readonly type: "Spent"; readonly task: ObjectRef; readonly spend: Spend }
  | {
      readonly type: "EndpointHeld"
      readonly agent: ObjectRef
      readonly untilMillis: number
      readonly party: string
      readonly message: string
    }
  /** The first reply of a run, and the first after a hold. `isShown`: the Agent's status said a hold when the run began. */
  | { readonly type: "EndpointAnswered"; readonly agent: ObjectRef; readonly isShown: boolean }
  | {
      readonly type: "JobCreated"
      readonly task: ObjectRef
      readonly jobName: string
      readonly namespace: string
      readonly container: string
    }

/** Where run events go: nowhere, unless a program listens. */
export const RunEvents = Context.Reference<(event: RunEvent) => Effect.Effect<void>>(
  "foreman/executors/RunEvents",
  {
    defaultValue: () => () => Effect.void
  }
)
