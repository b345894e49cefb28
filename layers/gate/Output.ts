/** Where the output of one check goes: to the log, and its end to the result. */
import { Deferred, Effect } from "effect"

import type { Limits } from "../../src/gate/limits.ts"
import { tail } from "./tail.ts"

/** Of the end of what a check printed, the result keeps this much. */
export const tailBytes = 32 * 1024
/**
 * The log shows this much of a check from its beginning, and then its end. A kubelet begins a new log at 10 MiB, in which each short line
 * takes many times its size; the first line of the log, which tells the nonce, should outlive a flood.
 */
export const headBytes = 1024 * 1024

export const collect = Effect.fnUntraced(function* (
  limits: Pick<Limits, "outputBytes">,
  show: (chunk: Uint8Array) => void
) {
  const isTooMuch = yield* Deferred.make<void>()
  const kept = tail(tailBytes)
  let bytes = 0
  const take = (chunk: Uint8Array): void => {
    if (bytes > limits.outputBytes) return
    if (bytes < headBytes) show(chunk.subarray(0, headBytes - bytes))
    bytes += chunk.length
    kept.append(chunk)
    if (bytes > limits.outputBytes) Deferred.doneUnsafe(isTooMuch, Effect.void)
  }
  /** Shows what the head left, and returns the tail. */
  const end = Effect.sync(() => {
    const text = kept.text()
    const unseen = bytes - headBytes
    if (unseen > tailBytes) show(Buffer.from(`\n… ${unseen - tailBytes} bytes are left out here …\n${text}`))
    else if (unseen > 0) show(Buffer.from(text).subarray(-unseen))
    return text
  })
  return { isTooMuch, take, end }
})
