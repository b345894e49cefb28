/** The last bytes of a stream of output, as text. */

/** Keeps the last `maxBytes`; the text begins with a whole character. */
export const tail = (maxBytes: number) => {
  let chunks: Array<Uint8Array> = []
  let bytes = 0
  return {
    append: (chunk: Uint8Array) => {
      chunks.push(chunk)
      bytes += chunk.length
      // Joined now and then, so that neither many small chunks nor one long copy per chunk cost much.
      if (bytes > 4 * maxBytes || chunks.length > 1024) {
        const kept = Buffer.concat(chunks).subarray(-maxBytes)
        chunks = [Buffer.from(kept)]
        bytes = kept.length
      }
    },
    text: (): string => {
      const kept = Buffer.concat(chunks).subarray(-maxBytes)
      // A character of UTF-8 that was cut leaves at most three bytes that continue it.
      let start = 0
      while (start < 3 && ((kept[start] ?? 0) & 0xc0) === 0x80) start++
      return kept.subarray(start).toString("utf8")
    }
  }
}
