/** Standard output that waits for its reader: what Node only queues is lost by `process.exit`, and a flood of it takes the memory. */
import { writeSync } from "node:fs"

import { Predicate } from "effect"

const stdout = 1
const pauseMillis = 5

/** A reader that went away is no failure of ours. */
export const printAtOnce = (text: Uint8Array | string): void => {
  let rest: Uint8Array = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(stdout, rest))
    } catch (error) {
      if (!Predicate.hasProperty(error, "code") || error.code !== "EAGAIN") return
      // Whoever shares the pipe made it one that does not block.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMillis)
    }
  }
}
