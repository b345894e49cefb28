import { Effect, Schema } from "effect"

import { boundedSummary, commitMessageOf } from "../decide/submission.ts"
import type { FailureReason } from "../../schema/Verdict.ts"
import type { WorkspaceTools } from "../services/WorkspaceTools.ts"
import { StopReason, type Stop } from "../decide/stop.ts"
import { make, type Terminal, type ToolContext, ToolError } from "./AgentTool.ts"
import { type Checked, endOf, stopArguments, stopper } from "./stopping.ts"
import { stoppable, submission } from "./submitResult.ts"

/** How often a coder hears why its GO does not count before the run ends with that; in its last turn not at all. */
const maxHandBacks = 3

/** Why a GO does not count. */
export interface Objection {
  /** Becomes `extra.outcome`. Contract §4.4. */
  readonly outcome:
    | "NO-CHANGES"
    | "PATHS-OUTSIDE-TASK"
    | "PROTECTED-PATHS"
    | "TESTS-WEAKENED"
    | "CODER-GATE-FAILED"
  /** For the model, which is to mend it, and for the person who reads how the run ended. */
  readonly message: string
  readonly failureReason?: FailureReason
  /** Files that it is about; becomes `extra.paths`. */
  readonly paths?: ReadonlyArray<string>
}

export interface Inspection {
  readonly objection?: Objection
  /** Id of the tree that was looked at. */
  readonly tree: string
  /** Becomes `extra.ownGate`. */
  readonly found: { readonly [key: string]: Schema.Json }
}

/** What the model states when it loosens or removes tests on purpose. */
export interface Stated {
  readonly testChanges: string | undefined
}

/** `submit_result` of a coder: its GO and its stops are inspected before they count, and what is wrong goes back to it. */
export const submitWork = (rails: {
  readonly inspect: (
    stated: Stated,
    context: ToolContext
  ) => Effect.Effect<Inspection, ToolError, WorkspaceTools>
  readonly checkStop: (stop: Stop, context: ToolContext) => Effect.Effect<Checked, ToolError, WorkspaceTools>
}) => {
  let handBacks = 0
  const stop = stopper(rails.checkStop)
  return make({
    name: "submit_result",
    description:
      "End the run. GO: the work is done; it is checked, and what fails comes back to you. STOP: no honest change can do it (see the task). NO-GO: it should not or cannot be done. ERROR: something here is broken.",
    parameters: Schema.Struct({
      ...submission,
      verdict: stoppable,
      ...stopArguments(
        StopReason.literals,
        "With STOP. Contradicted, DoneAlready: each begins with path:line. Ambiguous: two readings or questions. NeedsPerson: what is needed."
      ),
      command: Schema.optionalKey(
        Schema.String.check(Schema.isMaxLength(1000)).annotate({
          description: "With STOP, DoneAlready: a test command that passes without any change."
        })
      ),
      commit_message: Schema.optionalKey(
        Schema.String.annotate({ description: "Message of the commit; needed with GO." })
      ),
      test_changes: Schema.optionalKey(
        Schema.String.check(Schema.isMaxLength(1000)).annotate({
          description: "Why tests were removed, skipped or loosened, if they were. A reviewer reads it."
        })
      )
    }),
    run: Effect.fn("submit_result")(function* (args, context) {
      const { commit_message, extra = {}, summary } = args
      if (summary.trim() === "") return yield* new ToolError({ message: "summary must say something" })
      const bounded = boundedSummary(summary)
      const ended = (terminal: Terminal) => ({ output: { accepted: true }, terminal })
      const verdict = yield* endOf(args)
      if (typeof verdict !== "string")
        return ended(yield* stop(verdict, { summary: bounded, extra }, context))
      if (verdict !== "GO") return ended({ verdict, summary: bounded, extra })

      const testChanges = args.test_changes?.trim() || undefined
      const { found, objection, tree } = yield* rails.inspect({ testChanges }, context)
      const ownGate = { ...found, handBacks, ...(testChanges !== undefined && { testChanges }) }
      if (objection === undefined) {
        const commitMessage = commitMessageOf(commit_message, bounded)
        return ended({ verdict, summary: bounded, commitMessage, tree, extra, facts: { ownGate } })
      }
      if (handBacks < maxHandBacks && context.isLastTurn !== true) {
        handBacks++
        return yield* new ToolError({
          message: `not accepted: ${objection.message}`,
          triesLeft: maxHandBacks - handBacks
        })
      }
      const { failureReason, message, outcome, paths } = objection
      return ended({
        verdict: outcome === "CODER-GATE-FAILED" ? "INCOMPLETE" : "NO-GO",
        summary: boundedSummary(message.split("\n")[0] ?? message),
        ...(failureReason !== undefined && { failureReason }),
        extra: { ...extra, outcome },
        facts: { outcome, ...(paths && { paths: [...paths] }), ownGate, modelSummary: bounded }
      })
    }),
    recall: ({ tries_left: left }) => {
      if (typeof left === "number") handBacks = maxHandBacks - left
    }
  })
}
