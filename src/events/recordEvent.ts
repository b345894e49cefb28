/** A core/v1 Event: what `kubectl describe` shows under an object. Losing one loses no state, so a failure is only logged. */
import { Clock, Effect } from "effect"

import { events } from "../../schema/Core.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"
import { groupVersion } from "../../schema/Resource.ts"
import { formatTime } from "../../schema/Time.ts"
import { KubeClient } from "../services/KubeClient.ts"

export const recordEvent = Effect.fn("recordEvent")(function* <A extends KubeObject>(
  resource: Resource<A>,
  object: A,
  event: {
    readonly type: "Normal" | "Warning"
    readonly reason: string
    readonly message: string
    readonly component: string
  }
) {
  const kube = yield* KubeClient
  const now = yield* Clock.currentTimeMillis
  const { name, namespace, uid } = object.metadata
  const namespaced = namespace === undefined ? {} : { namespace }
  yield* kube
    .create(events, {
      metadata: { generateName: `${name}.`, ...namespaced },
      involvedObject: { apiVersion: groupVersion(resource), kind: resource.kind, name, ...namespaced, uid },
      type: event.type,
      reason: event.reason,
      message: event.message,
      count: 1,
      firstTimestamp: formatTime(now),
      lastTimestamp: formatTime(now),
      source: { component: event.component }
    })
    .pipe(Effect.ignore({ log: "Debug" }))
})
