/** Tells the API server how a pod stands, in order, the newest state only, until it is told how the pod ended. */
import { Effect, Queue, Schedule } from "effect"

import { type Pod, pods, type PodStatus } from "../../../schema/Job.ts"
import { refOf } from "../../../schema/Meta.ts"
import { KubeClient, type KubeError } from "../../../src/services/KubeClient.ts"

export interface Report {
  readonly status: PodStatus
  readonly isFinal: boolean
}

/** Without end: the fiber of the pod is the bound, and the record in the pod's folder outlives even that. */
const untilItAnswers = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.setInputType<KubeError>(),
  Schedule.while(({ input }) => Effect.succeed(input.isTransient))
)

/** Ends after the final report, or when the pod is no more. */
export const writePodStatus = Effect.fn("writePodStatus")(function* (
  pod: Pod,
  reports: Queue.Dequeue<Report>
) {
  const kube = yield* KubeClient
  for (;;) {
    const { status, isFinal } = yield* Queue.take(reports)
    // With the uid, a pod that was made anew under the same name is not given the fate of the old one.
    const body = { metadata: { uid: pod.metadata.uid }, status }
    const isGone = yield* kube
      .patch(pods, refOf(pod), { type: "merge", body }, { subresource: "status" })
      .pipe(
        Effect.retry(untilItAnswers),
        Effect.as(false),
        Effect.catchReasons("KubeError", {
          NotFound: () => Effect.succeed(true),
          Conflict: () => Effect.succeed(true)
        }),
        Effect.catchTag("KubeError", (error) =>
          Effect.as(
            Effect.logError("the status of a pod was refused").pipe(
              Effect.annotateLogs({ error: error.message })
            ),
            false
          )
        )
      )
    if (isFinal || isGone) return
  }
})
