/** NDJSON: a watch is one JSON value a line, cut into chunks anywhere, in the middle of a character too. */
import { Effect, Pull, Stream } from "effect"

/** etcd refuses objects above 1.5 MiB by default, and an event holds one. */
const maxLineBytes = 16 * 1024 * 1024

const newline = 0x0a

/**
 * The lines of a stream of bytes, without their ends; empty lines are left out. A last line without an end and a line above 16 MiB fail
 * with what `broken` makes of the sentence: half an event must never pass for the end of a watch.
 */
export const lines = <E, R, E2>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  broken: (message: string) => E2
): Stream.Stream<string, E | E2, R> =>
  Stream.transformPull(bytes, (pull) =>
    Effect.sync(() => {
      const split = splitter()
      const next: Pull.Pull<readonly [string, ...Array<string>], E | E2> = pull.pipe(
        Effect.catchCause((cause): Pull.Pull<never, E | E2> => {
          if (Pull.isDoneCause(cause) && split.pendingBytes() > 0) {
            return Effect.fail(broken("the connection ended in the middle of an event"))
          }
          return Effect.failCause(cause)
        }),
        Effect.flatMap((chunks): typeof next => {
          const [first, ...rest] = chunks.flatMap(split.push)
          if (split.pendingBytes() > maxLineBytes)
            return Effect.fail(broken("an event is longer than 16 MiB"))
          return first === undefined ? next : Effect.succeed([first, ...rest])
        })
      )
      return next
    })
  )

/** Keeps what follows the last newline for the next chunk. */
const splitter = () => {
  const decoder = new TextDecoder()
  let pending: Array<Uint8Array> = []
  let bytes = 0
  return {
    pendingBytes: () => bytes,
    push: (chunk: Uint8Array): Array<string> => {
      const out: Array<string> = []
      let from = 0
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        const piece = chunk.subarray(from, at)
        const line = decoder.decode(pending.length === 0 ? piece : Buffer.concat([...pending, piece])).trim()
        if (line !== "") out.push(line)
        pending = []
        bytes = 0
        from = at + 1
      }
      if (from < chunk.length) {
        pending.push(chunk.subarray(from))
        bytes += chunk.length - from
      }
      return out
    }
  }
}
