/** The conversation with another coding agent: its task, and each time it says that it is done the checks that our own loop's work meets. */
import { Clock, Duration, Effect, Result } from "effect"

import { refOf } from "../../schema/Meta.ts"
import { submissionOf } from "../decide/messageSubmission.ts"
import type { AgentStory } from "../journal/AgentStory.ts"
import type { LoopEnd } from "../loop/Progress.ts"
import type { CodingAgent } from "../services/CodingAgent.ts"
import type { Workspace } from "../services/GitWorkspace.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { ToolError } from "../tools/AgentTool.ts"
import { submitResult } from "../tools/submitResult.ts"
import type { AcpModel } from "./acpModel.ts"
import type { AcpRecording } from "./acpRecording.ts"
import { railed } from "./coderRails.ts"
import type { Run } from "./Executor.ts"
import type { Prepared } from "./prepare.ts"

/** Ends of a turn that were no submission at all before the run ends with that; what the checks refuse is bounded by themselves. */
const maxUnsaid = 3

/** Characters of the overview that a new session is given of what was done. */
const maxOverview = 4_000

const interrupted =
  "The run was interrupted and goes on here. The files are as they were after one of your last steps, except for those that .gitignore names: look at `git status` and `git diff` before you go on, and end your turn when the task is done, as you were told."

/** What differs from the base, by the workspace's own shell: git may run what the checkout names. */
const overview = (baseCommit: string) =>
  Effect.gen(function* () {
    const { runCommand } = yield* WorkspaceTools
    const { stdout } = yield* runCommand(
      `git --no-optional-locks diff --stat --no-ext-diff ${baseCommit}; git ls-files -o --exclude-standard | head -50`,
      { timeout: Duration.seconds(10), maxBytes: maxOverview }
    )
    return stdout.trim()
  }).pipe(Effect.orElseSucceed(() => ""))

export interface Conversation {
  readonly run: Run
  readonly prepared: Prepared
  readonly checkout: Workspace
  readonly coder: CodingAgent
  /** The task in words. */
  readonly prompt: string
  readonly story: AgentStory
  readonly recording: AcpRecording
  readonly model: AcpModel
  /** Runs when a session is open. */
  readonly onOpened: Effect.Effect<void>
}

export const converse = Effect.fnUntraced(function* (conversation: Conversation) {
  const { checkout, coder, model, prepared, prompt, recording, run, story } = conversation
  const { agent, history, remote, workspace } = prepared
  const { payload } = run.task.spec
  const begun = history.continuation
  const handedBack = begun?.journal.agent.handedBack
  // A session knows more than its files hold where none were kept.
  const earlier = begun !== undefined && begun.turn > 0 ? begun.journal.agent.session : undefined
  const [submit] =
    remote === undefined ? [submitResult()] : yield* railed(run.task, workspace, [submitResult()])
  if (submit === undefined) return yield* Effect.die("there is no way to submit")
  if (handedBack !== undefined) submit.recall?.({ tries_left: handedBack.triesLeft })

  const session = yield* coder.openSession(earlier)
  yield* conversation.onOpened
  yield* recording.write([
    { type: "session", at: yield* Clock.currentTimeMillis, agent: coder.name, ...session }
  ])

  const firstText = Effect.gen(function* () {
    if (begun === undefined) return prompt
    const objection = handedBack === undefined ? "" : `\n\n${handedBack.text}`
    if (session.isLoaded) return `${interrupted}${objection}`
    const done = yield* overview(checkout.baseCommit)
    const soFar = done === "" ? "Nothing was changed yet." : `What differs from the base so far:\n${done}`
    return `${prompt}\n\n${interrupted}\n${soFar}${objection}`
  })

  let text = yield* firstText
  let triesLeft: number | undefined
  let unsaid = 0
  for (;;) {
    const at = yield* Clock.currentTimeMillis
    story.prompted(text)
    yield* recording.write([{ type: "prompt", at, text, ...(triesLeft !== undefined && { triesLeft }) }])
    const stopReason = yield* coder.prompt(session.id, text)
    const now = yield* Clock.currentTimeMillis
    yield* recording.write([...story.flush(now), { type: "stopped", at: now, stopReason }])
    yield* recording.checkpoint
    const isSilent = story.message.trim() === ""
    // An agent may say nothing of a model that it could not ask.
    if (model.failure !== undefined && (stopReason !== "end_turn" || isSilent)) {
      return { _tag: "EndpointFailed", error: model.failure } satisfies LoopEnd
    }
    if (stopReason !== "end_turn") return endOf(stopReason, story.message)
    const { issue } = payload
    const given = submissionOf(story.message, { issue, refused: story.refused })
    const outcome = yield* Effect.result(
      "problem" in given
        ? Effect.fail(new ToolError({ message: given.problem }))
        : submit.call(given.args, {
            task: refOf(run.task),
            bashTimeout: Duration.seconds(agent.spec.bashTimeoutSeconds),
            // No request to the model is left to act on an objection.
            isLastTurn: model.turns >= agent.spec.maxTurns
          })
    )
    if (Result.isSuccess(outcome) && outcome.success.terminal !== undefined) {
      return { _tag: "Submitted", terminal: outcome.success.terminal } satisfies LoopEnd
    }
    const objection = Result.isFailure(outcome) ? outcome.failure : new ToolError({ message: "not accepted" })
    if (objection.triesLeft === undefined && ++unsaid > maxUnsaid) {
      return misunderstood("NotSubmitted", `the agent did not submit its work: ${objection.message}`)
    }
    text = objection.message
    triesLeft = objection.triesLeft
  }
})

const misunderstood = (reason: string, summary: string): LoopEnd => ({
  _tag: "ModelMisunderstood",
  party: "model",
  reason,
  summary
})

/** Of an agent's message, for the person who reads how the run ended. */
const maxWords = 200

const endOf = (
  stopReason: "max_tokens" | "max_turn_requests" | "refusal" | "cancelled",
  message: string
): LoopEnd => {
  const words = message.trim() === "" ? "" : `: ${message.trim().slice(-maxWords).toWellFormed()}`
  switch (stopReason) {
    case "max_tokens":
      return misunderstood("ReplyTruncated", `the agent stopped at the most tokens of a reply${words}`)
    case "max_turn_requests":
      return { _tag: "MaxTurnsExhausted" }
    case "refusal":
      return misunderstood("Refusal", `the agent refused to go on${words}`)
    case "cancelled":
      return misunderstood("Cancelled", `the agent cancelled its turn by itself${words}`)
  }
}
