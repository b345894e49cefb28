/** The judge's standard output. Who reads it may be slower than a check that floods it, and no check waits for that. */

/** A check's output past this much that nobody has read yet is left out: a flood would take the judge's memory. */
const maxQueuedBytes = 4 * 1024 * 1024
/** Who does not read at all is not waited for longer. */
const patienceMillis = 30_000

let leftOut = 0

/** Prints what a check said, as bytes, or what the judge says, as text: that is never left out. */
export const print = (text: Uint8Array | string): void => {
  if (typeof text !== "string" && process.stdout.writableLength > maxQueuedBytes) {
    leftOut += text.length
    return
  }
  if (leftOut > 0) process.stdout.write(`\n… ${leftOut} bytes are left out here: they came too fast …\n`)
  leftOut = 0
  process.stdout.write(text)
}

/** Ends the process once its log is read: `process.exit` forgets what still waits. */
export const exitWith = (code: number): void => {
  setTimeout(() => process.exit(code), patienceMillis)
  process.stdout.write("", () => process.exit(code))
}
