/** The gate's log. Banners begin a line of their own, whatever a check left behind. */

export type Print = (text: Uint8Array | string) => void

export interface Log {
  /** What a check printed. */
  readonly raw: (chunk: Uint8Array) => void
  readonly line: (text: string) => void
}

export const make = (write: Print): Log => {
  let isAtStart = true
  return {
    raw: (chunk) => {
      if (chunk.length === 0) return
      isAtStart = chunk.at(-1) === 10
      write(chunk)
    },
    line: (text) => {
      write(`${isAtStart ? "" : "\n"}${text}\n`)
      isAtStart = true
    }
  }
}
