/** Where the output of checks goes: to the log, and its end to the result. */
import { Deferred, Effect, type Scope } from "effect"

import type { Limits } from "../../src/gate/limits.ts"
import { tail } from "./tail.ts"

/** Of the end of what a check printed, the result keeps this much. */
export const tailBytes = 32 * 1024
/** A result that a program reads may be longer. */
const maxKeptBytes = 8 * 1024 * 1024
/**
 * The log shows so much as it comes, and of a check that begins or goes on after that only the end. A kubelet begins a new log at 10 MiB,
 * and the first line of ours, which tells the nonce, should outlive a flood.
 */
const shownBytes = 6 * 1024 * 1024
/** What the runtime writes before each line (time, stream, tag). */
const lineBytes = 45

const lineFeed = 10

/** What a chunk takes of a kubelet's log. */
const cost = (chunk: Uint8Array): number => {
  let bytes = chunk.length
  for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) bytes += lineBytes
  return bytes
}

export interface Output {
  readonly take: (chunk: Uint8Array) => void
  readonly isTooMuch: Effect.Effect<void>
  /** The last of it, whole characters. */
  readonly tail: () => string
}

/** The log of one gate: each check's output in it ends with the scope of its run, whatever ends that. */
export const make = (show: (chunk: Uint8Array) => void) => {
  let room = shownBytes
  return Effect.fnUntraced(function* (
    limits: Pick<Limits, "outputBytes">,
    isShown: boolean,
    keepBytes = tailBytes
  ): Effect.fn.Return<Output, never, Scope.Scope> {
    const isTooMuch = yield* Deferred.make<void>()
    const kept = tail(Math.min(keepBytes, maxKeptBytes))
    // The log is not to have more of it than of any other.
    const ending = keepBytes > tailBytes ? tail(tailBytes) : kept
    let bytes = 0
    let shown = 0
    const rest = () => {
      const text = ending.text()
      const unseen = bytes - shown
      if (unseen > tailBytes)
        show(Buffer.from(`\n… ${unseen - tailBytes} bytes are left out here …\n${text}`))
      else if (unseen > 0) show(Buffer.from(text).subarray(-unseen))
    }
    if (isShown) yield* Effect.addFinalizer(() => Effect.sync(rest))
    return {
      isTooMuch: Deferred.await(isTooMuch),
      tail: kept.text,
      take: (chunk) => {
        if (bytes > limits.outputBytes) return
        bytes += chunk.length
        kept.append(chunk)
        if (ending !== kept) ending.append(chunk)
        if (isShown && room > 0) {
          room -= cost(chunk)
          shown += chunk.length
          show(chunk)
        }
        if (bytes > limits.outputBytes) Deferred.doneUnsafe(isTooMuch, Effect.void)
      }
    }
  })
}
