/** The first line and the last 32 KiB of a container's log, in one pass and bounded memory. */
import { Duration, Effect, Schedule, Stream } from "effect"

import type { ObjectRef } from "../../schema/Meta.ts"
import type { KubeClient, KubeError } from "../../src/services/KubeClient.ts"

export interface LogEnds {
  readonly head: string
  readonly tail: string
}

export const maxTailBytes = 32 * 1024
const maxHeadBytes = 4_096
const newline = 10

/** A log that cannot be read takes no verdict away: it is tried thrice, then left out. */
const patience = Duration.seconds(30)

export const readEnds = (
  kube: KubeClient["Service"],
  pod: ObjectRef,
  container: string
): Effect.Effect<LogEnds> =>
  Effect.suspend(() => collect(kube.podLogs(pod, { container }))).pipe(
    Effect.retry(
      Schedule.spaced("200 millis").pipe(
        Schedule.upTo({ times: 2 }),
        Schedule.setInputType<KubeError>(),
        Schedule.while(({ input }) => input.isTransient)
      )
    ),
    Effect.timeout(patience),
    Effect.catch((error) =>
      Effect.logWarning("a log cannot be read").pipe(
        Effect.annotateLogs({ pod: pod.name, container, error: String(error) }),
        Effect.as({ head: "", tail: "" })
      )
    )
  )

/** Both ends of a stream of bytes. */
export const collect = <E>(stream: Stream.Stream<Uint8Array, E>): Effect.Effect<LogEnds, E> =>
  Effect.suspend(() => {
    const ring = new Uint8Array(maxTailBytes)
    const head: Array<number> = []
    let isHeadWhole = false
    let length = 0
    return Stream.runForEach(stream, (chunk) =>
      Effect.sync(() => {
        for (const byte of isHeadWhole ? [] : chunk) {
          isHeadWhole ||= byte === newline || head.length >= maxHeadBytes
          if (isHeadWhole) break
          head.push(byte)
        }
        const kept = chunk.subarray(Math.max(0, chunk.length - maxTailBytes))
        const skipped = chunk.length - kept.length
        const at = (length + skipped) % maxTailBytes
        const first = kept.subarray(0, maxTailBytes - at)
        ring.set(first, at)
        ring.set(kept.subarray(first.length), 0)
        length += chunk.length
      })
    ).pipe(
      Effect.map(() => ({
        head: decode(Uint8Array.from(head)),
        tail: decode(wholeCharacters(unroll(ring, length), length > maxTailBytes))
      }))
    )
  })

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const unroll = (ring: Uint8Array, length: number): Uint8Array => {
  if (length <= ring.length) return ring.subarray(0, length)
  const at = length % ring.length
  const bytes = new Uint8Array(ring.length)
  bytes.set(ring.subarray(at), 0)
  bytes.set(ring.subarray(0, at), ring.length - at)
  return bytes
}

/** Without the rest of a character that the cut went through: at most three bytes that only continue one. */
const wholeCharacters = (bytes: Uint8Array, isCut: boolean): Uint8Array => {
  if (!isCut) return bytes
  let from = 0
  while (from < 3 && from < bytes.length && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1
  return bytes.subarray(from)
}
