/** Bytes into lines, each of bounded length. */

const newline = 0x0a

export class LineSplitter {
  /** Of one line. A tool call shows whole files, so that it may be long. */
  readonly maxBytes: number
  #pieces: Array<Buffer> = []
  #size = 0

  constructor(maxBytes = 8 * 1024 * 1024) {
    this.maxBytes = maxBytes
  }

  /** Lines that end in the chunk, without empty ones; `undefined` once a line is too long. */
  push(chunk: Buffer): ReadonlyArray<string> | undefined {
    const lines: Array<string> = []
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      if (!this.#add(chunk.subarray(from, end))) return undefined
      const line = Buffer.concat(this.#pieces).toString("utf8").trim()
      if (line !== "") lines.push(line)
      this.#pieces = []
      this.#size = 0
      from = end + 1
    }
    return this.#add(chunk.subarray(from)) ? lines : undefined
  }

  #add(piece: Buffer): boolean {
    this.#size += piece.length
    if (this.#size > this.maxBytes) return false
    this.#pieces.push(piece)
    return true
  }
}
