/** What `kubectl logs` reads: the kubelet keeps the logs, the server hands them out. */
import { Context, type Effect, type Stream } from "effect"

import type { ApiError } from "./Apiserver.ts"

/** corev1.PodLogOptions. */
export interface PodLogOptions {
  /** Absent: the pod's only container, or its default one; 400 when that is not clear. */
  readonly container?: string | undefined
  readonly follow?: boolean
  /** Lines from the end. */
  readonly tailLines?: number | undefined
  /** Bytes from the start of what would be sent. */
  readonly limitBytes?: number | undefined
  readonly sinceSeconds?: number | undefined
  /** RFC 3339 time before each line. */
  readonly timestamps?: boolean
  /** The log of the container's run before this one. */
  readonly previous?: boolean
}

export class PodLogs extends Context.Service<
  PodLogs,
  {
    /** The pod exists: the server has looked. With `follow` the stream ends when the container does. */
    readonly open: (
      ref: { readonly namespace: string; readonly name: string },
      options: PodLogOptions
    ) => Effect.Effect<Stream.Stream<Uint8Array>, ApiError>
  }
>()("foreman/layers/embedded/PodLogs") {}
