/** A balancer between a program and its API server: it cuts each connection on which nothing was to be heard for so long. */
import { type Duration, Effect, Stream } from "effect"

import { KubeClient, KubeError, Unavailable } from "../../src/services/KubeClient.ts"

const cut = new KubeError({
  operation: "watch",
  reason: new Unavailable({ message: "the connection broke: aborted" })
})

export const cutWatches = (after: Duration.Input) =>
  Effect.map(KubeClient, (kube) =>
    KubeClient.of({
      ...kube,
      watch: (resource, options) =>
        kube.watch(resource, options).pipe(
          Stream.filter(({ type }) => type !== "BOOKMARK"),
          Stream.timeoutOrElse({ duration: after, orElse: () => Stream.fail(cut) })
        )
    })
  )
