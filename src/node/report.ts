/** Writes how a run ended, as long as the task is ours; a result is never lost and never overwrites another's. Contract §3.5. */
import { Clock, Effect, Schedule } from "effect"

import {
  type AgenticTask,
  agenticTasks,
  type RunProgress,
  type TaskStatus
} from "../../schema/AgenticTask.ts"
import type { Spend } from "../../schema/Budget.ts"
import { refOf } from "../../schema/Meta.ts"
import { isTerminal } from "../../schema/Verdict.ts"
import { type HeldClaim, holds, isUnder, releaseFields } from "../decide/claim.ts"
import { type Outcome, rejectedFields, terminalFields, usageAfter } from "../decide/outcome.ts"
import { type Parking, parkFields } from "../decide/parking.ts"
import { reason, statusPatch, type StatusFields } from "../decide/status.ts"
import { KubeClient, type KubeError } from "../services/KubeClient.ts"
import type { Claimed } from "./claim.ts"

/** The result must reach the server whenever that comes back, so only a shutdown ends this. */
const untilItLands = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("15 seconds")]).pipe(
  Schedule.jittered,
  Schedule.setInputType<KubeError>(),
  Schedule.while(({ input }) => input.reason._tag !== "Invalid")
)

/** Whether the task stands as a write of ours would have left it: the write landed, and only its answer was lost. */
const shows = (task: AgenticTask, sent: StatusFields<TaskStatus>, claim: HeldClaim): boolean =>
  sent.finishedAt !== undefined &&
  isTerminal(task.status?.phase) &&
  task.status?.phase === sent.phase &&
  task.status?.verdict === sent.verdict &&
  task.status?.finishedAt === sent.finishedAt &&
  isUnder(task.status, claim)

/** The last write of a run, fenced: on a conflict it is tried again only if the claim still holds. */
const write = Effect.fnUntraced(function* (
  claimed: Claimed,
  fieldsOf: (task: AgenticTask, nowMillis: number) => StatusFields<TaskStatus>,
  onTrouble: (error: KubeError) => Effect.Effect<void> = (error) =>
    Effect.logWarning("the end of the run is not written yet", error)
) {
  const kube = yield* KubeClient
  const ref = refOf(claimed.task)
  let task = claimed.task
  // When the run ended, however long it takes to say so.
  const now = yield* Clock.currentTimeMillis

  const attempt = Effect.gen(function* () {
    for (;;) {
      const sent = fieldsOf(task, now)
      const answer = yield* kube
        .patch(agenticTasks, ref, { type: "merge", body: statusPatch(task, sent) }, { subresource: "status" })
        .pipe(Effect.catchReason("KubeError", "Conflict", () => Effect.succeed(undefined)))
      if (answer !== undefined) return { reported: "Written" as const, task: answer }
      const fresh = yield* kube.get(agenticTasks, ref)
      if (fresh.metadata.uid !== task.metadata.uid || !holds(fresh, claimed.claim)) {
        const isWritten = fresh.metadata.uid === task.metadata.uid && shows(fresh, sent, claimed.claim)
        return { reported: isWritten ? ("Written" as const) : ("StoodDown" as const), task: fresh }
      }
      task = fresh
    }
  })

  return yield* attempt.pipe(
    Effect.catchReasons("KubeError", {
      NotFound: () => Effect.succeed({ reported: "StoodDown" as const, task: undefined }),
      // The server took the write, but its answer is beyond our schema.
      Undecodable: (_, error) =>
        Effect.as(Effect.logWarning("the task cannot be read any more", error), {
          reported: "Written" as const,
          task: undefined
        })
    }),
    Effect.tapError(onTrouble),
    Effect.retry(untilItLands)
  )
})

/** Ends the run in one write. Returns when it landed or when the task is not ours any more. */
export const finish = Effect.fn("node.finish")(function* (claimed: Claimed, outcome: Outcome) {
  return yield* write(claimed, (task, now) => terminalFields(task, outcome, now)).pipe(
    // A result that the schema refuses must not wedge the node (contract §9.4, 46405b67).
    Effect.catchTag("KubeError", (rejection) =>
      write(claimed, (task, now) => rejectedFields(task, outcome, rejection.message, now))
    ),
    Effect.catchTag("KubeError", (rejection) =>
      write(claimed, (task, now) =>
        rejectedFields(task, { type: "ContractViolation", message: "" }, rejection.message, now)
      )
    ),
    Effect.catchTag("KubeError", (error) =>
      Effect.as(Effect.logError("the server refuses every end of this run", error), {
        reported: "StoodDown" as const,
        task: undefined
      })
    )
  )
})

/** Shows the Job of a run that goes on. Not waited for: the end of the run says it again. */
export const showJob = Effect.fn("node.showJob")(function* (claimed: Claimed, jobName: string) {
  if (claimed.task.status?.jobName === jobName) return claimed
  return yield* write(claimed, () => ({ jobName })).pipe(
    Effect.timeout("5 seconds"),
    Effect.map(({ task }): Claimed => (task === undefined ? claimed : { ...claimed, task })),
    Effect.catch((error) => Effect.as(Effect.logWarning("the run's Job is not shown", error), claimed))
  )
})

/** Shows how far a run is that goes on. Nothing depends on it: what cannot be written is left out. */
export const showProgress = Effect.fn("node.showProgress")(function* (
  claimed: Claimed,
  progress: RunProgress
) {
  return yield* write(
    claimed,
    () => ({ progress }),
    () => Effect.void
  ).pipe(
    Effect.timeout("5 seconds"),
    Effect.map(({ task }): Claimed => (task === undefined ? claimed : { ...claimed, task })),
    Effect.catch((error) => Effect.as(Effect.logDebug("the run's progress is not shown", error), claimed))
  )
})

/** Gives the task back, so that another node may take it. */
export const handBack = Effect.fn("node.handBack")(function* (claimed: Claimed, spent?: Spend) {
  const node = claimed.claim.node
  return yield* write(claimed, (task, now) => ({
    ...releaseFields(
      task,
      {
        reason: reason.nodeDraining,
        message: `node ${node} is shutting down; the task waits for a node again`
      },
      now
    ),
    ...usageAfter(task, spent)
  }))
})

/** Gives slot and claim back until the model's endpoint may be asked again. */
export const park = Effect.fn("node.park")((claimed: Claimed, parking: Parking, spent?: Spend) =>
  write(claimed, (task, now) => ({ ...parkFields(task, parking, now), ...usageAfter(task, spent) }))
)
