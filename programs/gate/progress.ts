/** How far long work is: in place on a terminal, elsewhere a line now and then. */
import { Clock, Effect } from "effect"

/** Between two lines where nobody sees a line change. */
const quietMillis = 10_000
/** Between two changes of a line on a terminal. */
const blinkMillis = 100

export interface Progress {
  /** Says it, unless something was said a moment ago. */
  readonly show: (text: string) => Effect.Effect<void>
  /** Takes away what stands there. */
  readonly clear: Effect.Effect<void>
}

/** Texts must be one line. */
export const make = (
  out: { readonly isTTY?: boolean; readonly write: (text: string) => unknown } = process.stderr
): Progress => {
  const isTerminal = out.isTTY === true
  let last = Number.NEGATIVE_INFINITY
  return {
    show: (text) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (now - last < (isTerminal ? blinkMillis : quietMillis)) return
        last = now
        out.write(isTerminal ? `\r\u001b[K${text}` : `${text}\n`)
      }),
    clear: Effect.sync(() => {
      if (isTerminal) out.write("\r\u001b[K")
    })
  }
}
